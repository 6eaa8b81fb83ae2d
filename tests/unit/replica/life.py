"""What scenarios of a task's life have in common: writes, restarts of everything, the switch."""

from __future__ import annotations

from coordinator.machine.commands import SetSettings
from coordinator.model.tasks import Task
from coordinator.replica import inputs as i
from coordinator.replica.sayings import NodeSaying, Report
from tests.unit.replica.world import FakeNode, World


def write(one: FakeNode, task_id: str, state: bytes | None, seq: int = 1) -> None:
    """The run of this node writes its state."""
    one.listen()
    one.number += 1
    run = one.wanted[task_id]
    report = Report(
        one.number, run.task_id, run.allocation_id, "state", 0, state=state, state_seq=seq
    )
    one.say(i.NodeSaid(one.session, NodeSaying(reports=(report,))))


def holder(world: World, task_id: str, *nodes: FakeNode) -> FakeNode:
    """The node that has the task."""
    found = next(one for one in nodes if one.name == world.task(task_id).assignment.node)
    found.listen()
    return found


def restart_everything(world: World, *nodes: FakeNode) -> None:
    """kill -9 of all coordinators and nodes; all come back from their disks, nodes as new incarnations."""
    for number in list(world.members):
        world.crash(number)
    for number in world.disks:
        world.start(number)
    world.leader()
    for one in nodes:
        one.counter += 1
        one.sequence = one.seen = one.number = 0
        one.register(old_is_dead=True)


def set_to(world: World, key: str, value: str) -> None:
    values = ((key, value),) if value else ()
    reset = () if value else (key,)
    world.outcomes(world.submit(SetSettings(values, reset, "ann")))


def told(world: World, *ids: str) -> list[Task]:
    return [world.task(one) for one in ids]
