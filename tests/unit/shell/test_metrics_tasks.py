"""What is counted of tasks, from the entries a member applies: gauges by everybody, counters by who leads (TM-82)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from typing_extensions import override

from coordinator.client.metric_parts import Names, Sheet
from coordinator.machine.commands import (
    AssignTask,
    CancelTask,
    Command,
    DrainNode,
    LoseNode,
    RetryTask,
    StartRun,
    UnassignTask,
)
from coordinator.model.events import Fated
from coordinator.model.ids import NodeName, TaskId
from coordinator.model.nodes import Offer
from coordinator.model.schedules import Fate, FateWord, Occurrence, Series
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, Backoff, Code, Policy, RunOutcome, Task
from coordinator.replica.effects import Applied, LeadershipChanged, StateReplaced
from coordinator.shell.metric_families import FAMILIES
from coordinator.shell.metrics_tasks import TaskMetrics
from tests.unit.machine.kit import World, create, join, on

NOWHERE = Assignment(code=Code.NO_CAPACITY)
NOOP = ("demo.noop",)
N1 = NodeName("n1")


class Watched(World):
    """Each command is told as the pump would tell it."""

    def __init__(self, *, leads: bool = True, names: Names | None = None) -> None:
        super().__init__()
        self.metrics = TaskMetrics(names or Names(), lambda: self.state)
        self.leads(is_leader=leads)

    def leads(self, *, is_leader: bool) -> None:
        self.metrics.listen(LeadershipChanged(1 if is_leader else 2, 3, is_leader))

    @override
    def do(self, command: Command, request_id: str = "", content: int = 0) -> Any:
        outcome = super().do(command, request_id, content)
        self.tell(*self.state.take_events())
        return outcome

    def tell(self, *events: Any) -> None:
        self.metrics.listen(Applied(self.state.revision, self.state.at, events))

    def start(self, task_id: str = "t") -> None:
        task = self.task(task_id)
        assert task.assignment.incarnation is not None
        self.accept(StartRun(task.id, task.allocation_id, task.assignment.incarnation, self.at))

    def assign(self, task_id: str = "t", to: Assignment | None = None) -> None:
        task = self.task(task_id)
        self.accept(AssignTask(task.id, task.allocation_id, to or on()))

    def shown(self, name: str) -> dict[tuple[str, ...], Any]:
        """A family, as a scrape of a leader shows it now."""
        sheet = Sheet(FAMILIES)
        self.metrics.put(sheet, self.at)
        return sheet.values[name]

    def observed(self, name: str, *labels: str) -> tuple[int, float]:
        """(how many, their sum) of a histogram."""
        spread = self.shown(name)[labels]
        return sum(spread.counts), round(spread.total, 6)


@pytest.fixture
def world() -> Watched:
    made = Watched()
    made.accept(join())
    return made


def test_a_task_from_its_creation_to_its_end(world: Watched) -> None:
    world.accept(create(assignment=NOWHERE))
    assert world.shown("tasks") == {("unassigned", "demo.noop"): 1}
    assert world.shown("unassigned") == {("no_capacity",): 1}
    world.at += 2_000
    assert world.shown("overdue") == {NOOP: 1}
    assert world.shown("overdue_age_seconds") == {NOOP: 2.0}
    world.assign()
    world.at += 500
    world.start()
    assert world.shown("overdue") == {}
    assert world.shown("unassigned") == {}
    world.at += 4_000
    world.end("t", RunOutcome.SUCCEEDED)
    assert world.shown("tasks") == {("succeeded", "demo.noop"): 1}
    assert world.shown("created_total") == {("demo.noop", "created"): 1}
    assert world.shown("runs_total") == {("demo.noop", "succeeded"): 1}
    assert world.observed("assign_seconds", *NOOP) == (1, 2.0)
    assert world.observed("start_delay_seconds", *NOOP) == (1, 2.5)
    assert world.observed("run_seconds", "demo.noop", "succeeded") == (1, 4.0)
    assert world.shown("retries_total") == {}


def test_a_short_run_whose_start_comes_with_its_end(world: Watched) -> None:
    world.accept(create())
    world.at += 300
    world.end("t", RunOutcome.SUCCEEDED, started_at=world.at - 100, lasted_ms=100)
    assert world.observed("assign_seconds", *NOOP) == (1, 0.0)
    assert world.observed("start_delay_seconds", *NOOP) == (1, 0.2)
    assert world.observed("run_seconds", "demo.noop", "succeeded") == (1, 0.1)


def test_a_run_that_never_began_is_counted_and_takes_no_time(world: Watched) -> None:
    world.accept(create())
    world.end("t", RunOutcome.ABORTED, handed_back=True, reason="no_capacity")
    assert world.shown("runs_total") == {("demo.noop", "aborted"): 1}
    assert world.shown("run_seconds") == {}
    assert world.shown("start_delay_seconds") == {}


def test_retries_and_the_dead_letter(world: Watched) -> None:
    world.accept(create(policy=Policy(backoff=Backoff("fixed", 10_000), max_attempts=2)))
    world.start()
    world.end("t", RunOutcome.FAILED, retry_at=world.at + 10_000)
    assert world.shown("retries_total") == {}  # waiting is no retry yet
    world.at += 12_000
    world.assign()
    assert world.shown("retries_total") == {NOOP: 1}
    assert world.observed("assign_seconds", *NOOP) == (2, 2.0)  # due when its wait was over
    world.start()
    world.end("t", RunOutcome.FAILED)
    assert world.shown("dead_letters") == {("attempts_exhausted",): 1}
    assert world.shown("runs_total") == {("demo.noop", "failed"): 2}
    world.accept(RetryTask(TaskId("t")))
    assert world.shown("dead_letters") == {}


def test_cancels_are_counted_once_each(world: Watched) -> None:
    world.accept(create("runs"))
    world.accept(create("waits", assignment=NOWHERE))
    for _ in range(2):
        world.accept(CancelTask(TaskId("runs")))
        world.accept(CancelTask(TaskId("waits")))
    assert world.shown("cancels_total") == {(): 2}


def test_moves_by_who_wanted_them(world: Watched) -> None:
    for task_id in ("a", "b", "c"):
        world.accept(create(task_id))
    world.accept(UnassignTask(TaskId("a"), world.task("a").allocation_id))
    world.metrics.is_rebalancing = lambda task_id: task_id == "b"
    world.accept(UnassignTask(TaskId("b"), world.task("b").allocation_id))
    world.accept(DrainNode(N1, "restart", "new disks", "ann"))
    world.accept(UnassignTask(TaskId("c"), world.task("c").allocation_id))
    assert world.shown("moves_total") == {("operator",): 1, ("rebalance",): 1, ("drain",): 1}


def test_a_lost_node_and_its_runs(world: Watched) -> None:
    world.accept(create())
    world.start()
    world.at += 30_000
    world.accept(LoseNode(N1, world.state.nodes[N1].incarnation))
    assert world.shown("node_losses_total") == {(): 1}
    assert world.shown("runs_total") == {("demo.noop", "lost"): 1}
    world.at += 5_000
    assert world.shown("overdue_age_seconds") == {
        NOOP: 5.0
    }  # since it was lost, not since it was new


def test_a_node_that_says_goodbye_is_no_loss(world: Watched) -> None:
    node = next(world.state.nodes_by_name())
    world.accept(LoseNode(node.name, node.incarnation, True, "goodbye"))
    assert world.shown("node_losses_total") == {(): 0}


def test_records_that_are_removed(world: Watched) -> None:
    world.accept(create())
    world.end("t", RunOutcome.SUCCEEDED)
    world.accept(CancelTask(TaskId("t"), purge=True, finished_only=True))
    assert world.shown("records_dropped_total") == {("succeeded",): 1}
    assert world.shown("tasks") == {}


def test_units_that_wait_for_a_node_to_be_added(world: Watched) -> None:
    lazy = Assignment(code=Code.LAZY, explanation="a larger node")
    world.accept(create("a", lazy, policy=Policy(cost=4)))
    world.accept(create("b", lazy, policy=Policy(cost=10)))
    assert world.shown("lazy_cost_units") == {NOOP: 14}
    world.assign("a")
    assert world.shown("lazy_cost_units") == {NOOP: 10}


def test_fates_of_fire_times(world: Watched) -> None:
    fate = Fate(FateWord.SKIPPED, "overlap", 1_000, 3_000, 3)
    world.tell(Fated(TaskId("t"), "demo.noop", fate, fate))
    world.tell(Fated(TaskId("t"), "demo.noop", Fate(FateWord.STARTED, "", 4_000, 4_000), fate))
    found = world.shown("schedule_fates_total")
    assert found == {("demo.noop", "skipped"): 3, ("demo.noop", "started"): 1}


def test_a_change_of_leader_sets_no_counter_back_and_counts_nothing_twice(world: Watched) -> None:
    world.accept(create("a"))
    world.leads(is_leader=False)
    world.accept(create("b"))
    assert world.shown("created_total") == {("demo.noop", "created"): 1}
    assert world.shown("tasks") == {("assigned", "demo.noop"): 2}  # followed all the same
    world.leads(is_leader=True)
    world.accept(create("c"))
    assert world.shown("created_total") == {("demo.noop", "created"): 2}
    assert world.shown("tasks") == {("assigned", "demo.noop"): 3}


def test_what_a_new_process_finds_is_shown_and_not_counted(world: Watched) -> None:
    world.accept(create("a"))
    world.accept(create("b", NOWHERE))
    fresh = TaskMetrics(Names(), lambda: world.state)
    assert fresh.figures.tasks == world.metrics.figures.tasks
    assert fresh.figures.unassigned == {("no_capacity",): 1}
    assert fresh.counts.created == {}


def test_a_state_that_was_replaced_is_looked_at_anew(world: Watched) -> None:
    world.accept(create("a"))
    world.state = ClusterState()
    world.metrics.listen(StateReplaced(7))
    assert world.shown("tasks") == {}
    assert world.shown("created_total") == {("demo.noop", "created"): 1}


def test_tm_82_executors_beyond_the_bound_are_other() -> None:
    world = Watched(names=Names(2))
    world.accept(join(offers=tuple(Offer(f"e{n}", 1, "h1") for n in range(4)), capacity=100))
    for number in range(4):
        world.accept(_of(f"e{number}", create(f"t{number}", NOWHERE)))
        world.at += 1_000
    assert world.shown("tasks") == {
        ("unassigned", "e0"): 1,
        ("unassigned", "e1"): 1,
        ("unassigned", "other"): 2,
    }
    assert world.shown("overdue") == {("e0",): 1, ("e1",): 1, ("other",): 2}
    ages = {("e0",): 4.0, ("e1",): 3.0, ("other",): 2.0}  # the oldest of the others
    assert world.shown("overdue_age_seconds") == ages
    assert world.shown("created_total")["other", "created"] == 2


def test_tm_82_no_scrape_walks_the_tasks(world: Watched) -> None:
    for number in range(50):
        world.accept(create(f"t{number}", NOWHERE))
    world.state.tasks = _Unwalkable(world.state.tasks)
    assert world.shown("tasks") == {("unassigned", "demo.noop"): 50}
    assert world.shown("overdue") == {NOOP: 50}


class _Unwalkable(dict[TaskId, Task]):
    @override
    def __iter__(self) -> Any:
        raise AssertionError("a scrape walks all tasks")

    keys = values = items = __iter__


def _of(executor: str, command: Any) -> Any:
    fields = {name: getattr(command, name) for name in command.__struct_fields__}
    return type(command)(**{**fields, "executor": executor})


def test_lateness_counts_from_the_fire_time_and_not_for_retries(world: Watched) -> None:
    world.accept(create())
    fired = Occurrence("schedule", fire_at=world.at - 700, due_at=world.at - 200)
    for attempts in (0, 1):
        series = Series(0, occurrence=msgspec.structs.replace(fired, attempts=attempts))
        task = msgspec.structs.replace(world.task(), series=series)
        world.metrics.counts.began(task, world.at, world.at - 200)
    assert world.observed("schedule_lateness_seconds", *NOOP) == (1, 0.7)
    assert world.observed("start_delay_seconds", *NOOP) == (2, 0.4)
