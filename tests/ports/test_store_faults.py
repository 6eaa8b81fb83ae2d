"""Calls that fail, kill -9 and full disks (D8, D9, S12)."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from coordinator.consensus.messages import Snapshot
from coordinator.shell.store import Store, StoreOptions
from coordinator.shell.store_port import (
    CHUNK_BYTES,
    LOW_SPACE_BYTES,
    Recovered,
    StorageBroken,
    Trouble,
    Write,
)
from tests.ports.store_kit import (
    CONF,
    FOUNDING,
    KEPT,
    BreakingConnection,
    RealDriver,
    append,
    copied,
    entries,
    opened,
    run_row,
)


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[RealDriver]:
    made = RealDriver(tmp_path, entries_kept=KEPT)
    made.store.found("cluster", 1, FOUNDING)
    yield made
    made.close()


def only(number: int, code: int) -> Callable[[int], int | None]:
    return lambda call: code if call == number else None


def life_with(directory: Path) -> RealDriver | None:
    """Founds, writes, takes a snapshot; stops where it fails. None when it could not even open."""
    try:
        driver = RealDriver(directory, entries_kept=KEPT, connection=BreakingConnection)
    except StorageBroken:
        return None
    try:
        driver.store.found("cluster", 1, FOUNDING)
    except StorageBroken:
        return driver
    driver.begin()
    for write in (append(2, 30, commit=20), append(32, 300), Write(runs=(run_row("t", 4, 9),))):
        driver.store.submit(driver.next_id(), write)
    driver.store.take_snapshot(20, 1, CONF, iter([b"x" * (CHUNK_BYTES + 1)]), driver.done.append)
    driver.until(lambda: bool(driver.done) or any(f.kind is Trouble.IO for f in driver.failures))
    driver.store.submit(driver.next_id(), append(332, 1))
    return driver


def whole(found: Recovered, acknowledged: set[int]) -> None:
    """Everything acknowledged is there, and nothing half."""
    last = found.entries[-1].index if found.entries else 0
    assert 1 not in acknowledged or last >= 31
    assert 2 not in acknowledged or last >= 331
    assert 4 not in acknowledged or last >= 332
    assert last in (0, 31, 331, 332)
    assert found.snapshot in (None, FOUNDING, Snapshot(20, 1, CONF, b"x" * (CHUNK_BYTES + 1)))


def test_whichever_call_fails_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    number = 0
    while True:
        number += 1
        BreakingConnection.reset(only(number, sqlite3.SQLITE_IOERR_FSYNC))
        driver = life_with(tmp_path / f"life{number}")
        if driver is not None:
            driver.close()
        total = BreakingConnection.calls
        BreakingConnection.reset(lambda _: None)
        if total < number:
            break
        assert driver is None or all(f.kind is Trouble.IO for f in driver.failures)
        left = copied(tmp_path / f"life{number}" / "c1", tmp_path / "left")
        whole(opened(left), driver.ids() if driver else set())
        shutil.rmtree(tmp_path / f"life{number}")
    assert number > 25


def test_after_a_failed_fsync_nothing_is_written_any_more(tmp_path: Path) -> None:
    BreakingConnection.reset(lambda _: None)
    driver = RealDriver(tmp_path, entries_kept=KEPT, connection=BreakingConnection)
    driver.store.found("cluster", 1, FOUNDING)
    driver.write(append(2, 3))
    BreakingConnection.reset(only(1, sqlite3.SQLITE_IOERR_FSYNC))
    driver.store.submit(50, append(5, 3))
    driver.until(lambda: bool(driver.failures))
    driver.store.submit(51, append(8, 3))
    calls = BreakingConnection.calls
    driver.close()
    assert BreakingConnection.calls == calls
    assert [failure.kind for failure in driver.failures] == [Trouble.IO]
    assert driver.ids() == {1}
    assert opened(copied(driver.directory, tmp_path / "left")).entries == entries(2, 3)


def test_a_file_system_without_wal_is_refused_with_a_sentence(tmp_path: Path) -> None:
    class Elsewhere(sqlite3.Connection):
        @override
        def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
            return super().execute(sql.replace("journal_mode=WAL", "journal_mode=DELETE"), *args)

    with pytest.raises(StorageBroken, match="journal_mode at 'delete' where 'wal' is needed"):
        Store.open(tmp_path / "c1", "c1", StoreOptions(connection=Elsewhere))


WRITE_UNTIL_KILLED = """
import sys, threading
from pathlib import Path
from coordinator.shell.store import Store
from tests.ports.store_kit import FOUNDING, append

