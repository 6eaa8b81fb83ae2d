"""Fates: what became of the fire times of a series, each exactly once, neighbours with the same fate as one range (TM-9)."""

from __future__ import annotations

from msgspec.structs import replace

from coordinator.model.events import Fated
from coordinator.model.schedules import Fate, FateWord, Firing, Occurrence, Series
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Task


def with_fate(state: ClusterState, task: Task, series: Series, fate: Fate) -> Series:
    """The series after this fate. It lengthens the last range only if no fire time lies between that is still open."""
    last, stored = series.last_fate, fate
    if last is not None and _joins(series, last, fate):
        stored = replace(last, last=fate.last, count=last.count + fate.count)
    state.events.append(Fated(task.id, task.executor, fate, stored))
    return replace(series, last_fate=stored, latest=max(series.latest, fate.last))


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
    series = task.series
    occurrence = series.occurrence if series is not None else None
    if series is None or occurrence is None or occurrence.placed:
        return task
    if at := occurrence.fire_at:
        series = with_fate(state, task, series, Fate(FateWord.STARTED, "", at, at))
    return replace(task, series=replace(series, occurrence=replace(occurrence, placed=True)))


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


def closed(state: ClusterState, task: Task, reason: str) -> Task:
    """The record of a series that has ended: nothing of it comes any more."""
    task = withdrawn(state, task, reason)
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
