"""The log of a member: what storage holds, the unstable tail above it, and three marks in it.

applied <= applying <= committed: what the owner has applied, what it was given to apply, what a quorum holds.
"""

from __future__ import annotations

from collections.abc import Sequence

from coordinator.consensus.errors import (
    CommitBeyondLog,
    Compacted,
    ConsensusBroken,
    Unavailable,
)
from coordinator.consensus.messages import Append, Entry, EntryKind, Snapshot
from coordinator.consensus.sizes import NO_LIMIT, entries_size, limit_size
from coordinator.consensus.storage import Storage
from coordinator.consensus.unstable import Unstable


class RaftLog:
    """Entries by index; `committed` never falls, and nothing at or below it is ever replaced."""

    def __init__(self, storage: Storage, max_applying_bytes: int) -> None:
        self._storage = storage
        self.unstable = Unstable(storage.last_index() + 1)
        self.committed = self.applied = self.applying = storage.first_index() - 1
        self._max_applying_bytes = max_applying_bytes
        self._applying_bytes = 0  # given out and not yet applied
        self._applying_paused = False

    # Reading

    def first_index(self) -> int:
        snapshot = self.unstable.snapshot
        return self._storage.first_index() if snapshot is None else snapshot.index + 1

    def last_index(self) -> int:
        index = self.unstable.last_index()
        return self._storage.last_index() if index is None else index

    def last_term(self) -> int:
        return self.term(self.last_index())

    def term(self, index: int) -> int:
        """Term of the entry at `index`. Raises `Compacted`, `Unavailable`."""
        term = self.unstable.term(index)
        if term is not None:
            return term
        if index + 1 < self.first_index():
            raise Compacted(f"index {index} is before {self.first_index()}")
        if index > self.last_index():
            raise Unavailable(f"index {index} is beyond {self.last_index()}")
        return self._storage.term(index)

    def matches(self, term: int, index: int) -> bool:
        """Whether the entry at `index` is here and has this term."""
        try:
            return self.term(index) == term
        except (Compacted, Unavailable):
            return False

    def is_up_to_date(self, term: int, index: int) -> bool:
        """Whether a log that ends at (term, index) is not behind ours."""
        return (term, index) >= (self.last_term(), self.last_index())

    def agreement(self, index: int, term: int) -> tuple[int, int]:
        """The largest index <= `index` whose term is <= `term`, and that term.

        An entry whose term is unknown may agree, so the search ends there with term 0; (0, 0) if there is none.
        """
        while index > 0:
            try:
                ours = self.term(index)
            except (Compacted, Unavailable):
                return index, 0
            if ours <= term:
                return index, ours
            index -= 1
        return 0, 0

    def entries(self, low: int, high: int, max_bytes: int) -> tuple[Entry, ...]:
        """Entries low <= index < high, cut at `max_bytes` but never to none. Raises `Compacted`."""
        if low >= high:
            return ()
        offset = self.unstable.offset
        if low >= offset:
            return tuple(limit_size(self.unstable.slice(low, high), max_bytes))
        stable = self._storage.entries(low, min(high, offset), max_bytes)
        if high <= offset or len(stable) < offset - low:
            return tuple(stable)
        return self._extended(stable, self.unstable.slice(offset, high), max_bytes)

    @staticmethod
    def _extended(stable: Sequence[Entry], tail: list[Entry], max_bytes: int) -> tuple[Entry, ...]:
        if max_bytes < NO_LIMIT:
            room = max_bytes - entries_size(stable)
            if room <= 0:
                return tuple(stable)
            tail = list(limit_size(tail, room))
            if entries_size(tail) > room:  # not even one fits
                return tuple(stable)
        return (*stable, *tail)

    def entries_from(self, low: int, max_bytes: int) -> tuple[Entry, ...]:
        """Entries from `low` to the end. Raises `Compacted`."""
        return self.entries(low, self.last_index() + 1, max_bytes)

    def snapshot(self) -> Snapshot | None:
        """The newest snapshot; None if there is none just now."""
        return self.unstable.snapshot or self._storage.snapshot()

    # Writing

    def append(self, entries: Sequence[Entry]) -> None:
        """Add entries, replacing what stands at or after the first new index."""
        if not entries:
            return
        if entries[0].index <= self.committed:
            raise ConsensusBroken(
                f"entry {entries[0].index} would replace one up to {self.committed}, which is committed"
            )
        self.unstable.append(entries)

    def append_from_leader(self, message: Append) -> int | None:
        """Take in what follows upon a place we share: the last index now shared. None if we do not share it."""
        if not self.matches(message.prev_term, message.prev_index):
            return None
        last_new = message.prev_index + len(message.entries)
        if message.entries and message.entries[-1].index != last_new:
            raise ConsensusBroken(
                f"member {message.sender} sent entries to {message.entries[-1].index}, not {last_new}"
            )
        for place, entry in enumerate(message.entries):
            if not self.matches(entry.term, entry.index):
                self.append(message.entries[place:] if place else message.entries)
                break
        self.commit_to(min(message.commit, last_new))
        return last_new

    def commit_to(self, index: int) -> None:
        """Move `committed` up, never down. Raises `CommitBeyondLog`: entries we once had are gone."""
        if index <= self.committed:
            return
        if index > self.last_index():
            raise CommitBeyondLog(f"commit {index} is beyond the last entry {self.last_index()}")
        self.committed = index

    def restore(self, snapshot: Snapshot) -> None:
        """Let a snapshot replace everything."""
        self.committed = snapshot.index
        self.unstable.restore(snapshot)

    # Applying

    def next_committed(self, *, allow_unstable: bool) -> tuple[Entry, ...]:
        """Entries to apply next; none while a snapshot waits or the last batch filled the limit."""
        if not self.has_next_committed(allow_unstable=allow_unstable):
            return ()
        room = self._max_applying_bytes - self._applying_bytes
        high = self._appliable(allow_unstable=allow_unstable) + 1
        return self.entries(self.applying + 1, high, room)

    def has_next_committed(self, *, allow_unstable: bool) -> bool:
        if self._applying_paused or self.unstable.snapshot is not None:
            return False
        return self.applying < self._appliable(allow_unstable=allow_unstable)

    def _appliable(self, *, allow_unstable: bool) -> int:
        return self.committed if allow_unstable else min(self.committed, self.unstable.offset - 1)

    def given_to_apply(self, entries: Sequence[Entry], *, allow_unstable: bool) -> None:
        """These are being applied now."""
        self.applying = entries[-1].index
        if self._max_applying_bytes < NO_LIMIT:
            self._applying_bytes += entries_size(entries)
        self._applying_paused = (
            self._applying_bytes >= self._max_applying_bytes
            or self.applying < self._appliable(allow_unstable=allow_unstable)
        )

    def applied_to(self, index: int, entries: Sequence[Entry] = ()) -> None:
        """All up to `index` is applied; `entries` are those that came with it."""
        if not self.applied <= index <= self.committed:
            raise ConsensusBroken(
                f"applied {index} is not between {self.applied} and {self.committed}"
            )
        self.applied = index
        self.applying = max(self.applying, index)
        if self._max_applying_bytes < NO_LIMIT:
            self._applying_bytes = max(0, self._applying_bytes - entries_size(entries))
        self._applying_paused = self._applying_bytes >= self._max_applying_bytes

    def has_unapplied_conf_change(self) -> bool:
        """Whether a change of the configuration is committed and not applied yet."""
        low = max(self.applied + 1, self.first_index())
        unapplied = self.entries(low, self.committed + 1, NO_LIMIT)
        return any(entry.kind is not EntryKind.NORMAL for entry in unapplied)
