"""One figure: its samples, the line that is printed of it, and whether it is good enough."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

Number = float | int


@dataclass(frozen=True, slots=True)
class Bound:
    """What a figure must reach at least (`least`) and is meant to reach (`aim`), by the name of a statistic."""

    least: dict[str, float]
    aim: dict[str, float]
    higher_is_better: bool = False


def at_most(least: float, aim: float, **others: tuple[float, float]) -> Bound:
    """A bound on the median, and on other statistics as `p99=(least, aim)`: smaller is better."""
    least_of = {"median": least, **{name: pair[0] for name, pair in others.items()}}
    aim_of = {"median": aim, **{name: pair[1] for name, pair in others.items()}}
    return Bound(least_of, aim_of)


def at_least(least: float, aim: float) -> Bound:
    """A bound on the median: larger is better."""
    return Bound({"median": least}, {"median": aim}, higher_is_better=True)


@dataclass(frozen=True, slots=True)
class Figure:
    """Samples under a name. `more` are further facts that belong on the line."""

    name: str
    unit: str
    samples: Sequence[Number]
    bound: Bound | None = None
    more: dict[str, object] = field(default_factory=dict)

    def line(self) -> dict[str, object]:
        """What is printed: the middle, the spread, the bounds, and whether they are met."""
        found: dict[str, object] = {
            "figure": self.name,
            "median": rounded(statistics.median(self.samples)),
            "unit": self.unit,
            "min": rounded(min(self.samples)),
            "max": rounded(max(self.samples)),
            "n": len(self.samples),
        }
        if len(self.samples) >= 20 or (self.bound and "p99" in self.bound.least):
            found["p99"] = rounded(percentile(self.samples, 99))
        found.update(self.more)
        if self.bound is not None:
            for title, values in (("at_least", self.bound.least), ("aim", self.bound.aim)):
                for statistic, value in values.items():
                    found[title if statistic == "median" else f"{title}_{statistic}"] = value
            found["met"] = self._meets(self.bound)
        return found

    def _meets(self, bound: Bound) -> bool:
        for statistic, least in bound.least.items():
            seen = self.value(statistic)
            if (seen < least) if bound.higher_is_better else (seen > least):
                return False
        return True

    def value(self, statistic: str) -> float:
        """A statistic by its name: median, max, or p and a number."""
        if statistic == "median":
            return float(statistics.median(self.samples))
        if statistic == "max":
            return float(max(self.samples))
        return percentile(self.samples, int(statistic.removeprefix("p")))


def percentile(samples: Sequence[Number], percent: int) -> float:
    """The smallest sample that `percent` of all do not exceed."""
    ordered = sorted(samples)
    return float(ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)])


def rounded(value: float) -> float | int:
    """Four digits are more than any of these numbers deserves."""
    if value == 0 or not math.isfinite(value):
        return value
    digits = 3 - math.floor(math.log10(abs(value)))
    short = round(value, max(0, digits))
    return int(short) if digits <= 0 else short


def print_line(line: dict[str, object]) -> None:
    """One line of JSON, at once."""
    print(json.dumps(line), flush=True)
