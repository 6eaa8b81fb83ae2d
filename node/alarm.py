"""One wake-up on an event loop, moved forward as often as one likes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Alarm:
    """Rings no later than it was asked to. Ringing earlier than needed does no harm: whoever is rung asks anew."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], object]) -> None:
        self._loop, self._ring = loop, ring
        self._handle: asyncio.Handle | None = None
        self._at = 0.0  # uvloop's handle for what is due at once does not know when it is due

    def ring_in(self, delay_ms: int) -> None:
        """At the latest; what is past is due at once."""
        at = self._loop.time() + max(0, delay_ms) / 1_000
        if self._handle is not None:
            if self._at <= at:
                return
            self._handle.cancel()
        self._at = at
        self._handle = self._loop.call_at(at, self._rings)

    def _rings(self) -> None:
        self._handle = None
        self._ring()
