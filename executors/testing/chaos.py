"""Crashes at seeded points, for a run under test."""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass(slots=True)
class Chaos:
    """Crashes at seeded points: after a state write, with probability `kill`, the run crashes and is resumed."""

    kill: float
    seed: int
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
