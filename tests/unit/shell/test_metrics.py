"""What a coordinator counts of turns, calls, wishes, sessions, hooks and clocks; and that code and paper agree."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from coordinator.client.metric_parts import Family, Sheet
from coordinator.client.metrics_text import Exposition
from coordinator.consensus.messages import Entry, EntryKind
from coordinator.model.instants import Now
from coordinator.replica.effects import (
    LeadershipChanged,
    Persist,
    StateReplaced,
)
from coordinator.replica.inputs import (
    SnapshotSent,
    SnapshotTaken,
    Tick,
)
from coordinator.shell.clock_spread import WINDOW_MS, ClockSpread
from coordinator.shell.grpc_counts import RpcCounts, counted
from coordinator.shell.metric_families import FAMILIES
from coordinator.shell.metrics import Metrics
from coordinator.shell.metrics_cluster import NodeLook, put_nodes
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


def test_a_process_starts_without_what_only_a_scrape_needs() -> None:
    code = "import sys, coordinator.shell.daemon, node.agent_metrics; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "coordinator.shell.metrics" in ran.stdout.split()
    assert "prometheus_client" not in ran.stdout.split()


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


# -- nodes ------------------------------------------------------------------------------------------


def look(name: str, **says: Any) -> NodeLook:
    fields: dict[str, Any] = {"status": "ready", "version": "1.0", "is_ready": True}
    fields |= {"is_drained": False, "units": 20, "room": 20, "taken": 0, "kept": 0}
    return NodeLook(name, **{**fields, "load_errors": 0, "age_ms": 250, **says})


def test_nodes_and_the_load_of_those_that_take_work() -> None:
    looks = [
        look("n1", taken=6, kept=14),
        look("n2", taken=4, room=12, load_errors=2),
        look("n3", status="draining", is_drained=True, taken=20),
        look("n4", status="lost", is_ready=False, age_ms=None),
        look("n5", version="0.9", age_ms=None),
    ]
    found = values(lambda sheet: put_nodes(sheet, looks))
    assert found["nodes"] == {
        ("ready", "1.0"): 2,
        ("draining", "1.0"): 1,
        ("lost", "1.0"): 1,
        ("ready", "0.9"): 1,
    }
    units = {state: found["node_units"]["n2", state] for state in ("used", "capacity", "effective")}
    assert units == {"used": 4, "capacity": 20, "effective": 12}
    assert found["node_units"]["n1", "reserved"] == 14
    assert ("n4", "used") not in found["node_units"]
    assert found["node_heartbeat_age_seconds"] == {("n1",): 0.25, ("n2",): 0.25, ("n3",): 0.25}
    assert found["executor_load_errors"]["n2",] == 2
    assert found["overload_active"] == {(): 1}
    assert found["load_ratio"] == {
        (): 24 / 52
    }  # what is kept counts as used, a drained node not at all


def test_without_nodes_there_is_no_load() -> None:
    found = values(lambda sheet: put_nodes(sheet, []))
    assert found["load_ratio"] == {}
    assert found["overload_active"] == {(): 0}


async def test_what_is_put_in_later_is_there_in_time() -> None:
    def fill(sheet: Sheet) -> None:
        sheet.later.append(lambda: sheet.put("raft_term", 7))

    assert b"\nptasks_raft_term 7.0\n" in await Exposition(FAMILIES, fill).text()
