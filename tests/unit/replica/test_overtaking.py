"""Which commands take fire times away, and of which tasks."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.machine.commands import (
    CancelTask,
    ChangeTasks,
    Command,
    EndRun,
    JoinNode,
    LoseNode,
    LoseRuns,
    PauseTask,
    ResumeTask,
    RunNow,
    UpdateTask,
)
from coordinator.model.ids import AllocationId, Incarnation, NodeName, TaskId
from coordinator.model.schedules import Schedule
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Policy, RunOutcome, TaskSpec
from coordinator.replica.overtaking import taken_from
from tests.unit.assignment.kit import task

S = TaskId("s")


def state(**schedule: Any) -> ClusterState:
    """`s` has a child `c`, and that one a child `d`."""
    made = ClusterState()
    of_s = TaskSpec(schedule=Schedule(every_ms=1_000, **schedule))
    made.put_task(task("s", spec=of_s))
    made.put_task(task("c", spec=TaskSpec(parent="s")))
    made.put_task(task("d", spec=TaskSpec(parent="c")))
    return made


def end(outcome: RunOutcome, **more: Any) -> EndRun:
    return EndRun(S, AllocationId(1), Incarnation("1"), outcome, **more)


@pytest.mark.parametrize("wish", [PauseTask(S), UpdateTask(S, 0)])
def test_a_pause_and_an_edit_take_from_their_task(wish: Command) -> None:
    assert taken_from(wish, state()) == (S,)


def test_a_cancel_takes_from_children_and_theirs_too() -> None:
    assert taken_from(CancelTask(S), state()) == ("s", "c", "d")
    assert taken_from(CancelTask(TaskId("gone")), state()) == ("gone",)


def test_a_cancel_takes_from_any_number_of_generations() -> None:
    made = ClusterState()
    names = [f"d{n}" for n in range(2_000)]
    for name, parent in zip(names, ["", *names], strict=False):
        made.put_task(task(name, spec=TaskSpec(parent=parent)))
    assert taken_from(CancelTask(TaskId("d0")), made) == tuple(names)


def test_a_cancel_of_a_record_that_came_again_as_a_child_of_its_child_takes_from_each_once() -> (
    None
):
    made = ClusterState()
    made.put_task(task("p", spec=TaskSpec(parent="c")))
    made.put_task(task("c", spec=TaskSpec(parent="p")))
    assert taken_from(CancelTask(TaskId("p")), made) == ("p", "c")


def test_tm_32_changes_that_are_one_command_take_what_each_takes() -> None:
    both = ChangeTasks((RunNow(TaskId("d")), PauseTask(TaskId("c")), CancelTask(S)))
    assert taken_from(both, state()) == ("c", "s", "c", "d")


@pytest.mark.parametrize(
    "report",
    [
        end(RunOutcome.SUCCEEDED, then="end"),
        end(RunOutcome.SUCCEEDED, then="pause"),
        end(RunOutcome.SUCCEEDED, schedule=Schedule(every_ms=2_000)),
        end(RunOutcome.FAILED, permanent=True),
    ],
)
def test_a_run_that_says_what_follows_takes_from_its_series(report: EndRun) -> None:
    assert taken_from(report, state()) == (S,)


def test_a_failure_does_where_failures_pause() -> None:
    assert taken_from(end(RunOutcome.FAILED), state(pause_after_failures=3)) == (S,)
    assert taken_from(end(RunOutcome.FAILED), state()) == ()
    assert taken_from(end(RunOutcome.SUCCEEDED), state(pause_after_failures=3)) == ()


@pytest.mark.parametrize("outcome", [RunOutcome.TIMED_OUT, RunOutcome.ABORTED, RunOutcome.LOST])
def test_so_does_what_may_be_recorded_as_a_failure(outcome: RunOutcome) -> None:
    assert taken_from(end(outcome), state(pause_after_failures=3)) == (S,)
    assert taken_from(end(outcome), state()) == ()


def losses() -> tuple[Command, ...]:
    name, gone = NodeName("n"), Incarnation("1-n")
    runs = ((S, AllocationId(1)), (TaskId("other"), AllocationId(2)), (TaskId("gone"), 3))
    joins = JoinNode(name, Incarnation("2-n"), "uid", 2, 10, ())
    return (LoseNode(name, gone), LoseRuns(name, gone, runs), joins)  # type: ignore[arg-type]


@pytest.mark.parametrize("loss", losses())
def test_a_loss_that_counts_as_a_failure_does_where_failures_pause(loss: Command) -> None:
    for on_lost, pauses_after, taken in (("fail", 3, (S,)), ("rerun", 3, ()), ("fail", 0, ())):
        made = ClusterState()
        spec = TaskSpec(schedule=Schedule(every_ms=1_000, pause_after_failures=pauses_after))
        made.put_task(task("s", spec=spec, policy=Policy(on_lost=on_lost), on="n"))
        made.put_task(task("other", policy=Policy(on_lost="fail"), on="n"))
        assert taken_from(loss, made) == taken


@pytest.mark.parametrize("command", [RunNow(S), ResumeTask(S)])
def test_nothing_else_does(command: Command) -> None:
    assert taken_from(command, state()) == ()
