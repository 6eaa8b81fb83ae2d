"""A member's disk at the store's port: one transaction at a time, and every kind of trouble.

Merging of writes, the facts of the hard-state row and the checks at open are the product's own; what SQLite does
between them is imagined: a transaction is on the disk whole or not at all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, cast
from zlib import crc32

from coordinator.codec.framing import framed
from coordinator.codec.snapshots import encode
from coordinator.consensus.messages import Snapshot
from coordinator.replica.effects import Persist, TakeSnapshot
from coordinator.shell import store_recover
from coordinator.shell.store_batch import Batch, Facts, entry_crc
from coordinator.shell.store_port import Damaged, Recovered
from tests.simulation.dice import Dice

Row = tuple[int, int, int, bytes, int]


class _Rows:
    """What the product's reader asks of a database connection."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    def execute(self, _: str) -> Iterator[Row]:
        return iter(self._rows)


class Disk:
    """What survives the process."""

    def __init__(self, snapshot: Snapshot, storage_id: str) -> None:
        self.storage_id = storage_id
        self.facts = Facts(last_index=snapshot.index, last_term=snapshot.term)
        self.snapshot = snapshot
        self.snapshot_crc = crc32(snapshot.data)
        self.rows: list[Row] = []
        self._sound: list[Row] | None = None  # what was there when the first bit rotted

    def open(self) -> Recovered:
        """As the store does it: nothing is believed before it is verified. Raises Damaged."""
        if crc32(self.snapshot.data) != self.snapshot_crc:
            raise Damaged("the snapshot fails its checksum")
        connection = cast(Any, _Rows(self.rows))
        try:
            entries = tuple(store_recover._read_entries(connection))
        except ValueError as error:
            raise Damaged(f"holds what nobody writes there: {error}") from error
        store_recover._check_log(self.facts, self.snapshot, entries)
        snapshot = self.snapshot if self.snapshot.index else None
        return Recovered(self.facts.hard_state, snapshot, entries, self.facts.runs_index)

    def holds(self, index: int, term: int) -> bool:
        """Whether this entry, or a snapshot over it, is on the disk; once it has rotted: was on it before.

        An acknowledgement may reach its leader after the disk it spoke of has rotted. It counts, as it would from a
        member that burnt down: who has rotted never votes again, so any later majority has a member of that one that
        still has the entry.
        """
        if index <= self.snapshot.index:
            return True
        rows = self.rows if self._sound is None else self._sound
        offset = index - rows[0][0] if rows else -1
        return 0 <= offset < len(rows) and rows[offset][1] == term

    def write(self, batch: Batch) -> None:
        """One transaction, whole."""
        self.facts = self.facts.after(batch)
        if batch.snapshot is not None:
            self.snapshot, self.rows = batch.snapshot, []
            self.snapshot_crc = crc32(batch.snapshot.data)
        if batch.entries:
            first = batch.entries[0].index
            if self.rows:
                del self.rows[max(0, first - self.rows[0][0]) :]
            for entry in batch.entries:
                place = (entry.index, entry.term, int(entry.kind))
                self.rows.append((*place, entry.data, entry_crc(*place, entry.data)))

    def keep_snapshot(self, snapshot: Snapshot, kept: int) -> None:
        """A snapshot of our own, and the log before it goes, but for `kept` entries: one transaction (D12)."""
        self.snapshot, self.snapshot_crc = snapshot, crc32(snapshot.data)
        upto = snapshot.index - kept
        if self.rows and self.rows[0][0] <= upto:
            del self.rows[: upto - self.rows[0][0] + 1]

    def rot(self, dice: Dice) -> str:
        """Something changes under our feet; gives what."""
        if self._sound is None:
            self._sound = self.rows.copy()
        if self.snapshot.data and (not self.rows or dice.percent(20)):
            data = bytearray(self.snapshot.data)
            data[dice.below(len(data))] ^= 1 << dice.below(8)
            self.snapshot = Snapshot(
                self.snapshot.index, self.snapshot.term, self.snapshot.conf, bytes(data)
            )
            return "a bit of the snapshot"
        if not self.rows:
            return ""
        at = dice.below(len(self.rows))
        index, term, kind, data_, crc = self.rows[at]
        match dice.below(4):
            case 0 if data_:
                flipped = bytearray(data_)
                flipped[dice.below(len(flipped))] ^= 1 << dice.below(8)
                self.rows[at] = (index, term, kind, bytes(flipped), crc)
                return f"a bit of entry {index}"
            case 1:
                del self.rows[-1:]
                return "the last entry"
            case 2:
                self.rows[at] = (index, term + 1, kind, data_, crc)
                return f"the term of entry {index}"
            case _:
                self.rows[at] = (index, term, kind, data_, crc ^ 1)
                return f"the checksum of entry {index}"


class Writing:
    """The writer of one life: what waits, and the transaction in flight."""

    def __init__(self) -> None:
        self.waiting: deque[Persist] = deque()
        self.jobs: deque[TakeSnapshot] = deque()
        self.batch: Batch | None = None
        self.is_full = False

    def next_batch(self) -> Batch | None:
        """Everything that waits; a received snapshot begins a batch of its own, as in the product."""
        batch = self.batch or Batch()
        while self.waiting and not (batch.ids and self.waiting[0].snapshot is not None):
            one = self.waiting.popleft()
            batch.add(one.write, one)
        self.batch = batch if batch.ids else None
        return self.batch


def taken(job: TakeSnapshot) -> Snapshot:
    """The bytes of a snapshot of one's own; encoded late, as the product's thread does it."""
    return Snapshot(job.index, job.term, job.conf, b"".join(framed(encode(job.frozen))))
