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


def saw(desired: str = "paused", ended: str = "", n: int = 1, priority: int = 0) -> Any:
    """What a read tells of a task, here one that was created paused."""
    return f'sim.brief {{"n":{n}}}', desired, ended, priority


SEEN_ONE, SEEN_OVER = saw(), saw("cancelled", "cancelled")
GONE, FINISHED = Refused(Refusal.TASK_NOT_FOUND), Refused(Refusal.ALREADY_FINISHED)


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
    for how in ("succeeded", "failed"):
        ended = saw("running", how)
        assert fine(did("create", 0, 10, MADE, LIVE), did("read", 11, 12, ended))
        assert not fine(did("create", 0, 10, MADE, ONE), did("read", 11, 12, ended))
    nobody_asked = saw("running", "cancelled")
    assert not fine(did("create", 0, 10, MADE, LIVE), did("read", 11, 12, nobody_asked))


def test_x39_an_edit_is_seen_from_its_answer_on_and_stays() -> None:
    story = (did("create", 0, 10, MADE, LIVE), did("update", 11, 12, DONE, (2, False)))
    edited = saw("running", n=2)
    assert fine(*story, did("read", 13, 14, edited))
    assert fine(*story, did("read", 11, 14, saw("running")), did("read", 15, 16, edited))
    assert not fine(*story, did("read", 13, 14, saw("running")))
    assert not fine(*story, did("read", 13, 14, edited), did("read", 15, 16, saw("running")))
    assert not fine(*story, did("create", 13, 14, KNOWN, LIVE))
    assert fine(*story, did("create", 13, 14, Refused(Refusal.ALREADY_EXISTS), LIVE))
    over = did("read", 13, 14, saw("running", "succeeded", 2))
    assert fine(*story, over, did("update", 15, 16, FINISHED, (1, False)))
    assert not fine(*story, over, did("update", 15, 16, DONE, (1, False)))


def test_an_edit_that_nobody_was_told_about_may_show_or_not() -> None:
    story = (did("create", 0, 10, MADE, ONE), did("update", 11, 0, None, (2, False)))
    assert fine(*story, did("read", 13, 14, saw()), did("read", 15, 16, saw(n=2)))
    assert not fine(*story, did("read", 13, 14, saw(n=2)), did("read", 15, 16, saw()))


def test_a_priority_is_a_part_of_what_was_asked() -> None:
    story = (did("create", 0, 10, MADE, ONE), did("priority", 11, 12, DONE, 70))
    assert fine(*story, did("read", 13, 14, saw(priority=70)))
    assert not fine(*story, did("read", 13, 14, saw()))
    assert not fine(*story, did("create", 13, 14, KNOWN, ONE))


def test_tm_26_a_pause_holds_until_somebody_resumes() -> None:
    story = (did("create", 0, 10, MADE, LIVE), did("pause", 11, 12, DONE, False))
    assert fine(*story, did("read", 13, 14, saw()))
    assert not fine(*story, did("read", 13, 14, saw("running")))
    resumed = (*story, did("resume", 13, 14, DONE))
    assert fine(*resumed, did("read", 15, 16, saw("running")))
    assert not fine(*resumed, did("read", 15, 16, saw()))
    assert fine(*story, did("read", 13, 14, saw("paused", "succeeded"))), "its run came first"


def test_tm_27_nothing_resumes_what_was_cancelled() -> None:
    story = (did("create", 0, 10, MADE, LIVE), did("cancel", 11, 12, DONE))
    for kind, argument in (("pause", False), ("resume", None)):
        assert fine(*story, did(kind, 13, 14, FINISHED, argument))
        assert not fine(*story, did(kind, 13, 14, DONE, argument))
        assert not fine(did("create", 0, 10, MADE, ONE), did(kind, 13, 14, FINISHED, argument))
        assert not fine(*story, did(kind, 13, 14, GONE, argument))


def test_tm_56_what_failed_runs_again_what_succeeded_only_if_asked_so_what_was_cancelled_never() -> (
    None
):
    made = did("create", 0, 10, MADE, LIVE)
    runs = did("read", 15, 16, saw("running"))
    for how, again, done in (
        ("failed", False, True), ("failed", True, True), ("succeeded", True, True), ("succeeded", False, False),
    ):  # fmt: skip
        over = did("read", 11, 12, saw("running", how))
        assert fine(made, over, did("retry", 13, 14, DONE, again), runs) is done
        assert fine(made, over, did("retry", 13, 14, FINISHED, again)) is not done
    cancelled = (
        made,
        did("cancel", 3, 4, DONE),
        did("read", 11, 12, saw("cancelled", "cancelled")),
    )
    assert not fine(*cancelled, did("retry", 13, 14, DONE, True))
    paused, early = did("create", 0, 10, MADE, ONE), did("retry", 13, 14, DONE, True)
    assert not fine(paused, early)
    assert fine(paused, did("retry", 13, 14, Refused(Refusal.NOT_FINISHED), True))


def test_pt_30_a_cancelled_run_leaves_its_task_only_if_asked_so() -> None:
    made, read = did("create", 0, 10, MADE, LIVE), saw("running")
    assert fine(made, did("cancel_run", 11, 12, DONE, True), did("read", 13, 14, read))
    assert not fine(made, did("cancel_run", 11, 12, DONE, False), did("read", 13, 14, read))
    never_ran = did("create", 0, 10, MADE, ONE)
    assert not fine(never_ran, did("cancel_run", 11, 12, DONE, True))
    assert fine(never_ran, did("cancel_run", 11, 12, Refused(Refusal.RUN_NOT_FOUND), True))


def test_tm_60_a_limit_is_seen_as_it_was_set_and_gone_when_it_was_removed() -> None:
    def put(most: int | None, called: int) -> Operation:
        return did("limit", called, called + 1, Accepted(), most, "sim.brief")

    def looked_at(most: int | None, called: int) -> Operation:
        return did("look_limit", called, called + 1, most, None, "sim.brief")

    assert fine(looked_at(None, 0), put(3, 2), looked_at(3, 4), put(None, 6), looked_at(None, 8))
    assert not fine(put(3, 2), looked_at(None, 4))
    assert not fine(put(3, 2), put(None, 6), looked_at(3, 8))


def test_a_purged_task_is_gone_and_can_be_made_anew() -> None:
    story = (did("create", 0, 10, MADE, ONE), did("purge", 11, 12, DONE))
    assert fine(*story, did("read", 13, 14, None), did("create", 15, 16, MADE, TWO))
    assert not fine(*story, did("read", 13, 14, SEEN_ONE))
    assert fine(*story, did("cancel", 13, 14, GONE))
    assert not fine(did("create", 0, 10, MADE, ONE), did("cancel", 13, 14, GONE))


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
