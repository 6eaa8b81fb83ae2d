"""What became of wishes, and why sessions of nodes ended, as the door counts it (EX-73)."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from coordinator.api.door import RoadFailed
from coordinator.client.metric_parts import Names, Sheet
from coordinator.machine.outcome import Accepted, Outcome, Refusal, Refused, Unlogged
from coordinator.model.ids import TaskId
from coordinator.model.state import ClusterState
from coordinator.model.tasks import TaskSpec
from coordinator.replica.effects import CloseNode, Reply
from coordinator.replica.inputs import Asked, Create, NodeClosed, Submit
from coordinator.shell.door_counts import CountedDoor, DoorCounts
from coordinator.shell.metric_families import FAMILIES


def values(put: Callable[[Sheet], None]) -> dict[str, dict[tuple[str, ...], Any]]:
    sheet = Sheet(FAMILIES)
    put(sheet)
    return sheet.values


def wish(executor: str, *, dry_run: bool = False) -> Asked:
    return Asked(Create(TaskId("t"), executor, b"{}", TaskSpec()), dry_run=dry_run)


def test_answers_to_wishes_for_a_task() -> None:
    counts, state = DoorCounts(Names()), ClusterState()
    state.manifests["known"] = {}
    refused = Unlogged(Refusal.UNKNOWN_EXECUTOR)
    asked = [wish("known"), wish("known"), wish("made-up"), wish("known", dry_run=True)]
    outcomes: list[Outcome] = [
        Accepted(created=True),
        Accepted(unchanged=True),
        refused,
        Accepted(),
    ]
    counts.reply(asked, outcomes, state)
    counts.reply([wish("known")], [Refused(Refusal.ALREADY_EXISTS)], state)
    assert values(counts.put)[
        "created_total"
    ] == {  # those that were created are counted as they are applied
        ("known", "existing"): 1,
        ("known", "refused"): 1,
        ("other", "refused"): 1,
    }


class Pump:
    """Takes what a door hands in; answers wishes with a failure, if there is one."""

    def __init__(self) -> None:
        self.callers = self
        self.waiting = 0
        self.failure: Exception | None = None
        self.ended: list[int] = []
        self.on_close: Any = None

    async def ask(self, make: Callable[[int], Submit], timeout_s: float) -> Reply:
        if self.failure is not None:
            raise self.failure
        return Reply(1, (), (), 7)

    def open_session(self, on_saying: Any, on_close: Any) -> int:
        self.on_close = on_close
        return 4

    def end_session(self, closed: NodeClosed) -> None:
        self.ended.append(closed.session)

    def feed(self, item: Any) -> None: ...


def door(pump: Pump) -> CountedDoor:
    replica, history = SimpleNamespace(state=ClusterState()), None
    facts: Any = lambda: SimpleNamespace(name="c1")  # noqa: E731 - all the door asks at its making
    made = CountedDoor(replica, pump, history, {}, facts, tuple)  # type: ignore[arg-type]
    made.count_by(DoorCounts(Names()))
    return made


async def test_calls_whose_wishes_were_not_taken() -> None:
    pump = Pump()
    counting = door(pump)
    for kind in ("overloaded", "overloaded", "disk_full", "outcome_unknown", "timed_out"):
        pump.failure = RoadFailed(kind)
        with pytest.raises(RoadFailed):
            await counting.submit([wish("e")], 1.0)
    found = values(counting.counts.put)["raft_proposals_refused_total"]
    assert found == {
        ("overloaded",): 2,
        ("disk_full",): 1,
    }  # of the others nobody knows, or they were


def test_a_session_ends_once_whoever_ends_it() -> None:
    pump = Pump()
    counting = door(pump)
    told: list[CloseNode] = []
    registration: Any = None
    counting.open_session(registration, lambda _: None, told.append)
    pump.on_close(CloseNode(4, "superseded"))
    counting.feed(NodeClosed(4))
    counting.open_session(registration, lambda _: None, told.append)
    counting.feed(NodeClosed(4))
    found = values(counting.counts.put)["node_session_resets_total"]
    assert found == {("superseded",): 1, ("disconnected",): 1}
    assert [one.reason for one in told] == ["superseded"]
    assert pump.ended == [4, 4]
