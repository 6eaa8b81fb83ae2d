"""Torn tails, rot and what somebody did to the files (D4-D6, D10, D11)."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator.consensus.messages import HardState
from coordinator.shell.store import Store
from coordinator.shell.store_port import (
    Damaged,
    Recovered,
    Trouble,
    Write,
)
from tests.ports.store_kit import (
    FOUNDING,
    KEPT,
    RealDriver,
    append,
    copied,
    entries,
    opened,
    outcome,
    run_row,
)

FRAME = 24 + 4096


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[RealDriver]:
    made = RealDriver(tmp_path, entries_kept=KEPT)
    made.store.found("cluster", 1, FOUNDING)
    yield made
    made.close()


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
