"""The one loop: takes what waits, hands it to the replica, does what the replica asks, in that order.

A turn is a callback of the event loop, not a task: whatever arrives in one round of the loop is one turn, hence one
write, one frame to each peer. Nothing polls; a turn happens because something was fed or because a tick is due.

Two lanes: wishes of callers wait in their own and are taken a batch at a time, so that consensus, heartbeats and
answers of the disk never stand behind a pile of proposals (C10).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from coordinator.api.door import Listener, Told
from coordinator.machine.failures import InvariantBroken, UpgradeNeeded
from coordinator.model.instants import Millis, Now
from coordinator.replica.effects import (
    Alarm,
    Applied,
    AskPlugin,
    CallAnswered,
    CloseNode,
    Effect,
    Fail,
    Halt,
    LeadershipChanged,
    Live,
    Note,
    Persist,
    ReadReady,
    Reply,
    SayDigest,
    SendPeer,
    StateReplaced,
    StreamSnapshot,
    TakeDigest,
    TakeSnapshot,
    ToNode,
    WakeAfter,
)
from coordinator.replica.inputs import Input, NodeClosed, Stored, StoreFailed, Submit, Tick, Wake
from coordinator.replica.sayings import LeaderSaying
from coordinator.shell.callers import Callers
from coordinator.shell.store_port import StoreFailure, Trouble

TICK_MS: Millis = 50
INPUTS_PER_TURN = 1_024
WISHES_PER_TURN = 256  # single tasks, not calls
EXIT_BUG, EXIT_DIFFERS = 1, 70


class Steps(Protocol):
    """The replica as the pump sees it."""

    @property
    def is_busy(self) -> bool:
        """Wishes gain nothing by being told before something else happens."""
        ...

    def handle(self, inputs: Sequence[Input], now: Now) -> list[Effect]: ...


class Session(msgspec.Struct):
    """Where the words for a node go."""

    on_saying: Callable[[LeaderSaying], None]
    on_close: Callable[[CloseNode], None]


class Hands(msgspec.Struct):
    """What the pump does effects with; each call returns at once."""

    persist: Callable[[Persist], None]
    send: Callable[[SendPeer], None]
    stream_snapshot: Callable[[StreamSnapshot], None]
    take_snapshot: Callable[[TakeSnapshot], None]
    ask_plugin: Callable[[AskPlugin], None]
    note: Callable[[Note], None]
    halt: Callable[[int, str], None]  # does not return in production
    take_digest: Callable[[TakeDigest], None] = lambda _: None
    say_digest: Callable[[SayDigest], None] = lambda _: None


class Pump:
    """Feeds one replica and does its effects. Everything here happens on the event loop's thread."""

    def __init__(
        self,
        replica: Steps,
        hands: Hands,
        read_clock: Callable[[], Now],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._replica = replica
        self._hands = hands
        self._read_clock = read_clock
        self._loop = loop
        self._inbox: list[Input] = []
        self._wishes: deque[Submit] = deque()
        self._waking: asyncio.TimerHandle | None = None  # a Wake is on its way
        self._enough = 1  # wishes that need not wait for it
        self._turn_is_due = False
        self._last_tick = read_clock().steady
        self._timer: asyncio.TimerHandle | None = None
        self._after_turn: list[asyncio.Future[None]] = []
        self._stopped = False
        self.callers = Callers(loop, self.feed)
        self._sessions: dict[int, Session] = {}
        self._last_session = 0
        self._listeners: dict[int, Listener] = {}
        self._last_listener = 0
        self._do = self._table(hands)

    def _table(self, hands: Hands) -> dict[type, Callable[[Any], None]]:
        """Who does which effect."""
        return {
            Persist: hands.persist,
            SendPeer: hands.send,
            StreamSnapshot: hands.stream_snapshot,
            TakeSnapshot: hands.take_snapshot,
            TakeDigest: hands.take_digest,
            SayDigest: hands.say_digest,
            Reply: self.callers.answer,
            ReadReady: self.callers.answer,
            CallAnswered: self.callers.answer,
            Fail: self.callers.fail,
            ToNode: self._to_node,
            CloseNode: self._close_node,
            AskPlugin: hands.ask_plugin,
            Applied: self._tell,
            StateReplaced: self._tell,
            Live: self._tell,
            LeadershipChanged: self._tell,
            Note: hands.note,
            Halt: self._halt,
            WakeAfter: self._wake_after,
            Alarm: self._alarm,
        }

    # -- inwards --------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to tick."""
        self._last_tick = self._read_clock().steady
        self._on_timer()

    def stop(self) -> None:
        """No turn happens any more; whoever waits is told."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        self.callers.fail_all("shutting_down", "this coordinator has stopped")
        self._release()

    def feed(self, item: Input) -> None:
        """Hand an input to the next turn, which is at most one round of the loop away."""
        if type(item) is Submit:
            self._wishes.append(item)
            self._call_turn_for_wishes()
        else:
            self._inbox.append(item)
            self._call_turn()

    async def fed(self, item: Input) -> None:
        """Feed the input and wait until the effects of its turn are asked for."""
        future = self._loop.create_future()
        self._after_turn.append(future)
        self.feed(item)
        await future

    def on_written(self, writes: list[int]) -> None:
        """The store's answer: these are on disk."""
        self.feed(Stored(tuple(writes)))

    def on_store_failed(self, failure: StoreFailure) -> None:
        """The store's trouble; a bug of ours in its thread ends the process."""
        if failure.kind is Trouble.BUG:
            self._hands.halt(EXIT_BUG, failure.detail)
        self.feed(StoreFailed(failure.kind.value, failure.detail))

    def open_session(
        self, on_saying: Callable[[LeaderSaying], None], on_close: Callable[[CloseNode], None]
    ) -> int:
        """A number for a node's session, never used again in this process."""
        self._last_session += 1
        self._sessions[self._last_session] = Session(on_saying, on_close)
        return self._last_session

    def end_session(self, closed: NodeClosed) -> None:
        """Its stream has ended."""
        self._sessions.pop(closed.session, None)
        self.feed(closed)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call the listener for every event of `Told`; returns how to stop."""
        self._last_listener += 1
        number = self._last_listener
        self._listeners[number] = listener
        return lambda: self._forget(number)

    # -- the turn -------------------------------------------------------------------------------

    def _call_turn(self) -> None:
        if not self._turn_is_due and not self._stopped:
            self._turn_is_due = True
            self._loop.call_soon(self._turn)

    def _call_turn_for_wishes(self) -> None:
        """While an entry is under way, or waits for company, nothing is gained by telling wishes one by one: what
        ends that makes a turn, which takes them all, or the next tick does.
        """
        if self._replica.is_busy:
            return
        if self._waking is None or len(self._wishes) >= self._enough:
            self._call_turn()

    def _on_timer(self) -> None:
        if not self._stopped:
            self._timer = self._loop.call_later(TICK_MS / 1_000, self._on_timer)
            self._call_turn()

    def _turn(self) -> None:
        self._turn_is_due = False
        if self._stopped:
            return
        now = self._read_clock()
        inputs = self._take(now)
        if not inputs:
            return
        do = self._do
        try:
            for effect in self._replica.handle(inputs, now):
                do[type(effect)](effect)
        except Exception as bug:  # noqa: BLE001 - whatever it is, the process ends
            self._on_bug(bug)
        if self._wishes:
            self._call_turn_for_wishes()
        if self._inbox:
            self._call_turn()
        elif self._after_turn:
            self._release()

    def _take(self, now: Now) -> list[Input]:
        """What this turn handles: a due tick first, so that a stall is known before what came in meanwhile."""
        inputs, self._inbox = self._inbox, []
        if len(inputs) > INPUTS_PER_TURN:
            inputs, self._inbox = inputs[:INPUTS_PER_TURN], inputs[INPUTS_PER_TURN:]
        passed = now.steady - self._last_tick
        if passed >= TICK_MS:
            self._last_tick = now.steady
            inputs.insert(0, Tick(passed - TICK_MS))
        room = WISHES_PER_TURN
        while self._wishes and room > 0:
            wish = self._wishes.popleft()
            room -= len(wish.asked)
            inputs.append(wish)
        return inputs

    def _release(self) -> None:
        waiting, self._after_turn = self._after_turn, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def _on_bug(self, bug: Exception) -> None:
        """A broken invariant or any other bug ends the process before anything false is said (C11)."""
        code = EXIT_DIFFERS if isinstance(bug, InvariantBroken | UpgradeNeeded) else EXIT_BUG
        self._hands.note(Note("error", "bug", {"exc_info": bug}))
        self._hands.halt(code, f"{type(bug).__name__}: {bug}")
        self.stop()

    # -- outwards -------------------------------------------------------------------------------

    def _to_node(self, effect: ToNode) -> None:
        session = self._sessions.get(effect.session)
        if session is not None:
            session.on_saying(effect.saying)

    def _close_node(self, effect: CloseNode) -> None:
        session = self._sessions.pop(effect.session, None)
        if session is not None:
            session.on_close(effect)

    def _tell(self, effect: Told) -> None:
        for listener in tuple(self._listeners.values()):
            listener(effect)

    def _wake_after(self, effect: WakeAfter) -> None:
        self._enough = effect.wishes
        if self._waking is None:
            self._waking = self._loop.call_later(effect.millis / 1_000, self._wake)

    def _alarm(self, effect: Alarm) -> None:
        self._loop.call_later(effect.millis / 1_000, self.feed, Wake())

    def _wake(self) -> None:
        self._waking = None
        self.feed(Wake())

    def _forget(self, number: int) -> None:
        self._listeners.pop(number, None)

    def _halt(self, effect: Halt) -> None:
        self._hands.halt(effect.exit_code, effect.reason)
        self.stop()
