"""Faults by dice: which, when, whom, and for how long all come from the seed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from random import Random

LASTS_S = (1, 20)


@dataclass(frozen=True, slots=True)
class Faults:
    """How likely each is to befall a node in a second. At least one node is always left in peace.

    `kill`: the power goes, and comes back. `cut_off`: nothing gets through between it and the coordinator. `drain`: an
    operator drains it, and later thinks better of it. `slow`: what it says and hears takes up to 1.5 s longer.
    """

    kill: float = 0.0
    cut_off: float = 0.0
    drain: float = 0.0
    slow: float = 0.0

    def __post_init__(self) -> None:
        """Raises ValueError for what is no probability."""
        for one in fields(self):
            if not 0 <= getattr(self, one.name) <= 1:
                raise ValueError(f"{one.name}: must be 0 to 1 (got {getattr(self, one.name)})")

    @property
    def are_any(self) -> bool:
        """Whether anything can happen at all."""
        return any(getattr(self, one.name) for one in fields(self))


Harm = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Tools:
    """What faults are made with: each kind's begin and end, given a node's name."""

    begin: Mapping[str, Harm]
    end: Mapping[str, Harm]


class Mischief:
    """Looks once a second. `stop` mends what is broken and breaks nothing more."""

    def __init__(self, faults: Faults, nodes: tuple[str, ...], tools: Tools, dice: Random) -> None:
        self._faults, self._nodes, self._tools, self._dice = faults, nodes, tools, dice
        self._loop = asyncio.get_running_loop()
        self._harmed: dict[str, tuple[str, asyncio.TimerHandle]] = {}
        self._timer: asyncio.TimerHandle | None = None
        if faults.are_any:
            self._timer = self._loop.call_later(1, self._look)

    def stop(self) -> None:
        """From now on nothing is broken."""
        self.forget()
        for node in list(self._harmed):
            self._mend(node)

    def forget(self) -> None:
        """Break nothing more, mend nothing: the test is over."""
        if self._timer is not None:
            self._timer.cancel()
        for _, timer in self._harmed.values():
            timer.cancel()

    def _look(self) -> None:
        self._timer = self._loop.call_later(1, self._look)
        for kind in self._tools.begin:
            for node in self._nodes:
                hit = self._dice.random() < getattr(self._faults, kind)
                lasts = self._dice.randint(*LASTS_S)
                if hit and node not in self._harmed and len(self._harmed) + 1 < len(self._nodes):
                    self._break(kind, node, lasts)

    def _break(self, kind: str, node: str, lasts_s: int) -> None:
        timer = self._loop.call_later(lasts_s, self._mend, node)
        self._harmed[node] = (kind, timer)
        self._tools.begin[kind](node)

    def _mend(self, node: str) -> None:
        kind, timer = self._harmed.pop(node)
        timer.cancel()
        self._tools.end[kind](node)
