"""What a coordinator counts of turns, calls, wishes, sessions, hooks and clocks; and that code and paper agree."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from coordinator.client.metric_parts import Family, Names, Sheet
from coordinator.consensus.messages import Entry, EntryKind
from coordinator.machine.outcome import Accepted, Outcome, Refusal, Refused, Unlogged
from coordinator.model.ids import TaskId
from coordinator.model.instants import Now
from coordinator.model.state import ClusterState
from coordinator.model.tasks import TaskSpec
from coordinator.replica.effects import (
    CloseNode,
    LeadershipChanged,
    Persist,
    Reply,
    StateReplaced,
)
from coordinator.replica.inputs import (
    Asked,
    Create,
    NodeClosed,
    SnapshotSent,
    SnapshotTaken,
    Submit,
    Tick,
)
from coordinator.shell.clock_spread import WINDOW_MS, ClockSpread
from coordinator.shell.door_counts import CountedDoor, DoorCounts
from coordinator.shell.grpc_counts import RpcCounts, counted
from coordinator.shell.metric_families import FAMILIES
from coordinator.shell.metrics import Metrics
from coordinator.shell.metrics_turns import TimedReplica, TurnFigures
from node.agent_metrics import FAMILIES as NODE_FAMILIES
from tests import metric_contract

DOC = Path(__file__).parents[3] / "docs" / "operations.md"


def rows(families: Sequence[Family]) -> dict[str, metric_contract.Row]:
    return {one.name: (one.kind, one.labels) for one in families}


def values(put: Callable[[Sheet], None]) -> dict[str, dict[tuple[str, ...], Any]]:
    sheet = Sheet(FAMILIES)
    put(sheet)
    return sheet.values


def count(spread: Any) -> int:
    return sum(spread.counts)


# -- the contract -----------------------------------------------------------------------------------


def test_x57_names_types_and_labels_are_those_of_the_contract() -> None:
    assert rows(FAMILIES) == metric_contract.COORDINATOR
    assert rows(NODE_FAMILIES) == metric_contract.NODE


def test_x57_the_documentation_lists_every_family_as_it_is() -> None:
    pattern = r"^\| `(\w+)` \| (gauge|counter|histogram) \| (.*?) \| (.*?) \|$"
    found = {}
    for name, kind, labels, text in re.findall(pattern, DOC.read_text("utf-8"), re.MULTILINE):
        found[name] = (kind, tuple(re.findall(r"`(\w+)`", labels)), text)
    told = {f.name: (f.kind, f.labels, f.help) for f in (*FAMILIES, *NODE_FAMILIES)}
    assert found == told


# -- turns ------------------------------------------------------------------------------------------


class Turns:
    """A replica that says what the test wants, and a watch that the test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.takes = 0.0
        self.state = SimpleNamespace(revision=1)
        self.raft = SimpleNamespace(is_leader=True, commit_index=0)
        self.leading: Any = SimpleNamespace(rechecker=SimpleNamespace(passes=0, is_passing=False))
        self.is_busy = False
        self.then: Callable[[], None] = lambda: None
        self.figures = TurnFigures()
        self.timed = TimedReplica(self, self.figures, lambda: self.seconds)  # type: ignore[arg-type]

    def handle(self, inputs: Any, now: Now) -> list[Any]:
        self.seconds += self.takes
        self.then()
        return []

    def turn(self, takes: float, then: Callable[[], None] = lambda: None) -> None:
        self.takes, self.then = takes, then
        self.timed.handle((Tick(0),), Now(0, 0))


def write(*indexes: int) -> Persist:
    return Persist(
        1, None, tuple(Entry(1, index, EntryKind.NORMAL, b"") for index in indexes), None
    )


def test_entries_from_their_write_to_their_commit() -> None:
    turns = Turns()
    turns.timed.persisted(write(5, 6))
    turns.timed.persisted(write())
    turns.turn(1.0)
    turns.turn(1.0, lambda: setattr(turns.raft, "commit_index", 6))
    assert (count(turns.figures.commit_seconds), turns.figures.commit_seconds.total) == (1, 2.0)
    assert (count(turns.figures.batch_entries), turns.figures.batch_entries.total) == (1, 2.0)


def test_a_follower_commits_nothing_and_a_deposed_leader_forgets() -> None:
    turns = Turns()
    turns.timed.persisted(write(5))
    turns.raft.is_leader = False
    turns.turn(1.0, lambda: setattr(turns.raft, "commit_index", 9))
    turns.timed.persisted(write(6))
    turns.raft.is_leader = True
    turns.turn(1.0)
    assert count(turns.figures.commit_seconds) == 0


def test_turns_that_apply_are_timed() -> None:
    turns = Turns()
    turns.turn(0.25)
    turns.turn(0.5, lambda: setattr(turns.state, "revision", 2))
    assert (count(turns.figures.apply_seconds), turns.figures.apply_seconds.total) == (1, 0.5)


def test_a_pass_takes_as_long_as_the_turns_it_needed_over_all_terms() -> None:
    turns = Turns()
    rechecker = turns.leading.rechecker
    turns.turn(1.0, lambda: setattr(rechecker, "is_passing", True))
    turns.turn(2.0, lambda: rechecker.__dict__.update(is_passing=False, passes=1))
    turns.turn(8.0)
    assert (turns.figures.passes, turns.figures.pass_seconds.total) == (1, 3.0)
    turns.leading = None
    turns.turn(1.0)
    turns.leading = SimpleNamespace(rechecker=SimpleNamespace(passes=0, is_passing=False))
    turns.turn(1.0, lambda: setattr(turns.leading.rechecker, "passes", 2))
    assert turns.figures.passes == 3
    assert (count(turns.figures.pass_seconds), turns.figures.pass_seconds.total) == (3, 4.0)


