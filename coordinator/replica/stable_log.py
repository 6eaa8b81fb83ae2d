"""The log in memory as this replica keeps it: what `MemoryStorage` is, and which snapshot newcomers can use."""

from __future__ import annotations

from typing_extensions import override

from coordinator.consensus.messages import Snapshot
from coordinator.consensus.storage import MemoryStorage


class StableLog(MemoryStorage):
    """A member ignores a snapshot that does not know it, so after a change there is none until one does."""

    newcomers_since = 0  # index of the last change that brought somebody in

    def payload_bytes(self) -> int:
        """What all entries carry."""
        return sum(len(entry.data) for entry in self._entries)

    @override
    def snapshot(self) -> Snapshot | None:
        newest = super().snapshot()
        if newest is None or newest.index < self.newcomers_since:
            return None
        return newest
