"""Snapshots of our own, while they are written (D12, S11)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator.shell.store_port import (
    CHUNK_BYTES,
    Recovered,
)
from tests.ports.store_kit import (
    FOUNDING,
    KEPT,
    RealDriver,
    append,
    entries,
)


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[RealDriver]:
    made = RealDriver(tmp_path, entries_kept=KEPT)
    made.store.found("cluster", 1, FOUNDING)
    yield made
    made.close()


def test_s11_a_kill_while_a_snapshot_is_written_leaves_the_old_or_the_new_one(
    driver: RealDriver,
) -> None:
    driver.write(append(2, 30, commit=20))
    left: list[Recovered] = []

    def chunks() -> Iterator[bytes]:
        for letter in b"abcdef":
            left.append(driver.killed())  # in the writer's thread: between two of its transactions
            yield bytes([letter]) * CHUNK_BYTES

    assert driver.snapshot(20, 1, chunks())
    assert len(left) == 6
    assert all(found.snapshot == FOUNDING for found in left)
    assert all(found.entries == entries(2, 30) for found in left)
    found = driver.reopen()
    assert found.snapshot is not None
    assert (found.snapshot.index, len(found.snapshot.data)) == (20, 6 * CHUNK_BYTES)


def test_writes_go_on_while_a_snapshot_is_written(driver: RealDriver) -> None:
    driver.write(append(2, 30))
    wrote: list[int] = []

    def chunks() -> Iterator[bytes]:
        for number in range(6):
            driver.store.submit(100 + number, append(32 + number, 1))
            wrote.append(len(driver.written))
            yield b"c" * CHUNK_BYTES

    assert driver.snapshot(20, 1, chunks())
    assert {100, 101, 102, 103, 104} <= driver.ids()
    assert driver.reopen().entries[-1].index == 37


def test_chunks_of_old_and_broken_off_snapshots_are_swept(driver: RealDriver) -> None:
    driver.write(append(2, 30))
    for index in (10, 20, 25):
        assert driver.snapshot(index, 1, [b"s" * CHUNK_BYTES * 20])
    driver.reopen()
    driver.write(append(32, 1))
    count = driver.store._connection.execute

    def owners() -> int:
        return int(count("SELECT count(DISTINCT place >> 24) FROM chunks").fetchone()[0])

    for n in range(200):
        if owners() == 1:
            break
        driver.write(append(33 + n, 1))
    assert owners() == 1
