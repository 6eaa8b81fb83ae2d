"""The end of a run of a recurring task: tried again within its occurrence, or on to the next one (TM-36 to TM-40)."""

from __future__ import annotations

from msgspec.structs import replace

from coordinator.machine.backoff import longest_wait
from coordinator.machine.commands import EndRun
from coordinator.machine.fates import withdrawn
from coordinator.machine.leaving import over, placed_again, waiting, without_node
from coordinator.machine.rows import after_abort, after_loss, attempts_before, dead_letter_reason
from coordinator.model.instants import Instant
from coordinator.model.schedules import NEVER, Firing, Occurrence, Schedule, Series, after_run
from coordinator.model.state import ClusterState
from coordinator.model.tasks import (
    Assignment,
    Code,
    Desired,
    LastOutcome,
    RunOutcome,
    Status,
    StopReason,
    Task,
)

SCHEDULE_ENDED = "schedule_ended"


def settled_series(state: ClusterState, task: Task, report: EndRun, last: LastOutcome) -> Task:
    """The record of a recurring task whose run has ended like this. It has a series."""
    if _makes_room(task, last):
        return go_on(state, replace(task, losses=0), report)
    match last.outcome:
        case RunOutcome.SUCCEEDED | RunOutcome.WARNING:
            return _after_success(state, replace(task, attempts=0, losses=0), report)
        case RunOutcome.CANCELLED if task.desired is Desired.CANCELLED:
            return over(state, task, Status.CANCELLED)
        case RunOutcome.CANCELLED:
            return go_on(state, replace(task, losses=0), report)
        case RunOutcome.FAILED | RunOutcome.TIMED_OUT:
            return _after_failure(state, task, report, last)
        case RunOutcome.LOST if task.policy.on_lost == "fail":
            return go_on(state, _failed_once_more(task), report)
        case RunOutcome.LOST:
            return after_loss(state, task, report, last.duration_ms)
        case RunOutcome.ABORTED:  # pragma: no branch - the type checker proves the match total
            return after_abort(state, task, report)


def go_on(state: ClusterState, task: Task, report: EndRun) -> Task:
    """The occurrence is over: the next one that was held back, or wait for the next fire time, or the end."""
    series = task.series
    if series is None:
        return task
    series = replace(series, occurrence=None, next=_next_after(task, series, state.at))
    task = replace(task, series=series, cause="schedule")
    if task.desired is Desired.PAUSED:
        return _idle_paused(state, task)
    if series.queue:
        first, rest = series.queue[0], series.queue[1:]
        task = replace(task, series=replace(series, occurrence=first, queue=rest))
        task = replace(task, due_at=first.due_at, cause=first.cause)
        return placed_again(state, task, report, Assignment())
    if is_exhausted(series):
        return over(state, replace(task, stop_text=""), Status.SUCCEEDED, reason=SCHEDULE_ENDED)
    return idle(state, task)


def idle(state: ClusterState, task: Task) -> Task:
    """The record off its node, waiting for its next fire time: no instant of its own wakes it."""
    due_at = task.series.next.due_at if task.series is not None else NEVER
    waits = without_node(state, task, Status.WAITING, Assignment(code=Code.NOT_DUE))
    return replace(waits, due_at=due_at)


def is_exhausted(series: Series) -> bool:
    """Nothing is left that could still run (TM-16)."""
    left = series.occurrence is not None or series.queue or series.extra_at or series.needs
    return not left and series.next.fire_at == NEVER


def _makes_room(task: Task, last: LastOutcome) -> bool:
    """It was stopped for the sake of one that is held back, and did stop."""
    occurrence = task.series.occurrence if task.series is not None else None
    replaced = occurrence is not None and occurrence.replaced
    return replaced and last.outcome is RunOutcome.ABORTED and _was_replaced(task)


def _was_replaced(task: Task) -> bool:
    return task.stop_reason is StopReason.REPLACE


