"""Fates, and the runs of a series that go by age and number: the same whoever writes in which groups, and replayed (TM-74)."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator.shell.store import Store
from coordinator.shell.store_port import Damaged, DataDirError, Write
from tests.ports.store_kit import (
    FOUNDING,
    KEPT,
    Driver,
    FakeDriver,
    RealDriver,
    copied,
    fate_row,
    run_row,
)

ALWAYS = 0


@pytest.fixture(params=[FakeDriver, RealDriver])
def driver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Driver]:
    made = request.param(tmp_path, entries_kept=KEPT)
    made.store.found("cluster", 1, FOUNDING)
    yield made
    made.close()


async def numbers(driver: Driver, task: str = "t") -> list[int]:
    return [row.number for row in await driver.store.fates(task, 100)]


async def test_tm_9_a_range_is_kept_in_the_form_it_had_last(driver: Driver) -> None:
    grown = fate_row("t", 2, 30, 5)
    driver.write(Write(fates=(fate_row("t", 1, 10), fate_row("t", 2, 20), fate_row("u", 1, 5))))
    driver.write(Write(fates=(grown,)))
    assert await driver.store.fates("t", 10) == [grown, fate_row("t", 1, 10)]
    assert await driver.store.fates("t", 1) == [grown]
    assert await driver.store.fates("t", 10, 2) == [fate_row("t", 1, 10)]
    rows = await driver.store.fates_after(("", 0), 2)
    assert [(row.task_id, row.number) for row in rows] == [("t", 1), ("t", 2)]
    assert await driver.store.fates_after(("t", 2), 9) == [fate_row("u", 1, 5)]
    driver.reopen()
    assert (await driver.store.fates("t", 1))[0] == grown


async def test_tm_9_an_earlier_form_of_a_range_takes_nothing_from_it(driver: Driver) -> None:
    """Another member told it, and before that came our own entries had lengthened the range (TM-69)."""
    grown = fate_row("t", 1, 30, 5)
    driver.write(Write(fates=(grown,)), Write(fates=(fate_row("t", 1, 20, 3),)))
    driver.write(Write(fates=(fate_row("t", 1, 10),)))
    assert await driver.store.fates("t", 10) == [grown]


async def test_fates_go_with_their_record_and_those_of_the_next_one_stay(driver: Driver) -> None:
    driver.write(Write(fates=(fate_row("t", 1, 10), fate_row("t", 2, 20), fate_row("u", 1, 5))))
    driver.write(
        Write(fates=(fate_row("t", 3, 30),)),
        Write(forget_fates=("t",), fates=(fate_row("t", 1, 40),)),
        Write(fates=(fate_row("t", 2, 50),)),
    )
    assert await driver.store.fates("t", 9) == [fate_row("t", 2, 50), fate_row("t", 1, 40)]
    assert await numbers(driver, "u") == [1]


async def test_tm_74_ranges_go_by_number_and_by_age(driver: Driver) -> None:
    for n in range(1, 8):
        driver.write(Write(fates=(fate_row("t", n, 10 * n, gone_upto=n - 5),)))
    assert await numbers(driver) == [7, 6, 5, 4, 3]
    driver.write(Write(fates=(fate_row("t", 8, 80, gone_upto=3, gone_before=60),)))
    assert await numbers(driver) == [8, 7, 6]
    driver.write(Write(fates=(fate_row("t", 9, 900, gone_upto=4, gone_before=800),)))
    assert await numbers(driver) == [9]


def one_run(number: int, kept: int, age: int = 10**6) -> tuple[Write, Write]:
    """Begun at 10 n, ended 5 later."""
    at = 10 * number
    trim = (kept, max(0, at - age))
    return (
        Write(runs=(run_row("t", number, at, node="n1", assigned_at=at, trim=trim),)),
        Write(runs=(run_row("t", number, at + 5, ended_at=at + 5, result=b"r"),)),
    )


async def left(driver: Driver) -> list[int]:
    return [row.allocation_id for row in await driver.store.runs("t", 100)]


@pytest.mark.parametrize("group", [1, 2, 3, 7, 40])
async def test_tm_74_runs_of_a_series_go_by_number_in_whatever_groups_they_are_written(
    driver: Driver, group: int
) -> None:
    driver.write(Write(runs=(run_row("u", 100, 1, node="n1", ended_at=1),)))
    writes = [write for number in range(1, 21) for write in one_run(number, kept=4)]
    for begin in range(0, len(writes), group):
        driver.write(*writes[begin : begin + group])
    assert await left(driver) == [20, 19, 18, 17]
    driver.write(*writes[20:])  # as after a kill: written once more
    assert await left(driver) == [20, 19, 18, 17]
    assert [row.allocation_id for row in await driver.store.runs("u", 9)] == [100]
    whole = await driver.store.run("t", 18)
    assert whole is not None
    assert (whole.node, whole.ended_at, whole.result, whole.trim) == ("n1", 185, b"r", None)


async def test_tm_74_runs_of_a_series_go_by_the_age_of_their_end(driver: Driver) -> None:
    for number in range(1, 11):
        driver.write(*one_run(number, kept=50, age=30))
    assert await left(driver) == [10, 9, 8, 7]
    begin, _ = one_run(40, kept=50, age=30)
    driver.write(begin)
    assert await left(driver) == [40]


async def test_a_run_that_goes_on_is_not_too_old(driver: Driver) -> None:
    driver.write(Write(runs=(run_row("t", 1, 1, node="n1"),)), *one_run(2, kept=9, age=1))
    begin, _ = one_run(900, kept=9, age=1)
    driver.write(begin)
    assert await left(driver) == [900, 2, 1]


def change(directory: Path, statement: str) -> None:
    connection = sqlite3.connect(directory / "member.db", isolation_level=None)
    connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    "statement, said",
    [
        ("UPDATE fates SET content = x'0102030405'", "run t#1: fate fails its checksum"),
        ("UPDATE fates SET number = 7", "run t#7: fate fails its checksum"),
        ("UPDATE fates SET at = 7", "fates 1 of t are of another time"),
    ],
)
def test_rotten_fates_are_told_at_the_start_and_when_they_are_read(
    tmp_path: Path, statement: str, said: str
) -> None:
    driver = RealDriver(tmp_path, entries_kept=KEPT)
    driver.store.found("cluster", 1, FOUNDING)
    driver.write(Write(fates=(fate_row("t", 1, 10),)))
    copy = copied(driver.directory, tmp_path / "copy")
    change(copy, statement)
    with pytest.raises(Damaged, match=said):
        Store.open(copy, "c1")
    change(driver.directory, statement)
    with pytest.raises(Damaged, match=said):
        asyncio.run(driver.store.fates("t", 9))
    driver.until(lambda: bool(driver.failures))
    driver.close()


def test_a_directory_with_an_earlier_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    driver = RealDriver(tmp_path, entries_kept=KEPT)
    driver.store.found("cluster", 1, FOUNDING)
    driver.close()
    change(driver.directory, "PRAGMA user_version = 1")
    with pytest.raises(DataDirError, match="schema 1, this release reads schema 4") as refused:
        Store.open(driver.directory, "c1")
    assert refused.value.exit_code == 78
    with pytest.raises(DataDirError, match="schema 1"):  # the lock was let go
        Store.open(driver.directory, "c1")
