"""A list of runs says why each ended, in a size of which a page fits into one answer."""

from __future__ import annotations

import json
from typing import Any

from msgspec.structs import replace

from coordinator.model.audit import AuditEvent
from coordinator.model.ids import AllocationId, TaskId
from coordinator.shell.history import MESSAGE_CHARS_MAX, History, Writes, in_brief
from coordinator.shell.run_rows import RunRow
from tests.ports.store_kit import event

ERROR = {"type": "node_lost", "message": "n2 silent for 7.1 s", "traceback": None}


def row(allocation: int, outcome: str | None, error: bytes | None = None) -> RunRow:
    return RunRow(TaskId("t"), AllocationId(allocation), 1, outcome=outcome, error=error)


class Pump:
    async def fed(self, _input: object) -> None:
        return None


class Store:
    """Lists heads only, as the real one."""

    def __init__(self, *rows: RunRow) -> None:
        self.rows = {row.allocation_id: row for row in rows}
        self.asked: list[int] = []

    async def runs(self, _task: str, _limit: int, _before: int | None) -> list[RunRow]:
        return [row(number, found.outcome) for number, found in self.rows.items()]

    async def run(self, _task: str, allocation: int) -> RunRow | None:
        self.asked.append(allocation)
        return self.rows.get(AllocationId(allocation))

    async def runs_after(self, allocation: int, _limit: int) -> list[RunRow]:
        return [one for number, one in sorted(self.rows.items()) if number > allocation][:2]

    async def audit(self, limit: int, before: int | None) -> list[AuditEvent]:
        return [event(n) for n in (3, 2, 1) if before is None or n < before][:limit]

    async def audit_after(self, number: int, _limit: int) -> list[AuditEvent]:
        indexes = ((1, 1), (2, 9), (3, 8), (4, 9), (5, 9))
        return [replace(event(n), index=index) for n, index in indexes if n > number][:2]


async def test_runs_that_failed_tell_why_and_others_are_not_looked_up() -> None:
    lost = row(1, "lost", json.dumps(ERROR).encode())
    store: Any = Store(lost, row(2, "aborted"), row(3, "succeeded"), row(4, None))
    pump: Any = Pump()
    found = await History(store, pump, Writes()).runs_of("t", 10, 0)
    assert [one.error and json.loads(one.error) for one in found] == [ERROR, None, None, None]
    assert store.asked == [1, 2]


def test_an_error_in_brief_has_no_traceback_and_a_bounded_message() -> None:
    whole = {"type": "shop.Gone", "message": "x" * 9_999, "traceback": "Traceback …", "more": 1}
    brief = json.loads(in_brief(json.dumps(whole).encode()))
    assert brief == {"type": "shop.Gone", "message": "x" * MESSAGE_CHARS_MAX, "traceback": None}


def test_what_is_no_error_is_left_out() -> None:
    assert in_brief(b"[1]") == in_brief(b"\xff") == b""


async def test_pages_go_through_all_runs_but_those_that_changed_after_a_revision() -> None:
    rows = [
        RunRow(TaskId("t"), AllocationId(n), index) for n, index in enumerate((1, 9, 8, 9, 2), 1)
    ]
    store: Any = Store(*rows)
    pump: Any = Pump()
    pages = [page async for page in History(store, pump, Writes()).pages(8)]
    assert [[one.allocation_id for one in page] for page in pages] == [[1], [3], [5]]


async def test_tm_75_pages_of_events_go_through_all_up_to_a_revision_and_lists_from_the_newest() -> (
    None
):
    store: Any = Store()
    pump: Any = Pump()
    history = History(store, pump, Writes())
    pages = [page async for page in history.audit_pages(8)]
    assert [[one.number for one in page] for page in pages] == [[1], [3], []]
    assert await history.audit_of(2, 0) == [event(3), event(2)]
    assert await history.audit_of(2, 3) == [event(2), event(1)]
