"""The leader's desk for nodes: who is connected, what they report, what they are answered.

Reports become commands, fenced by task id, allocation id and incarnation; a report gets a definite
answer when its command has been applied. What decides nothing is said as such: the node sends the
report again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from coordinator.assignment.load import Claim
from coordinator.duties.due import place_now
from coordinator.duties.retry import wait_after
from coordinator.machine.commands import (
    Command,
    DrainNode,
    EndRun,
    LoseNode,
    Request,
    StartRun,
    StopRun,
    WriteState,
)
from coordinator.machine.endings import lasted
from coordinator.machine.outcome import Accepted, Refusal, Refused, Unlogged
from coordinator.machine.records import is_fenced, not_found, stale_allocation
from coordinator.model.ids import NodeName, TaskId
from coordinator.model.instants import Instant
from coordinator.model.nodes import ITSELF
from coordinator.model.schedules import Schedule
from coordinator.model.tasks import (
    Assignment,
    Code,
    Policy,
    RunOutcome,
    StopReason,
    Task,
    TaskSpec,
)
from coordinator.replica.bench import Bench
from coordinator.replica.fanout import Session
from coordinator.replica.inheriting import child_spec
from coordinator.replica.inputs import Asked, Create
from coordinator.replica.live import LiveBoard
from coordinator.replica.policies import resolve
from coordinator.replica.proposals import Answer, Lost, OnAnswer, Proposal, Proposals
from coordinator.replica.sayings import (
    EndedReport,
    NewChild,
    Report,
    ReportAnswer,
    bad_schedule,
)
from coordinator.timetable import after_blackouts, problem

ERROR_TEXT_CHARS = 256
NO_CLAIMS: tuple[Claim, ...] = ()
KINDS = {"started": "start", "state": "state", "ended": "outcome"}  # reports that the fence is for


StartCreation = Callable[[Asked, Create, OnAnswer], None]


class Desk:
    """Reports of one term."""

    def __init__(
        self,
        bench: Bench,
        proposals: Proposals,
        create: StartCreation,
        poke: Callable[[], None],
        live: LiveBoard,
    ) -> None:
        self._bench = bench
        self._live = live
        self._poke = poke
        self._create = create
        self._proposals = proposals
        self.answered: dict[int, None] = {}  # sessions with an answer to be sent

    def reports(self, session: Session, reports: Iterable[Report]) -> None:
        """Each becomes a proposal; answers gather in the session, one frame for all of a turn."""
        for report in reports:
            if not report.task_id or report.allocation_id <= 0:  # PT-3: no value matches any run
                self._refuse(session, report, Refusal.INVALID_FIELD.value)
                continue
            if report.kind == "poke":
                self._poked(session, report)
                continue
            if report.child is not None:
                self._start_child(session, report, report.child)
                continue
            command, claims = self._command(session, report)
            if command is None:
                self._refuse(session, report, "unknown_report")
            else:
                self._propose(session, report, command, claims)

    def _poked(self, session: Session, report: Report) -> None:
        """A run says that a condition outside the state may hold now. Nothing of it is logged (PT-52)."""
        task, revision = self._bench.state.tasks.get(report.task_id), self._bench.state.revision
        answer: Answer = Accepted()
        if task is None:
            answer = not_found(report.task_id)
        elif not is_fenced(task, report.allocation_id, session.incarnation):
            answer = stale_allocation(task)
        elif report.poke not in self._bench.view.facts:
            answer = Unlogged(Refusal.UNKNOWN_EXECUTOR, f"no node ever offered {report.poke}")
        else:
            self._poke()
        self._say(session, _answer(report.number, answer, revision))

    def _start_child(self, session: Session, report: Report, child: NewChild) -> None:
        """On the road of any new task, under the run's fence and with what it inherits (PT-74, PT-77)."""

        def answered(answer: Answer) -> None:
            self._say(session, _answer(report.number, answer, self._bench.state.revision))

        if child.refusal is not None:
            answered(child.refusal)
            return
        create = Create(
            TaskId(f"{report.task_id}/{child.key}"),
            child.executor,
            child.params,
            child_spec(child.spec, report.task_id, self._bench.state),
            child.paused,
            by_run=(report.allocation_id, session.incarnation),
        )
        self._create(Asked(create), create, answered)

    def goodbye(self, session: Session) -> None:
        """Nothing of it runs any more: its tasks are free at once (L9)."""
        command = LoseNode(session.name, session.incarnation, True, "goodbye")
        self._proposals.add(Proposal(Request(command), _nobody_waits))

    def drain(self, session: Session) -> None:
        """The node is shutting down and wants its tasks elsewhere first (PT-72)."""
        node = self._bench.state.nodes.get(session.name)
        present = node.drain if node is not None else None
        if session.draining_asked or node is None or (present is not None and not present.hold):
            return
        session.draining_asked = True
        command = DrainNode(session.name, "terminate", "the node is shutting down", ITSELF)
        if present is not None:
            said = (present.kind, present.reason, present.by, present.deadline, present.hold)
            command = DrainNode(session.name, *said, leaving=True)
        self._proposals.add(Proposal(Request(command), _nobody_waits))

    def _propose(
        self, session: Session, report: Report, command: Command, claims: tuple[Claim, ...]
    ) -> None:
        def answered(answer: Answer) -> None:
            if isinstance(answer, Refused) and answer.code is Refusal.STALE_ALLOCATION:
                self._count_stale(report)
            self._say(session, _answer(report.number, answer, self._bench.state.revision))

        # Claims of a choice that goes with the end of a run last until the entry is applied.
        self._proposals.add(Proposal(Request(command), answered, claims))

    def _count_stale(self, report: Report) -> None:
        kind = KINDS.get(report.kind)
        if kind is not None:
            self._bench.stale_reports[kind] += 1

    def _refuse(self, session: Session, report: Report, reason: str) -> None:
        self._say(session, ReportAnswer(report.number, False, reason, 0, 0))

    def _say(self, session: Session, answer: ReportAnswer) -> None:
        session.answers.append(answer)
        self.answered[session.number] = None

    def _command(
        self, session: Session, report: Report
    ) -> tuple[Command | None, tuple[Claim, ...]]:
        """None for a report of a kind that only a newer release knows."""
        at, ids = self._bench.at, (report.task_id, report.allocation_id, session.incarnation)
        match report.kind:
            case "started":
                return StartRun(*ids, at - max(0, report.started_ago_ms)), ()
            case "state":
                write = (report.state_seq, report.state, report.state_version)
                return WriteState(*ids, *write), ()
            case "stopping" if report.stop_reason == StopReason.TIMEOUT:
                run = (report.task_id, report.allocation_id)
                return StopRun(*run, StopReason.TIMEOUT, session.incarnation), ()
            case "ended" if report.ended is not None:
                return self._end(session, report, report.ended)
            case _:
                return None, ()

    def _end(
        self, session: Session, report: Report, ended: EndedReport
    ) -> tuple[EndRun, tuple[Claim, ...]]:
        ended = _with_a_schedule_that_can_be(ended, at := self._bench.at)
        task = self._bench.state.tasks.get(report.task_id)
        started = at - report.started_ago_ms if report.started_ago_ms >= 0 else 0
        retry_at, chosen, claims = 0, None, NO_CLAIMS
        if task is not None and task.allocation_id == report.allocation_id:
            retry_at = self._retry_at(task, ended, task.started_at or started)
            self._keep_away(task, session.name, ended)
            chosen, claims = self._next_place(task, ended)
        run = (report.task_id, report.allocation_id, session.incarnation, ended.outcome)
        command = EndRun(
            *run,
            reason=ended.reason,
            error=ended.error,
            result=ended.result,
            logs=ended.logs,
            permanent=ended.permanent,
            retry_at=retry_at,
            started_at=started,
            lasted_ms=ended.lasted_ms,
            handed_back=ended.handed_back,
            worker_died=ended.worker_died,
            has_final_state=report.has_state,
            final_state=report.state,
            final_state_version=report.state_version,
            final_state_seq=report.state_seq,
            error_text=_error_text(ended.error),
            next=chosen,
            reported=ended.reported,
            retry_given=ended.retry_in_ms >= 0,
            log_counts=ended.log_counts,
            progress=self._last_progress(report, ended),
            again_at=at + ended.again_in_ms if ended.again_in_ms >= 0 else 0,
            schedule=ended.schedule,
            policy=self._policy_with(task, ended.schedule),
            then=ended.then,
        )
        return command, claims

    def _policy_with(self, task: Task | None, schedule: Schedule | None) -> Policy | None:
        """What a task of this executor has that asks for nothing but this schedule (TM-1, TM-4)."""
        facts = self._bench.view.facts.get(task.executor) if task is not None else None
        if schedule is None or facts is None:
            return None
        return resolve(TaskSpec(schedule=schedule), facts.policy, self._bench.state.settings)

    def _last_progress(self, report: Report, ended: EndedReport) -> bytes | None:
        """Of a run that is lost nothing newer will come (TM-69)."""
        if ended.outcome is not RunOutcome.LOST:
            return None
        found = self._live.progress_of(report.task_id, report.allocation_id)
        return None if found is None else msgspec.json.encode(found)

    def _retry_at(self, task: Task, ended: EndedReport, started: Instant) -> int:
        """A lost run goes on at once; other retries wait for the end of a black-out that they would fall into (TM-15)."""
        at, wait, schedule = self._bench.at, ended.retry_in_ms, task.spec.schedule
        is_lost = ended.outcome is RunOutcome.LOST
        if is_lost or wait < 0:
            ran_ms = lasted(ended.lasted_ms, started, at)
            wait = wait_after(task, ended.outcome, ran_ms, self._bench.dice)
        retry_at = at + wait
        if is_lost or schedule is None:
            return retry_at
        return after_blackouts(schedule.blackouts, retry_at)

    def _keep_away(self, task: Task, node: NodeName, ended: EndedReport) -> None:
        """Exclusions of PT-41."""
        exclusions, steady = self._bench.view.exclusions, self._bench.now.steady
        if ended.handed_back and ended.reason == Code.NO_EXECUTOR:
            exclusions.no_executor(task.id, node)
        elif ended.handed_back:
            exclusions.no_slot(task.id, node, steady)
        elif ended.outcome in (RunOutcome.FAILED, RunOutcome.TIMED_OUT):
            exclusions.failed(task.id, node, steady)
        elif ended.outcome is RunOutcome.ABORTED and task.stop_reason is None:
            exclusions.aborted(task.id, node, steady)

    def _next_place(
        self, task: Task, ended: EndedReport
    ) -> tuple[Assignment | None, tuple[Claim, ...]]:
        """Where a run that is simply to go on goes next, in the same entry as its end."""
        again = ended.outcome in (RunOutcome.LOST, RunOutcome.ABORTED)
        if not again or self._bench.view.asks_itself(task.executor):
            return None, ()
        assignment, claims = place_now(task, self._bench.view, self._bench.now)
        return (assignment if assignment.node is not None else None), claims


