"""What the leader had heard of lost runs goes into the entry that ends them, within bounds (TM-69, TM-70)."""

from __future__ import annotations

import json
import math

import pytest
from msgspec.structs import replace

from coordinator.codec.envelope import encode_batch
from coordinator.machine.commands import (
    Batch,
    Command,
    JoinNode,
    LastWords,
    LoseNode,
    LoseRuns,
    Request,
    StopRun,
)
from coordinator.model.ids import AllocationId, Incarnation, NodeName, TaskId
from coordinator.model.instants import SECOND
from coordinator.model.limits import RUN_LOG_BYTES_MAX
from coordinator.model.tasks import StopReason
from coordinator.replica.last_words import ALL_BYTES, LINES_MAX, with_last_words, words_of
from coordinator.replica.live import LiveBoard, progress_of_bytes
from coordinator.replica.run_rows import rows_of
from coordinator.replica.sayings import LiveLog, LiveProgress
from coordinator.replica.weights import weight_of
from tests.unit.machine.kit import World, create, join

N1, LIFE = NodeName("n1"), Incarnation("1-n1")


def run(number: int) -> tuple[TaskId, AllocationId]:
    return TaskId(f"t{number}"), AllocationId(number)


def heard(*numbers: int, lines: int = 3, text: str = "x") -> LiveBoard:
    live = LiveBoard()
    for number in numbers:
        said = (LiveLog(*run(number), 5, "info", f"{text}{k}", b'{"k":1}') for k in range(lines))
        live.logs(said)
        live.progress([LiveProgress(*run(number), 4.0, 10.0, "half")], 7)
    return live


def events(words: LastWords) -> list[str]:
    return [json.loads(line)["event"] for line in (words.logs or b"").splitlines()]


def test_lines_and_progress_of_those_that_said_anything() -> None:
    live = heard(1, 2)
    (first,) = words_of([run(1), run(3), (TaskId("t2"), AllocationId(99))], live)
    assert (first.task_id, first.allocation_id, events(first)) == ("t1", 1, ["x0", "x1", "x2"])
    progress = progress_of_bytes(first.progress or b"")
    assert (progress.done, progress.total, progress.message, progress.at) == (4.0, 10.0, "half", 7)
    assert words_of([run(9)], live) == ()


def test_of_a_long_log_the_newest_lines_are_kept() -> None:
    (words,) = words_of([run(1)], heard(1, lines=LINES_MAX + 50))
    assert (len(events(words)), events(words)[-1]) == (LINES_MAX, f"x{LINES_MAX + 49}")
    (words,) = words_of([run(1)], heard(1, lines=100, text="x" * 4_000))
    assert len(words.logs or b"") <= RUN_LOG_BYTES_MAX
    assert events(words)[-1].endswith("99")


def test_many_runs_share_one_bound() -> None:
    numbers = range(1, 101)
    words = words_of(map(run, numbers), heard(*numbers, lines=20, text="x" * 1_000))
    assert len(words) == 100
    assert all(events(one)[-1].endswith("19") for one in words)
    assert sum(len(one.logs or b"") for one in words) <= ALL_BYTES


def test_g8_long_progress_of_a_large_node_is_told_without_its_text() -> None:
    live, runs = LiveBoard(), [run(number) for number in range(1, 2_201)]
    live.progress([LiveProgress(*one, 4.0, 10.0, "x" * 4_000) for one in runs], 7)
    words = words_of(runs, live)
    lost = Request(LoseNode(N1, LIFE, reason="node_lost", said=words))
    assert len(encode_batch(Batch(1, (lost,)))) <= ALL_BYTES
    assert weight_of(lost.command) >= sum(len(one.progress or b"") for one in words)
    assert len(words) == len(runs)
    progress = progress_of_bytes(words[-1].progress or b"")
    assert (progress.done, progress.message) == (4.0, "")


def test_g8_the_words_of_ever_so_many_runs_with_long_names_stay_within_the_bound() -> None:
    live = LiveBoard()
    runs = [(TaskId(f"{number:0255d}"), AllocationId(number)) for number in range(1, 20_001)]
    live.progress([LiveProgress(*one, 4.0, 10.0, "") for one in runs], 7)
    lost = Request(LoseNode(N1, LIFE, said=words_of(runs, live)))
    assert len(encode_batch(Batch(1, (lost,)))) <= ALL_BYTES
    first = words_of(runs[:100], live)
    assert len(first) == 100
    assert all(one.progress for one in first)


def test_progress_that_is_no_number_is_not_taken() -> None:
    live = heard(1)
    said = [LiveProgress(*run(1), math.nan, 10.0, "loss"), LiveProgress(*run(1), 5.0, math.inf, "")]
    assert live.progress(said, 9) == []
    (words,) = words_of([run(1)], live)
    assert progress_of_bytes(words.progress or b"").done == 4.0


def two_tasks() -> World:
    world = World()
    world.accept(join())
    for name in ("t1", "t2"):
        world.accept(create(name))
    world.state.take_events()
    return world


@pytest.mark.parametrize(
    "command, ends",
    [
        (LoseNode(N1, LIFE, reason="node_lost"), ["t1", "t2"]),
        (LoseRuns(N1, LIFE, (run(1),), "vanished"), ["t1"]),
        (replace(join(counter=2), old_is_dead=True), ["t1", "t2"]),
    ],
)
def test_tm_70_whatever_ends_a_run_keeps_what_was_heard_of_it(
    command: Command, ends: list[str]
) -> None:
    world = two_tasks()
    complete = with_last_words(command, world.state, heard(1))
    world.accept(complete)
    rows = {row.task_id: row for row in rows_of(world.state.take_events(), world.state).runs}
    assert sorted(rows) == ends
    assert rows[TaskId("t1")].logs == words_of([run(1)], heard(1))[0].logs
    assert rows[TaskId("t1")].progress is not None
    assert "t2" not in rows or (rows[TaskId("t2")].logs, rows[TaskId("t2")].progress) == (
        None,
        None,
    )


def test_nothing_is_added_where_nothing_ends() -> None:
    world = two_tasks()
    same_life = join()
    assert isinstance(same_life, JoinNode)
    stop = StopRun(*run(1), StopReason.TIMEOUT, LIFE)
    for command in (same_life, join("n2"), stop):
        assert with_last_words(command, world.state, heard(1)) is command


def test_words_of_a_run_that_ended_meanwhile_are_no_other_runs() -> None:
    world = two_tasks()
    stale = LastWords(TaskId("t1"), AllocationId(99), b"other\n")
    world.at += SECOND
    world.accept(LoseNode(N1, LIFE, said=(stale,)))
    assert all(row.logs is None for row in rows_of(world.state.take_events(), world.state).runs)