# -- calls ------------------------------------------------------------------------------------------


class Context:
    """Of a call: `abort` ends it with a code."""

    def __init__(self) -> None:
        self._code: Any = None

    def code(self) -> Any:
        return self._code

    def abort(self, code: grpc.StatusCode) -> None:
        self._code = code.value[0]
        raise grpc.RpcError


METHOD = "/ptasks.v1.Tasks/Do"


def unary(behaviour: Any, counts: RpcCounts) -> Any:
    return counted(grpc.unary_unary_rpc_method_handler(behaviour), METHOD, counts).unary_unary


async def test_calls_are_counted_by_method_and_the_code_their_caller_sees() -> None:
    counts = RpcCounts()

    async def works(request: str, context: Any) -> str:
        assert counts.in_flight == 1
        if request == "abort":
            context.abort(grpc.StatusCode.UNAVAILABLE)
        if request == "bug":
            raise ValueError(request)
        if request == "leave":
            raise asyncio.CancelledError
        return request

    call = unary(works, counts)
    assert await call("ok", Context()) == "ok"
    with pytest.raises(grpc.RpcError):
        await call("abort", Context())
    with pytest.raises(ValueError, match="bug"):
        await call("bug", Context())
    with pytest.raises(asyncio.CancelledError):
        await call("leave", Context())
    codes = {code: n for (method, code), n in counts.requests.items() if method == "Tasks/Do"}
    assert codes == {"OK": 1, "UNAVAILABLE": 1, "UNKNOWN": 1, "CANCELLED": 1}
    assert count(counts.seconds[("Tasks/Do",)]) == 4
    assert counts.in_flight == 0


async def test_a_stream_counts_when_it_ends_and_its_handler_is_told() -> None:
    counts, told = RpcCounts(), []

    async def numbers(request: int, context: Any) -> AsyncIterator[int]:
        try:
            for number in range(request):
                yield number
        finally:
            told.append("end")

    handler = counted(grpc.unary_stream_rpc_method_handler(numbers), METHOD, counts)
    assert [n async for n in handler.unary_stream(3, Context())] == [0, 1, 2]
    assert counts.requests == {("Tasks/Do", "OK"): 1}
    stream = handler.unary_stream(3, Context())
    assert await anext(stream) == 0
    assert counts.in_flight == 1
    await stream.aclose()
    assert told == ["end", "end"]
    assert counts.requests["Tasks/Do", "CANCELLED"] == 1
    assert counts.in_flight == 0


# -- wishes and sessions ----------------------------------------------------------------------------


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
    from coordinator.api.door import RoadFailed

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


# -- the rest ---------------------------------------------------------------------------------------


def test_leaders_and_terms_as_seen_here() -> None:
    metrics = Metrics()
    seen = [(1, 1), (1, 1), (0, 2), (2, 2), (2, 3), (0, 4), (2, 4), (1, 7)]
    for leader, term in seen:
        metrics.listen(LeadershipChanged(leader, term, False))
    found = values(metrics._put)
    assert found["raft_elections_total"] == {(): 4}  # terms 2, 3, 4 and 7
    assert found["raft_leader_changes_total"] == {(): 2}  # to 2, to 1


def test_snapshots_by_what_became_of_them() -> None:
    metrics = Metrics()
    for item in (SnapshotTaken(5, True), SnapshotSent(2, True), SnapshotSent(2, False)):
        metrics.snapshot_fared(item)
    metrics.listen(StateReplaced(9))
    found = values(metrics._put)["raft_snapshots_total"]
    assert found == {("taken",): 1, ("sent",): 1, ("received",): 1, ("failed",): 1}


def test_questions_to_code_of_executors() -> None:
    metrics = Metrics()
    for answer in ("ok", "refused", "error", "timeout"):
        metrics.hook_answered("e", "assign", answer, 0.5)
    metrics.hook_answered("e", "validate", "missing", 0.0)
    found = values(metrics._put)
    assert found["assigner_errors_total"] == {("e", "get_assignment"): 2, ("e", "validate"): 1}
    spreads = found["executor_hook_seconds"]
    assert count(spreads["e", "get_assignment"]) == 4


def test_a_process_without_a_member_shows_itself_alone() -> None:
    metrics = Metrics()
    metrics.damaged = True
    found = values(metrics._put)
    assert found["damaged"] == {(): 1}
    assert len(found["build_info"]) == 1
    assert found["raft_term"] == {}


async def test_a_loop_that_is_held_up_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics, loop = Metrics(), asyncio.get_running_loop()
    metrics.start()
    try:
        metrics._sample(loop.time() - 3.0)  # called three seconds late
    finally:
        metrics.stop()
    spread = values(metrics._put)["event_loop_lag_seconds"][()]
    assert count(spread) == 2
    assert spread.total >= 3.0


def test_the_spread_of_clocks_is_told_from_the_quickest_frames() -> None:
    clocks, wall = ClockSpread(), 1_000_000
    for late in (40, 3, 200):  # the same clock, with frames that took more or less long
        clocks.heard(2, wall - late, wall, steady=100)
    clocks.heard(3, wall + 1_500, wall, steady=100)
    assert clocks.spread_ms(100) == 1_503
    clocks.heard(
        3, wall, wall, steady=100 + WINDOW_MS
    )  # set right; the frames before still count for a while
    assert clocks.spread_ms(100 + WINDOW_MS) == 1_503
    clocks.heard(3, wall, wall, steady=100 + 2 * WINDOW_MS)
    clocks.heard(2, wall, wall, steady=100 + 2 * WINDOW_MS)
    assert clocks.spread_ms(100 + 2 * WINDOW_MS) == 0
    assert clocks.spread_ms(100 + 9 * WINDOW_MS) == 0  # nobody was heard for long
