"""Finds the leader and keeps a session with it; batches whatever waits into one frame per turn of the loop.

A session that breaks is opened again within 50 ms to 1 s, with jitter, so that a thousand nodes do not knock at once.
A refusal that time alone will not cure (name in use, other cluster) is tried again slowly.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from coordinator.client.node_session import NodeStream, SessionBroken
from coordinator.client.node_values import (
    FromLeader,
    HeartbeatAnswer,
    LoadProblem,
    Offer,
    Registration,
    Welcome,
)
from coordinator.client.node_wire import Outgoing, RunLogs, register_frame
from node.logs import Log
from node.process_ties import steady_ms
from node.setting_kinds import address

PAUSE_MIN_S, PAUSE_MAX_S = 0.05, 1.0
SLOW_PAUSE_S = 2.0
ANSWER_S = 2.0  # for a first frame; then somebody else is asked
SLOW_REFUSALS = frozenset({"node_name_in_use", "wrong_cluster", "feature_level"})


@dataclass(slots=True)
class Events:
    """Whom the session tells: every frame in order, and the end of each session that had been welcomed."""

    frame: Callable[[FromLeader], None]
    closed: Callable[[], None]
    logs: RunLogs


class Session:
    """Runs for as long as the agent. `out` is what waits; change it and call `wake`."""

    def __init__(
        self,
        coordinators: Sequence[str],
        who: Registration,
        events: Events,
        log: Log,
    ) -> None:
        self.out = Outgoing()
        self.offers: tuple[Offer, ...] = ()
        self.problems: tuple[LoadProblem, ...] = ()
        self.cluster_id = ""
        self._given = tuple(coordinators)
        self._addresses = list(coordinators)
        self._who = who
        self._events = events
        self._log = log
        self._next = random.randrange(len(self._addresses))
        self._has_registered = False
        self._is_welcome = False
        self._silence_s = ANSWER_S
        self._failures = 0
        self._silent: set[str] = set()  # who gave no answer when asked last
        self._waiting = asyncio.Event()
        self._idle = asyncio.Event()
        self._stream: NodeStream | None = None
        self._reading: asyncio.Task[FromLeader | None] | None = None
        self._heard_at = 0.0
        self._term = 0  # of the leader, as it said last

    @property
    def is_open(self) -> bool:
        return self._is_welcome

    def wake(self) -> None:
        """Something waits in `out`; it goes with all that this turn of the loop still adds."""
        self._idle.clear()
        self._waiting.set()

    def reconnect(self) -> None:
        """Give the present session up and open another."""
        if self._reading is not None:
            self._reading.cancel()

    async def run(self) -> None:
        """Session after session, until cancelled."""
        hint = ""
        while True:
            target = hint or self._addresses[self._next]
            hint = ""
            try:
                last = await self._one_session(target)
            except SessionBroken as error:
                self._log.write("info", "session broke", coordinator=target, detail=str(error))
                last = None
            self._ended()
            pause, hint = self._after(target, last)
            await asyncio.sleep(pause)

    def _after(self, target: str, last: FromLeader | None) -> tuple[float, str]:
        """How long to wait, and where to go then if somebody told us."""
        if target == self._addresses[self._next]:
            self._next = (self._next + 1) % len(self._addresses)
        self._failures += 1
        if last is None:
            self._silent.add(target)
            return self._pause(), ""
        self._silent.discard(target)
        if last.close in SLOW_REFUSALS:
            self._log.write("error", last.close, coordinator=target, detail=last.close_detail)
            return SLOW_PAUSE_S * random.uniform(0.8, 1.2), ""
        self._log.write("info", "session closed", coordinator=target, reason=last.close)
        leader = self._trusted(last.leader_address)
        if leader in self._silent:
            leader = ""  # who names it has not noticed yet that it is gone
        if leader and leader != target and self._failures <= 2:
            return 0.0, leader
        return self._pause(), leader

    def _pause(self) -> float:
        """Longer with every round, not with every try: one of the others may lead already."""
        rounds = 1 + self._failures // len(self._addresses)
        longest = min(PAUSE_MAX_S, PAUSE_MIN_S * 2 ** min(rounds, 6))
        return random.uniform(PAUSE_MIN_S, longest)

    def _trusted(self, text: str) -> str:
        """An address that another member named, if it may be spoken to."""
        try:
            return address(text) if text else ""
        except ValueError:
            return ""

    # --- one session -------------------------------------------------------------------------------------------------

    async def _one_session(self, target: str) -> FromLeader | None:
        """Give the closing frame, or None if the stream ended without one."""
        register = register_frame(
            self._who, self.offers, self.problems, self.cluster_id, rejoin=self._has_registered
        )
        try:
            async with asyncio.timeout(ANSWER_S):
                stream = await NodeStream.open(target, register)
        except TimeoutError:
            raise SessionBroken("no answer") from None
        self._stream = stream
        self._silence_s = ANSWER_S
        self._heard_at = asyncio.get_running_loop().time()
        self._reading = asyncio.ensure_future(self._read(stream))
        helpers = [asyncio.ensure_future(self._write(stream)), asyncio.ensure_future(self._watch())]
        try:
            return await self._reading
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            raise SessionBroken("given up here") from None
        finally:
            for helper in helpers:
                helper.cancel()
            self._reading = None
            self._stream = None
            with contextlib.suppress(Exception):
                await stream.close()

    def _ended(self) -> None:
        was_welcome, self._is_welcome = self._is_welcome, False
        self.out = Outgoing()
        self._idle.set()
        if was_welcome:
            self._events.closed()

    async def _read(self, stream: NodeStream) -> FromLeader | None:
        clock = asyncio.get_running_loop().time
        async for frame in stream.frames():
            self._heard_at, self._term = clock(), frame.term
            if frame.welcome is not None:
                self._welcomed(frame)
            elif frame.heartbeat is not None:
                self._expect(frame.heartbeat)
            self._events.frame(frame)
            if frame.close:
                return frame
        return None

    def _welcomed(self, frame: FromLeader) -> None:
        welcome = frame.welcome
        if welcome is None:
            return
        is_news = not self._is_welcome  # else only settings or coordinators have changed
        if is_news:
            self.out.call_answers.clear()  # to questions of a session before, which nobody waits for
        self._is_welcome = True
        self._has_registered = True
        self._failures = 0
        self._silent.clear()
        self.cluster_id = welcome.cluster_id
        self._expect(welcome)
        self._learn(welcome.coordinators)
        if is_news:
            self._log.write(
                "info",
                "session open",
                leader=welcome.leader,
                term=frame.term,
                lease_ms=welcome.lease_ms,
            )

    def _learn(self, coordinators: Sequence[str]) -> None:
        """Those there are now, and those we were started with: they may come back under other ones."""
        known = [each for each in coordinators if self._trusted(each)]
        addresses = list(dict.fromkeys((*known, *self._given)))
        target = self._addresses[self._next]
        self._next = addresses.index(target) if target in addresses else 0
        self._addresses = addresses

    def _expect(self, values: Welcome | HeartbeatAnswer) -> None:
        """How long the leader may say nothing: a busy one stretches the beat."""
        self._silence_s = max(2.5 * values.heartbeat_ms, values.lease_ms / 3) / 1_000

    async def _watch(self) -> None:
        """A leader that says nothing for too long is not waited for: another may have been elected."""
        clock = asyncio.get_running_loop().time
        left = self._silence_s
        while left > 0:
            await asyncio.sleep(left)
            left = self._heard_at + self._silence_s - clock()
        self._log.write("warning", "leader is silent", silence_ms=int(self._silence_s * 1_000))
        self.reconnect()

    async def _write(self, stream: NodeStream) -> None:
        while True:
            await self._waiting.wait()
            self._waiting.clear()
            if not self._is_welcome:
                continue
            out, self.out = self.out, Outgoing()
            if out:
                out.now = steady_ms()
                try:
                    await stream.send(out, self._events.logs)
                    self._answer_here(out)
                except SessionBroken:
                    return  # the reader learns why
                except Exception:  # noqa: BLE001 - a bug: a session that says nothing more must not stay open
                    self._log.write("error", "bug", detail=traceback.format_exc())
                    self.reconnect()
                    return
            if not self.out:
                self._idle.set()

    def _answer_here(self, out: Outgoing) -> None:
        """What no frame can carry is refused in the leader's place: who has reported it learns why."""
        for answer in out.unsendable:
            self._log.write("error", "report cannot be sent", detail=answer.detail)
        if out.unsendable:
            self._events.frame(FromLeader(self._term, answers=tuple(out.unsendable)))

    async def finish(self, patience_s: float) -> None:
        """Have everything sent that waits, and the leader see the end of it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._idle.wait()
                if self._stream is not None and self._reading is not None:
                    await self._stream.done_writing()
                    await asyncio.wait([self._reading])
