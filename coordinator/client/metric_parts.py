"""What a process counts for Prometheus, as plain numbers, and how a scrape turns them into text (TM-82, EX-73).

Counting is an addition on a dictionary or a list; nothing of `prometheus_client` is touched, or even imported, before
somebody scrapes. A scrape takes a picture of all numbers on the loop and renders it in another thread. This stands here
because a node enters by this room alone.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

SECONDS: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 150.0, 360.0, 900.0, 1_800.0, 3_600.0),
)
"""Upper bounds from 1 ms to 1 h, in steps of about 2.5."""

ENTRIES: Final = (1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0)
"""Upper bounds of what is counted in pieces."""

NAMES_MAX: Final = 200
OTHER: Final = "other"

Kind: TypeAlias = Literal["gauge", "counter", "histogram"]
Labels: TypeAlias = tuple[str, ...]


class Family(NamedTuple):
    """One metric of the contract: its name without prefix (a counter's ends in `_total`), and what people read about it."""

    name: str
    kind: Kind
    help: str
    labels: Labels = ()


class Spread:
    """A histogram: how many observations fell below each bound, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value, of the unit of the bounds. May be called by one thread that is not the loop's."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def copy(self) -> Spread:
        """As it is now."""
        twin = Spread(self.bounds)
        twin.counts, twin.total = self.counts[:], self.total
        return twin

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative counts by upper bound, `+Inf` last."""
        found, below = [], 0
        for bound, count in zip((*map(repr, self.bounds), "+Inf"), self.counts, strict=True):
            below += count
            found.append((bound, float(below)))
        return found


class Spreads(dict[Labels, Spread]):
    """Histograms of one family, made when their labels are seen first."""

    def __missing__(self, labels: Labels) -> Spread:
        spread = self[labels] = Spread()
        return spread


class Counts(dict[Labels, int]):
    """Counters of one family; they only grow."""

    def __missing__(self, labels: Labels) -> int:
        return 0

    def begin_with(self, *words: str) -> Counts:
        """Show these from the start, at 0, so that the first of them is seen as a step."""
        for word in words:
            self[(word,)] = 0
        return self


class Names:
    """Keeps a label within bounds: names beyond the first 200 are shown as `other`."""

    def __init__(self, most: int = NAMES_MAX) -> None:
        self._most = most
        self._known: dict[str, None] = {}

    def label(self, name: str) -> str:
        """The name, or `other`; a name once shown stays."""
        if name in self._known:
            return name
        if len(self._known) >= self._most:
            return OTHER
        self._known[name] = None
        return name


Number: TypeAlias = float | Spread


class Sheet:
    """The numbers of one scrape, by family. What is put in is copied.

    `later`: what may be put in beside the loop, from copies that were taken on it.
    """

    def __init__(self, families: Sequence[Family]) -> None:
        self.later: list[Callable[[], None]] = []
        self.families = {family.name: family for family in families}
        self.values: dict[str, dict[Labels, Number]] = {name: {} for name in self.families}

    def put(self, name: str, value: float | Spread, *labels: str) -> None:
        """One sample, or one histogram. Raises ValueError for what the contract does not have."""
        self._check(name, labels)
        self.values[name][labels] = value.copy() if isinstance(value, Spread) else value

    def add(self, name: str, value: float, *labels: str) -> None:
        """On top of what is there: several things under one label."""
        self._check(name, labels)
        values = self.values[name]
        present = values.get(labels, 0.0)
        if isinstance(present, Spread):
            raise ValueError(f"{name} is a histogram")  # noqa: TRY004 - the value of `name` is wrong, not its type
        values[labels] = present + value

    def put_all(self, name: str, values: Mapping[Labels, float] | Mapping[Labels, Spread]) -> None:
        """All of a family."""
        for labels, value in values.items():
            self.put(name, value, *labels)

    def _check(self, name: str, labels: Labels) -> None:
        family = self.families.get(name)
        if family is None or len(family.labels) != len(labels):
            raise ValueError(f"no metric {name} with {len(labels)} labels")
