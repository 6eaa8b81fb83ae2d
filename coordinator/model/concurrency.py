"""Concurrency limits: how many runs may be placed at a time under one key (TM-60).

A key is an executor's name, `group:NAME` for what several executors share, or `EXECUTOR:FIELD=VALUE`
for a field of params or labels. What stands before the `=` is its family: an operator overrides a
single key, or all of its family at once. Limits of scope `cluster` and `node` are counted apart.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from coordinator.model.instants import Instant

SCOPES = ("cluster", "node")


class TaskLimit(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A limit that one task stands under, resolved when it was created. `max` 0 blocks."""

    scope: str
    key: str
    max: int

    @property
    def family(self) -> str:
        return family_of(self.key)

    def said(self, most: int) -> str:
        """For people, and canonical (PT-8); `most` is the `max` in force."""
        return f"{self.key}: at most {most} {'per node' if self.scope == 'node' else 'in all'}"


class LimitOverride(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an operator put in the place of a declared `max`."""

    max: int
    by: str
    at: Instant


def family_of(key: str) -> str:
    return key.partition("=")[0]


def count(counts: dict[str, int], limits: Iterable[TaskLimit], scope: str, change: int) -> None:
    """Move the counters of one scope by `change`; what falls to nothing leaves the dictionary."""
    for limit in limits:
        if limit.scope == scope:
            runs = counts.get(limit.key, 0) + change
            if runs:
                counts[limit.key] = runs
            else:
                del counts[limit.key]
