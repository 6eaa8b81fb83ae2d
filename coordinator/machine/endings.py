"""How a run ends, whoever says it: the node, or the leader for a node or worker that is gone.

Two steps. First what the run's outcome is, given why it was asked to stop (PT-16). Then what
becomes of the task: finished, waiting for its retry, or to be placed again (PT-25, PT-66, TM-36).
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from coordinator.machine.backoff import longest_wait
from coordinator.machine.commands import EndRun
from coordinator.machine.dependencies import refuse_schedule
from coordinator.machine.leaving import over, paused, placed_again, waiting, without_node
from coordinator.machine.marks import marked
from coordinator.machine.outcome import Refusal, Refused
from coordinator.machine.records import cleared
from coordinator.machine.rows import after_abort, after_loss, attempts_before, dead_letter_reason
from coordinator.machine.series import lives_on, settled_series
from coordinator.model.events import RunEnded
from coordinator.model.instants import Instant, Millis
from coordinator.model.limits import RESULT_BYTES_IN_STATE
from coordinator.model.nodes import NodeStatus
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

ERROR_TEXT_CHARS = 256
BAD_SCHEDULE = "InvalidSchedule"
SUCCESSES = (RunOutcome.SUCCEEDED, RunOutcome.WARNING)


def end_run_of(state: ClusterState, task: Task, report: EndRun, hold_ms: Millis = 0) -> Task:
    """The record after the end of its current run; notes the event, stores nothing else.

    `report` is fenced already, or was made by the machine for a run that nobody can report. `hold_ms`: for so long a
    task that is to go on waits for its node, which restarts; also where the node's record says so.
    """
    hold_ms, node = hold_ms or _hold_of(state, task), task.assignment.node
    if hold_ms:
        report = replace(report, next=None)
    outcome = outcome_of(task.stop_reason, report.outcome, report.reported, rerun=task.rerun)
    if outcome in SUCCESSES and (refused := _refuse_its_schedule(state, task, report)) is not None:
        outcome, report = RunOutcome.FAILED, _with_bad_schedule(report, refused.detail)
    started_at = task.started_at or report.started_at
    lasted_ms = lasted(report.lasted_ms, started_at, state.at)
    last = LastOutcome(
        outcome=outcome,
        allocation_id=task.allocation_id,
        reason=_said_reason(task, report, outcome),
        ended_at=state.at,
        node=task.assignment.node or "",
        duration_ms=lasted_ms,
        result=_kept(report.result),
        error_text=report.error_text[:ERROR_TEXT_CHARS],
    )
    state.events.append(_event(task, report, last, started_at))
    task = replace(task, last_outcome=last, started_at=started_at, own_process=report.worker_died)
    if task.next_policy is not None:  # this run had its own (PT-33, PT-30)
        task = replace(task, policy=task.next_policy, next_policy=None)
    if task.next_limits is not None:
        task = replace(task, limits=task.next_limits, next_limits=None)
    if task.clear_state:
        task = cleared(task)
    if task.rerun:
        task = replace(task, rerun=False)
    settled = _settled(state, task, report, last)
    if hold_ms and node is not None and settled.status is Status.UNASSIGNED:
        held = Assignment(code=Code.HELD_FOR_NODE, explanation=node)
        until = state.at + hold_ms
        settled = replace(settled, status=Status.WAITING, assignment=held, wake_at=until)
    return settled


def _refuse_its_schedule(state: ClusterState, task: Task, report: EndRun) -> Refused | None:
    """Refuse the schedule that a one-off returned and others wait for: they would wait for ever (TM-4, TM-67)."""
    is_first = report.schedule is not None and task.series is None
    return refuse_schedule(state, task.id) if is_first else None


def _with_bad_schedule(report: EndRun, why: str) -> EndRun:
    return EndRun(
        *(report.task_id, report.allocation_id, report.incarnation, RunOutcome.FAILED),
        reason=Refusal.INVALID_SCHEDULE,
        error=bad_schedule_error(why),
        error_text=f"{BAD_SCHEDULE}: {why}"[:ERROR_TEXT_CHARS],
        permanent=True,
        logs=report.logs,
        log_counts=report.log_counts,
        started_at=report.started_at,
        lasted_ms=report.lasted_ms,
        reported=report.reported or report.outcome.value,
    )


def bad_schedule_error(why: str) -> bytes:
    """The error of a run that returned a schedule that cannot be, as JSON."""
    return msgspec.json.encode({"type": BAD_SCHEDULE, "message": why, "traceback": ""})


def lasted(said: Millis, started_at: Instant, at: Instant) -> Millis:
    """How long a run went on that ends at `at`: what its node said (0: nothing), else since its code began (0: never)."""
    return said or (max(0, at - started_at) if started_at else 0)


def _hold_of(state: ClusterState, task: Task) -> Millis:
    """How long a task waits for its node: one that is away, or on its way out, and is expected back (PT-72)."""
    node = state.nodes.get(task.assignment.node) if task.assignment.node is not None else None
    if node is None or node.drain is None:
        return 0
    is_away = node.status in (NodeStatus.LOST, NodeStatus.LEFT)
    return node.drain.hold if is_away or node.drain.leaving else 0


def _said_reason(task: Task, report: EndRun, outcome: RunOutcome) -> str:
    """The run's own word, or why it had to end, with what whoever stopped it gave as reason."""
    reason = report.reason
    if task.stop_reason is None or reason not in ("", task.stop_reason):
        return reason
    if outcome is RunOutcome.ABORTED and task.stop_reason is StopReason.PAUSE:
        reason = "paused"
    if outcome is RunOutcome.CANCELLED and task.rerun:
        goes_on = "runs again" if task.series is None else "goes on by its schedule"
        reason = f"cancelled, {goes_on}"
    if outcome is RunOutcome.ABORTED and _is_replaced(task):
        reason = "replaced"
    if outcome in SUCCESSES:
        return reason  # it did not end because of that
    return ": ".join(word for word in (reason, task.stop_text) if word)


