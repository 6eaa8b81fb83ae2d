"""Histories that no order explains have to be convicted; those that one explains have not."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.machine.outcome import Accepted, Refusal, Refused
from coordinator.model.ids import AllocationId, TaskId
from tests.simulation.checkers import linearizability
from tests.simulation.checkers.linearizability import objections, search, setting_step
from tests.simulation.history import PENDING, Operation

KEY = "retention.failed"
MADE = Accepted(TaskId("t"), AllocationId(1), created=True)
KNOWN = Accepted(TaskId("t"), AllocationId(1), unchanged=True)
DONE = Accepted(TaskId("t"), AllocationId(1))
ONE, TWO = ("sim.brief", 1, True, False), ("sim.brief", 2, True, False)
LIVE = ("sim.brief", 1, False, False)
SEEN_ONE = ('sim.brief {"n":1}', False, False)
SEEN_OVER = ('sim.brief {"n":1}', True, True)


def did(
    kind: str, called: int, returned: int, result: Any = None, argument: Any = None, key: str = "t"
) -> Operation:
    """An answered operation, or one nobody was told about (returned 0)."""
    state = "ok" if returned else "unknown"
    return Operation(
        "k1", kind, key, argument, called, "", returned or PENDING, state, result, 0, 1
    )


def wrote(value: str, called: int, returned: int) -> Operation:
    return did("setting", called, returned, Accepted(), value, KEY)


def looked(value: str, called: int, returned: int) -> Operation:
    return did("look", called, returned, value, None, KEY)


def fine(*operations: Operation) -> bool:
    return not list(objections(operations))


def test_a_read_sees_the_write_before_it() -> None:
    assert fine(wrote("3d", 0, 10), looked("3d", 11, 12))
    assert not fine(wrote("3d", 0, 10), looked("30d", 11, 12))


def test_a_read_beside_a_write_sees_either() -> None:
    assert fine(wrote("3d", 0, 10), looked("3d", 1, 2), looked("3d", 3, 4))
    assert fine(wrote("3d", 0, 10), looked("30d", 1, 2), looked("3d", 3, 4))
    assert not fine(wrote("3d", 0, 10), looked("3d", 1, 2), looked("30d", 3, 4))


def test_two_writes_at_once_are_seen_in_one_order_by_all() -> None:
    writes = (wrote("3d", 0, 10), wrote("4d", 0, 10))
    assert fine(*writes, looked("3d", 11, 12), looked("3d", 13, 14))
    assert not fine(*writes, looked("3d", 11, 12), looked("4d", 13, 14))


def test_what_nobody_was_told_about_may_happen_late_or_never() -> None:
    unknown = wrote("3d", 0, 0)
    assert fine(unknown, looked("30d", 5, 6), looked("3d", 50, 51))
    assert fine(unknown, looked("30d", 5, 6), looked("30d", 50, 51))
    assert not fine(unknown, looked("3d", 5, 6), looked("30d", 50, 51))


def test_what_certainly_failed_must_not_be_seen() -> None:
    failed = wrote("3d", 0, 0)
    failed.state = "failed"
    assert fine(failed, looked("30d", 5, 6))
    assert not fine(failed, looked("3d", 5, 6))


def test_a_lost_creation_is_found() -> None:
    made = did("create", 0, 10, MADE, ONE)
    assert fine(made, did("read", 11, 12, SEEN_ONE))
    assert not fine(made, did("read", 11, 12, None))


def test_g3_a_second_creation_is_found() -> None:
    made = did("create", 0, 10, MADE, ONE)
    assert fine(made, did("create", 11, 12, KNOWN, ONE))
    assert not fine(made, did("create", 11, 12, MADE, ONE))
    assert fine(made, did("create", 11, 12, Refused(Refusal.ALREADY_EXISTS), TWO))
    assert not fine(made, did("create", 11, 12, KNOWN, TWO))


def test_g10_a_cancel_is_final() -> None:
    made, cancelled = did("create", 0, 10, MADE, ONE), did("cancel", 11, 12, DONE)
    assert fine(made, cancelled, did("read", 13, 14, SEEN_OVER))
    assert not fine(made, cancelled, did("read", 13, 14, SEEN_ONE))


def test_a_task_may_end_by_itself_unless_it_is_paused() -> None:
    ended = ('sim.brief {"n":1}', False, True)
    assert fine(did("create", 0, 10, MADE, LIVE), did("read", 11, 12, ended))
    assert not fine(did("create", 0, 10, MADE, ONE), did("read", 11, 12, ended))


def test_a_purged_task_is_gone_and_can_be_made_anew() -> None:
    story = (did("create", 0, 10, MADE, ONE), did("purge", 11, 12, DONE))
    assert fine(*story, did("read", 13, 14, None), did("create", 15, 16, MADE, TWO))
    assert not fine(*story, did("read", 13, 14, SEEN_ONE))
    gone = Refused(Refusal.TASK_NOT_FOUND)
    assert fine(*story, did("cancel", 13, 14, gone))
    assert not fine(did("create", 0, 10, MADE, ONE), did("cancel", 13, 14, gone))


def test_a_refusal_outside_the_log_binds_only_if_nothing_else_was_tried() -> None:
    refused = did("create", 0, 10, Refused(Refusal.VALIDATION_FAILED), ONE)
    assert not fine(refused, did("read", 11, 12, SEEN_ONE))
    refused.tries = 2
    assert fine(refused, did("read", 11, 12, SEEN_ONE))


def test_a_search_that_grows_too_large_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linearizability, "VISITED_MAX", 50)
    writes = [wrote(f"{n}d", 0, 100) for n in range(1, 12)]
    found = search([*writes, looked("12d", 101, 102)], "30d", setting_step)
    assert found is not None
    assert "time-out" in found
