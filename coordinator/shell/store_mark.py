"""How much is known to be on disk, noted beside the database.

A flipped bit in the last transaction of the `-wal` looks like a torn tail, and an old copy of the database looks like
a young member. So after each transaction has returned, its number is written to a small file, without waiting for
the disk: what the file says is true at any time, it may only be late. A database that knows fewer transactions than
its mark has lost some that were acknowledged, and that is rot (D5). The one exception stands in `store_recover`: a
`-wal` that simply ends early counts as a torn tail (D4).
"""

from __future__ import annotations

import os
from pathlib import Path
from zlib import crc32

_BYTES = 8


class SyncedMark:
    """Raises OSError."""

    def __init__(self, path: Path, storage_id: str) -> None:
        self._salt = crc32(storage_id.encode())  # a mark from another directory is no mark
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, transactions: int) -> None:
        number = transactions.to_bytes(_BYTES)
        os.pwrite(self._handle, number + crc32(number, self._salt).to_bytes(4), 0)

    def read(self) -> int:
        """0 when there is none that can be trusted."""
        content = os.pread(self._handle, _BYTES + 4, 0)
        number = content[:_BYTES]
        if content[_BYTES:] != crc32(number, self._salt).to_bytes(4):
            return 0
        return int.from_bytes(number)

    def sync(self) -> None:
        """Only needed when the number fell: an older, higher one must not come back after a power cut."""
        os.fsync(self._handle)

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