def _is_replaced(task: Task) -> bool:
    """Its run was asked to make room for another one of the series (TM-12)."""
    occurrence = task.series.occurrence if task.series is not None else None
    return occurrence is not None and occurrence.replaced and task.stop_reason is StopReason.REPLACE


def outcome_of(
    stop: StopReason | None, said: RunOutcome, reported: str = "", *, rerun: bool = False
) -> RunOutcome:
    """What the record says of a run that said this and had been asked to stop for that (PT-16).

    `reported`: what its code came to; what it had done did not fail because of the stop. `rerun`: the run alone was
    cancelled.
    """
    if stop is StopReason.CANCEL:
        return RunOutcome.CANCELLED
    if stop is StopReason.TIMEOUT:
        return RunOutcome.TIMED_OUT
    if rerun:
        return RunOutcome.CANCELLED
    stopped_itself = said is RunOutcome.CANCELLED  # nobody asked to cancel: its node gave it up
    is_broken_off = stop is not None and said is RunOutcome.FAILED and reported not in SUCCESSES
    if stopped_itself or is_broken_off:
        return RunOutcome.ABORTED
    return said


def _settled(state: ClusterState, task: Task, report: EndRun, last: LastOutcome) -> Task:
    if task.series is not None:
        return settled_series(state, task, report, last)
    match last.outcome:
        case RunOutcome.SUCCEEDED | RunOutcome.WARNING:
            return _after_success(state, task, report)
        case RunOutcome.CANCELLED if task.desired is not Desired.CANCELLED:
            again = replace(task, losses=0, cause="retry")
            reason = Assignment(code=Code.AWAITING_FIRST_ASSIGNMENT, explanation="run cancelled")
            return placed_again(state, again, report, reason)
        case RunOutcome.CANCELLED:
            return over(state, task, Status.CANCELLED)
        case RunOutcome.FAILED | RunOutcome.TIMED_OUT:
            return _after_failure(state, task, report, last)
        case RunOutcome.LOST if task.policy.on_lost == "fail" and _gave_way(task).run_again:
            return _once_more(state, task, report)
        case RunOutcome.LOST:
            return after_loss(state, _gave_way(task), report, last.duration_ms)
        case RunOutcome.ABORTED:  # pragma: no branch - the type checker proves the match total
            return after_abort(state, _gave_way(task), report)


def _gave_way(task: Task) -> Task:
    """A run that was to be replaced and did stop: the run that follows is the one that was asked for (TM-29)."""
    return replace(task, run_again=False) if task.stop_reason is StopReason.REPLACE else task


def _after_success(state: ClusterState, task: Task, report: EndRun) -> Task:
    """Over, unless the run or a caller wants it once more (TM-4, TM-29)."""
    if report.schedule is not None:
        return lives_on(state, task, report.schedule, report)
    if report.then == "pause":
        due_at = report.again_at or task.due_at
        set_by = marked(task.set_by, "run", ["paused"])
        stays = replace(task, desired=Desired.PAUSED, attempts=0, losses=0, set_by=set_by)
        return paused(state, replace(stays, due_at=due_at, run_again=False))
    if report.again_at and report.then != "end":
        again = replace(task, attempts=0, losses=0, cause="start", due_at=report.again_at)
        if again.desired is Desired.PAUSED:
            return paused(state, again)
        later = without_node(state, again, Status.WAITING, Assignment(code=Code.NOT_DUE))
        return replace(later, wake_at=max(report.again_at, state.at))
    if task.run_again:
        return _once_more(state, task, report)
    return over(state, task, Status.SUCCEEDED)


def _once_more(state: ClusterState, task: Task, report: EndRun) -> Task:
    """It has come to its end, and somebody has asked for one more run after that."""
    again = replace(task, run_again=False, attempts=0, losses=0, cause="run_now", due_at=state.at)
    return placed_again(state, again, report, Assignment())


def _after_failure(state: ClusterState, task: Task, report: EndRun, last: LastOutcome) -> Task:
    """An attempt is used up. Retried by policy, and finally kept as failed."""
    attempts = attempts_before(task, last) + 1
    task = replace(task, attempts=attempts, losses=0)
    used_up = 0 < task.policy.max_attempts <= attempts
    if (report.permanent or used_up) and task.run_again:
        return _once_more(state, task, report)
    if report.permanent or used_up:
        return over(state, task, Status.FAILED, reason=dead_letter_reason(report, last))
    retry_at = report.retry_at or state.at + longest_wait(task.policy.backoff, attempts)
    return waiting(state, replace(task, cause="retry"), max(retry_at, state.at))


def _kept(result: bytes | None) -> bytes | None:
    return result if result is not None and len(result) <= RESULT_BYTES_IN_STATE else None


def _event(task: Task, report: EndRun, last: LastOutcome, started_at: Instant) -> RunEnded:
    said = report.reported or report.outcome.value
    return RunEnded(
        task_id=task.id,
        allocation_id=last.allocation_id,
        outcome=last.outcome,
        reported=said if said != last.outcome else "",
        reason=last.reason,
        ended_at=last.ended_at,
        error=report.error,
        result=report.result,
        logs=report.logs,
        started_at=started_at,
        node=last.node,
        duration_ms=last.duration_ms,
        wrote_state=task.state_is_current,
        state=task.state if task.state_is_current else None,
        log_counts=report.log_counts,
        progress=report.progress,
    )
