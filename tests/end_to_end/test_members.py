"""Coordinators come and go by command, on real disks and sockets, while work goes on (spec reliability 2.9)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

from coordinator.client import ChangeOptions, Client, ClientError, NewTask
from coordinator.client.cluster_views import Members
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.processes import until

Make = Callable[..., Cluster]
EXIT_DATA_DIR = 78


def members(cluster: Cluster) -> Members | None:
    """As the leader knows them; None while there is no telling."""
    try:
        return cluster.call(lambda client: client.cluster.members(), timeout_s=5)
    except ClientError:
        return None


def until_settled(cluster: Cluster, *voters: str) -> None:
    """No change is under way, and these vote."""

    def is_settled() -> bool:
        found = members(cluster)
        if found is None or found.pending is not None:
            return False
        return sorted(one.name for one in found.members if one.voter) == sorted(voters)

    until(is_settled, f"{', '.join(voters)} vote")


def wish(cluster: Cluster, name: str, *, replaces: str = "") -> None:
    address = cluster.addresses[name]
    cluster.call(lambda client: client.cluster.add_member(name, address, replaces=replaces))


def write(cluster: Cluster, task_id: str) -> None:
    async def create(client: Client) -> None:
        await client.create(NewTask(executor="demo.noop", id=task_id, paused=True))

    cluster.call(create)


def paused_on(cluster: Cluster, name: str) -> int:
    return cluster.status_of(name).tasks.get("paused", 0)


def test_m5_from_one_to_three_and_back_while_a_task_runs(make_cluster: Make) -> None:
    """Nobody that stays is restarted, the leader goes too, and the node learns where the others are."""
    cluster = make_cluster(coordinators=1, nodes=1)
    cluster.start()
    cluster.wait_ready()
    task = NewTask(executor="demo.ticker", id="ticks", params={"interval": "50ms", "until": 10**6})
    cluster.call(lambda client: client.create(task))
    for voters in (("c1", "c2"), ("c1", "c2", "c3")):
        cluster.add_coordinator(voters[-1])
        wish(cluster, voters[-1])
        cluster.start(voters[-1])
        until_settled(cluster, *voters)
    write(cluster, "a")

    cluster.call(lambda client: client.cluster.transfer_leader("c1"))
    cluster.call(lambda client: client.cluster.remove_member("c1"))
    until(lambda: not cluster["c1"].is_alive, "c1 ends when it is told")
    assert cluster["c1"].wait() == EXIT_DATA_DIR
    cluster.start("c1")
    assert cluster["c1"].wait() == EXIT_DATA_DIR, "it refuses to start again"
    assert "was removed from its cluster" in cluster["c1"].lines()[-1]
    cluster.forget("c1")
    until_settled(cluster, "c2", "c3")
    cluster.wait_ready()

    leader = cluster.leader()
    cluster.call(lambda client: client.cluster.remove_member(leader))
    until(lambda: not cluster[leader].is_alive, f"{leader} ends when it is told")
    cluster.forget(leader)
    (last,) = cluster.coordinators
    until_settled(cluster, last)
    cluster.wait_ready()
    found = cluster.call(lambda client: client.get("ticks"))
    assert (found.task.status, found.task.allocation_id) == ("running", 1)
    assert paused_on(cluster, last) == 1


def test_s14_an_emptied_member_is_refused_and_replaced_and_so_is_a_rotten_one(
    make_cluster: Make,
) -> None:
    cluster = make_cluster(coordinators=3, nodes=1)
    cluster.start()
    cluster.wait_ready()
    leader = cluster.leader()
    victim = cluster.followers()[0]
    write(cluster, "before")
    cluster.kill(victim)
    shutil.rmtree(cluster.root / victim)
    cluster.start(victim)
    until(lambda: cluster.said(victim, "refused by its cluster"), "it is told")
    assert cluster.said(victim, f"taskctl cluster replace {victim} {victim}=127.0.0.1")
    assert cluster.status_of(leader).has_quorum

    wish(cluster, victim, replaces=victim)
    until(lambda: cluster.said(victim, '"joining"'), "it joins as another member")
    until_settled(cluster, "c1", "c2", "c3")
    found = members(cluster)
    assert found is not None
    assert {one.id for one in found.members} == {1, 2, 3, 4} - {int(victim[1])}
    until(lambda: paused_on(cluster, victim) == 1, "it has what was written before")
    other = next(name for name in cluster.followers() if name != victim)
    cluster.kill(other)
    write(cluster, "after")  # needs the vote of who came

    database = cluster.root / other / "member.db"
    database.write_bytes(database.read_bytes()[: -(1 << 13)] + os.urandom(1 << 13))
    cluster.start(other)
    until(lambda: cluster.said(other, '"damaged"'), "the rot is found")
    cluster.add_coordinator("c4")
    wish(cluster, "c4", replaces=other)
    cluster.start("c4")
    until_settled(cluster, leader, victim, "c4")
    cluster.wait_member("c4")
    until(lambda: paused_on(cluster, "c4") == 2, "it has all")


def test_a_replacement_survives_its_leader_and_a_member_that_slept_through_it_finds_back(
    make_cluster: Make,
) -> None:
    """All but c3 are replaced while it is down; its list of members is of another time when it comes back."""
    cluster = make_cluster(coordinators=3, nodes=1)
    cluster.start()
    cluster.wait_ready()
    cluster.call(lambda client: client.cluster.transfer_leader("c1", ChangeOptions()))
    write(cluster, "a")
    cluster.kill("c3")
    for old, new in (("c1", "c4"), ("c2", "c5")):
        cluster.add_coordinator(new)
        wish(cluster, new, replaces=old)
        leader = cluster.leader()
        cluster.kill(leader)
        cluster.start(leader)
        cluster.start(new)
        until(lambda old=old: not cluster[old].is_alive, f"{old} is gone")  # type: ignore[misc]
        cluster.forget(old)
    cluster.start("c3")
    cluster.wait_member("c3")
    until_settled(cluster, "c3", "c4", "c5")
    write(cluster, "b")
    until(lambda: paused_on(cluster, "c3") == 2, "c3 has caught up")
