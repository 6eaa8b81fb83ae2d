"""Runs on the world's true time: of an exclusive executor no two of one task intersect, and tokens grow with time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from typing_extensions import override

FOR_EVER = 2**62


@dataclass
class Interval:
    """User code from its first line to the proven death of its process; microseconds."""

    task_id: str
    token: int
    node: str
    exclusive: bool
    begin: int
    end: int = FOR_EVER

    @override
    def __str__(self) -> str:
        end = "..." if self.end == FOR_EVER else f"{self.end / 1e6:.3f}"
        return f"{self.task_id}#{self.token} on {self.node} [{self.begin / 1e6:.3f}, {end}]"


def overlaps(intervals: Iterable[Interval]) -> list[tuple[Interval, Interval]]:
    """Pairs of exclusive runs of one task that were executing at the same time. One that ends when another begins
    does not overlap it.
    """
    found = []
    latest: dict[str, Interval] = {}
    for one in sorted(intervals, key=lambda each: (each.begin, each.token)):
        if not one.exclusive:
            continue
        before = latest.get(one.task_id)
        if before is not None and before.end > one.begin:
            found.append((before, one))
        if before is None or one.end >= before.end:
            latest[one.task_id] = one
    return found


def falling_tokens(intervals: Iterable[Interval]) -> list[tuple[Interval, Interval]]:
    """Pairs of exclusive runs of one task of which the later one has a token that is not larger (G7)."""
    found = []
    highest: dict[str, Interval] = {}
    for one in sorted(intervals, key=lambda each: (each.begin, each.end)):
        if not one.exclusive:
            continue
        before = highest.get(one.task_id)
        if before is not None and before.token >= one.token:
            found.append((before, one))
        else:
            highest[one.task_id] = one
    return found
