"""Calls to runs on their way: to the node that has the run now, and back with the answer (PT-85).

Memory of one term; nothing is logged, nothing is promised. Every call gets one answer: the run's own, `not_assigned`
(no run now), `not_here` (it moved, ended, or its node is gone), or the caller's time is over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from coordinator.model.ids import AllocationId, TaskId
from coordinator.model.limits import MIB
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Task
from coordinator.replica.effects import CallAnswered, Effect, Fail
from coordinator.replica.inputs import CallRun
from coordinator.replica.sayings import CallAnswer, RunCall
from coordinator.replica.sessions import Sessions

TERM_SHIFT = 32  # a call's number is 64 bits wide on the wire
WAITING_MAX = 4_096  # of all nodes together
WAITING_BYTES_MAX = (
    64 * MIB
)  # of their payloads: a node that does not read keeps what it was sent in our memory


_Run = tuple[TaskId, AllocationId]


class _Asked(msgspec.Struct, frozen=True, gc=False):
    ticket: int
    session: int
    task: Task  # as it was when it was asked
    size: int  # of the payload, in bytes

    @property
    def run(self) -> _Run:
        return self.task.id, self.task.allocation_id


class RunCalls:
    """Which calls wait for which session. One per term.

    Numbers are of this term alone: a node may answer a leader's question when it speaks with the next one already.
    """

    def __init__(
        self, term: int, state: ClusterState, sessions: Sessions, emit: Callable[[Effect], None]
    ) -> None:
        self._state = state
        self._sessions = sessions
        self._emit = emit
        self._last = term << TERM_SHIFT
        self._waiting: dict[int, _Asked] = {}
        self._by_run: dict[
            _Run, dict[int, None]
        ] = {}  # runs end all the time, few of them are asked something
        self._bytes = 0
        sessions.on_call_answers = self.answered
        sessions.on_forgotten = self.session_gone

    @property
    def waiting(self) -> int:
        """How many calls have no answer yet."""
        return len(self._waiting)

    def begin(self, call: CallRun) -> None:
        """Ask the run, or say why there is none to ask."""
        task = self._state.tasks.get(call.task_id)
        refusal = self._objection(task, call)
        session = self._sessions.of_run(task) if task is not None else None
        if refusal is None and (session is None or task is None):
            refusal = ("not_here", "its node has no session with the leader")
        if refusal is not None or session is None or task is None:
            code, detail = refusal or ("not_here", "")
            self._emit(CallAnswered(call.ticket, code, detail))
            return
        self._last += 1
        self._hold(_Asked(call.ticket, session.number, task, len(call.payload)))
        asked = (task.id, task.allocation_id, call.method, call.payload)
        session.calls.append(RunCall(self._last, *asked, call.timeout_ms, call.headers))
        self._sessions.touch(session)

    def answered(self, session: int, answers: Iterable[CallAnswer]) -> None:
        """What a node says; only the one that was asked may."""
        for answer in answers:
            asked = self._waiting.get(answer.call)
            if asked is not None and asked.session == session:
                self._settle(answer.call, answer.reason, answer.detail, answer.payload)

    def run_ended(self, task_id: TaskId, allocation_id: AllocationId) -> None:
        """It will not answer any more, whatever became of its process."""
        self._lose(self._by_run.get((task_id, allocation_id), ()), "the run has ended")

    def session_gone(self, session: int) -> None:
        gone = [number for number, one in self._waiting.items() if one.session == session]
        self._lose(gone, "the session with its node has ended")

    def forget(self, ticket: int) -> None:
        """The caller's time is over."""
        for number, asked in list(self._waiting.items()):
            if asked.ticket == ticket:
                self._release(number)

    def drop(self) -> None:
        """Leadership is over: the door asks whoever leads now."""
        for number in list(self._waiting):
            self._emit(Fail(self._release(number).ticket, "not_leader"))

    def _objection(self, task: Task | None, call: CallRun) -> tuple[str, str] | None:
        if task is None:
            return "task_not_found", f"no task {call.task_id}"
        if task.is_terminal:
            return "already_finished", f"the task is {task.status}"
        if not task.has_node:
            return "not_assigned", f"the task is {task.status}: {task.assignment.code}"
        if len(self._waiting) >= WAITING_MAX:
            return "overloaded", f"{len(self._waiting)} calls to runs are under way"
        if self._bytes + len(call.payload) > WAITING_BYTES_MAX:
            return "overloaded", f"calls to runs with {self._bytes} bytes are under way"
        return None

    def _hold(self, asked: _Asked) -> None:
        self._waiting[self._last] = asked
        self._by_run.setdefault(asked.run, {})[self._last] = None
        self._bytes += asked.size

    def _release(self, number: int) -> _Asked:
        asked = self._waiting.pop(number)
        self._bytes -= asked.size
        of_run = self._by_run[asked.run]
        del of_run[number]
        if not of_run:
            del self._by_run[asked.run]
        return asked

    def _lose(self, numbers: Iterable[int], why: str) -> None:
        for number in list(numbers):
            self._settle(number, "not_here", why, b"")

    def _settle(self, number: int, reason: str, detail: str, payload: bytes) -> None:
        asked = self._release(number)
        task = asked.task
        node = task.assignment.node or ""
        said = (reason, detail, payload, task.allocation_id, node)
        self._emit(CallAnswered(asked.ticket, *said))
