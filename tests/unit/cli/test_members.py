"""cluster members, add, remove, replace, transfer-leader."""

from __future__ import annotations

import json

import grpc
import pytest

from coordinator.wire.v1 import cluster_pb2 as wire
from tests.unit.cli.conftest import Taskctl
from tests.unit.cli.fake_server import FakeCluster, Refusal


def member(number: int, *, name: str = "", voter: bool = True, lag: int = 0) -> wire.Member:
    role = "leader" if number == 1 else "follower" if voter else "learner"
    return wire.Member(
        id=number, name=name or f"c{number}", grpc=f"127.0.0.1:710{number}", role=role,
        voter=voter, reachable=voter, applied=40 - lag, lag=lag,
    )  # fmt: skip


def picture(*members: wire.Member, stage: str = "", **change: object) -> wire.ListMembersResponse:
    pending = wire.MemberChange(revision=7, stage=stage, **change) if change else None  # type: ignore[arg-type]
    return wire.ListMembersResponse(members=members, pending=pending)


ADDING = {"joining": "c4", "joining_id": 4}
THREE = tuple(member(number) for number in (1, 2, 3))


@pytest.fixture
def growing(cluster: FakeCluster) -> FakeCluster:
    learner = member(4, voter=False, lag=30)
    cluster.wish = wire.MemberChange(revision=7, stage="not_started", **ADDING)  # type: ignore[arg-type]
    cluster.pictures = [
        picture(*THREE, learner, stage="not_started", **ADDING),
        picture(*THREE, learner, stage="catching_up", **ADDING),
        picture(*THREE, member(4)),
    ]
    return cluster


