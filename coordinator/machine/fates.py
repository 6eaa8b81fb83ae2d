"""Fates: what became of the fire times of a series, each exactly once, neighbours with the same fate as one range (TM-9)."""

from __future__ import annotations

from msgspec.structs import replace

from coordinator.model.events import Fated
from coordinator.model.instants import Instant
from coordinator.model.schedules import Fate, FateWord, Firing, Occurrence, Series, last_start
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Desired, Task


def with_fate(state: ClusterState, task: Task, series: Series, fate: Fate) -> Series:
    """The series after this fate. It lengthens the last range only if no fire time lies between that is still open."""
    last, stored, number = series.last_fate, fate, series.fates + 1
    if last is not None and _joins(series, last, fate):
        stored = replace(last, last=fate.last, count=last.count + fate.count)
        number = series.fates
    state.events.append(Fated(task.id, task.executor, fate, stored, number))
    latest = max(series.latest, fate.last)
    return replace(series, last_fate=stored, latest=latest, fates=number)


def skipped(
    state: ClusterState, task: Task, series: Series, occurrence: Occurrence, reason: str
) -> Series:
    """This occurrence will not run. One that no fire time stands behind has no fate."""
    if not occurrence.fire_at or occurrence.placed:
        return series
    at = occurrence.fire_at
    return with_fate(state, task, series, Fate(FateWord.SKIPPED, reason, at, at))


def placed(state: ClusterState, task: Task) -> Task:
    """The record, whose occurrence has just been given a node: its fire time has its fate."""
    if task.series is None:
        return task
    series = replace(task.series, runs=task.series.runs + 1)
    occurrence = series.occurrence
    if occurrence is None or (occurrence.placed and not occurrence.asked):
        return replace(task, series=series)
    if (at := occurrence.fire_at) and not occurrence.placed:
        series = with_fate(state, task, series, Fate(FateWord.STARTED, "", at, at))
    occurrence = replace(occurrence, placed=True, asked=False)
    return replace(task, series=replace(series, occurrence=occurrence))


def is_too_late(task: Task, occurrence: Occurrence, at: Instant) -> bool:
    """Its start deadline has passed before it had a node: it gets none any more, and the leader says that it is missed."""
    schedule = task.spec.schedule
    return schedule is not None and 0 < last_start(schedule, occurrence) <= at


def withdrawn(state: ClusterState, task: Task, reason: str) -> Task:
    """Whatever of the series has no place will not get one: the occurrence that is pending, and those held back."""
    series = task.series
    if series is None:
        return task
    pending = series.occurrence if not task.has_node else None
    for occurrence in series.queue if pending is None else (pending, *series.queue):
        series = skipped(state, task, series, occurrence, reason)
    kept = series.occurrence if pending is None else None
    return replace(task, series=replace(series, occurrence=kept, queue=()))


def awaits_the_leader(state: ClusterState, task: Task) -> bool:
    """Whether a fire time has come that the leader has not handled yet, because it had no time or there was none."""
    series = task.series
    if series is None or series.needs or task.desired is not Desired.RUNNING:
        return False
    return 0 < series.next.due_at <= state.at


def overtaken(state: ClusterState, task: Task, reason: str) -> Task:
    """A wish came before the leader had handled the fire time that is due: it does not start, and has its fate all the same.

    To be called with the record as it was before the wish.
    """
    series = task.series
    if series is None or not awaits_the_leader(state, task):
        return task
    at = series.next.fire_at
    series = with_fate(state, task, series, Fate(FateWord.SKIPPED, reason, at, at))
    return replace(task, series=replace(series, handled=at))


def closed(state: ClusterState, task: Task, reason: str) -> Task:
    """The record of a series that has ended: nothing of it comes any more."""
    task = withdrawn(state, overtaken(state, task, reason), reason)
    if task.series is None:
        return task
    series = replace(task.series, occurrence=None, next=Firing(), extra_at=0, needs="")
    return replace(task, series=series)


def _joins(series: Series, last: Fate, fate: Fate) -> bool:
    if (last.word, last.reason) != (fate.word, fate.reason):
        return False
    if last.last != series.latest or fate.first <= last.last:
        return False
    pending = series.occurrence
    held = series.queue if pending is None or pending.placed else (pending, *series.queue)
    return not any(last.last < one.fire_at < fate.first for one in held)
