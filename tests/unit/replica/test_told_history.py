"""Of what another member tells of the history only that is kept which belongs to a record of ours."""

from __future__ import annotations

from coordinator.model.ids import AllocationId, TaskId
from coordinator.model.schedules import Fate, FateWord
from coordinator.replica.effects import AuditWrite, FateWrite, RunWrite
from coordinator.replica.inputs import KeepHistory
from coordinator.replica.told_history import rows_told
from tests.ports.store_kit import event
from tests.unit.machine.kit import AT
from tests.unit.machine.recurring import STARTED, Recurring, T, nth

OLD = Fate(FateWord.MISSED, "misfire", 1, 1)


def run(task: str, number: int, assigned_at: int | None = AT) -> RunWrite:
    return RunWrite(TaskId(task), AllocationId(number), 0, assigned_at=assigned_at)


def fate(number: int, task: str = "t", at: int = 5) -> FateWrite:
    return FateWrite(TaskId(task), number, 0, at, OLD)


def test_runs_of_records_that_are_there_since_then() -> None:
    world = Recurring()
    ours, of_nobody, before = run("t", 1), run("gone", 2), run("t", 3, AT - 1)
    told = KeepHistory((ours, of_nobody, before, run("t", 4, None)))
    rows = rows_told(told, world.state)
    assert [row.allocation_id for row in rows.runs] == [1, 4]


def test_the_newest_range_has_the_form_that_our_record_knows() -> None:
    world = Recurring()
    world.fire()
    world.succeed()
    world.fire()
    assert world.series.fates == 1
    told = KeepHistory((), (fate(1), fate(2), fate(1, "gone")))
    rows = rows_told(told, world.state)
    assert [(row.number, row.fate, row.at) for row in rows.fates] == [
        (1, Fate(STARTED, "", nth(0), nth(1), 2), 5)
    ]


def test_an_earlier_range_is_kept_as_it_was_told() -> None:
    world = Recurring(overlap="skip")
    for _ in range(2):
        world.fire()
    world.edit(None)
    assert rows_told(KeepHistory((), (fate(1),)), world.state).fates == []
    again = Recurring(overlap="skip")
    for _ in range(2):
        again.fire()
    assert again.series.fates == 2
    assert rows_told(KeepHistory((), (fate(1),)), again.state).fates == [fate(1)]
    assert T in again.state.tasks


def test_tm_75_events_up_to_the_last_one_that_our_state_knows() -> None:
    world = Recurring()
    world.state.audited = 2
    told = KeepHistory(
        (), (), (event(1), event(2), event(3))
    )  # the third comes with our own entries
    assert rows_told(told, world.state).audit == [AuditWrite(event(1)), AuditWrite(event(2))]
