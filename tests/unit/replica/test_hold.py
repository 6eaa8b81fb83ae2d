"""A quick restart: a drain of kind restart with a hold keeps the tasks for the node that comes back (PT-72)."""

from __future__ import annotations

from coordinator.machine import invariants
from coordinator.machine.commands import CancelTask, DrainNode, PauseTask, RemoveNode, UndrainNode
from coordinator.machine.outcome import Refused
from coordinator.model.instants import SECOND
from coordinator.model.tasks import Code, RunOutcome, Status
from coordinator.replica import inputs as i
from coordinator.replica.sayings import NodeSaying
from tests.unit.replica.kit import codes, node, pause, until
from tests.unit.replica.world import FakeNode, World

HELD = Code.HELD_FOR_NODE.value
HOLD = 60 * SECOND
IDS = ("t0", "t1", "t2")


def held_restart(hold: int = HOLD) -> tuple[World, FakeNode, FakeNode]:
    """n1 has three tasks and is drained for a restart; n2 is empty."""
    world = World(1)
    first = node(world, "n1")
    for task_id in IDS:
        world.create(task_id)
    other = node(world, "n2")
    drain(world, hold=hold)
    first.listen()
    return world, first, other


def drain(world: World, kind: str = "restart", hold: int = 0, deadline: int = 0) -> object:
    (outcome,) = world.outcomes(
        world.submit(DrainNode("n1", kind, "kernel", "ann", deadline, hold))
    )
    return outcome


def leave(world: World, one: FakeNode) -> None:
    """SIGTERM: it asks to be drained, its runs end when they are told, it says goodbye."""
    one.say(i.NodeSaid(one.session, NodeSaying(drain=True)))
    until(world, lambda: all(world.task(t).status is Status.STOPPING for t in IDS))
    one.listen()
    for task_id in IDS:
        one.report(task_id, "ended", outcome=RunOutcome.ABORTED, reason="move")
    goodbye(world, one)


def goodbye(world: World, one: FakeNode) -> None:
    one.say(i.NodeSaid(one.session, NodeSaying(goodbye=True)))
    one.beating = False
    one.close()
    pause(world, 200)


def come_back(world: World, one: FakeNode) -> None:
    one.counter += 1
    one.sequence = one.seen = one.number = 0
    one.beating = True
    one.register(old_is_dead=True)
    pause(world, 500)


def nodes_of(world: World) -> list[str | None]:
    return [world.task(task_id).assignment.node for task_id in IDS]


def test_pt_72_until_it_is_asked_to_stop_nothing_moves() -> None:
    world, _, _ = held_restart()
    pause(world, 20_000)
    assert nodes_of(world) == ["n1"] * 3
    assert {world.task(t).status for t in IDS} == {Status.ASSIGNED}
    world.create("new")
    assert world.task("new").assignment.node == "n2"


def test_pt_72_tasks_wait_for_the_node_and_go_back_to_it() -> None:
    world, first, _ = held_restart()
    before = world.task("t0").allocation_id
    leave(world, first)
    assert codes(world, IDS) == [HELD] * 3
    assert world.task("t0").assignment.explanation == "n1"
    invariants.check(world.leader().replica.state)
    pause(world, 20_000)
    assert codes(world, IDS) == [HELD] * 3
    come_back(world, first)
    assert nodes_of(world) == ["n1"] * 3
    assert world.task("t0").allocation_id > before
    assert (world.task("t0").attempts, world.task("t0").losses) == (0, 0)
    invariants.check(world.leader().replica.state)


def test_pt_72_a_node_that_does_not_come_back_in_time_is_not_waited_for() -> None:
    world, first, _ = held_restart(hold=10 * SECOND)
    leave(world, first)
    pause(world, 8_000)
    assert codes(world, IDS) == [HELD] * 3
    pause(world, 4_000)
    assert nodes_of(world) == ["n2"] * 3


def test_pt_72_one_that_dies_without_a_word_is_waited_for_as_well() -> None:
    world, first, _ = held_restart()
    first.beating = False
    first.close()
    until(world, lambda: codes(world, IDS) == [HELD] * 3)
    come_back(world, first)
    assert nodes_of(world) == ["n1"] * 3


def test_pt_72_a_new_incarnation_that_nobody_saw_leave_keeps_its_tasks() -> None:
    world, first, _ = held_restart()
    first.close()
    come_back(world, first)
    assert nodes_of(world) == ["n1"] * 3
    first.listen()
    assert sorted(first.wanted) == sorted(IDS)


def test_pt_72_another_leader_goes_on_waiting() -> None:
    world = World(3)
    first = node(world, "n1")
    for task_id in IDS:
        world.create(task_id)
    other = node(world, "n2")
    drain(world, hold=HOLD)
    first.listen()
    leave(world, first)
    world.crash(world.leader().number)
    until(world, lambda: any(m.replica.leading is not None for m in world.members.values()))
    other.register()
    pause(world, 5_000)
    assert codes(world, IDS) == [HELD] * 3
    come_back(world, first)
    assert nodes_of(world) == ["n1"] * 3


def test_pt_72_what_the_node_will_not_have_any_more_goes_elsewhere() -> None:
    world, first, _ = held_restart()
    leave(world, first)
    first.capacity = 1
    come_back(world, first)
    pause(world, 500)
    assert sorted(str(name) for name in nodes_of(world)) == ["n1", "n2", "n2"]


def test_pt_72_undrained_removed_or_drained_for_good_nobody_waits() -> None:
    for command in (UndrainNode("n1"), RemoveNode("n1"), DrainNode("n1", "remove", "gone", "ann")):
        world, first, _ = held_restart()
        leave(world, first)
        assert codes(world, IDS) == [HELD] * 3
        world.outcomes(world.submit(command))
        pause(world, 500)
        assert nodes_of(world) == ["n2"] * 3, command


def test_pt_72_a_hold_that_comes_after_the_signal_counts() -> None:
    world = World(1)
    first = node(world, "n1")
    for task_id in IDS:
        world.create(task_id)
    first.listen()
    first.say(i.NodeSaid(first.session, NodeSaying(drain=True)))
    drain(world, hold=HOLD)
    until(world, lambda: all(world.task(t).status is Status.STOPPING for t in IDS))
    first.listen()
    for task_id in IDS:
        first.report(task_id, "ended", outcome=RunOutcome.ABORTED, reason="move")
    assert codes(world, IDS) == [HELD] * 3


def test_pt_72_held_tasks_can_be_cancelled_and_paused() -> None:
    world, first, _ = held_restart()
    leave(world, first)
    world.outcomes(world.submit(CancelTask("t0")))
    world.outcomes(world.submit(PauseTask("t1")))
    come_back(world, first)
    assert [world.task(t).status.value for t in IDS] == ["cancelled", "paused", "assigned"]
    invariants.check(world.leader().replica.state)


def test_pt_72_after_the_deadline_they_move_although_it_never_stopped() -> None:
    world, first, _ = held_restart()
    at = world.leader().replica.state.at
    drain(world, hold=HOLD, deadline=at + 5_000)
    pause(world, 8_000)
    first.listen()
    for task_id in IDS:
        assert world.task(task_id).status is Status.STOPPING
        first.report(task_id, "ended", outcome=RunOutcome.ABORTED, reason="move")
    pause(world, 500)
    assert nodes_of(world) == ["n2"] * 3


def test_pt_72_only_a_restart_is_held() -> None:
    world = World(1)
    node(world, "n1")
    refused = drain(world, "remove", HOLD)
    assert isinstance(refused, Refused)
    assert "hold" in refused.detail