def test_members_shows_who_votes_who_learns_and_what_is_under_way(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    learner = member(4, voter=False, lag=30)
    cluster.pictures = [picture(*THREE, learner, stage="catching_up", **ADDING)]
    ran = taskctl("cluster", "members")
    lines = [line.split() for line in ran.out.splitlines()]
    assert lines[0] == ["NAME", "ID", "ADDRESS", "ROLE", "VOTES", "ANSWERS", "APPLIED", "LAG"]
    assert lines[1] == ["c1", "1", "127.0.0.1:7101", "leader", "yes", "yes", "40", "-"]
    assert lines[4] == ["c4", "4", "127.0.0.1:7104", "learner", "no", "no", "10", "30"]
    assert ran.err == "adding c4: c4 is catching up, 30 entries to go\n"


def test_add_says_how_to_start_it_and_waits_until_it_votes(
    taskctl: Taskctl, growing: FakeCluster
) -> None:
    ran = taskctl("cluster", "add", "c4=127.0.0.1:7104")
    assert (ran.code, ran.out) == (0, "c4  votes at 127.0.0.1:7104 · 4 voters\n")
    assert "waits for c4 to be started" in ran.err
    assert (
        "task-coordinator --name c4 --data-dir EMPTY_DIRECTORY --listen 127.0.0.1:7104" in ran.err
    )
    assert "--peers c1=127.0.0.1:7101,c2=127.0.0.1:7102" in ran.err
    assert "c4 is catching up, 30 entries to go" in ran.err
    (asked,) = growing.asked("AddMember")
    assert (asked.name, asked.address, asked.replaces) == ("c4", "127.0.0.1:7104", "")


def test_add_without_waiting_says_how_to_look(taskctl: Taskctl, growing: FakeCluster) -> None:
    ran = taskctl("cluster", "add", "c4=127.0.0.1:7104", "--no-wait")
    assert ran.code == 0
    assert ran.out.startswith("c4  adding c4; see how far it is with: taskctl cluster members")
    growing.pictures = [picture(*THREE, member(4, voter=False), stage="catching_up", **ADDING)]
    view = json.loads(taskctl("cluster", "add", "c4=h:1", "--no-wait", "-o", "json").out)
    assert (view["kind"], view["name"], view["role"]) == ("Member", "c4", "learner")
    assert view["pending"]["stage"] == "catching_up"


def test_an_addition_that_was_called_off_meanwhile_is_a_conflict(
    taskctl: Taskctl, growing: FakeCluster
) -> None:
    growing.pictures = [growing.pictures[0], picture(*THREE)]
    ran = taskctl("cluster", "add", "c4=127.0.0.1:7104")
    assert ran.code == 4
    assert "error: cluster add c4: called off\n" in ran.err


def test_the_time_given_may_be_over_first(taskctl: Taskctl, growing: FakeCluster) -> None:
    growing.pictures = growing.pictures[:1]
    ran = taskctl("cluster", "add", "c4=127.0.0.1:7104", "--timeout", "900ms")
    assert ran.code == 7
    assert "the change goes on; see how far it is with: taskctl cluster members" in ran.err


def test_a_place_that_is_none_is_wrong_usage(taskctl: Taskctl, cluster: FakeCluster) -> None:
    for words in (("add", "c4"), ("add", "=h:1"), ("replace", "c3", "c4=")):
        ran = taskctl("cluster", *words)
        assert ran.code == 2
        assert "is not NAME=ADDRESS" in ran.err
    assert not cluster.asked("AddMember")


@pytest.mark.parametrize("words", [("remove", "c3"), ("replace", "c3", "c4=127.0.0.1:7104")])
def test_ex7_removing_and_replacing_are_confirmed_by_the_name(
    taskctl: Taskctl, cluster: FakeCluster, words: tuple[str, ...]
) -> None:
    ran = taskctl("cluster", *words)
    assert ran.code == 2
    assert "not confirmed" in ran.err
    assert not cluster.asked("AddMember")
    assert not cluster.asked("RemoveMember")
    assert taskctl("cluster", *words, "--dry-run").code == 0


def test_remove_waits_until_it_is_gone(taskctl: Taskctl, cluster: FakeCluster) -> None:
    change = {"leaving": "c3", "leaving_id": 3}
    cluster.wish = wire.MemberChange(revision=7, **change)  # type: ignore[arg-type]
    cluster.pictures = [
        picture(*THREE, stage="handing_over", **change),
        picture(*THREE, stage="unhealthy", **change),
        picture(*THREE, stage="changing", **change),
        picture(*THREE[:2]),
    ]
    ran = taskctl("cluster", "remove", "c3", "--yes")
    assert (ran.code, ran.out) == (0, "c3  removed · 2 voters\n")
    assert ran.err.splitlines() == [
        "removing c3: the leader hands over first",
        "removing c3: too few of the coordinators that would vote answer",
        "removing c3: under way",
    ]
    view = json.loads(taskctl("cluster", "remove", "c3", "--yes", "-o", "json").out)
    assert (view["name"], view["removed"]) == ("c3", True)


def test_replace_under_the_same_name_shows_the_one_that_came(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    change = {"joining": "c3", "joining_id": 4, "leaving": "c3", "leaving_id": 3}
    cluster.wish = wire.MemberChange(revision=7, **change)  # type: ignore[arg-type]
    newcomer = member(4, name="c3", voter=False)
    cluster.pictures = [
        picture(*THREE, newcomer, stage="not_started", **change),
        picture(*THREE[:2], member(4, name="c3")),
    ]
    ran = taskctl("cluster", "replace", "c3", "c3=127.0.0.1:7104", "--yes")
    assert (ran.code, ran.out) == (0, "c3  votes at 127.0.0.1:7104 · 3 voters\n")
    assert "replacing c3 by c3: waits for c3 to be started" in ran.err
    assert "--peers c1=127.0.0.1:7101,c2=127.0.0.1:7102,c3=127.0.0.1:7104" in ran.err
    (asked,) = cluster.asked("AddMember")
    assert asked.replaces == "c3"


def test_refusals_say_what_to_try(taskctl: Taskctl, cluster: FakeCluster) -> None:
    code = grpc.StatusCode.FAILED_PRECONDITION
    for reason, hint in (
        ("change_pending", "an addition is called off with: taskctl cluster remove NAME"),
        ("would_lose_quorum", "start what is down, or put another in its place first"),
    ):
        cluster.refuse["RemoveMember"] = [Refusal(code, reason, f"{reason}: because")]
        ran = taskctl("cluster", "remove", "c3", "--yes")
        assert ran.code == 4
        assert hint in ran.err
    taken = Refusal(grpc.StatusCode.ALREADY_EXISTS, "already_exists", "already_exists: c4 is there")
    cluster.refuse["AddMember"] = [taken]
    ran = taskctl("cluster", "add", "c4=127.0.0.1:7104")
    assert (ran.code, ran.err.splitlines()[0]) == (4, "error: cluster add c4: c4 is there")


def test_transfer_leader(taskctl: Taskctl, cluster: FakeCluster) -> None:
    ran = taskctl("cluster", "transfer-leader", "--to", "c1")
    assert (ran.code, ran.out) == (0, "c1 leads, term 6\n")
    assert cluster.asked("TransferLeader")[0].to == "c1"
    view = json.loads(taskctl("cluster", "transfer-leader", "-o", "json").out)
    assert (view["kind"], view["name"], view["role"]) == ("Member", "c1", "leader")
    assert "nothing was done" in taskctl("cluster", "transfer-leader", "--dry-run").out