class Loop:
    def call_soon_threadsafe(self, callback, *args):
        callback(*args)

store = Store.open(Path(sys.argv[1]), "c1")
if not store.identity.founded:
    store.found("cluster", 1, FOUNDING)
last = store.recovered.entries[-1].index if store.recovered.entries else 1
room = threading.Semaphore(20)

def written(ids):
    sys.stdout.write(f"{ids[-1]}\\n")
    sys.stdout.flush()
    room.release(len(ids))

store.start(Loop(), written, print)
while True:
    room.acquire()
    last += 1
    store.submit(last, append(last, 1))
"""


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    dice = random.Random(9)
    for _ in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", WRITE_UNTIL_KILLED, str(tmp_path / "c1")],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        ) as writer:
            assert writer.stdout is not None
            heard = [writer.stdout.readline() for _ in range(dice.randrange(1, 60))]
            writer.kill()
            heard += writer.stdout.readlines()
        acknowledged = int([line for line in heard if line.endswith(b"\n")][-1])
        found = opened(tmp_path / "c1")
        assert found.entries[-1].index >= acknowledged
        assert found.entries == entries(2, found.entries[-1].index - 1)


def test_a_full_disk_is_waited_out_and_nothing_is_lost(tmp_path: Path) -> None:
    full = False
    BreakingConnection.reset(lambda _: sqlite3.SQLITE_FULL if full else None)
    driver = RealDriver(tmp_path, entries_kept=KEPT, connection=BreakingConnection)
    driver.store.found("cluster", 1, FOUNDING)
    driver.write(append(2, 3))
    full = True
    driver.store.submit(50, append(5, 3))
    driver.until(lambda: bool(driver.failures))
    driver.store.submit(51, append(8, 3))
    calls = BreakingConnection.calls
    while BreakingConnection.calls < calls + 6:  # it tries again and again
        pass
    assert [failure.kind for failure in driver.failures] == [Trouble.DISK_FULL]
    assert driver.ids() == {1}
    full = False
    driver.until(lambda: len(driver.failures) > 1)
    driver.until(lambda: {50, 51} <= driver.ids())
    assert [failure.kind for failure in driver.failures] == [Trouble.DISK_FULL, Trouble.RECOVERED]
    assert driver.reopen().entries == entries(2, 9)
    driver.close()


def test_sqlite_itself_out_of_pages_rolls_back_and_goes_on(driver: RealDriver) -> None:
    """The real thing: a transaction of many pages that does not fit, then room for it."""
    driver.write(append(2, 3))
    connection = driver.store._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 2}").fetchall()
    driver.store.submit(50, append(5, 2000))
    driver.until(lambda: bool(driver.failures))
    assert driver.killed().entries == entries(2, 3)
    connection.execute("PRAGMA max_page_count = 100000").fetchall()
    driver.until(lambda: 50 in driver.ids())
    assert driver.reopen().entries == entries(2, 2003)


def test_a_snapshot_that_does_not_fit_is_given_up_and_the_log_stays(driver: RealDriver) -> None:
    driver.write(append(2, 30))
    connection = driver.store._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 100}").fetchall()
    assert not driver.snapshot(20, 1, [b"s" * CHUNK_BYTES * 4])
    assert driver.killed().entries == entries(2, 30)
    connection.execute("PRAGMA max_page_count = 100000").fetchall()
    assert driver.snapshot(20, 1, [b"s" * CHUNK_BYTES * 4])
    found = driver.reopen()
    assert found.snapshot is not None
    assert found.snapshot.index == 20


def test_little_space_is_told_before_there_is_none(
    driver: RealDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not driver.store.stats().low_space
    monkeypatch.setattr("coordinator.shell.store_writer.free_bytes", lambda _: LOW_SPACE_BYTES - 1)
    monkeypatch.setattr("coordinator.shell.store_writer._SPACE_S", 0.0)
    driver.write(append(2, 1))
    driver.write(append(3, 1))
    stats = driver.store.stats()
    assert stats.low_space
    assert stats.free_bytes == LOW_SPACE_BYTES - 1
    assert stats.fsync_p99_ms >= stats.fsync_p50_ms > 0
