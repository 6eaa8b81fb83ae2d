"""What operators ask of the cluster itself: nodes, drains, settings, executors."""

from __future__ import annotations

import grpc
import pytest

from coordinator.model.tasks import RunOutcome
from coordinator.replica import inputs as i
from coordinator.wire.v1 import cluster_pb2 as wire
from coordinator.wire.v1 import tasks_pb2
from tests.unit.api.house import NOOP, Doors, doors, refused, until

Code = grpc.StatusCode


def change(reason: str = "", **more: object) -> tasks_pb2.Change:
    return tasks_pb2.Change(reason=reason, **more)


async def nodes(at: Doors) -> dict[str, wire.NodeView]:
    found = (await at.cluster.ListNodes(wire.ListNodesRequest())).nodes
    return {one.name: one for one in found}


async def test_status_works_without_a_quorum() -> None:
    async with doors(3, lead=False) as at:
        status = await at.cluster.Status(wire.StatusRequest())
        assert (status.cluster_id, status.has_quorum) == ("test", False)
        assert [member.name for member in status.members] == ["c1", "c2", "c3"]
        assert status.self.name == "c1"


async def test_status_counts_tasks_and_nodes() -> None:
    async with doors() as at:
        await at.node()
        await at.create("a")
        await at.create("b", paused=True)
        status = await at.cluster.Status(wire.StatusRequest())
        assert dict(status.tasks) == {"assigned": 1, "paused": 1}
        assert dict(status.nodes) == {"ready": 1}
        assert status.self.role == "leader"


async def test_a_node_shows_what_it_is_and_holds() -> None:
    async with doors() as at:
        await at.node(
            "n1", capacity=4, attributes=(("zone", "a"),), load_errors=(("bad.py", "boom"),)
        )
        await at.create("t1")
        view = (await nodes(at))["n1"]
        assert (view.status, view.capacity, view.units, view.used_units) == ("ready", 4, 8, 2)
        assert (view.connected, view.member) == (True, "c1")
        assert list(view.running) == ["t1#1"]
        assert dict(view.attributes) == {"zone": "a"}
        assert [(e.name, e.version, e.error) for e in view.executors] == [
            (NOOP, 1, ""),
            ("bad.py", 0, "boom"),
        ]
        said = await refused(at.cluster.ListNodes(wire.ListNodesRequest(name="n9")))
        assert (said.code, said.reason) == (Code.NOT_FOUND, "node_not_found")


async def test_pt_70_drain_needs_a_reason_and_a_kind_it_knows() -> None:
    async with doors() as at:
        await at.node("n1")
        ask = at.cluster.DrainNode
        said = await refused(ask(wire.DrainNodeRequest(name="n1")))
        assert said.metadata["field"] == "reason"
        said = await refused(ask(wire.DrainNodeRequest(name="n1", kind="x", change=change("r"))))
        assert said.metadata["field"] == "kind"
        novel = wire.DrainNodeRequest(name="n1", change=change("r" * 1_025))
        assert (await refused(ask(novel))).reason == "too_large"
        said = await refused(ask(wire.DrainNodeRequest(name="n\n", change=change("r"))))
        assert said.metadata["field"] == "name"
        said = await refused(ask(wire.DrainNodeRequest(change=change("r"))))
        assert said.metadata["field"] == "name"


async def test_pt_70_a_node_that_is_no_member_is_drained_before_it_comes() -> None:
    async with doors() as at:
        undrain = wire.UndrainNodeRequest(name="n9", change=change())
        assert (await refused(at.cluster.UndrainNode(undrain))).reason == "node_not_found"
        request = wire.DrainNodeRequest(name="n9", kind="remove", change=change("broken"))
        told = (await at.cluster.DrainNode(request)).node
        assert (told.name, told.status, told.drain.state) == ("n9", "draining", "not_started")
        assert (told.drain.remaining, told.drain.movable, told.drain.reason) == (0, 0, "broken")
        assert (await at.cluster.DrainNode(request)).unchanged
        assert (await nodes(at))["n9"] == told
        await at.node("n9")
        await at.node("n1")
        for number in range(4):
            await at.create(f"t{number}")
        shown = await nodes(at)
        assert (shown["n9"].runs, shown["n1"].runs) == (0, 4)
        assert shown["n9"].drain.state == "complete"
        assert not (await at.cluster.UndrainNode(undrain)).unchanged
        assert (await nodes(at))["n9"].status == "ready"


async def test_pt_71_drain_status_and_undrain() -> None:
    async with doors() as at:
        await at.node("n1")
        await at.create("t1")
        request = wire.DrainNodeRequest(
            name="n1", kind="terminate", deadline_ms=60_000, change=change("kernel")
        )
        answer = await at.cluster.DrainNode(request)
        drain = answer.node.drain
        assert (drain.kind, drain.reason, drain.state) == ("terminate", "kernel", "in_progress")
        assert (drain.remaining, drain.movable, drain.not_movable) == (1, 1, 0)
        assert drain.deadline_at > drain.since_at
        assert answer.node.status == "draining"
        undrain = wire.UndrainNodeRequest(name="n1", change=change())
        assert not (await at.cluster.UndrainNode(undrain)).unchanged
        assert (await at.cluster.UndrainNode(undrain)).unchanged
        assert (await nodes(at))["n1"].status == "ready"


