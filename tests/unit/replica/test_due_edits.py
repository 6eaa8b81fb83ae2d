"""A due time that is moved, through the leader and its duties: nothing runs before what it waits for (TM-67)."""

from __future__ import annotations

from msgspec.structs import replace

from coordinator.machine.commands import UpdateTask
from coordinator.model.instants import SECOND
from coordinator.model.tasks import Code, RunOutcome, Status
from tests.unit.replica.kit import node, pause, until
from tests.unit.replica.world import World


def test_tm_67_an_edited_due_time_comes_and_goes_while_the_task_waits_for_another() -> None:
    world = World(3)
    one = node(world, "n1")
    world.create("a")
    world.create("b", after=("a",))
    one.listen()
    one.report("a", "started")
    task = world.task("b")
    spec = replace(task.spec, due_at=world.now.wall + SECOND)
    world.outcomes(world.submit(UpdateTask("b", task.edited_revision, spec=spec)))
    pause(world, 3 * SECOND)
    waits = world.task("b")
    assert (waits.status, waits.assignment.code) == (Status.WAITING, Code.DEPENDENCY)
    assert world.task("a").status is Status.RUNNING
    one.report("a", "ended", outcome=RunOutcome.SUCCEEDED)
    until(world, lambda: world.task("b").has_node)
