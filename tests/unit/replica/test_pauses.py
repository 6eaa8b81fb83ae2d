"""A pause with an end (TM-26, `taskctl pause --until`): the leader resumes the task then, whoever leads by then."""

from __future__ import annotations

from coordinator.machine.commands import PauseTask, ResumeTask
from coordinator.model.ids import TaskId
from coordinator.model.tasks import Desired, RunOutcome, Status
from tests.unit.replica.kit import node, pause, until
from tests.unit.replica.life import holder, restart_everything
from tests.unit.replica.world import FakeNode, World

ABORTED = RunOutcome.ABORTED


def paused(world: World, one: FakeNode, ms: int, *, finish: bool = False) -> int:
    """Task `t` runs and is paused for so long: the instant of its end."""
    world.create("t")
    one.listen()
    one.report("t", "started")
    return wish_pause(world, ms, finish=finish)


def wish_pause(world: World, ms: int, *, finish: bool = False) -> int:
    ends = world.leader().replica.now.wall + ms if ms else 0
    world.outcomes(world.submit(PauseTask(TaskId("t"), finish=finish, until=ends)))
    return ends


def wall(world: World) -> int:
    return world.leader().replica.now.wall


def test_tm_26_a_pause_with_an_end_ends_then_and_the_task_is_placed() -> None:
    world = World(1)
    one = node(world, "n1")
    ends = paused(world, one, 30_000)
    holder(world, "t", one).report("t", "ended", outcome=ABORTED, reason="pause")
    assert world.task("t").status is Status.PAUSED
    pause(world, 25_000)
    assert (world.task("t").status, world.task("t").paused_until) == (Status.PAUSED, ends)
    until(world, lambda: world.task("t").status is Status.ASSIGNED)
    assert ends <= wall(world) <= ends + 200
    task = world.task("t")
    assert (task.desired, task.paused_until, task.attempts) == (Desired.RUNNING, 0, 0)


def test_tm_26_the_next_leader_keeps_the_end_and_so_does_a_full_restart() -> None:
    world = World(3)
    one = node(world, "n1")
    ends = paused(world, one, 60_000)
    holder(world, "t", one).report("t", "ended", outcome=ABORTED, reason="pause")
    world.crash(world.leader().number)
    until(world, lambda: any(m.replica.is_leader for m in world.members.values()))
    restart_everything(world, one)
    assert (world.task("t").status, world.task("t").paused_until) == (Status.PAUSED, ends)
    until(world, lambda: world.task("t").has_node, ms=90_000)
    assert wall(world) >= ends


def test_tm_26_a_later_pause_has_the_last_word() -> None:
    world = World(1)
    one = node(world, "n1")
    paused(world, one, 10_000)
    holder(world, "t", one).report("t", "ended", outcome=ABORTED, reason="pause")
    later = wish_pause(world, 40_000)
    pause(world, 30_000)
    assert (world.task("t").status, world.task("t").paused_until) == (Status.PAUSED, later)
    wish_pause(world, 0)
    pause(world, 30_000)
    assert (world.task("t").status, world.task("t").paused_until) == (Status.PAUSED, 0)
    world.outcomes(world.submit(ResumeTask(TaskId("t"))))
    until(world, lambda: world.task("t").has_node)


def test_tm_26_a_run_that_finishes_by_itself_may_outlast_the_pause() -> None:
    world = World(1)
    one = node(world, "n1")
    paused(world, one, 5_000, finish=True)
    run = world.task("t").allocation_id
    pause(world, 6_000)
    task = world.task("t")
    assert (task.status, task.desired, task.allocation_id) == (
        Status.RUNNING,
        Desired.RUNNING,
        run,
    )
    assert task.paused_until == 0


def test_tm_26_a_task_that_ends_while_it_is_paused_is_not_resumed() -> None:
    world = World(1)
    one = node(world, "n1")
    paused(world, one, 5_000, finish=True)
    holder(world, "t", one).report("t", "ended", outcome=RunOutcome.SUCCEEDED)
    before = world.task("t")
    assert (before.status, before.paused_until) == (Status.SUCCEEDED, 0)
    pause(world, 10_000)
    assert world.task("t") == before
