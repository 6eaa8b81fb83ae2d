"""Links between places (members `c1`, nodes `n1`, clients `k1`): datagrams that suffer, and streams that keep order.

Members and callers use datagrams: what a broken and re-made connection does to messages is loss, repetition and delay.
A node's session is a stream: in order or broken, held back while its road is cut.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Any

from tests.simulation.dials import Dials
from tests.simulation.dice import Dice
from tests.simulation.laws import Tally
from tests.simulation.timeline import MS, SECOND, Timeline

Pair = tuple[str, str]
Deliver = Callable[[], None]
LOSS_MAX, DUPLICATE_MAX, LATE_MAX = 300_000, 300_000, 20_000  # millionths at dial 100
LATEST = 30 * SECOND
HELD = 20 * MS  # how often a stream looks whether its road is open again


class Network:
    """Who reaches whom, and how fast."""

    def __init__(self, timeline: Timeline, dials: Dials, dice: Dice, tally: Tally) -> None:
        self._timeline = timeline
        self._dice = {name: dice.split(name) for name in ("loss", "duplicate", "delay")}
        self._pace = dice.split("pace")
        self._tally = tally
        self._cuts: Counter[Pair] = Counter()
        self._clogged: dict[Pair, int] = {}
        self.quiet = False  # no accidents any more
        self._loss = dials.faults["loss"] * LOSS_MAX // 100
        self._duplicate = dials.faults["duplicate"] * DUPLICATE_MAX // 100
        self._late = dials.faults["delay"] * LATE_MAX // 100

    # -- roads ------------------------------------------------------------------------------------

    def cut(self, pairs: Iterable[Pair]) -> None:
        self._cuts.update(pairs)

    def mend(self, pairs: Iterable[Pair]) -> None:
        self._cuts.subtract(pairs)

    def clog(self, pair: Pair, until: int) -> None:
        """Everything sent meanwhile arrives afterwards, all at once."""
        self._clogged[pair] = max(until, self._clogged.get(pair, 0))

    def heal(self) -> None:
        self._cuts.clear()
        self._clogged.clear()
        self.quiet = True

    def is_open(self, sender: str, to: str) -> bool:
        return self._cuts[sender, to] <= 0

    def _delay(self, pair: Pair) -> int:
        delay = self._pace.between(200, 1_500)
        clogged = self._clogged.get(pair, 0)
        return max(delay, clogged - self._timeline.now) if clogged else delay

    # -- datagrams --------------------------------------------------------------------------------

    def send(
        self, sender: str, to: str, label: str, deliver: Deliver, *, once: bool = False
    ) -> bool:
        """False if it is lost, as the sender may or may not learn. `once`: never repeated, as a call is."""
        pair = (sender, to)
        if self._cuts[pair] > 0:
            return False
        delay = self._delay(pair)
        if not self.quiet:
            if self._loss and self._dice["loss"].chance(self._loss):
                self._tally.fault("loss")
                return False
            if self._duplicate and not once and self._dice["duplicate"].chance(self._duplicate):
                self._tally.fault("duplicate")
                again = delay + self._dice["duplicate"].often_short(100, 5 * SECOND)
                self._timeline.after(again, label, deliver)
            if self._late and self._dice["delay"].chance(self._late):
                self._tally.fault("delay")
                delay += self._dice["delay"].often_short(MS, LATEST)
        self._timeline.after(delay, label, deliver)
        return True

    # -- streams ----------------------------------------------------------------------------------

    def stream(self, sender: str, to: str, label: str, deliver: Callable[[Any], None]) -> Pipe:
        return Pipe(self, (sender, to), label, deliver)


class Pipe:
    """One direction of a stream: in order, each once, until it is closed."""

    def __init__(
        self, network: Network, pair: Pair, label: str, deliver: Callable[[Any], None]
    ) -> None:
        self._network = network
        self._timeline = network._timeline
        self._pair = pair
        self._label = label
        self._deliver = deliver
        self._frames: deque[tuple[int, Any]] = deque()
        self._is_running = False
        self._stalled = 0
        self.closed = False

    def put(self, frame: Any) -> None:
        if self.closed:
            return
        due = self._timeline.now + self._network._delay(self._pair)
        due = max(due, self._stalled, self._frames[-1][0] if self._frames else 0)
        self._frames.append((due, frame))
        if not self._is_running:
            self._is_running = True
            self._timeline.at(due, self._label, self._arrive)

    def stall(self, until: int) -> None:
        """What is under way, and what follows, arrives no sooner."""
        self._frames = deque((max(due, until), frame) for due, frame in self._frames)
        self._stalled = max(until, self._stalled)

    def close(self) -> None:
        self.closed = True
        self._frames.clear()

    def _arrive(self) -> None:
        timeline = self._timeline
        if self._frames and self._frames[0][0] > timeline.now:
            timeline.at(self._frames[0][0], self._label, self._arrive)  # it was stalled
            return
        while self._frames and self._frames[0][0] <= timeline.now:
            if not self._network.is_open(*self._pair):
                timeline.after(HELD, self._label, self._arrive)
                return
            self._deliver(self._frames.popleft()[1])
        self._is_running = bool(self._frames)
        if self._frames:
            timeline.at(self._frames[0][0], self._label, self._arrive)
