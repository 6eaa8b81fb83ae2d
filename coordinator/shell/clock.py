"""Clock and dice: read and rolled here, handed in everywhere else."""

from __future__ import annotations

import random
import secrets
import time

from coordinator.model.instants import Now

_NANOS_PER_MILLI = 1_000_000
_BOOTTIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)  # macOS has none; its monotonic does


def read_clock() -> Now:
    """Both clocks in ms. `steady` counts time spent suspended, so that a lease ends while we sleep."""
    return Now(steady_ms(), time.time_ns() // _NANOS_PER_MILLI)


def steady_ms() -> int:
    """The steady clock alone."""
    if _BOOTTIME is None:
        return time.monotonic_ns() // _NANOS_PER_MILLI
    return time.clock_gettime_ns(_BOOTTIME) // _NANOS_PER_MILLI


def make_dice() -> random.Random:
    """Dice that no two coordinators share, whenever they were started."""
    return random.Random(secrets.randbits(128))


def draw_id() -> str:
    """32 hexadecimal digits that nobody drew before."""
    return secrets.token_hex(16)
