"""Fates and lateness of series, from what the law says of their fire times (TM-82)."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from coordinator.client.metric_parts import Names, Sheet
from coordinator.machine.commands import Command
from coordinator.model.instants import SECOND
from coordinator.model.schedules import Fate, Occurrence
from coordinator.replica.effects import Applied, LeadershipChanged
from coordinator.shell.metric_families import FAMILIES
from coordinator.shell.metrics_tasks import TaskMetrics
from tests.unit.machine.recurring import MISSED, Recurring, nth

NOOP = ("demo.noop",)


class Watched(Recurring):
    """Each command is told as the pump of a leader would tell it."""

    metrics: TaskMetrics | None = None

    @override
    def do(self, command: Command, request_id: str = "", content: int = 0) -> Any:
        if self.metrics is None:
            self.metrics = TaskMetrics(Names(), lambda: self.state)
            self.metrics.listen(LeadershipChanged(1, 3, True))
        outcome = super().do(command, request_id, content)
        events = tuple(self.state.take_events())
        self.metrics.listen(Applied(self.state.revision, self.state.at, events))
        return outcome

    def shown(self, name: str) -> dict[tuple[str, ...], Any]:
        assert self.metrics is not None
        sheet = Sheet(FAMILIES)
        self.metrics.put(sheet, self.at)
        return sheet.values[name]


def test_fire_times_that_start_are_late_by_the_first_line_of_code() -> None:
    world = Watched()
    world.fire()
    world.at += 400
    world.begin()
    world.succeed()
    world.fire()
    world.at += 300
    world.succeed(
        started_at=world.at - 100, lasted_ms=100
    )  # a short run: its start comes with its end
    assert world.shown("schedule_fates_total") == {("demo.noop", "started"): 2}
    late = world.shown("schedule_lateness_seconds")[NOOP]
    assert (sum(late.counts), round(late.total, 3)) == (2, 0.6)
    assert world.shown("runs_total") == {("demo.noop", "succeeded"): 2}


def test_ranges_of_missed_fire_times_count_as_many() -> None:
    world = Watched()
    world.at = nth(4) + 5
    missed = Fate(MISSED, "misfire", nth(0), nth(3), 4)
    start = Occurrence("schedule", nth(4), nth(4))
    world.fire(nth(5), fates=(missed,), start=start, late=True)
    found = world.shown("schedule_fates_total")
    assert found == {("demo.noop", "missed"): 4, ("demo.noop", "started"): 1}


def test_a_series_that_waits_for_its_time_is_not_overdue() -> None:
    world = Watched()
    world.at += 10 * SECOND
    assert world.shown("overdue") == {}
    world.fire()
    assert world.shown("overdue") == {NOOP: 1}
