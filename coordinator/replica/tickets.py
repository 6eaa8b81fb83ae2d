"""Calls that wait: their wishes are answered one by one, the call when all are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from coordinator.machine.outcome import Accepted, Outcome, Unlogged
from coordinator.model.ids import TaskId
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Task
from coordinator.replica.effects import Effect, Fail, Reply
from coordinator.replica.inputs import Wish
from coordinator.replica.proposals import Answer, Lost, OnAnswer

Withdraw = Callable[[Sequence[OnAnswer]], bool]


class _Call(msgspec.Struct):
    """`waiting`: the waiters of the wishes that were taken and have no answer yet."""

    left: int
    outcomes: list[Outcome | None]
    records: list[Task | None]
    lost: Lost | None = None
    waiting: dict[int, OnAnswer] = msgspec.field(default_factory=dict)


class Tickets:
    """Calls under way at this member."""

    def __init__(self, state: Callable[[], ClusterState], emit: Callable[[Effect], None]) -> None:
        self._state = state
        self._emit = emit
        self._calls: dict[int, _Call] = {}

    def open(self, ticket: int, count: int) -> None:
        self._calls[ticket] = _Call(count, [None] * count, [None] * count)

    def abandon(self, ticket: int) -> None:
        """Its deadline passed; answers to come are dropped."""
        self._calls.pop(ticket, None)

    def expire(self, ticket: int, withdraw: Withdraw) -> bool:
        """Its deadline passed. Returns whether certainly nothing of it was, or will be, begun."""
        call = self._calls.pop(ticket, None)
        if call is None or call.lost is Lost.UNKNOWN:
            return False
        if any(
            outcome is not None and not isinstance(outcome, Unlogged) for outcome in call.outcomes
        ):
            return False
        return withdraw(tuple(call.waiting.values()))

    def waiter(self, ticket: int, position: int, wish: Wish) -> OnAnswer:
        """Where the answer to one wish of the call goes."""
        task_id = TaskId(getattr(wish, "task_id", ""))

        def answered(answer: Answer) -> None:
            call = self._calls.get(ticket)
            if call is None:
                return
            call.left -= 1
            call.waiting.pop(position, None)
            if isinstance(answer, Lost):
                # "Nobody knows" outweighs "certainly not": part of the call may have happened.
                if call.lost is not Lost.UNKNOWN:
                    call.lost = answer
            else:
                call.outcomes[position] = answer
                call.records[position] = self._record(task_id, answer)
            if not call.left:
                self._finish(ticket, call)

        self._calls[ticket].waiting[position] = answered
        return answered

    def _record(self, task_id: TaskId, outcome: Outcome) -> Task | None:
        if isinstance(outcome, Accepted) and outcome.record is not None:
            return outcome.record
        if isinstance(outcome, Accepted) and outcome.task_id:
            task_id = outcome.task_id
        return self._state().tasks.get(task_id)

    def _finish(self, ticket: int, call: _Call) -> None:
        del self._calls[ticket]
        if call.lost is not None:
            some_done = any(outcome is not None for outcome in call.outcomes)
            kind = Lost.UNKNOWN if some_done else call.lost
            self._emit(Fail(ticket, kind.value))
            return
        outcomes = tuple(o for o in call.outcomes if o is not None)
        self._emit(Reply(ticket, outcomes, tuple(call.records), self._state().revision))
