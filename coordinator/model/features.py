"""Feature levels: what the entries of this cluster may mean (design section 12)."""

from __future__ import annotations

from enum import IntEnum


class Feature(IntEnum):
    """Append only: these numbers are written in every log."""

    TASKS = 1


FIRST = min(Feature)  # of whoever says nothing about it
HIGHEST = max(Feature)
