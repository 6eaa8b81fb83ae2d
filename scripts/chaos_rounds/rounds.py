"""Round after round: hurt, heal, wait until the cluster works, look."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from scripts.chaos_rounds import standing
from scripts.chaos_rounds.arena import Arena
from scripts.chaos_rounds.flips import Flips
from scripts.chaos_rounds.inflict import Inflicter
from scripts.chaos_rounds.ledger import Ledger
from scripts.chaos_rounds.lines import Lines
from scripts.chaos_rounds.load import Load
from scripts.chaos_rounds.looking import GUARD_S, Looker, Violation
from scripts.chaos_rounds.plan import Event, Fault, events_of_round

MORE = 8  # acknowledged operations after healing, before anything is looked at


@dataclass
class Result:
    """What one round did and saw."""

    number: int
    events: list[Event] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    took_s: float = 0.0
    unavailable_s: float = 0.0


class Rounds:
    """One arena and its load. `begin`, `play` as often as one likes, `finish`; `end` however it went."""

    def __init__(
        self, arena: Arena, seed: int, faults: Sequence[Fault], *, rate: float = 40.0
    ) -> None:
        self.arena, self.faults = arena, tuple(faults)
        self.ledger = Ledger()
        self.lines = Lines(arena.root / "lines")
        self.lines.tolerant = standing.TOLERANT
        self.load = Load(list(arena.addresses.values()), self.ledger, seed=seed, rate=rate)
        self.load.path, self.load.movable = str(self.lines.path), standing.MOVABLE
        self.looker = Looker(arena, self.ledger, self.lines, self.load)
        self.flips = Flips(arena, self.looker.logs)
        self.inflicter = Inflicter(arena, self.flips.a_few)
        self.results: list[Result] = []
        self._dice = Random(seed)

    def begin(self) -> None:
        """Everything is started and works."""
        self.arena.start()
        self.arena.wait_ready(GUARD_S)
        standing.start_all(self.arena, str(self.lines.path))
        self.looker.wait_for_standing()
        self.load.resume()

    def play(self, *, look: bool = True) -> Result:
        """One round. Raises Violation, or TimeoutError for what never came to be."""
        began = time.monotonic()
        result = Result(len(self.results) + 1)
        self.results.append(result)
        result.events = events_of_round(self._dice, self.arena.scope, self.faults)
        self.inflicter.killed.clear()
        self.inflicter.said = result.said
        self.inflicter.play(result.events)
        self._nothing_else_ended()
        self.arena.start()
        self.arena.heal()
        self.arena.wait_ready(GUARD_S)
        self.load.wait_for_more(MORE)
        if look:
            self.looker.look()
        result.unavailable_s = self.load.longest_gap_s()
        result.took_s = time.monotonic() - began
        return result

    def finish(self) -> None:
        """The full look, after the last round."""
        self.looker.look_at_everything()
        if self.flips.wrong:
            raise Violation("G13: " + "\n".join(self.flips.wrong))

    def end(self) -> None:
        """No more load."""
        self.load.end()

    def _nothing_else_ended(self) -> None:
        for name, process in self.arena.processes.items():
            if not process.is_alive and name not in self.inflicter.killed:
                last = "\n".join(process.lines()[-10:])
                code = process.wait()
                raise Violation(f"{name} has ended with {code}, and nobody killed it:\n{last}")
