"""Creations that name a task whose own creation is still being looked at: they wait for it (TM-67).

Of a bulk one may come first that foreign code is asked about, and after it one that waits for it or belongs to it: in
the log they stand in the order given. Only what came before is waited for, so nobody waits in a circle, and it is
waited for no longer than foreign code may take.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from coordinator.model.ids import TaskId
from coordinator.model.state import ClusterState
from coordinator.replica.inputs import Asked, Create
from coordinator.replica.proposals import OnAnswer
from coordinator.replica.review import Review

About = Callable[[TaskId], tuple[OnAnswer, ...]]
"""Whose creations of this task are being looked at."""


class Coming(msgspec.Struct, frozen=True):
    """A wish that has not been looked at."""

    asked: Asked
    create: Create
    on_answer: OnAnswer


class _Waiting(msgspec.Struct, frozen=True):
    coming: Coming
    ahead: tuple[OnAnswer, ...]  # those it waits for


class Behind:
    """Those of one term. `is_stirred`: a look at something has ended, so that some may go on."""

    def __init__(self, state: ClusterState, about: About) -> None:
        self.review: Review[_Waiting] = Review()
        self.is_stirred = False
        self._state = state
        self._looked_at = about

    def takes(self, coming: Coming) -> bool:
        """Whether it has to wait for another, and is kept here."""
        create = coming.create
        ahead = tuple(
            waiter
            for name in dict.fromkeys((*create.spec.after, create.spec.parent))
            if name and not self._is_there(TaskId(name))
            for waiter in (*self._looked_at(TaskId(name)), *self.review.about(TaskId(name)))
        )
        if ahead:
            self.review.hold(coming.on_answer, create.task_id, _Waiting(coming, ahead))
        return bool(ahead)

    def freed(self, is_looked_at: Callable[[OnAnswer], bool]) -> Iterator[Coming]:
        """Those that need wait no longer, the oldest first; each is to be begun before the next is taken."""
        if not self.is_stirred:
            return
        self.is_stirred = False
        for number, waiting in self.review.items():
            if not any(map(is_looked_at, waiting.ahead)):
                self.review.release(number)
                yield waiting.coming

    def _is_there(self, task_id: TaskId) -> bool:
        """A record that has ended may be about to be replaced."""
        task = self._state.tasks.get(task_id)
        return task is not None and not task.is_terminal
