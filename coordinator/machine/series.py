"""The end of a run of a recurring task: tried again within its occurrence, or on to the next one (TM-36 to TM-40)."""

from __future__ import annotations

from msgspec.structs import replace

from coordinator.machine.backoff import longest_wait
from coordinator.machine.commands import EndRun
from coordinator.machine.fates import is_too_late, overtaken, withdrawn
from coordinator.machine.leaving import (
    RUN_NOW,
    over,
    paused,
    placed_again,
    runs_paused,
    waiting,
    without_node,
)
from coordinator.machine.marks import marked
from coordinator.machine.rows import after_abort, after_loss, attempts_before, dead_letter_reason
from coordinator.model.instants import Instant
from coordinator.model.schedules import (
    NEVER,
    Firing,
    Occurrence,
    Schedule,
    Series,
    after_run,
    awaits_its_run,
    same_rule,
    same_times,
)
from coordinator.model.state import ClusterState
from coordinator.model.tasks import (
    Assignment,
    Code,
    Desired,
    LastOutcome,
    RunOutcome,
    Status,
    Task,
    with_asked,
)

SCHEDULE_ENDED = "schedule_ended"


def settled_series(state: ClusterState, task: Task, report: EndRun, last: LastOutcome) -> Task:
    """The record of a recurring task whose run has ended like this. It has a series."""
    if last.outcome in (RunOutcome.ABORTED, RunOutcome.LOST) and _gives_way(task):
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
            return go_on(state, _counted(state, replace(task, losses=0)), report)
        case RunOutcome.LOST:
            return after_loss(state, task, report, last.duration_ms)
        case RunOutcome.ABORTED:  # pragma: no branch - the type checker proves the match total
            return after_abort(state, task, report)


def go_on(state: ClusterState, task: Task, report: EndRun) -> Task:
    """The occurrence is over: the next one that was held back, or wait for the next fire time, or the end."""
    series = task.series
    if series is None:
        return task
    series = replace(series, occurrence=None, next=next_after(task, series, state.at))
    task = replace(task, series=series, cause="schedule")
    if task.desired is Desired.PAUSED:
        task, series = _without_the_timetables(state, task, series)
    if series.queue:
        first, rest = series.queue[0], series.queue[1:]
        task = replace(task, series=replace(series, occurrence=first, queue=rest))
        task = replace(task, due_at=first.due_at, cause=first.cause)
        if is_too_late(task, first, state.at):
            report = replace(report, next=None)
        return placed_again(state, task, report, Assignment())
    if task.desired is Desired.PAUSED:
        return replace(paused(state, task), due_at=series.next.due_at)
    if is_exhausted(series):
        return over(state, replace(task, stop_text=""), Status.SUCCEEDED, reason=SCHEDULE_ENDED)
    return idle(state, task)


def idle(state: ClusterState, task: Task) -> Task:
    """The record off its node, waiting for its next fire time: no instant of its own wakes it."""
    due_at = task.series.next.due_at if task.series is not None else NEVER
    waits = without_node(state, task, Status.WAITING, Assignment(code=Code.NOT_DUE))
    return replace(waits, due_at=due_at)


def next_after(task: Task, series: Series, at: Instant) -> Firing:
    """What comes after the present occurrence, which is over.

    Of an interval that counts from its runs that follows from the run (TM-7), or from now if there was none.
    """
    schedule, occurrence = task.spec.schedule, series.occurrence
    is_known = series.next.fire_at != NEVER  # a manual run never moves it (TM-29)
    if schedule is None or occurrence is None or is_known or not awaits_its_run(schedule, series):
        return series.next
    if any(one.fire_at for one in series.queue):  # then it depends on the run of that one
        return Firing()
    fire_at = after_run(schedule, occurrence.due_at, task.started_at or at, at)
    return Firing(fire_at, fire_at) if not schedule.end or fire_at < schedule.end else Firing()


def rescheduled(task: Task, series: Series, old: Schedule | None, at: Instant) -> Series:
    """It has got the timetable of the record, had the old one: the leader says what comes next by that (TM-25).

    What is due already stays, and what came while it was paused is not forgotten (TM-27). A rule that is only bounded,
    blacked out or delayed otherwise goes on as a resumed one does, from where it began.
    """
    schedule = task.spec.schedule
    if same_times(old, schedule):
        return series
    if task.desired is Desired.PAUSED:
        series = replace(series, passed=has_passed(series, at))
    goes_on = same_rule(old, schedule) and series.needs != "edited"
    return retimed(series, schedule, at, "resumed" if goes_on else "edited")


def has_passed(series: Series, at: Instant) -> bool:
    """Whether a fire time has come since this series was paused."""
    return series.passed or (not series.needs and 0 < series.next.due_at <= at)


def retimed(series: Series, schedule: Schedule | None, at: Instant, why: str) -> Series:
    """The leader has to say anew what comes next, but for an interval that counts from its runs while there is one.

    What follows that run is known with its end, and the leader's word might come behind that end in the log.
    """
    needs = "first" if series.needs == "first" else why
    series = replace(series, needs=needs, since=at, last_fate=None)
    if needs == "first" or schedule is None or not awaits_its_run(schedule, series):
        return series
    return replace(series, next=Firing(), needs="") if schedule.start <= at else series


