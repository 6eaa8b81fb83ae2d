"""When a pass is made and what it proposes (PT-47..PT-52)."""

from __future__ import annotations

import msgspec
import pytest

from coordinator.assignment import plan
from coordinator.duties import recheck
from coordinator.duties.recheck import SLICE, Rechecker
from coordinator.machine.commands import AssignTask
from coordinator.model.settings import Settings, SettingValue
from coordinator.model.tasks import Assignment, Code
from tests.unit.assignment.kit import node, task
from tests.unit.duties.kit import Term, commands


def tasks(count: int, **more: object) -> tuple[object, ...]:
    return tuple(task(f"t{n:04}", **more) for n in range(count))


def settle(rechecker: Rechecker, count: int) -> None:
    for _ in range(count):
        rechecker.answered(1)


def set_to(term: Term, **values: str) -> None:
    kept = {key.replace("_", ".", 1): SettingValue(v, "ann", 0) for key, v in values.items()}
    term.state.settings = Settings(kept)


def test_pt_49_a_new_leader_looks_at_everything() -> None:
    term = Term(node("a"), tasks=tasks(3))
    agenda = Rechecker().run(term.view, term.at(0))
    assert [c.task_id for c in commands(agenda)] == ["t0000", "t0001", "t0002"]
    assert all(c.assignment.node == "a" for c in commands(agenda))
    assert [item.tasks for item in agenda.items] == [("t0000",), ("t0001",), ("t0002",)]
    assert term.view.load.units("a") == 6
    assert sum(claim.units for item in agenda.items for claim in item.claims) == 6


def test_pt_50_nothing_more_is_decided_while_a_pass_is_under_way() -> None:
    term = Term(node("a"), tasks=tasks(2))
    rechecker = Rechecker()
    rechecker.run(term.view, term.at(0))
    term.state.put_task(task("late"))
    term.view.backlog.add(term.state.tasks["late"])
    for _ in range(10):
        rechecker.trigger()
        assert not rechecker.run(term.view, term.at(10)).items
    settle(rechecker, 2)
    assert [c.task_id for c in commands(rechecker.run(term.view, term.at(20)))] == ["late"]


def test_pt_46_a_large_pass_goes_in_slices() -> None:
    term = Term(node("a", 10_000), tasks=tasks(2 * SLICE + 10))
    rechecker = Rechecker()
    sizes = []
    for turn in range(5):
        agenda = rechecker.run(term.view, term.at(turn))
        sizes.append(len(agenda.items))
        settle(rechecker, len(agenda.items))
    assert sizes == [SLICE, SLICE, 10, 0, 0]


def test_assignment_batch_bounds_a_slice() -> None:
    term = Term(node("a", 100), tasks=tasks(10))
    set_to(term, assignment_batch="4")
    assert len(Rechecker().run(term.view, term.at(0)).items) == 4


def test_pt_48_the_timer_is_armed_while_something_is_left_and_off_otherwise() -> None:
    term = Term(node("a", 0), tasks=tasks(1))
    rechecker = Rechecker()
    agenda = rechecker.run(term.view, term.at(0))
    assert (rechecker.timer, agenda.wake_at) == (10_000, 10_000)
    rechecker.run(term.view, term.at(9_999))
    assert rechecker.timer == 10_000
    term.view.backlog.discard("t0000")
    rechecker.run(term.view, term.at(9_999))
    assert rechecker.timer is None


def test_pt_48_a_new_interval_counts_at_once_when_it_is_shorter() -> None:
    term = Term(node("a", 0), tasks=tasks(1))
    rechecker = Rechecker()
    rechecker.run(term.view, term.at(0))
    set_to(term, assignment_recheck_interval="2s")
    rechecker.run(term.view, term.at(1_000))
    assert rechecker.timer == 3_000


