from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from coordinator.machine.commands import CancelTask
from coordinator.machine.invariants import InvariantBroken, check
from coordinator.model import limits
from coordinator.model.ids import AllocationId, Incarnation, NodeName, TaskId
from coordinator.model.nodes import NodeStatus, NodeUse
from coordinator.model.settings import ReassignFloor, Settings, SettingValue
from coordinator.model.state import ClusterState
from coordinator.model.tasks import (
    Assignment,
    Code,
    Desired,
    LastOutcome,
    RunOutcome,
    Status,
    StopReason,
)
from tests.unit.machine.kit import World, create, join, with_task

BREAKS: list[tuple[str, dict[str, Any]]] = [
    ("node n1", {"status": Status.UNASSIGNED}),
    ("but incarnation None", {"assignment": Assignment(NodeName("n1"), None, Code.ASSIGNED)}),
    ("its node n9 is gone", {"assignment": Assignment(NodeName("n9"), Incarnation("1-n9"))}),
    ("but n1 is 1-n1", {"assignment": Assignment(NodeName("n1"), Incarnation("0-n1"))}),
    ("code assigned", {"assignment": Assignment(code=Code.ASSIGNED), "status": Status.UNASSIGNED}),
    (
        "code move_pending",
        {"assignment": Assignment(NodeName("n1"), Incarnation("1-n1"), Code.MOVE_PENDING)},
    ),
    ("allocation id 0", {"allocation_id": AllocationId(0)}),
    ("allocation id 9", {"allocation_id": AllocationId(9)}),
    ("finished_at 5", {"finished_at": 5}),
    ("wake_at 5", {"wake_at": 5}),
    ("stop reason None", {"status": Status.STOPPING}),
    ("was cancelled, but goes on", {"desired": Desired.CANCELLED}),
    ("not desired", {"status": Status.STOPPING, "stop_reason": StopReason.CANCEL}),
    ("3 attempts of 3", {"attempts": 3}),
    ("-1 losses", {"losses": -1}),
    ("revision 99", {"revision": 99}),
    ("updated at 99999999", {"updated_at": 99_999_999}),
    ("last run 1", {"last_outcome": LastOutcome(RunOutcome.LOST, AllocationId(1), "", 1, "n1", 0)}),
    ("written under 7", {"state_allocation_id": AllocationId(7)}),
    ("state of", {"state": b"x" * (limits.STATE_BYTES_MAX + 1)}),
]
AT_REST: list[tuple[str, dict[str, Any]]] = [
    ("before its end", {"status": Status.FAILED, "finished_at": 5, "expires_at": 4}),
    ("was to be removed", {"status": Status.FAILED, "purge": True}),
    ("paused, but desired", {"status": Status.PAUSED}),
]


@pytest.mark.parametrize("what, change", BREAKS, ids=[what for what, _ in BREAKS])
def test_a_broken_record_is_named(what: str, change: dict[str, Any]) -> None:
    world = with_task()
    world.force(msgspec.structs.replace(world.task(), **change))
    with pytest.raises(InvariantBroken, match=f"task t .*{what}"):
        check(world.state)


@pytest.mark.parametrize("what, change", AT_REST, ids=[what for what, _ in AT_REST])
def test_a_broken_record_without_a_node_is_named(what: str, change: dict[str, Any]) -> None:
    world = World()
    world.accept(create(assignment=Assignment()))
    world.force(msgspec.structs.replace(world.task(), **change))
    with pytest.raises(InvariantBroken, match=f"task t .*{what}"):
        check(world.state)


def test_no_two_tasks_share_an_allocation_id() -> None:
    world = with_task()
    world.force(msgspec.structs.replace(world.task(), id=TaskId("u")))
    with pytest.raises(InvariantBroken, match="tasks t and u share allocation id 1"):
        check(world.state)


def _forgotten_counter(state: ClusterState) -> None:
    state.node_counters.clear()


def _gone_but_ready(state: ClusterState) -> None:
    state.put_node(msgspec.structs.replace(state.nodes[NodeName("n1")], gone_at=5))


def _lost_with_tasks(state: ClusterState) -> None:
    state.put_node(msgspec.structs.replace(state.nodes[NodeName("n1")], status=NodeStatus.LOST))


def _holder_unknown(state: ClusterState) -> None:
    state.on_node[NodeName("n9")] = {}


def _index_wrong(state: ClusterState) -> None:
    state.use[NodeName("n1")] = NodeUse(units=1)


def _bytes_wrong(state: ClusterState) -> None:
    state.records_bytes += 1


def _wake_missing(state: ClusterState) -> None:
    state._wakes._heap.clear()


def _expiry_missing(state: ClusterState) -> None:
    for timers in state._expiries.values():
        timers._heap.clear()


def _setting_unknown(state: ClusterState) -> None:
    state.settings = Settings({"no.such": SettingValue("1", "ann", 1)})


def _floor_of_the_future(state: ClusterState) -> None:
    state.reassign_floor = ReassignFloor(9_000, state.revision + 1)


def _settings_contradict(state: ClusterState) -> None:
    state.settings = Settings({"nodes.lease": SettingValue("1m", "ann", 1)})


def _requests_from_the_future(state: ClusterState) -> None:
    state.at -= 1


@pytest.mark.parametrize(
    "breaks, what",
    [
        (_forgotten_counter, "counter 1 is not remembered"),
        (_gone_but_ready, "gone_at 5"),
        (_lost_with_tasks, "its node n1 is gone"),
        (_holder_unknown, "node n9 holds tasks"),
        (_index_wrong, "index use"),
        (_bytes_wrong, "records_bytes"),
        (_wake_missing, "wake times"),
        (_expiry_missing, "expiry times"),
        (_setting_unknown, "unknown settings no.such"),
        (_floor_of_the_future, "reassign floor of revision"),
        (_settings_contradict, "must be at least 1.3 times"),
        (_requests_from_the_future, "in a state at|in the order of their entries"),
    ],
)
def test_what_is_broken_in_the_whole_is_named(
    breaks: Callable[[ClusterState], None], what: str
) -> None:
    world = with_task()
    world.do(create("later", spec=create().spec.__class__(due_at=world.at + 5)), "r1")
    world.do(create("over"), "r2")
    world.do(CancelTask(TaskId("over")), "r3")
    world.end("over", RunOutcome.SUCCEEDED)
    check(world.state)
    breaks(world.state)
    with pytest.raises(InvariantBroken, match=what):
        check(world.state)


def test_request_ids_keep_the_order_of_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.do(join(), "r1")
    world.at += 5
    world.do(join(), "r2")
    world.state.requests.put("r3", next(world.state.requests.oldest())[1])
    with pytest.raises(InvariantBroken, match="in the order of their entries"):
        check(world.state)


@pytest.mark.parametrize("name", ["REQUESTS_REMEMBERED", "NODES_MAX"])
def test_bounds_are_kept(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.do(join(), "r1")
    monkeypatch.setattr(limits, name, 0)
    with pytest.raises(InvariantBroken, match=r"1 request ids remembered|1 nodes"):
        check(world.state)