def lives_on(state: ClusterState, task: Task, schedule: Schedule, report: EndRun) -> Task:
    """A one-off whose run has returned a schedule is a series from now on, as if it had always been (TM-4)."""
    ran_at = task.due_at or task.started_at or state.at
    series = Series(ran_at, handled=ran_at, fates=task.past_fates)
    if task.run_again:
        series = replace(series, queue=(Occurrence(RUN_NOW, 0, state.at),))
    alive = replace(task, series=series, attempts=0, losses=0, run_again=False, past_fates=0)
    return _after_success(state, alive, replace(report, schedule=schedule))


def is_exhausted(series: Series) -> bool:
    """Nothing is left that could still run (TM-16)."""
    left = series.occurrence is not None or series.queue or series.extra_at or series.needs
    return not left and series.next.fire_at == NEVER


def _gives_way(task: Task) -> bool:
    """It was stopped for the sake of one that is held back, or because the series is paused."""
    occurrence = task.series.occurrence if task.series is not None else None
    is_paused = task.desired is Desired.PAUSED and not runs_paused(task)
    return is_paused or (occurrence is not None and occurrence.replaced)


def _without_the_timetables(state: ClusterState, task: Task, series: Series) -> tuple[Task, Series]:
    """A paused series is left with the runs that somebody asked for all the same."""
    kept = tuple(one for one in series.queue if one.while_paused)
    rest = tuple(one for one in series.queue if not one.while_paused)
    task = withdrawn(state, replace(task, series=replace(series, queue=rest)), "paused")
    series = replace(task.series or series, queue=kept)
    return replace(task, series=series), series


def _after_success(state: ClusterState, task: Task, report: EndRun) -> Task:
    series = task.series
    if series is None:
        return task
    series = replace(series, failures=0, extra_at=report.again_at or series.extra_at)
    task = replace(task, series=series)
    if report.schedule is not None:
        task = _with_schedule(state, task, series, report.schedule)
        task = replace(task, policy=with_asked(report.policy or task.policy, task.spec))
    if report.then == "end":
        return over(state, task, Status.SUCCEEDED)
    if report.then == "pause":
        set_by = marked(task.set_by, "run", ["paused"])
        task = overtaken(state, task, "paused")
        task = replace(task, desired=Desired.PAUSED, set_by=set_by)
    return go_on(state, task, report)


def _with_schedule(state: ClusterState, task: Task, series: Series, schedule: Schedule) -> Task:
    """The run has set another one (TM-4)."""
    old, spec = task.spec.schedule, replace(task.spec, schedule=schedule)
    set_by = marked(task.set_by, "run", ["schedule"])
    task = replace(task, spec=spec, set_by=set_by, edited_revision=state.revision)
    return replace(task, series=rescheduled(task, series, old, state.at))


def _after_failure(state: ClusterState, task: Task, report: EndRun, last: LastOutcome) -> Task:
    if report.permanent and report.reason == "permanent":
        task = replace(task, attempts=attempts_before(task, last) + 1, losses=0)
        return over(state, task, Status.FAILED, reason=dead_letter_reason(report, last))
    if report.reason == "self_reported":
        return go_on(state, _counted(state, replace(task, losses=0)), report)
    is_reset = attempts_before(task, last) < task.attempts
    task = replace(task, attempts=attempts_before(task, last) + 1, losses=0)
    task = _failed_once_more(task, is_reset=is_reset)
    if _gives_way(task):
        return go_on(state, _counted(state, task), report)
    retry_at = _retry_at(state, task, report)
    if retry_at:
        return waiting(state, replace(task, cause="retry"), retry_at)
    return go_on(state, _counted(state, task), report)


def _failed_once_more(task: Task, *, is_reset: bool) -> Task:
    """One more failed attempt within the occurrence (TM-38)."""
    series = task.series
    if series is None or series.occurrence is None:
        return task
    attempts = 1 if is_reset else series.occurrence.attempts + 1
    occurrence = replace(series.occurrence, attempts=attempts)
    return replace(task, series=replace(series, occurrence=occurrence))


def _counted(state: ClusterState, task: Task) -> Task:
    """One more failed occurrence in the row; after too many the series is paused."""
    series, schedule = task.series, task.spec.schedule
    if series is None or schedule is None:
        return task
    failures = series.failures + 1
    task = replace(task, series=replace(series, failures=failures))
    if 0 < schedule.pause_after_failures <= failures and task.desired is Desired.RUNNING:
        why = f"{failures} failures in a row" if failures > 1 else "1 failure"
        task = overtaken(state, task, "paused")
        return replace(task, desired=Desired.PAUSED, stop_text=why)
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
    is_alone = series.next.fire_at == NEVER or task.desired is Desired.PAUSED  # none comes
    return retry_at if is_alone or retry_at < series.next.due_at else NEVER