def _after_success(state: ClusterState, task: Task, report: EndRun) -> Task:
    series = task.series
    if series is None:
        return task
    series = replace(series, failures=0, extra_at=report.again_at or series.extra_at)
    task = replace(task, series=series)
    if report.schedule is not None:
        task = _with_schedule(state, task, series, report.schedule)
    if report.then == "end":
        return over(state, task, Status.SUCCEEDED)
    if report.then == "pause":
        task = replace(task, desired=Desired.PAUSED)
    return go_on(state, task, report)


def _with_schedule(state: ClusterState, task: Task, series: Series, schedule: Schedule) -> Task:
    """The run has set another one (TM-4). The leader says what comes next by it."""
    spec = replace(task.spec, schedule=schedule)
    series = replace(series, needs="edited", since=state.at, last_fate=None)
    marked = dict(task.set_by) | {"schedule": "run"}
    set_by = tuple(sorted(marked.items()))
    return replace(task, spec=spec, series=series, set_by=set_by, edited_revision=state.revision)


def _after_failure(state: ClusterState, task: Task, report: EndRun, last: LastOutcome) -> Task:
    if report.permanent and report.reason == "permanent":
        return over(state, task, Status.FAILED, reason=dead_letter_reason(report, last))
    if report.reason == "self_reported":
        return go_on(state, replace(_counted(task), losses=0), report)
    task = replace(_failed_once_more(task), attempts=attempts_before(task, last) + 1, losses=0)
    retry_at = _retry_at(state, task, report)
    if retry_at:
        return waiting(state, replace(task, cause="retry"), retry_at)
    return go_on(state, task, report)


def _failed_once_more(task: Task) -> Task:
    series = task.series
    if series is None or series.occurrence is None:
        return task
    attempts = series.occurrence.attempts + 1
    occurrence = replace(series.occurrence, attempts=attempts)
    return _counted(replace(task, series=replace(series, occurrence=occurrence)))


def _counted(task: Task) -> Task:
    """One more failed occurrence in the row; after too many the series is paused."""
    series, schedule = task.series, task.spec.schedule
    if series is None or schedule is None:
        return task
    failures = series.failures + 1
    task = replace(task, series=replace(series, failures=failures))
    if 0 < schedule.pause_after_failures <= failures and task.desired is Desired.RUNNING:
        return replace(task, desired=Desired.PAUSED, stop_text=f"{failures} failures in a row")
    return task


def _retry_at(state: ClusterState, task: Task, report: EndRun) -> Instant:
    """When this occurrence is tried again; 0: not at all, the next fire time comes (TM-36, TM-38)."""
    series = task.series
    occurrence: Occurrence | None = series.occurrence if series is not None else None
    if series is None or occurrence is None or report.permanent:
        return NEVER
    asked = report.retry_given or task.policy.within_occurrence
    used_up = 0 < task.policy.max_attempts <= occurrence.attempts
    if not asked or (used_up and not report.retry_given):
        return NEVER
    wait = longest_wait(task.policy.backoff, occurrence.attempts)
    retry_at = max(report.retry_at or state.at + wait, state.at)
    comes_first = series.next.fire_at == NEVER or retry_at < series.next.due_at
    return retry_at if comes_first else NEVER


def _next_after(task: Task, series: Series, at: Instant) -> Firing:
    """Of an interval that counts from its runs the next fire time follows from the one that has just ended (TM-7)."""
    schedule, occurrence = task.spec.schedule, series.occurrence
    counts = schedule is not None and schedule.every_ms and schedule.count_from != "due"
    if schedule is None or occurrence is None or not counts:
        return series.next
    due_at, began = occurrence.due_at, task.started_at or at
    fire_at = after_run(schedule, due_at, began, at)
    return Firing(fire_at, fire_at) if not schedule.end or fire_at < schedule.end else Firing()


def _idle_paused(state: ClusterState, task: Task) -> Task:
    task = withdrawn(state, task, "paused")
    why = Assignment(code=Code.PAUSED, explanation=task.stop_text)
    return without_node(state, task, Status.PAUSED, why)
