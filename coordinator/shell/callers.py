"""Who waits for what: tickets of calls and the futures behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from coordinator.api.door import RoadFailed
from coordinator.replica.effects import CallAnswered, Fail, ReadReady, Reply
from coordinator.replica.inputs import Abandon, Expire, Input

Answer = Reply | ReadReady | CallAnswered
LAST_WORD_S = 0.1  # of the 0.25 s by which we answer before the caller gives up


class Callers:
    """Futures by ticket. Numbers are never used again within a process."""

    def __init__(self, loop: asyncio.AbstractEventLoop, feed: Callable[[Input], None]) -> None:
        self._loop = loop
        self._feed = feed
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._last = 0

    @property
    def waiting(self) -> int:
        """How many calls wait."""
        return len(self._waiting)

    async def ask(self, make: Callable[[int], Input], timeout_s: float) -> Any:
        """Feed the input made for a fresh ticket and wait for its answer.

        Raises RoadFailed: as the replica says, after `timeout_s` at the latest: then with `not_begun`
        where it could take the wishes back, else with `timed_out`. What was appended stays, also when
        the caller goes away.
        """
        self._last += 1
        ticket = self._last
        future: asyncio.Future[Answer] = self._loop.create_future()
        self._waiting[ticket] = future
        timer = self._loop.call_later(timeout_s, self._expire, ticket)
        self._feed(make(ticket))
        try:
            return await future
        except asyncio.CancelledError:
            self._abandon(ticket)
            raise
        finally:
            timer.cancel()

    def answer(self, effect: Answer) -> None:
        """Wake the caller, if it still waits."""
        future = self._waiting.pop(effect.ticket, None)
        if future is not None and not future.done():
            future.set_result(effect)

    def fail(self, effect: Fail) -> None:
        """Tell the caller that the road failed."""
        self._raise(effect.ticket, RoadFailed(effect.kind, effect.detail))

    def fail_all(self, kind: str, detail: str) -> None:
        """Nobody is answered any more."""
        for ticket in list(self._waiting):
            self._raise(ticket, RoadFailed(kind, detail))

    def _raise(self, ticket: int, failure: RoadFailed) -> None:
        future = self._waiting.pop(ticket, None)
        if future is not None and not future.done():
            future.set_exception(failure)

    def _expire(self, ticket: int) -> None:
        """The replica alone knows whether anything was begun; one that has stopped says nothing."""
        if ticket in self._waiting:
            self._feed(Expire(ticket))
            late = RoadFailed("timed_out")
            self._loop.call_later(LAST_WORD_S, self._raise, ticket, late)

    def _abandon(self, ticket: int) -> None:
        if self._waiting.pop(ticket, None) is not None:
            self._feed(Abandon(ticket))
