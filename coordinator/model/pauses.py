"""Types of work that somebody has stopped from starting: nothing of such an executor is placed (TM-28)."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from coordinator.model.instants import Instant

REASON_SHOWN = 120  # characters; a reason stands in every record that it holds up


class ExecutorPause(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Who paused an executor, when and why."""

    reason: str
    by: str
    at: Instant

    def said(self, executor: str) -> str:
        """For people, and canonical (PT-8)."""
        return f"{executor} is paused{worded(self.by, self.reason)}"

    def told(self, executor: str) -> str:
        """With when it was."""
        return f"{self.said(executor)} since {since(self.at)}"


def worded(by: str, reason: str) -> str:
    """` by ann ("migration")`, as far as it is known."""
    who = f" by {by}" if by else ""
    short = reason if len(reason) <= REASON_SHOWN else f"{reason[:REASON_SHOWN]}..."
    return f'{who} ("{short}")' if reason else who


def since(at: Instant) -> str:
    """UTC, to the second."""
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
