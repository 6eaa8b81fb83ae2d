"""What the real store does when the disk, the power or somebody's fingers fail it (D4-D9, D12, S11, S12)."""

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

from coordinator.consensus.messages import HardState, Snapshot
from coordinator.shell.store import Store, StoreOptions
from coordinator.shell.store_port import (
    CHUNK_BYTES,
    LOW_SPACE_BYTES,
    Damaged,
    Recovered,
    StorageBroken,
    StoreError,
    Trouble,
    Write,
)
from tests.ports.store_kit import (
    CONF,
    FOUNDING,
    BreakingConnection,
    RealDriver,
    append,
    copied,
    entries,
    run_row,
)

KEPT = 10
FRAME = 24 + 4096


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[RealDriver]:
    made = RealDriver(tmp_path, entries_kept=KEPT)
    made.store.found("cluster", 1, FOUNDING)
    yield made
    made.close()


def opened(directory: Path) -> Recovered:
    store = Store.open(directory, "c1", StoreOptions(entries_kept=KEPT))
    store.close()
    return store.recovered


def outcome(directory: Path) -> Recovered | str:
    """What a start on this directory ends in; after rot, with all files as they were."""
    before = {path.name: path.read_bytes() for path in sorted(directory.glob("member.db*"))}
    try:
        return opened(directory)
    except Damaged as rot:
        locked = rot.data_dir
    except StoreError:
        return "refused"
    assert locked is not None
    locked.close()
    for name in ("member.db", "member.db-wal"):
        assert not before.get(name) or (directory / name).read_bytes() == before[name]
    return "damaged"


def some_life(driver: RealDriver) -> list[Recovered]:
    """Transactions of every kind; what a kill after each would leave."""
    seen = [driver.store.recovered]
    writes = [
        append(2, 3),
        append(5, 30, commit=4),
        append(10, 2, term=2, commit=9),
        Write(HardState(3, 2, 11), runs=(run_row("t", 4, 9, node="n1", assigned_at=1),)),
        Write(runs=(run_row("t", 4, 11, ended_at=3, result=b"1" * 2000),), forget_runs=(("u", 3),)),
        append(12, 5, term=3, commit=11),
    ]
    for write in writes:
        driver.write(write)
        seen.append(driver.killed())
    return seen


def test_a_power_cut_at_any_frame_leaves_a_whole_transaction(
    driver: RealDriver, tmp_path: Path
) -> None:
    """Also within frames: each start finds what held after one of the transactions, in their order."""
    seen = some_life(driver)
    wal = driver.store.data_dir.wal.read_bytes()
    reached = 0
    for end in [n for at in range(32, len(wal), FRAME) for n in (at, at + 11, at + FRAME - 1)]:
        copy = copied(driver.directory, tmp_path / "cut")
        (copy / "member.db-wal").write_bytes(wal[:end])
        found = outcome(copy)
        assert found in seen[reached:]
        assert not isinstance(found, str)
        reached = seen.index(found)
        assert opened(copy) == found  # and once more: nothing was left behind
    assert reached >= len(seen) - 2


@pytest.mark.parametrize("name", ["member.db", "member.db-wal"])
def test_a_flipped_bit_is_never_a_different_answer(
    driver: RealDriver, tmp_path: Path, name: str
) -> None:
    some_life(driver)
    assert driver.snapshot(9, 1, [bytes(range(256)) * 5000])
    driver.write(append(17, 60, term=3, commit=16))
    driver.reopen()  # moves all so far into the database
    driver.write(append(77, 3, term=3), append(80, 1, term=3))
    driver.write(Write(HardState(4, 1, 79), runs=(run_row("t", 5, 20, node="n2"),)))
    right = driver.killed()
    size = (driver.directory / name).stat().st_size
    dice = random.Random(f"{name}")
    ends = []
    for _ in range(100):
        copy = copied(driver.directory, tmp_path / "flipped")
        content = bytearray((copy / name).read_bytes())
        content[dice.randrange(size)] ^= 1 << dice.randrange(8)
        (copy / name).write_bytes(content)
        found = outcome(copy)
        assert found in (right, "damaged", "refused")
        ends.append(found)
    assert "damaged" in ends


def test_rot_in_the_wal_is_told_from_a_torn_tail_without_any_note_of_what_was_synced(
    driver: RealDriver, tmp_path: Path
) -> None:
    """D6 alone: after a power cut the mark may be gone, and the last transaction never happened."""
    seen = some_life(driver)
    size = driver.store.data_dir.wal.stat().st_size
    for place, ends_in in ((32 + 3 * FRAME + 99, "damaged"), (size - 99, seen[-2])):
        copy = copied(driver.directory, tmp_path / "copy")
        (copy / "synced").unlink()
        content = bytearray((copy / "member.db-wal").read_bytes())
        content[place] ^= 4
        (copy / "member.db-wal").write_bytes(content)
        assert outcome(copy) == ends_in


def test_a_database_without_its_wal_is_damaged_when_something_was_in_it(
    driver: RealDriver, tmp_path: Path
) -> None:
    driver.write(append(2, 3))
    copy = copied(driver.directory, tmp_path / "copy")
    (copy / "member.db-wal").unlink()
    with pytest.raises(Damaged, match="1 transactions, 2 had been synced"):
        Store.open(copy, "c1")


def test_somebody_who_only_looked_did_no_harm(driver: RealDriver, tmp_path: Path) -> None:
    """Opening the files of a stopped member with another tool moves the -wal into the database."""
    driver.write(append(2, 3))
    copy = copied(driver.directory, tmp_path / "copy")
    sqlite3.connect(copy / "member.db").execute("SELECT count(*) FROM entries").connection.close()
    assert not (copy / "member.db-wal").exists()
    assert opened(copy).entries == entries(2, 3)