def test_pt_8_reasons_are_written_by_the_periodic_pass_alone_and_once() -> None:
    term = Term(node("a", 0), tasks=tasks(2))
    rechecker = Rechecker()
    assert not rechecker.run(term.view, term.at(0)).items
    rechecker.trigger()
    assert not rechecker.run(term.view, term.at(5_000)).items
    told = commands(rechecker.run(term.view, term.at(10_000)))
    reason = Assignment(None, None, Code.NO_CAPACITY, "a")
    assert told == [AssignTask(one, 1, reason) for one in ("t0000", "t0001")]
    settle(rechecker, 2)
    for one in told:
        changed = msgspec.structs.replace(term.state.tasks[one.task_id], assignment=reason)
        term.state.put_task(changed)
        term.view.backlog.add(changed)
    assert not rechecker.run(term.view, term.at(20_000)).items


def test_pt_36_switched_off_everybody_is_told_by_whom() -> None:
    term = Term(node("a"), tasks=tasks(SLICE + 5))
    set_to(term, assignment_enable="none")
    rechecker = Rechecker()
    first = rechecker.run(term.view, term.at(0))
    settle(rechecker, len(first.items))
    rest = rechecker.run(term.view, term.at(1))
    assert (len(first.items), len(rest.items)) == (SLICE, 5)
    said = {c.assignment for c in commands(first) + commands(rest)}
    (reason,) = said
    assert reason.explanation == "assignment.enable = none, set by ann"
    settle(rechecker, 5)
    rechecker.trigger()
    assert not rechecker.run(term.view, term.at(2)).items


def test_pt_48_a_pass_that_was_not_committed_is_tried_later_and_less_often() -> None:
    term = Term(node("a"), tasks=tasks(1))
    rechecker = Rechecker()
    waits, since = [], 0
    for at in range(0, 30_000, 50):
        agenda = rechecker.run(term.view, term.at(at))
        if agenda.items:
            waits.append(at - since)
            since = at
            term.view.load.release(agenda.items[0].claims[0])
            term.view.backlog.add(term.state.tasks["t0000"])
            rechecker.not_committed(at)
    assert waits == [0, 1_000, 2_000, 4_000, 8_000, 10_000]
    assert rechecker.timer is not None


def test_pt_8_reasons_for_many_are_written_in_slices_of_one_periodic_pass() -> None:
    term = Term(node("a", 0), tasks=tasks(SLICE + 7))
    rechecker = Rechecker()
    rechecker.run(term.view, term.at(0))
    first = rechecker.run(term.view, term.at(10_000))
    settle(rechecker, len(first.items))
    second = rechecker.run(term.view, term.at(10_050))
    assert (len(first.items), len(second.items)) == (SLICE, 7)


def test_pt_50_a_pass_of_many_classes_goes_on_by_itself_and_a_trigger_asks_for_one_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plan, "LOOKS_PER_SLICE", 3)
    many = tuple(task(f"t{n}", cost=3 + n) for n in range(4))
    term = Term(node("a", 1), tasks=many)
    rechecker, begun = Rechecker(), []
    real = plan.Pass
    monkeypatch.setattr(recheck, "Pass", lambda *given: begun.append(1) or real(*given))
    for turn in range(20):
        if turn == 1:
            rechecker.trigger()
        rechecker.run(term.view, term.at(turn))
    assert len(begun) == 2
    assert all(group.holds for group in term.view.backlog.classes())


def test_pt_8_writing_reasons_down_in_slices_judges_nobody_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    term = Term(node("a", 0), tasks=tasks(3 * SLICE))
    rechecker, begun = Rechecker(), []
    rechecker.run(term.view, term.at(0))
    real = plan.Pass
    monkeypatch.setattr(recheck, "Pass", lambda *given: begun.append(1) or real(*given))
    written = 0
    for turn in range(6):
        agenda = rechecker.run(term.view, term.at(10_000 + turn))
        written += len(agenda.items)
        settle(rechecker, len(agenda.items))
    assert (written, len(begun)) == (3 * SLICE, 1)
