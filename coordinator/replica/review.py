"""Wishes that are being looked at: nothing of them is in the log, so until then they can be taken back."""

from __future__ import annotations

from typing import Generic, TypeVar

from coordinator.replica.proposals import OnAnswer

_Item = TypeVar("_Item")


class Review(Generic[_Item]):
    """Items by number, and by whoever waits for their answer."""

    def __init__(self) -> None:
        self._items: dict[int, tuple[OnAnswer, _Item]] = {}
        self._numbers: dict[OnAnswer, int] = {}
        self._last = 0

    def hold(self, waiter: OnAnswer, item: _Item) -> int:
        """Until `release` with the number returned."""
        self._last += 1
        self._items[self._last] = (waiter, item)
        self._numbers[waiter] = self._last
        return self._last

    def release(self, number: int) -> _Item | None:
        """The item, to go on with it; None if it was withdrawn."""
        waiter, item = self._items.pop(number, (None, None))
        if waiter is not None and self._numbers.get(waiter) == number:
            del self._numbers[waiter]
        return item

    def release_all(self) -> list[_Item]:
        """All of them, the oldest first."""
        items, self._items = self._items, {}
        self._numbers.clear()
        return [item for _, item in items.values()]

    def holds(self, waiter: OnAnswer) -> bool:
        """Whether its wish is here."""
        return waiter in self._numbers

    def withdraw(self, waiter: OnAnswer) -> None:
        """Whoever looks at it finds nothing to go on with."""
        number = self._numbers.pop(waiter, None)
        if number is not None:
            del self._items[number]