def test_an_older_copy_of_the_database_is_damaged(driver: RealDriver, tmp_path: Path) -> None:
    driver.write(append(2, 3))
    driver.reopen()
    shutil.copyfile(driver.directory / "member.db", tmp_path / "old.db")
    driver.write(append(5, 3))
    driver.reopen()
    copy = copied(driver.directory, tmp_path / "copy")
    (copy / "member.db-wal").unlink(missing_ok=True)
    shutil.copyfile(tmp_path / "old.db", copy / "member.db")
    with pytest.raises(Damaged, match="had been synced"):
        Store.open(copy, "c1")


def test_a_member_that_was_founded_never_starts_as_if_it_were_not(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "c1", "c1")
    store.close()
    unfounded = (tmp_path / "c1" / "member.db").read_bytes()
    store = Store.open(tmp_path / "c1", "c1")
    store.found("cluster", 1, FOUNDING)
    store.close()
    (tmp_path / "c1" / "member.db").write_bytes(unfounded)
    (tmp_path / "c1" / "synced").unlink()
    with pytest.raises(Damaged, match="forgotten that it belongs to cluster cluster"):
        Store.open(tmp_path / "c1", "c1")


def test_a_lost_database_is_not_taken_for_a_new_member(driver: RealDriver, tmp_path: Path) -> None:
    copy = copied(driver.directory, tmp_path / "copy")
    (copy / "member.db").unlink()
    (copy / "member.db-wal").unlink()
    with pytest.raises(Damaged, match=r"member\.db is gone"):
        Store.open(copy, "c1")


def test_an_emptied_directory_has_another_storage_id(driver: RealDriver, tmp_path: Path) -> None:
    fresh = Store.open(tmp_path / "emptied", "c1")
    assert fresh.identity.storage_id != driver.store.identity.storage_id
    assert not fresh.identity.founded
    fresh.close()


def change(copy: Path, *statements: str) -> None:
    database = sqlite3.connect(copy / "member.db", isolation_level=None)
    for statement in statements:
        database.execute(statement)
    database.close()


@pytest.mark.parametrize(
    "statement, said",
    [
        ("UPDATE entries SET term = term + 1 WHERE idx = 20", "entry 20 fails its checksum"),
        ("UPDATE entries SET data = x'00' WHERE idx = 20", "entry 20 fails its checksum"),
        ("UPDATE entries SET idx = 99 WHERE idx = 34", "entry 99 fails its checksum"),
        ("DELETE FROM entries WHERE idx = 20", "gap: entry 21 follows 19"),
        ("DELETE FROM entries WHERE idx > 30", "the log ends at 30"),
        ("DELETE FROM entries", "the log ends at 20"),
        ("DELETE FROM entries WHERE idx < 23", "runs from 23 to 34, the snapshot stands at 20"),
        ("UPDATE hard_state SET commit_index = 3", "the hard state fails its checksum"),
        ("DELETE FROM hard_state", "0 rows"),
        ("DELETE FROM snapshots", "runs from 11 to 34, the snapshot stands at 0"),
        ("UPDATE snapshots SET finished = 0", "runs from 11 to 34, the snapshot stands at 0"),
        ("UPDATE snapshots SET id = 9", "head of the snapshot fails"),
        ("DELETE FROM chunks", "a chunk of the snapshot is missing"),
        ("UPDATE chunks SET data = x'01'", "chunk 0 of the snapshot fails"),
        ("UPDATE runs SET head = x'0102030405'", "run t#4: head fails its checksum"),
        ("UPDATE runs SET task_id = 'v'", "run v#4: head fails its checksum"),
        ("UPDATE meta SET value = replace(value, '1', '2')", "does not know its identity"),
        ("DROP TRIGGER inbox_cut", "not what this release made"),
        ("PRAGMA user_version = 7", "forgotten which schema"),
        ("PRAGMA journal_mode = DELETE", "forgotten that it has a -wal"),
    ],
)
def test_every_kind_of_rot_is_called_by_its_name(
    driver: RealDriver, tmp_path: Path, statement: str, said: str
) -> None:
    driver.write(append(2, 33, commit=20), Write(runs=(run_row("t", 4, 9, node="n1"),)))
    assert driver.snapshot(20, 1, [b"state"])
    copy = copied(driver.directory, tmp_path / "copy")
    change(copy, statement)
    with pytest.raises(Damaged, match=said):
        Store.open(copy, "c1")


def test_a_commit_beyond_the_log_is_refused_before_it_is_written(driver: RealDriver) -> None:
    driver.begin()
    driver.store.submit(1, append(2, 3, commit=5))
    driver.until(lambda: bool(driver.failures))
    assert driver.failures[0].kind is Trouble.BUG
    assert driver.written == []


async def test_a_rotten_run_is_told_when_it_is_read(driver: RealDriver) -> None:
    driver.write(Write(runs=(run_row("t", 4, 9, ended_at=1, result=b"right", logs=b"line"),)))
    change(driver.directory, "UPDATE runs SET result = x'0000000077726f6e67'")
    with pytest.raises(Damaged, match="run t#4: result fails its checksum"):
        await driver.store.run("t", 4)
    driver.until(lambda: bool(driver.failures))
    assert driver.failures[0].kind is Trouble.DAMAGED


# ------------------------------------------------------------------------------------------------------------------
# The k-th call fails
# ------------------------------------------------------------------------------------------------------------------


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


# ------------------------------------------------------------------------------------------------------------------
# A full disk
# ------------------------------------------------------------------------------------------------------------------


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


# ------------------------------------------------------------------------------------------------------------------
# Snapshots under way
# ------------------------------------------------------------------------------------------------------------------


def test_a_kill_while_a_snapshot_is_written_leaves_the_old_or_the_new_one(
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