def _with_a_schedule_that_can_be(ended: EndedReport, at: Instant) -> EndedReport:
    """A run that returned another one has failed (TM-4)."""
    if ended.schedule is None or (wrong := problem(ended.schedule, at)) is None:
        return ended
    said = f"schedule.{wrong.field}: {wrong.text}"
    return bad_schedule(ended.outcome, said, ended.logs, ended.lasted_ms)


def _answer(number: int, answer: Answer, revision: int) -> ReportAnswer:
    if isinstance(answer, Lost):  # nothing definite: the node sends the report again
        return ReportAnswer(number, False, answer.value, 0, revision)
    if isinstance(answer, Refused):
        detail = answer.detail
        return ReportAnswer(number, False, answer.code.value, answer.current, revision, detail)
    return ReportAnswer(number, True, "", 0, revision, created=answer.created)


def _error_text(error: bytes | None) -> str:
    """`Type: message`, short, for lists; the whole of it is in the runs table."""
    if not error:
        return ""
    try:
        said = msgspec.json.decode(error, type=dict[str, Any])
    except msgspec.DecodeError:
        return error[:ERROR_TEXT_CHARS].decode("utf-8", "replace")
    return f"{said.get('type', 'error')}: {said.get('message', '')}"[:ERROR_TEXT_CHARS]


def _nobody_waits(answer: Answer) -> None:
    """A duty's own command: what it changed is seen in the state."""
