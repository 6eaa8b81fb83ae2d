"""The walk of the `-wal`: every cut and every flipped bit is told for what it is (D4, D6)."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest

from coordinator.shell.wal_check import WalVerdict, check_wal

FRAME = 24 + 4096
TRANSACTIONS = 6


class Log:
    """A -wal of a few transactions, with the number of frames after each."""

    def __init__(self, directory: Path, rows: int = 3) -> None:
        self.path = directory / "a.db-wal"
        self.database = sqlite3.connect(directory / "a.db", isolation_level=None)
        self.ends: list[int] = []
        for pragma in ("journal_mode=WAL", "wal_autocheckpoint=0", "synchronous=OFF"):
            self.database.execute(f"PRAGMA {pragma}").fetchall()
        self.database.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b BLOB)")
        self.ends.append(check_wal(self.path).committed)
        self.add(TRANSACTIONS, rows)

    def add(self, transactions: int, rows: int = 3) -> None:
        for number in range(transactions):
            self.database.execute("BEGIN")
            for _ in range(rows):
                self.database.execute("INSERT INTO t(b) VALUES(?)", (bytes([number + 1]) * 3000,))
            self.database.execute("COMMIT")
            self.ends.append(check_wal(self.path).committed)

    @property
    def content(self) -> bytes:
        return self.path.read_bytes()


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


def verdict(tmp_path: Path, content: bytes) -> tuple[WalVerdict, int]:
    path = tmp_path / "changed"
    path.write_bytes(content)
    report = check_wal(path)
    return report.verdict, report.committed


def test_no_file_is_no_trouble(tmp_path: Path) -> None:
    assert check_wal(tmp_path / "none").verdict is WalVerdict.ABSENT


def test_frames_are_counted_as_sqlite_counts_them(log: Log) -> None:
    assert check_wal(log.path).verdict is WalVerdict.SOUND
    _, frames, _ = log.database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    assert log.ends[-1] == frames


def test_frames_from_before_a_checkpoint_are_no_trouble(log: Log) -> None:
    log.database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    before = len(log.content)
    log.add(1, rows=1)
    assert len(log.content) == before
    report = check_wal(log.path)
    assert report.verdict is WalVerdict.SOUND
    assert 0 < report.committed < log.ends[1]


def test_a_file_cut_anywhere_keeps_the_whole_transactions(log: Log, tmp_path: Path) -> None:
    content = log.content
    for frames in range(log.ends[-1]):
        for extra in (0, 1, 24, 2000, FRAME - 1):
            end = 32 + frames * FRAME + extra
            whole = max(n for n in (0, *log.ends) if n <= frames)
            found, committed = verdict(tmp_path, content[:end])
            assert committed == whole
            if extra == 0 and frames == whole and frames > 0:
                assert found is WalVerdict.SOUND
            else:
                assert found is WalVerdict.CUT
    assert verdict(tmp_path, content[:31])[0] is WalVerdict.CUT


def test_a_flipped_bit_is_rot_with_a_transaction_behind_it_and_torn_without(
    log: Log, tmp_path: Path
) -> None:
    content = log.content
    dice = random.Random(7)
    last = log.ends[-2]
    for _ in range(300):
        place = dice.randrange(32, len(content))
        flipped = bytearray(content)
        flipped[place] ^= 1 << dice.randrange(8)
        found, committed = verdict(tmp_path, bytes(flipped))
        frame = (place - 32) // FRAME
        assert committed == max(n for n in (0, *log.ends) if n <= frame)
        if frame >= last:
            assert found is WalVerdict.TORN
        elif frame < log.ends[-3]:
            assert found is WalVerdict.ROT
        else:  # the mark of its end may have been hit: then two transactions look like one torn one
            assert found in (WalVerdict.ROT, WalVerdict.TORN)


def test_every_flipped_bit_of_the_header_is_rot(log: Log, tmp_path: Path) -> None:
    content = log.content
    for place in range(32 * 8):
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << (place % 8)
        assert verdict(tmp_path, bytes(flipped))[0] is WalVerdict.ROT


def test_a_header_that_was_never_completed_is_torn(tmp_path: Path) -> None:
    assert verdict(tmp_path, bytes(32))[0] is WalVerdict.TORN
    assert verdict(tmp_path, bytes(32 + 3 * FRAME))[0] is WalVerdict.TORN


def test_big_endian_checksums_are_understood(tmp_path: Path) -> None:
    """A file that came from a big-endian machine, put together here by the steps of SQLite's description."""

    def sums(seed: tuple[int, int], data: bytes) -> tuple[int, int]:
        s0, s1 = seed
        for at in range(0, len(data), 8):
            s0 = (s0 + int.from_bytes(data[at : at + 4]) + s1) % 2**32
            s1 = (s1 + int.from_bytes(data[at + 4 : at + 8]) + s0) % 2**32
        return s0, s1

    def packed(pair: tuple[int, int]) -> bytes:
        return pair[0].to_bytes(4) + pair[1].to_bytes(4)

    salts = b"saltsalt"
    head = (0x377F0683).to_bytes(4) + (3007000).to_bytes(4) + (512).to_bytes(4) + bytes(4) + salts
    running = sums((0, 0), head)
    content = head + packed(running)
    for number in range(1, 4):
        start = number.to_bytes(4) + number.to_bytes(4)
        page = bytes([number]) * 512
        running = sums(sums(running, start), page)
        content += start + salts + packed(running) + page
    assert verdict(tmp_path, content) == (WalVerdict.SOUND, 3)
    assert verdict(tmp_path, content[:40] + b"?" + content[41:])[0] is WalVerdict.ROT
