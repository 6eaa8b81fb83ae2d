"""Events of the audit: kept by number and by age, the same in whatever groups they are written, and replayed (TM-75)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator.replica.effects import AuditWrite
from coordinator.shell.store import Store
from coordinator.shell.store_port import Damaged, Write
from tests.ports.store_kit import (
    FOUNDING,
    KEPT,
    Driver,
    FakeDriver,
    RealDriver,
    copied,
    event,
)
from tests.ports.test_store_fates import change


@pytest.fixture(params=[FakeDriver, RealDriver])
def driver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Driver]:
    made = request.param(tmp_path, entries_kept=KEPT)
    made.store.found("cluster", 1, FOUNDING)
    yield made
    made.close()


def one(number: int, kept: int = 10**6, age: int = 10**6) -> Write:
    """The event of that number, made at ten times it."""
    at = 10 * number
    row = AuditWrite(event(number, at), max(0, number - kept), max(0, at - age))
    return Write(audit=(row,))


async def numbers(driver: Driver) -> list[int]:
    return [row.number for row in await driver.store.audit(100)]


async def test_tm_75_events_are_read_from_both_ends_and_outlive_a_restart(driver: Driver) -> None:
    driver.write(*(one(number) for number in (1, 2, 3)))
    assert await driver.store.audit(2) == [event(3, 30), event(2, 20)]
    assert await driver.store.audit(9, 2) == [event(1, 10)]
    assert await driver.store.audit_after(1, 1) == [event(2, 20)]
    driver.reopen()
    assert await driver.store.audit_after(0, 9) == [event(n, 10 * n) for n in (1, 2, 3)]


@pytest.mark.parametrize("group", [1, 2, 3, 7, 20])
async def test_tm_75_only_so_many_stay_in_whatever_groups_they_are_written(
    driver: Driver, group: int
) -> None:
    writes = [one(number, kept=4) for number in range(1, 21)]
    for begin in range(0, len(writes), group):
        driver.write(*writes[begin : begin + group])
    assert await numbers(driver) == [20, 19, 18, 17]
    driver.write(*writes[10:])  # as after a kill: written once more
    assert await numbers(driver) == [20, 19, 18, 17]


async def test_tm_75_those_that_are_too_old_go_with_the_next_one(driver: Driver) -> None:
    driver.write(*(one(number, age=30) for number in range(1, 11)))
    assert await numbers(driver) == [10, 9, 8, 7]
    driver.write(one(50, age=30))
    assert await numbers(driver) == [50]


async def test_tm_75_what_another_member_told_takes_nothing_away(driver: Driver) -> None:
    driver.write(one(8), one(9))
    driver.write(Write(audit=tuple(AuditWrite(event(n, 10 * n)) for n in (1, 2, 8))))
    assert await numbers(driver) == [9, 8, 2, 1]


@pytest.mark.parametrize(
    "statement, said",
    [
        ("UPDATE audit SET content = x'0102030405'", "run audit#1: event fails its checksum"),
        ("UPDATE audit SET number = 7", "run audit#7: event fails its checksum"),
        ("UPDATE audit SET at = 7", "event 1 of the audit is of another time"),
    ],
)
def test_rotten_events_are_told_at_the_start_and_when_they_are_read(
    tmp_path: Path, statement: str, said: str
) -> None:
    driver = RealDriver(tmp_path, entries_kept=KEPT)
    driver.store.found("cluster", 1, FOUNDING)
    driver.write(one(1))
    copy = copied(driver.directory, tmp_path / "copy")
    change(copy, statement)
    with pytest.raises(Damaged, match=said):
        Store.open(copy, "c1")
    change(driver.directory, statement)
    with pytest.raises(Damaged, match=said):
        asyncio.run(driver.store.audit(9))
    driver.until(lambda: bool(driver.failures))
    driver.close()
