"""The tail of the log that is not known to be on disk, with a snapshot that waits to be stored.

Some of it may have been given out for writing already (*in progress*); that is not given out again unless it was
replaced. A write that ends after its entries were replaced changes nothing: term and index have to fit.
"""

from __future__ import annotations

from collections.abc import Sequence

from coordinator.consensus.messages import Entry, Snapshot


class Unstable:
    """Entries from `offset` on."""

    __slots__ = ("_in_progress_to", "_snapshot_in_progress", "entries", "offset", "snapshot")

    def __init__(self, offset: int) -> None:
        self.snapshot: Snapshot | None = None
        self.entries: list[Entry] = []
        self.offset = offset
        self._in_progress_to = offset  # the first index not given out yet
        self._snapshot_in_progress = False

    def last_index(self) -> int | None:
        """Index of the last entry, or of the snapshot; None when both are absent."""
        if self.entries:
            return self.offset + len(self.entries) - 1
        return None if self.snapshot is None else self.snapshot.index

    def term(self, index: int) -> int | None:
        """Term of an entry or of the snapshot, if it is here."""
        if index >= self.offset:
            place = index - self.offset
            return self.entries[place].term if place < len(self.entries) else None
        if self.snapshot is not None and self.snapshot.index == index:
            return self.snapshot.term
        return None

    def slice(self, low: int, high: int) -> list[Entry]:
        return self.entries[low - self.offset : high - self.offset]

    def append(self, entries: Sequence[Entry]) -> None:
        """Add entries, replacing what stands at or after the first new index."""
        start = entries[0].index
        if start == self.offset + len(self.entries):
            self.entries.extend(entries)
        elif start <= self.offset:
            self.entries = list(entries)
            self.offset = self._in_progress_to = start
        else:
            del self.entries[start - self.offset :]
            self.entries.extend(entries)
            self._in_progress_to = min(self._in_progress_to, start)

    def restore(self, snapshot: Snapshot) -> None:
        """Nothing but this snapshot counts any more."""
        self.snapshot = snapshot
        self._snapshot_in_progress = False
        self.entries = []
        self.offset = self._in_progress_to = snapshot.index + 1

    def next_entries(self) -> tuple[Entry, ...]:
        """Entries not given out for writing yet."""
        if not self.has_next_entries():
            return ()
        return tuple(self.entries[self._in_progress_to - self.offset :])

    def has_next_entries(self) -> bool:
        return self._in_progress_to - self.offset < len(self.entries)

    def next_snapshot(self) -> Snapshot | None:
        """The snapshot, if it was not given out yet."""
        return None if self._snapshot_in_progress else self.snapshot

    def given_out(self) -> None:
        """All that waited is being written now."""
        self._in_progress_to = self.offset + len(self.entries)
        self._snapshot_in_progress = self.snapshot is not None

    def stored(self, term: int, index: int) -> None:
        """All up to here is on disk; ignored if (term, index) is not here (any more)."""
        if index < self.offset or self.term(index) != term:
            return
        del self.entries[: index + 1 - self.offset]
        self.offset = index + 1
        self._in_progress_to = max(self._in_progress_to, self.offset)

    def snapshot_stored(self, index: int) -> None:
        """This snapshot is on disk; ignored if another one waits by now."""
        if self.snapshot is not None and self.snapshot.index == index:
            self.snapshot = None
            self._snapshot_in_progress = False
