"""The storage port, and the log in memory that stands behind it.

The core reads through `Storage` and never writes: what is to be written leaves as a `Ready`. `MemoryStorage` is the
mirror of what is on disk; its owner brings it up to date *before* it tells the core that a write is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self

from coordinator.consensus.errors import Compacted, ConsensusBroken, SnapshotOutOfDate, Unavailable
from coordinator.consensus.messages import ConfState, Entry, HardState, Snapshot
from coordinator.consensus.sizes import limit_size


class Storage(Protocol):
    """The stable part of the log. Nothing here may block."""

    def initial_state(self) -> tuple[HardState, ConfState]:
        """What was stored last, and the configuration as of the applied index."""

    def first_index(self) -> int:
        """Index of the first entry that is there, or would be: one above the last one dropped."""

    def last_index(self) -> int:
        """Index of the last entry; `first_index() - 1` when there is none."""

    def term(self, index: int) -> int:
        """Term of an entry from `first_index() - 1` to `last_index()`. Raises `Compacted`, `Unavailable`."""

    def entries(self, low: int, high: int, max_bytes: int) -> Sequence[Entry]:
        """Entries low <= index < high, cut at `max_bytes` but never to none. Raises `Compacted`, `Unavailable`."""

    def snapshot(self) -> Snapshot | None:
        """The newest snapshot, for a member that needs entries already dropped; None: not now, ask again.

        A member refuses a snapshot whose configuration it is not in. So take a new one soon after a change that
        brought a member in, or it is never caught up.
        """


class MemoryStorage:
    """The stable log in memory: constant-time terms, slices for entries."""

    def __init__(
        self, hard_state: HardState | None = None, snapshot: Snapshot | None = None
    ) -> None:
        self._hard_state = hard_state or HardState()
        self._snapshot = snapshot or Snapshot(0, 0)
        self._base_index = self._snapshot.index  # the last entry dropped: its term is kept
        self._base_term = self._snapshot.term
        self._entries: list[Entry] = []

    @classmethod
    def restored(
        cls,
        hard_state: HardState,
        snapshot: Snapshot,
        base: tuple[int, int],
        entries: Sequence[Entry],
    ) -> Self:
        """After a restart: entries may reach back before the snapshot; `base` is (index, term) before the first."""
        storage = cls(hard_state, snapshot)
        storage._base_index, storage._base_term = base
        storage.append(entries)
        return storage

    def initial_state(self) -> tuple[HardState, ConfState]:
        """The hard state, and the configuration of the snapshot."""
        return self._hard_state, self._snapshot.conf

    def first_index(self) -> int:
        return self._base_index + 1

    def last_index(self) -> int:
        return self._base_index + len(self._entries)

    def term(self, index: int) -> int:
        offset = index - self._base_index
        if offset <= 0:
            if offset == 0:
                return self._base_term
            raise Compacted(f"index {index} is before {self._base_index}")
        if offset > len(self._entries):
            raise Unavailable(f"index {index} is beyond {self.last_index()}")
        return self._entries[offset - 1].term

    def entries(self, low: int, high: int, max_bytes: int) -> Sequence[Entry]:
        if low <= self._base_index:
            raise Compacted(f"index {low} is before {self.first_index()}")
        if high > self.last_index() + 1:
            raise Unavailable(f"index {high - 1} is beyond {self.last_index()}")
        start = self._base_index + 1
        return limit_size(self._entries[low - start : high - start], max_bytes)

    def snapshot(self) -> Snapshot | None:
        return self._snapshot

    def set_hard_state(self, hard_state: HardState) -> None:
        """Replace term, vote and commit."""
        self._hard_state = hard_state

    def append(self, entries: Sequence[Entry]) -> None:
        """Add entries, cutting off stored ones from the first new index on. Raises `ConsensusBroken` at a gap."""
        if not entries:
            return
        skip = (
            self._base_index + 1 - entries[0].index
        )  # dropped here already: their state is in the snapshot
        if skip > 0:
            entries = entries[skip:]
            if not entries:
                return
        offset = entries[0].index - self._base_index - 1
        if offset > len(self._entries):
            raise ConsensusBroken(
                f"entries from {entries[0].index} on leave a gap after {self.last_index()}"
            )
        if offset < len(self._entries):
            del self._entries[offset:]
        self._entries.extend(entries)

    def compact(self, index: int) -> None:
        """Drop the entries up to and including `index`, whose term stays. Raises `Compacted`, `Unavailable`."""
        if index <= self._base_index:
            raise Compacted(f"index {index} is dropped already")
        term = self.term(index)
        del self._entries[: index - self._base_index]
        self._base_index, self._base_term = index, term

    def save_snapshot(self, snapshot: Snapshot) -> None:
        """Take in a snapshot of one's own; the log stays. Raises `SnapshotOutOfDate` unless it is newer."""
        if snapshot.index <= self._snapshot.index:
            raise SnapshotOutOfDate(f"index {snapshot.index}, there is {self._snapshot.index}")
        self._snapshot = snapshot

    def apply_snapshot(self, snapshot: Snapshot) -> None:
        """Take in a snapshot from a leader: it replaces the log. Raises `SnapshotOutOfDate` unless it is newer."""
        self.save_snapshot(snapshot)
        self._entries.clear()
        self._base_index, self._base_term = snapshot.index, snapshot.term
