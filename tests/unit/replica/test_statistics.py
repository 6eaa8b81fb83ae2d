"""What a member learns of runs from the entries it applies, whether it leads or not."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.duties.capacity import Demand
from coordinator.duties.overdue import Backlog
from coordinator.machine.commands import (
    AssignTask,
    CancelTask,
    Command,
    LoseNode,
    SetSettings,
    StartRun,
)
from coordinator.model.ids import TaskId
from coordinator.model.instants import MINUTE, SECOND
from coordinator.model.nodes import Offer
from coordinator.model.tasks import Assignment, Backoff, Code, Policy, RunOutcome, TaskSpec
from coordinator.replica import statistics as module
from coordinator.replica.statistics import OTHERS, Statistics
from tests.unit.machine.kit import World, create, join, on

NOWHERE = Assignment(code=Code.NO_CAPACITY)


class Followed(World):
    """Each command is followed; `pass_time` moves the clock of the entries."""

    def __init__(self) -> None:
        super().__init__()
        self.statistics = Statistics(self.state)

    def do(self, command: Command, request_id: str = "", content: int = 0) -> Any:
        outcome = super().do(command, request_id, content)
        self.statistics.applied(self.state.take_events())
        return outcome

    def pass_time(self, ms: int) -> None:
        self.at += ms

    def start(self, task_id: str = "t") -> None:
        task = self.task(task_id)
        assert task.assignment.incarnation is not None
        self.accept(StartRun(task.id, task.allocation_id, task.assignment.incarnation, self.at))

    def assign(self, task_id: str, to: Assignment | None = None) -> None:
        task = self.task(task_id)
        self.accept(AssignTask(task.id, task.allocation_id, to or on()))

    def figures(self, executor: str = "demo.noop") -> Any:
        return dict(self.statistics.windows())[executor].figures()

    @property
    def overdue(self) -> Backlog:
        return self.statistics.overdue.total()


@pytest.fixture
def world() -> Followed:
    made = Followed()
    made.accept(join())
    return made


def test_a_run_from_due_to_its_end(world: Followed) -> None:
    world.accept(create(assignment=NOWHERE))
    assert world.overdue == Backlog(1, 2, world.at)
    assert world.statistics.overdue.since(world.task()) == world.at
    world.pass_time(2_000)
    world.assign("t")
    assert world.overdue.tasks == 1  # placed is not started
    world.pass_time(500)
    world.start()
    assert world.overdue == Backlog()
    assert world.statistics.overdue.since(world.task()) is None
    world.pass_time(4_000)
    world.end("t", RunOutcome.SUCCEEDED)
    found = world.figures()
    assert (found.start_delay.p50, found.hand_over.p50, found.duration.p50) == (2_500, 500, 4_000)
    assert (found.runs, found.units, found.outcomes) == (1, 2, (("succeeded", 1),))
    assert world.statistics.rates(world.at) == (1.0, 1.0)


def test_start_and_end_in_one_report(world: Followed) -> None:
    world.accept(create())
    world.pass_time(300)
    world.end("t", RunOutcome.FAILED, permanent=True, started_at=world.at - 100, lasted_ms=100)
    found = world.figures()
    assert (found.start_delay.p50, found.hand_over.p50, found.duration.p50) == (200, 200, 100)
    assert found.outcomes == (("failed", 1),)
    assert world.overdue == Backlog()


def test_a_run_that_never_began_leaves_no_figure(world: Followed) -> None:
    world.accept(create())
    world.pass_time(1_000)
    world.end("t", RunOutcome.ABORTED, handed_back=True, reason="no_capacity")
    assert world.statistics.windows() == [] or world.figures().runs == 0
    assert world.overdue.tasks == 1
    assert world.overdue.since == world.at - 1_000


def test_a_retry_is_due_when_its_wait_is_over(world: Followed) -> None:
    policy = Policy(backoff=Backoff("fixed", 10_000))
    world.accept(create(policy=policy))
    world.start()
    world.end("t", RunOutcome.FAILED, retry_at=world.at + 10_000)
    assert world.overdue == Backlog()
    world.pass_time(12_000)
    world.assign("t")
    assert world.overdue.since == world.at - 2_000
    world.pass_time(1_000)
    world.start()
    assert world.figures().start_delay.p99 == 3_000
    assert world.statistics.rates(world.at)[0] == 2.0


def test_a_lost_run_is_due_from_its_loss_and_arrives_no_second_time(world: Followed) -> None:
    world.accept(create())
    world.start()
    world.pass_time(30_000)
    world.accept(LoseNode(world.task().assignment.node, world.task().assignment.incarnation))
    assert world.overdue == Backlog(1, 2, world.at)
    assert world.statistics.rates(world.at) == (1.0, 0.0)
    assert world.figures().outcomes == (("lost", 1),)


def test_a_lost_run_placed_again_in_the_same_entry_is_due_from_then(world: Followed) -> None:
    world.accept(create())
    world.pass_time(5_000)
    world.end("t", RunOutcome.LOST, worker_died=True, started_at=world.at - 4_000, next=on())
    assert world.task().has_node
    assert world.overdue.since == world.at
    assert world.figures().start_delay.p50 == 1_000


def test_what_is_cancelled_is_overdue_no_more(world: Followed) -> None:
    world.accept(create(assignment=NOWHERE))
    world.accept(CancelTask(TaskId("t")))
    assert world.overdue == Backlog()
    assert world.statistics.windows() == [] or world.figures().start_delay.count == 0


def test_only_tasks_without_a_schedule_are_arrivals_of_their_own(world: Followed) -> None:
    for number in range(3):
        world.accept(create(f"t{number}", policy=Policy(cost=number)))
    assert world.statistics.arrivals(world.at) == (Demand("demo.noop", 3.0, 3.0),)


def test_runs_older_than_ten_minutes(world: Followed) -> None:
    world.accept(create("a", policy=Policy(cost=4)))
    world.pass_time(6 * MINUTE)
    world.accept(create("b"))
    assert world.statistics.long_units(world.at) == 0
    world.pass_time(5 * MINUTE)
    assert world.statistics.long_units(world.at) == 4
    world.pass_time(10 * MINUTE)
    assert world.statistics.long_units(world.at) == 6
    world.start("a")
    world.end("a", RunOutcome.SUCCEEDED)
    assert world.statistics.long_units(world.at) == 2


def test_the_window_in_force_is_a_setting(world: Followed) -> None:
    for number in range(30):
        world.accept(create(f"t{number}"))
        world.start(f"t{number}")
        world.end(f"t{number}", RunOutcome.SUCCEEDED)
    assert world.figures().runs == 30
    world.accept(SetSettings((("stats.window", "12"),), (), "ann"))
    assert world.figures().runs == 12


def test_executors_beyond_a_number_share_one_line(
    world: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EXECUTORS_MAX", 2)
    offers = tuple(Offer(f"e{number}", 1, "h1") for number in range(4))
    world.accept(join("n2", offers=offers))
    for number in range(4):
        made = create(f"t{number}", on("n2"))
        world.accept(made.__class__(**{**_fields(made), "executor": f"e{number}"}))
        world.start(f"t{number}")
        world.pass_time(SECOND)
        world.end(f"t{number}", RunOutcome.SUCCEEDED)
    assert [name for name, _ in world.statistics.windows()] == ["e0", "e1", OTHERS]
    assert world.figures(OTHERS).runs == 2
    assert world.statistics.name_of("e3") == OTHERS


def test_a_member_that_starts_anew_finds_what_is_there(world: Followed) -> None:
    world.accept(create("waits", assignment=NOWHERE))
    world.accept(create("runs", policy=Policy(cost=6)))
    world.start("runs")
    world.pass_time(11 * MINUTE)
    fresh = Statistics(world.state)
    assert fresh.overdue.total().tasks == 1
    assert fresh.long_units(world.at) == 6
    assert fresh.counts == world.statistics.counts
    assert fresh.windows() == []


def test_tm_61_tasks_of_paused_executors_are_counted_apart(world: Followed) -> None:
    world.accept(create("a", assignment=NOWHERE))
    overdue = world.statistics.overdue
    assert overdue.total({"demo.noop"}) == Backlog()
    assert overdue.total({"demo.noop"}, held=True).tasks == 1
    assert list(overdue.executors()) == ["demo.noop"]


def test_the_oldest_overdue_is_found_after_any_number_have_gone(world: Followed) -> None:
    since = world.at
    world.accept(create("first", assignment=NOWHERE))
    for number in range(40):
        world.pass_time(10)
        world.accept(create(f"t{number}", assignment=NOWHERE))
    assert world.overdue.since == since
    world.accept(CancelTask(TaskId("first")))
    assert world.overdue.since == since + 10
    for number in range(39):
        world.accept(CancelTask(TaskId(f"t{number}")))
    assert world.overdue == Backlog(1, 2, world.at)


def _fields(command: Any) -> dict[str, Any]:
    return {name: getattr(command, name) for name in command.__struct_fields__}


__all__ = ["TaskSpec"]
