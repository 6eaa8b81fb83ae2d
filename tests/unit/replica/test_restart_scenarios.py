"""Ids, state and records over moves and full restarts, as leader and nodes see them."""

from __future__ import annotations

from coordinator.machine.commands import CancelTask, UnassignTask
from coordinator.machine.outcome import Accepted
from coordinator.model.ids import TaskId
from coordinator.model.tasks import Code, RunOutcome, Status
from tests.unit.replica.kit import node, pause, until, wish
from tests.unit.replica.life import holder, restart_everything, set_to, told, write
from tests.unit.replica.world import FakeNode, World

GOOD = RunOutcome.SUCCEEDED


def test_pt_a6_allocation_ids_grow_over_creations_moves_ends_and_restarts() -> None:
    world = World(3)
    nodes = [node(world, "n1"), node(world, "n2")]
    given: list[int] = []

    def look(task_id: str) -> None:
        given.append(world.task(task_id).allocation_id)

    for name in ("a", "b"):
        world.create(name)
        look(name)
    world.create("nowhere", cost=100)
    look("nowhere")
    before = world.leader().replica.state.last_allocation_id
    write(holder(world, "a", *nodes), "a", b"1")
    holder(world, "a", *nodes).report("a", "started")
    assert world.leader().replica.state.last_allocation_id == before
    world.submit(UnassignTask(TaskId("a"), given[0]))
    holder(world, "a", *nodes).report("a", "ended", outcome=RunOutcome.ABORTED)
    look("a")
    holder(world, "b", *nodes).report("b", "ended", outcome=RunOutcome.ABORTED, reason="not here")
    look("b")
    restart_everything(world, *nodes)
    until(world, lambda: all(task.has_node for task in told(world, "a", "b")))
    given += sorted(task.allocation_id for task in told(world, "a", "b"))
    world.create("c")
    look("c")
    assert given == sorted(set(given))


def test_pt_a7_state_survives_a_move() -> None:
    world, _, second, old = moved()
    run = second.wanted["t"]
    assert (run.params, run.state) == (b'{"bucket":"a"}', b'{"done":7}')
    assert run.state_allocation_id == old < run.allocation_id
    assert not world.task("t").state_is_current


def test_pt_a8_the_state_is_current_again_when_the_new_run_writes() -> None:
    world, _, second, old = moved()
    assert not world.task("t").state_is_current
    write(second, "t", b'{"done":8}')
    task = world.task("t")
    assert (task.state, task.state_is_current, task.state_seq) == (b'{"done":8}', True, 1)
    assert task.state_allocation_id == task.allocation_id > old


def moved() -> tuple[World, FakeNode, FakeNode, int]:
    """A task whose first run wrote a state before its node fell silent: both nodes, and that run's number."""
    world = World(1)
    one, two = node(world, "n1"), node(world, "n2")
    world.outcomes(world.submit(wish("t", params=b'{"bucket":"a"}')))
    first = holder(world, "t", one, two)
    old = world.task("t").allocation_id
    write(first, "t", b'{"done":7}')
    assert world.task("t").state_is_current
    first.beating = False
    until(world, lambda: world.task("t").allocation_id > old)
    second = two if first is one else one
    second.listen()
    return world, first, second, old


def test_pt_a11_from_disk_everything_is_there_and_no_earlier_incarnation_counts() -> None:
    world = World(3)
    one = node(world, "n1", capacity=30)
    for number in range(10):
        world.outcomes(world.submit(wish(f"t{number}", params=b'{"n":%d}' % number)))
        write(one, f"t{number}", b'{"at":%d}' % number)
    held = {name: run.allocation_id for name, run in one.wanted.items()}
    before = world.leader().replica.state
    for number in list(world.members):
        world.crash(number)
    for number in world.disks:
        world.start(number)
    state = world.leader().replica.state
    assert dict(state.tasks) == dict(before.tasks)
    assert state.last_allocation_id == before.last_allocation_id
    one.counter, one.sequence, one.seen = 2, 0, 0
    one.register(old_is_dead=True)
    for name, allocation in held.items():
        assert one.wanted[name].allocation_id > allocation
        assert one.wanted[name].state == b'{"at":%d}' % int(name[1:])
        one.answered.clear()
        one.report(name, "ended", allocation=allocation, outcome=GOOD)
        world.run(50)
        one.listen()
        assert [(a.accepted, a.reason) for a in one.answered] == [(False, "stale_allocation")]


def test_pt_a49_a_full_restart_with_the_switch_off_starts_nothing() -> None:
    world = World(3)
    nodes = [node(world, "n1"), node(world, "n2")]
    ids = [f"t{number}" for number in range(6)]
    for name in ids:
        world.create(name)
        holder(world, name, *nodes).report(name, "started")
    set_to(world, "assignment.enable", "none")
    assert {task.status for task in told(world, *ids)} == {Status.RUNNING}
    restart_everything(world, *nodes)
    pause(world, 40_000)
    assert {task.status for task in told(world, *ids)} == {Status.UNASSIGNED}
    assert {task.assignment.code for task in told(world, *ids)} == {Code.ASSIGNMENT_DISABLED}
    assert not any(one.wanted for one in nodes)
    assert world.leader().replica.state.settings.text("assignment.enable") == "none"
    set_to(world, "assignment.enable", "all")
    until(world, lambda: all(task.has_node for task in told(world, *ids)))
    for one in nodes:
        one.listen()
    assert sorted(name for one in nodes for name in one.wanted) == ids


def test_pt_a55_a_task_whose_code_is_nowhere_stops_nobody_and_can_be_removed() -> None:
    world = World(3)
    nodes = [node(world, name, "demo.noop", "gone.plugin") for name in ("n1", "n2")]
    for number in range(4):
        world.create(f"t{number}")
    for name in ("orphan", "other"):
        world.create(name, "gone.plugin")
    for one in nodes:
        one.executors = ["demo.noop"]
    restart_everything(world, *nodes)
    until(world, lambda: all(t.has_node for t in told(world, *(f"t{n}" for n in range(4)))))
    pause(world, 40_000)
    orphan = world.task("orphan")
    assert (orphan.status, orphan.assignment.code) == (Status.UNASSIGNED, Code.NO_EXECUTOR)
    assert orphan.assignment.explanation == "n1, n2"
    one = nodes[0]
    one.listen()
    one.report(next(iter(one.wanted)), "ended", outcome=GOOD)
    (removed,) = world.outcomes(world.submit(CancelTask(TaskId("orphan"), purge=True)))
    assert isinstance(removed, Accepted)
    assert removed.removed
    assert "orphan" not in world.leader().replica.state.tasks
    (cancelled,) = world.outcomes(world.submit(CancelTask(TaskId("other"))))
    assert isinstance(cancelled, Accepted)
    assert world.task("other").status is Status.CANCELLED
