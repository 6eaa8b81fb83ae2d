"""Wishes that are being looked at: nothing of them is in the log, so until then they can be taken back."""

from __future__ import annotations

from typing import Generic, TypeVar

from coordinator.model.ids import TaskId
from coordinator.replica.proposals import OnAnswer

_Item = TypeVar("_Item")


class Review(Generic[_Item]):
    """Items by number, by whoever waits for their answer, and by the task that they are about."""

    def __init__(self) -> None:
        self._items: dict[int, tuple[OnAnswer, TaskId, _Item]] = {}
        self._numbers: dict[OnAnswer, int] = {}
        self._about: dict[TaskId, dict[int, OnAnswer]] = {}
        self._last = 0

    def hold(self, waiter: OnAnswer, task_id: TaskId, item: _Item) -> int:
        """Until `release` with the number returned."""
        self._last += 1
        self._items[self._last] = (waiter, task_id, item)
        self._numbers[waiter] = self._last
        self._about.setdefault(task_id, {})[self._last] = waiter
        return self._last

    def release(self, number: int) -> _Item | None:
        """The item, to go on with it; None if it was withdrawn."""
        if number not in self._items:
            return None
        waiter, task_id, item = self._items.pop(number)
        if self._numbers.get(waiter) == number:
            del self._numbers[waiter]
        others = self._about[task_id]
        del others[number]
        if not others:
            del self._about[task_id]
        return item

    def release_all(self) -> list[_Item]:
        """All of them, the oldest first."""
        items, self._items = self._items, {}
        self._numbers.clear()
        self._about.clear()
        return [item for _, _, item in items.values()]

    def items(self) -> list[tuple[int, _Item]]:
        """As they are now, each with its number, the oldest first."""
        return [(number, item) for number, (_, _, item) in self._items.items()]

    def holds(self, waiter: OnAnswer) -> bool:
        """Whether its wish is here."""
        return waiter in self._numbers

    def about(self, task_id: TaskId) -> tuple[OnAnswer, ...]:
        """Whose wishes for this task are here, the oldest first."""
        return tuple(self._about.get(task_id, {}).values())

    def withdraw(self, waiter: OnAnswer) -> None:
        """Whoever looks at it finds nothing to go on with."""
        number = self._numbers.get(waiter)
        if number is not None:
            self.release(number)