async def test_node_rm_said_twice_under_one_request_id_is_answered_alike() -> None:
    async with doors() as at:
        node = await at.node("n1")
        node.say(goodbye=True)
        await until(lambda: at.house.replica.state.nodes["n1"].status == "left")
        request = wire.RemoveNodeRequest(name="n1", change=change(request_id="r1"))
        first = await at.cluster.RemoveNode(request)
        again = await at.cluster.RemoveNode(request)
        assert not first.HasField("node")
        assert not again.HasField("node")
        said = await refused(at.cluster.RemoveNode(wire.RemoveNodeRequest(name="n1")))
        assert said.reason == "node_not_found"


async def test_settings_show_value_default_bounds_and_who_set_them() -> None:
    async with doors() as at:
        await at.settings(nodes__heartbeat="1s")
        found = (await at.cluster.GetSettings(wire.GetSettingsRequest())).settings
        one = next(s for s in found if s.key == "nodes.heartbeat")
        assert (one.value, one.default_value, one.set_by) == ("1s", "500ms", "operator")
        assert one.set_at > 0
        reset = wire.SetSettingsRequest(reset=["nodes.heartbeat"])
        found = (await at.cluster.SetSettings(reset)).settings
        one = next(s for s in found if s.key == "nodes.heartbeat")
        assert (one.value, one.set_by) == ("500ms", "")


@pytest.mark.parametrize(
    "values, reason, named",
    [
        ({"no.such": "1"}, "setting_not_found", "no.such"),
        ({"assignment.enable": "maybe"}, "invalid_field", "all, none"),
        ({"assignment.recheck_interval": "10ms"}, "invalid_field", "1s .. 1h"),
        ({"nodes.lease": "60s"}, "invalid_field", "1.3"),
        ({"assignment.batch": "many"}, "invalid_field", "1 .. 10000"),
    ],
)
async def test_pt_a22_a_bad_setting_names_key_value_and_bounds_and_changes_nothing(
    values: dict[str, str], reason: str, named: str
) -> None:
    async with doors() as at:
        for dry_run in (True, False):
            asked = {**values, "nodes.heartbeat": "1s"}
            request = wire.SetSettingsRequest(set=asked, change=change(dry_run=dry_run))
            said = await refused(at.cluster.SetSettings(request))
            assert said.reason == reason
            assert named in said.message
        assert not at.house.replica.state.settings.values


async def test_executors_show_where_their_code_is() -> None:
    async with doors() as at:
        offers = {NOOP: {"doc": "Does nothing.", "policy": {"cost": 1}, "own_validate": True}}
        await at.node("n1", offers=offers, load_errors=(("bad.py", "boom"),))
        await at.create("t1")
        found = (await at.cluster.ListExecutors(wire.ListExecutorsRequest())).executors
        noop, bad = found
        assert (noop.name, noop.doc, noop.own_validate) == (NOOP, "Does nothing.", True)
        assert list(noop.versions[1].nodes) == ["n1"]
        assert list(noop.code_on) == ["c1"]
        assert dict(noop.tasks) == {"assigned": 1}
        assert [(e.node, e.error) for e in bad.load_errors] == [("n1", "boom")]
        said = await refused(at.cluster.ListExecutors(wire.ListExecutorsRequest(name="no")))
        assert (said.code, said.reason) == (Code.NOT_FOUND, "executor_not_found")


async def test_members_as_the_leader_sees_them() -> None:
    async with doors() as at:
        (one,) = (await at.cluster.ListMembers(wire.ListMembersRequest())).members
        assert (one.name, one.role, one.voter, one.reachable) == ("c1", "leader", True, True)


async def test_pt_52_recheck_pokes_and_counts() -> None:
    async with doors() as at:
        node = await at.node()
        at.house.feed(i.NodeClosed(node.session))
        await at.create("t1")
        answer = await at.cluster.Recheck(wire.RecheckRequest())
        assert answer.unassigned == 1


async def test_a_leader_of_three_sees_the_others_and_says_who_is_silent() -> None:
    from coordinator.consensus.messages import AppendAccepted, VoteReply

    async with doors(3, lead=False) as at:
        at.house.feed(i.Campaign())
        raft = at.house.replica.raft
        await until(lambda: raft.role.value != "follower")
        for pre_vote in (True, False):
            grant = VoteReply(2, 1, raft.term + pre_vote, granted=True, pre_vote=pre_vote)
            at.house.feed(i.FromPeer((grant,)))
            await at.house.pump.fed(i.Wake())
            await until(lambda: True)
        grant = VoteReply(2, 1, raft.term, granted=True)
        at.house.feed(i.FromPeer((grant,)))
        await until(lambda: raft.is_leader)
        at.house.feed(i.FromPeer((AppendAccepted(2, 1, raft.term, raft.last_index),)))
        await until(lambda: at.house.replica.is_leader)
        at.house.addresses[2] = "127.0.0.1:2"
        stale = tasks_pb2.ReadOptions(stale=True)
        found = (await at.cluster.ListMembers(wire.ListMembersRequest(read=stale))).members
        assert [(m.name, m.role, m.reachable) for m in found] == [
            ("c1", "leader", True),
            ("c2", "follower", True),
            ("c3", "follower", False),
        ]
        assert found[2].lag > 0


