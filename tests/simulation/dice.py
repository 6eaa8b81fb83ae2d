"""All chance of a simulated world: streams split from one seed, drawn with `getrandbits` alone.

Library functions on top of it have changed between Python versions. Streams are named, so switching one
fault class off leaves what the others draw as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from random import Random
from typing import TypeVar

_Item = TypeVar("_Item")
MILLION = 1_000_000


class Dice:
    """One stream. `Dice(seed, "a")` and `Dice(seed, "b")` have nothing to do with each other."""

    def __init__(self, seed: int, name: str = "") -> None:
        self._seed, self._name = seed, name
        digest = blake2b(f"{seed}/{name}".encode(), digest_size=16).digest()
        self.bits = Random(int.from_bytes(digest)).getrandbits

    def split(self, name: str) -> Dice:
        """A stream of its own, which draws nothing from this one."""
        return Dice(self._seed, f"{self._name}/{name}")

    def below(self, bound: int) -> int:
        """0 <= x < bound, all alike; 0 for a bound of 1 or less."""
        if bound <= 1:
            return 0
        width = (bound - 1).bit_length()
        while (drawn := self.bits(width)) >= bound:
            pass
        return drawn

    def between(self, low: int, high: int) -> int:
        """low <= x <= high."""
        return low + self.below(high - low + 1)

    def chance(self, millionths: int) -> bool:
        """True in so many of a million cases."""
        return self.bits(20) * MILLION < millionths << 20

    def percent(self, hundredths: int) -> bool:
        """True in so many of a hundred cases."""
        return self.below(100) < hundredths

    def pick(self, items: Sequence[_Item]) -> _Item:
        return items[self.below(len(items))]

    def often_short(self, low: int, high: int) -> int:
        """low <= x <= high, every magnitude as likely as the next: mostly short, at times long."""
        magnitudes = max(1, (high - low + 1).bit_length() - 1)
        top = min(high, low + (1 << self.between(1, magnitudes)))
        return self.between(low, top)
