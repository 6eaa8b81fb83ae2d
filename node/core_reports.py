"""What the leader is told about runs, and what its answers mean for them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from zlib import crc32

from coordinator.client.node_values import NewChild, NewPoke, Report, ReportAnswer, RunEnd, RunState
from node.core_desk import Desk
from node.core_overload import Overload
from node.core_runs import LocalRun, Runs
from node.core_table import Local
from node.effects import SendReports, Settled
from node.frames import Child, ChildAnswer, Poke, State, StateAck, StateRefused
from node.outbox import TRANSIENT, Outbox

RETRY_MS = 1_000
FIRST_OVERLOAD_MS, LONGEST_OVERLOAD_MS = 100, 5_000
BLOCKED = frozenset(
    {"disk_full", "no_quorum", "overloaded", "unavailable"}
)  # of any write, not of this one
SUPERSEDED = frozenset({"stale_allocation", "task_not_found", "stale_incarnation"})


class Reports:
    """The outbox and the rules around it. `fenced(run)` is called when an answer says that a run is superseded."""

    def __init__(self, desk: Desk, runs: Runs, fenced: Callable[[LocalRun], None]) -> None:
        self._desk = desk
        self._runs = runs
        self._fenced = fenced
        self._outbox = Outbox(lambda: desk.now)
        self._is_open = False
        self._is_blocked = False  # writes are impossible for now
        self._retry_timer = 0
        self._overloads = 0  # times in a row that the leader was overloaded
        self.overload: Overload | None = None

    @property
    def waiting(self) -> int:
        """How many reports have no answer yet."""
        return len(self._outbox)

    @property
    def waiting_since(self) -> int | None:
        """When the oldest of them was made."""
        return self._outbox.oldest_at

    # --- what happened here ------------------------------------------------------------------------------------------

    def started(self, run: LocalRun) -> None:
        """Report the start; held back a little where the run is likely to be over by then (PT-14)."""
        if self._runs.is_brief(run):
            run.hold_timer = self._desk.after(
                self._desk.config.start_hold_ms, self._release, run.allocation_id
            )
        else:
            self._add_start(run)

    def _release(self, allocation_id: int) -> None:
        run = self._runs.by_id.get(allocation_id)
        if run is not None and run.hold_timer:
            run.hold_timer = 0
            self._add_start(run)

    def _add_start(self, run: LocalRun) -> None:
        started_at = run.started_at if run.started_at is not None else self._desk.now
        self._outbox.add_start(run.wanted.task_id, run.allocation_id, started_at)

    def state(self, run: LocalRun, message: State) -> None:
        """A state write; the start goes before it."""
        self._release_now(run)
        state = RunState(message.seq, message.data, message.state_version)
        self._outbox.add_state(run.wanted.task_id, run.allocation_id, state, run.started_at)

    def child(self, run: LocalRun, message: Child) -> None:
        """A task that the run starts under its own; the run's start goes before it."""
        self._release_now(run)
        child = NewChild(message.seq, message.key, message.executor, message.params, message.spec)
        self._outbox.add_child(run.wanted.task_id, run.allocation_id, child, run.started_at)

    def poke(self, run: LocalRun, message: Poke) -> None:
        """Another look at tasks of an executor; the run's start goes before it."""
        self._release_now(run)
        poke = NewPoke(message.seq, message.executor)
        self._outbox.add_poke(run.wanted.task_id, run.allocation_id, poke, run.started_at)

    def stopping(self, run: LocalRun, reason: str) -> None:
        """The node itself asked it to end: the record shows it from now on, not only when the code has ended."""
        self._release_now(run)
        self._outbox.add_stopping(run.wanted.task_id, run.allocation_id, reason, run.started_at)

    def _release_now(self, run: LocalRun) -> None:
        if run.hold_timer:
            self._desk.timers.cancel(run.hold_timer)
            self._release(run.allocation_id)

    def ended(self, run: LocalRun, end: RunEnd) -> None:
        """The end, at once; a start that is still held back is never sent."""
        self._desk.timers.cancel(run.hold_timer)
        run.hold_timer = 0
        run.state = Local.ENDED
        self._outbox.add_end(run.wanted.task_id, run.allocation_id, end, run.started_at)

    # --- the session -------------------------------------------------------------------------------------------------

    def session_opened(self) -> None:
        self._is_open, self._is_blocked = True, False
        self._outbox.reopen()

    def session_closed(self) -> None:
        self._is_open = False

    def flush(self) -> None:
        """Send what may be sent. Called at the end of every input, so that all of one input is one effect.

        While writes are impossible nothing is tried but once in a second, with all that waits (TM-64).
        """
        if self._is_open and not self._is_blocked and self._outbox.has_ready:
            self._desk.ask(SendReports(self._outbox.take()))

    def answered(self, answers: Sequence[ReportAnswer]) -> list[LocalRun]:
        """Take answers; gives the runs whose end the leader now knows."""
        settled: list[int] = []
        for answer in answers:
            if not answer.accepted and answer.reason in TRANSIENT:
                if answer.reason == "overloaded" and self.overload is not None:
                    self.overload.signal("the leader refused writes as overloaded")
                self._again_later(answer)
                continue
            report = self._outbox.answered(answer.number)
            if report is None:
                continue
            if report.ended is not None:
                settled.append(report.allocation_id)
            else:
                self._learn(report, answer)
        self._look_whether_writes_work(answers)
        return self._settle(settled) if settled else []

    def _again_later(self, answer: ReportAnswer) -> None:
        if not self._outbox.postpone(answer.number):
            return
        self._is_blocked = self._is_blocked or answer.reason in BLOCKED
        if not self._retry_timer:
            self._retry_timer = self._desk.after(self._pause_ms(answer.reason), self._retry)

    def _pause_ms(self, reason: str) -> int:
        """A leader with too much to do is given ever more time, each node another share of it (TM-63)."""
        if reason != "overloaded":
            return RETRY_MS
        longest = min(LONGEST_OVERLOAD_MS, FIRST_OVERLOAD_MS << min(self._overloads, 10))
        self._overloads += 1
        dice = crc32(f"{self._desk.config.incarnation} {self._overloads}".encode())
        return 1 + dice * longest // 2**32

    def _retry(self, _: int) -> None:
        self._retry_timer, self._is_blocked = 0, False
        self._outbox.retry()

    def _look_whether_writes_work(self, answers: Sequence[ReportAnswer]) -> None:
        """With the first write that is taken everything goes on."""
        if not (self._is_blocked or self._overloads):
            return
        if not any(answer.accepted for answer in answers):
            return
        self._overloads = 0
        if self._is_blocked and not any(answer.reason in BLOCKED for answer in answers):
            self._desk.timers.cancel(self._retry_timer)
            self._retry(0)

    def _settle(self, allocation_ids: list[int]) -> list[LocalRun]:
        self._desk.ask(Settled(tuple(allocation_ids)))
        runs = [self._runs.by_id[each] for each in allocation_ids if each in self._runs.by_id]
        for run in runs:
            self._runs.settle(run)
        return runs

    def _learn(self, report: Report, answer: ReportAnswer) -> None:
        """The answer to a start, a state write or a stop."""
        run = self._runs.by_id.get(report.allocation_id)
        if run is None or run.worker is None:
            return
        superseded = not answer.accepted and _is_superseded(report, answer)
        if report.child is not None:
            task_id = f"{report.task_id}/{report.child.key}"
            seq = report.child.seq
            self._answer_asked(run.worker, report, seq, task_id, answer, superseded=superseded)
        elif report.poke is not None:
            seq = report.poke.seq
            self._answer_asked(run.worker, report, seq, "", answer, superseded=superseded)
        elif report.state is not None:
            self._answer_worker(run.worker, report, answer, "fenced" if superseded else "")
        if superseded:
            self._outbox.drop_states(report.allocation_id)
            self._fenced(run)

    def _answer_worker(
        self, worker: int, report: Report, answer: ReportAnswer, fenced: str
    ) -> None:
        seq = report.state.seq if report.state is not None else 0
        if answer.accepted:
            self._desk.tell(worker, StateAck(report.allocation_id, seq, answer.revision))
        else:
            reason = fenced or answer.reason or "refused"
            self._desk.tell(worker, StateRefused(report.allocation_id, seq, reason))

    def _answer_asked(
        self,
        worker: int,
        report: Report,
        seq: int,
        task_id: str,
        answer: ReportAnswer,
        *,
        superseded: bool,
    ) -> None:
        reason = "" if answer.accepted else answer.reason or "refused"
        told = ChildAnswer(
            report.allocation_id,
            seq,
            task_id,
            answer.created,
            "fenced" if superseded else reason,
            answer.detail,
        )
        self._desk.tell(worker, told)


def _is_superseded(report: Report, answer: ReportAnswer) -> bool:
    """Whether the answer says that the run is not the current one of its task."""
    if report.child is not None and answer.reason == "parent_ended":
        return answer.current_allocation_id != report.allocation_id
    return answer.reason in SUPERSEDED