async def test_pt_a54_drain_status() -> None:
    stays = "demo.stays"
    async with doors() as at:
        old = await at.node("n1", offers={NOOP: {}, stays: {"policy": {"movable": False}}})
        for number in range(3):
            await at.create(f"m{number}")
        for number in range(2):
            await at.create(f"s{number}", executor=stays)
        await at.node("n2", capacity=2)
        await at.create("elsewhere")  # where there is more room: on n2
        request = wire.DrainNodeRequest(name="n1", change=change("kernel"))
        await at.cluster.DrainNode(request)

        async def status() -> tuple[object, ...]:
            drain = (await nodes(at))["n1"].drain
            return drain.state, drain.remaining, drain.movable, drain.not_movable, drain.stalled

        def stopping() -> list[str]:
            tasks = at.house.replica.state.tasks.values()
            return [task.id for task in tasks if task.status == "stopping"]

        await until(lambda: len(stopping()) == 1)  # n2 has room for one more
        await until(lambda: at.house.replica.state.tasks["m2"].assignment.code == "move_pending")
        assert await status() == ("in_progress", 5, 3, 2, 2)
        (moved,) = stopping()
        await old.report(moved, "ended", outcome=RunOutcome.ABORTED)
        await until(lambda: at.house.replica.state.tasks[moved].assignment.node == "n2")
        assert await status() == ("in_progress", 4, 2, 2, 2)
        for task_id in {"m0", "m1", "m2"} - {moved}:
            await old.report(task_id, "ended", outcome=RunOutcome.SUCCEEDED)
        assert await status() == ("complete", 2, 0, 2, 0)
        await at.cluster.DrainNode(wire.DrainNodeRequest(name="n9", change=change("kernel")))
        drain = (await nodes(at))["n9"].drain
        assert (drain.state, drain.remaining, drain.stalled) == ("not_started", 0, 0)


async def test_a_drained_node_without_movable_tasks_is_complete() -> None:
    async with doors() as at:
        await at.node("n1", offers={NOOP: {"policy": {"movable": False}}})
        await at.create("t1")
        request = wire.DrainNodeRequest(name="n1", change=change("kernel"))
        drain = (await at.cluster.DrainNode(request)).node.drain
        assert (drain.state, drain.remaining, drain.movable, drain.not_movable) == (
            "complete",
            1,
            0,
            1,
        )
        missing = wire.ListNodesRequest(name="n9", read=tasks_pb2.ReadOptions(stale=True))
        assert (await refused(at.cluster.ListNodes(missing))).reason == "node_not_found"


async def test_a_manifest_that_is_no_json_is_shown_without_its_facts() -> None:
    async with doors() as at:
        await at.node("n1")
        state = at.house.replica.state
        from coordinator.model.nodes import Manifest

        state.manifests["broken"] = {"h": Manifest("broken", 1, "h", b"{nonsense")}
        found = await at.cluster.ListExecutors(wire.ListExecutorsRequest(name="broken"))
        assert (found.executors[0].name, found.executors[0].doc) == ("broken", "")


async def test_pt_72_a_hold_is_shown_and_only_a_restart_has_one() -> None:
    async with doors() as at:
        node = await at.node("n1")
        await at.create("t1")
        await at.node("n2")
        request = wire.DrainNodeRequest(name="n1", hold_ms=60_000, change=change("kernel"))
        drain = (await at.cluster.DrainNode(request)).node.drain
        assert (drain.state, drain.remaining, drain.movable) == ("complete", 1, 0)
        assert (drain.hold_ms, drain.held) == (60_000, 0)
        node.say(drain=True)
        await until(lambda: at.house.replica.state.tasks["t1"].status == "stopping")
        await node.end("t1", RunOutcome.ABORTED)
        assert (await nodes(at))["n1"].drain.held == 1
        found = await at.tasks.Explain(tasks_pb2.ExplainRequest(id="t1"))
        assert (found.code, found.text, found.next_check_at > 0) == ("held_for_node", "n1", True)
        for kind, hold in (("remove", 60_000), ("restart", -1), ("restart", 3_600_001)):
            wrong = wire.DrainNodeRequest(name="n1", kind=kind, hold_ms=hold, change=change("k"))
            said = await refused(at.cluster.DrainNode(wrong))
            assert (said.reason, "hold" in said.message) == ("invalid_field", True)
