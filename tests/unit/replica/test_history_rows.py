"""What entries leave in the history: rows of runs and ranges of fates, and which earlier ones go with them (TM-9, TM-69, TM-74)."""

from __future__ import annotations

import pytest

from coordinator.machine.commands import CancelTask, SetSettings, WriteState
from coordinator.model.instants import DAY
from coordinator.model.schedules import Fate
from coordinator.model.settings import SettingValue
from coordinator.model.tasks import RunOutcome
from coordinator.replica.run_rows import Rows, digest_of, rows_of
from tests.unit.machine.kit import World, create, join
from tests.unit.machine.recurring import SKIPPED, STARTED, Recurring, T, nth


def taken(world: World) -> Rows:
    return rows_of(world.state.take_events(), world.state)


def keep(world: World, key: str, text: str) -> None:
    world.state.settings.values[f"retention.{key}"] = SettingValue(text, "ann", 1)


def write(world: World, state: bytes, seq: int = 1) -> None:
    task = world.task()
    ids = (task.id, task.allocation_id, task.assignment.incarnation)
    world.accept(WriteState(*ids, seq, state, 1))  # type: ignore[arg-type]


def test_tm_69_a_run_of_a_series_tells_its_occurrence_and_its_states() -> None:
    world = Recurring()
    world.fire()
    (begun,) = taken(world).runs
    assert (begun.cause, begun.occurrence_at, begun.due_at) == ("schedule", nth(0), nth(0))
    assert begun.state_digest_before is None
    write(world, b'{"n":1}')
    world.succeed(log_counts=(0, 3, 1, 0))
    ended = taken(world).runs[-1]
    assert (ended.state_digest_after, ended.state_bytes) == (digest_of(b'{"n":1}'), 7)
    assert ended.log_counts == (0, 3, 1, 0)
    world.fire()
    assert taken(world).runs[0].state_digest_before == digest_of(b'{"n":1}')
    world.succeed()
    ended = taken(world).runs[-1]
    assert (ended.state_digest_after, ended.state_bytes) == (None, None), "it wrote none"


def test_a_one_off_has_neither_an_occurrence_nor_anything_to_trim() -> None:
    world = World()
    world.accept(join())
    world.accept(create())
    rows = taken(world)
    (begun,) = rows.runs
    assert (begun.occurrence_at, begun.trim, begun.cause) == (None, None, "start")
    world.end("t", RunOutcome.SUCCEEDED)
    world.accept(CancelTask(T, purge=True))
    rows = taken(world)
    assert [task_id for task_id, _ in rows.gone] == [T]
    assert (rows.fates, rows.fates_gone) == ([], [])


def test_tm_9_neighbours_with_one_fate_are_one_range_and_another_fate_begins_the_next() -> None:
    world = Recurring(overlap="skip")
    taken(world)
    world.fire()
    world.succeed()
    world.fire()
    rows = taken(world)
    assert [(f.number, f.fate) for f in rows.fates] == [
        (1, Fate(STARTED, "", nth(0), nth(0))),
        (1, Fate(STARTED, "", nth(0), nth(1), 2)),
    ]
    world.fire()
    (skipped,) = taken(world).fates
    assert (skipped.number, skipped.fate.word, skipped.at) == (2, SKIPPED, world.state.at)
    assert world.series.fates == 2


def test_tm_74_a_new_range_says_which_go() -> None:
    world = Recurring(overlap="skip")
    keep(world, "fates", "1d/2")
    world.fire()
    taken(world)
    world.fire()
    world.succeed()
    world.fire()
    (_, third) = taken(world).fates
    assert (third.number, third.gone_upto, third.gone_before) == (3, 1, world.state.at - DAY)
    world.succeed()
    world.fire()
    (grown,) = taken(world).fates
    assert (grown.number, grown.gone_upto, grown.gone_before) == (3, 0, 0)


def test_tm_74_each_run_of_a_series_says_how_many_stay() -> None:
    world = Recurring()
    world.fire()
    assert taken(world).runs[0].trim == (50, world.state.at - 30 * DAY)
    world.succeed()
    keep(world, "runs", "1d/200")
    trims = []
    for _ in range(8):
        world.fire()
        trims += [row.trim for row in taken(world).runs if row.node is not None]
        world.succeed()
    assert [trim is not None for trim in trims] == [False, False, True, False] * 2
    assert trims[2] == (200, nth(3) - DAY)


def test_fates_go_with_the_record_and_when_it_is_no_series_any_more() -> None:
    world = Recurring()
    world.fire()
    world.succeed()
    taken(world)
    world.edit(None)
    assert taken(world).fates_gone == [T]
    world = Recurring()
    world.accept(CancelTask(T, purge=True))
    rows = taken(world)
    assert rows.fates_gone == [T]
    assert rows.fates == []


@pytest.mark.parametrize("outcome", [RunOutcome.LOST, RunOutcome.FAILED])
def test_the_progress_of_a_run_stays_with_its_end(outcome: RunOutcome) -> None:
    world = Recurring()
    world.fire()
    taken(world)
    world.end("t", outcome, progress=b'{"done":1}')
    assert taken(world).runs[0].progress == b'{"done":1}'


def test_rows_that_wait_for_the_disk_go_with_a_record_that_goes_before_they_are_written() -> None:
    world = World()
    world.accept(join())
    waiting = Rows()
    world.accept(create())
    waiting.follow(taken(world))
    world.accept(CancelTask(T, purge=True))
    world.end("t", RunOutcome.CANCELLED)
    waiting.follow(taken(world))
    assert world.state.tasks == {}
    assert waiting.runs == []
    assert [task_id for task_id, _ in waiting.gone] == [T]
    world.accept(create())
    waiting.follow(taken(world))
    assert [row.task_id for row in waiting.runs] == [T]


def test_fates_that_wait_for_the_disk_go_with_their_series() -> None:
    world, waiting = Recurring(), Rows()
    world.fire()
    world.succeed()
    waiting.follow(taken(world))
    assert [fate.number for fate in waiting.fates] == [1]
    world.edit(None)
    waiting.follow(taken(world))
    assert (waiting.fates, waiting.fates_gone) == ([], [T])


def test_tm_75_an_event_says_which_earlier_ones_go_with_it() -> None:
    world = World()
    world.accept(SetSettings((("retention.audit", "2d/3"),)))
    taken(world)
    world.state.audited = 7
    world.accept(SetSettings((("retry.first", "9s"),)))
    (row,) = taken(world).audit
    assert (row.event.number, row.gone_upto, row.gone_before) == (8, 5, world.at - 2 * DAY)
    both = Rows()
    both.follow(Rows(audit=[row]))
    assert both
    assert both.columns() == ((), (), (), (), (row,))
    assert not Rows()
