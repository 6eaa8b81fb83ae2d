"""A type of work, or all of it, is paused: nothing of it is placed until it is resumed (TM-28)."""

from __future__ import annotations

import pytest

from coordinator.machine.commands import PauseExecutor, ResumeExecutor, RunNow
from coordinator.machine.outcome import Accepted, Refusal
from coordinator.model.ids import TaskId
from coordinator.model.schedules import Schedule
from coordinator.model.tasks import Code, RunOutcome, Status
from coordinator.replica import effects as e
from tests.unit.replica.kit import PICK, codes, know, node, pause, questions, until, wish
from tests.unit.replica.life import restart_everything
from tests.unit.replica.world import World

NOOP, COUNT = "demo.noop", "shop.count"
PAUSED = Code.TYPE_PAUSED.value
SAID = 'demo.noop is paused by ann ("migration")'


def hold(world: World, executor: str = NOOP, *, stop: bool = False) -> None:
    command = PauseExecutor(executor, "migration", "ann", stop)
    (outcome,) = world.outcomes(world.submit(command))
    assert isinstance(outcome, Accepted), outcome


def release(world: World, executor: str = NOOP) -> Accepted:
    (outcome,) = world.outcomes(world.submit(ResumeExecutor(executor, "ann")))
    assert isinstance(outcome, Accepted), outcome
    return outcome


@pytest.mark.parametrize("executor, code", [("", "assignment_disabled"), (NOOP, PAUSED)])
def test_tm_a50_running_work_goes_on_and_a_restarted_node_gets_nothing(
    executor: str, code: str
) -> None:
    world = World(3)
    one = node(world, "n1")
    world.create("t1")
    one.listen()
    one.report("t1", "started")
    hold(world, executor)
    world.create("t2")
    assert world.task("t1").status is Status.RUNNING
    assert codes(world, ["t2"]) == [code]
    assert '"migration"' in world.task("t2").assignment.explanation
    restart_everything(world, one)
    pause(world, 40_000)
    assert codes(world, ["t1", "t2"]) == [code, code]
    one.listen()
    assert not one.wanted
    assert release(world, executor).cleared == (executor or "assignment.enable",)
    until(world, lambda: all(world.task(name).has_node for name in ("t1", "t2")))


def test_tm_28_other_executors_are_placed_as_ever() -> None:
    world = World(1)
    node(world, "n1", NOOP, COUNT)
    hold(world)
    world.create("t1")
    world.submit(wish("t2", COUNT))
    assert codes(world, ["t1", "t2"]) == [PAUSED, "assigned"]
    assert world.task("t1").assignment.explanation == SAID
    release(world)
    assert codes(world, ["t1"]) == ["assigned"]


def test_tm_28_runs_that_are_to_stop_end_and_wait_for_the_resumption() -> None:
    world = World(1)
    one = node(world, "n1")
    world.create("t1")
    one.listen()
    one.report("t1", "started")
    hold(world, stop=True)
    assert world.task("t1").status is Status.STOPPING
    one.report("t1", "ended", outcome=RunOutcome.ABORTED)
    assert codes(world, ["t1"]) == [PAUSED]
    pause(world, 40_000)
    assert codes(world, ["t1"]) == [PAUSED]
    release(world)
    assert codes(world, ["t1"]) == ["assigned"]


def test_tm_28_an_executor_that_chooses_for_itself_is_not_asked() -> None:
    world = World(1)
    node(world, "n1", PICK, own_assignment=True)
    know(world, PICK)
    hold(world, PICK)
    world.submit(wish("t1", PICK))
    assert codes(world, ["t1"]) == [PAUSED]
    pause(world, 40_000)
    assert not questions(world)
    release(world, PICK)
    assert len(questions(world)) == 1


def test_tm_28_a_retry_that_is_due_waits_as_well() -> None:
    world = World(1)
    one = node(world, "n1")
    world.create("t1")
    one.listen()
    one.report("t1", "started")
    one.report("t1", "ended", outcome=RunOutcome.FAILED)
    assert world.task("t1").status is Status.WAITING
    hold(world)
    until(world, lambda: codes(world, ["t1"]) == [PAUSED], 120_000)
    release(world)
    assert codes(world, ["t1"]) == ["assigned"]


def test_tm_a20_of_a_paused_type_what_is_due_counts_as_overdue_apart_from_the_rest() -> None:
    world = World(1)
    node(world, "n1", NOOP, COUNT)
    hold(world)
    world.create("t1")
    world.submit(wish("t2", schedule=Schedule(every_ms=10_000)))
    until(world, lambda: codes(world, ["t2"]) == [PAUSED], 60_000)
    pause(world, 5_000)
    reporting = world.leader().replica.reporting
    assert reporting is not None
    assert reporting.hot is not None
    assert (reporting.hot.overdue.tasks, reporting.hot.overdue_paused.tasks) == (0, 2)
    assert [(one.executor, one.paused) for one in reporting.hot.executors] == [(NOOP, True)]


def test_tm_a20_a_start_deadline_counts_while_the_type_is_paused() -> None:
    world = World(1)
    node(world, "n1")
    hold(world)
    world.submit(wish("t1", schedule=Schedule(every_ms=30_000, start_deadline_ms=10_000)))
    until(world, lambda: codes(world, ["t1"]) == [PAUSED], 60_000)
    until(world, lambda: world.task("t1").status is Status.WAITING, 30_000)
    series = world.task("t1").series
    assert series is not None
    assert series.last_fate is not None
    assert (series.last_fate.word.value, series.last_fate.reason) == ("missed", "start_deadline")


def test_tm_a51_an_unknown_type_is_refused_and_its_resumption_is_not() -> None:
    world = World(1)
    node(world, "n1")
    (refused,) = world.outcomes(world.submit(PauseExecutor("demo.nope", "migration", "ann")))
    assert refused.code is Refusal.EXECUTOR_NOT_FOUND  # type: ignore[union-attr]
    assert release(world, "demo.nope").unchanged


def test_tm_29_run_now_of_a_paused_type_is_refused_with_who_why_and_when() -> None:
    world = World(1)
    node(world, "n1")
    world.create("t1")
    hold(world)
    (refused,) = world.outcomes(world.submit(RunNow(TaskId("t1"), queue=True)))
    assert refused.code is Refusal.PAUSED  # type: ignore[union-attr]
    assert refused.detail.startswith(f"{SAID} since ")  # type: ignore[union-attr]


def test_tm_75_the_leader_notes_who_paused_what_and_why() -> None:
    world = World(1)
    node(world, "n1")
    hold(world)
    release(world)
    notes = [one for one in world.leader().out if isinstance(one, e.Note)]
    told = [(one.event, one.fields) for one in notes if one.event.startswith("executor ")]
    assert told == [
        ("executor paused", {"executor": NOOP, "by": "ann", "reason": "migration"}),
        ("executor resumed", {"executor": NOOP, "by": "ann", "reason": ""}),
    ]
