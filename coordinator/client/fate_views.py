"""What became of the fire times of a series, as the client tells it (TM-9)."""

from __future__ import annotations

from msgspec import Struct

from coordinator.client.views import Answer


class FateRange(Struct, frozen=True):
    """Neighbouring fire times with one fate: `count` of them, from the first to the last."""

    fate: str
    """started, skipped or missed."""
    reason: str | None
    first_at: int
    last_at: int
    count: int


class FatePage(Struct, frozen=True):
    """Of `fates`: the range that was begun last first."""

    answer: Answer
    fates: list[FateRange]
    next_page: str
