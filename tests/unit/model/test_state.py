from __future__ import annotations

import msgspec

from coordinator.codec.snapshots import encode, freeze, load
from coordinator.model import timers
from coordinator.model.ids import NodeName, TaskId
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, Policy, RunOutcome, Status, Task, TaskSpec
from tests.unit.machine.kit import AT, World, create, join, with_task


def waiting(world: World, name: str, due_at: int) -> Task:
    world.accept(create(name, spec=TaskSpec(due_at=due_at)))
    return world.task(name)


def test_waiting_tasks_wake_in_the_order_of_their_times() -> None:
    world = World()
    for name, due in (("c", AT + 30), ("a", AT + 10), ("b", AT + 20)):
        waiting(world, name, due)
    assert world.state.next_wake() == AT + 10
    assert [task.id for task in world.state.wakes_until(AT + 20, 9)] == ["a", "b"]
    assert [task.id for task in world.state.wakes_until(AT + 30, 2)] == ["a", "b"]
    assert [task.id for task in world.state.wakes_until(AT + 30, 9)] == ["a", "b", "c"]


def test_times_that_no_longer_hold_are_dropped() -> None:
    world = World()
    task = waiting(world, "a", AT + 10)
    world.force(msgspec.structs.replace(task, wake_at=AT + 20))
    world.force(world.task("a"))  # the same time twice is told once
    assert world.state.next_wake() == AT + 20
    assert [found.id for found in world.state.wakes_until(AT + 50, 9)] == ["a"]
    world.force(msgspec.structs.replace(task, status=Status.UNASSIGNED, wake_at=0))
    assert world.state.next_wake() is None
    assert world.state.wakes_until(AT + 50, 9) == []


def test_finished_tasks_expire() -> None:
    world = with_task()
    world.end("t", RunOutcome.SUCCEEDED)
    expires = world.task().expires_at
    assert world.state.next_expiry() == expires
    assert world.state.expired_until(expires - 1, 9) == []
    assert [task.id for task in world.state.expired_until(expires, 9)] == ["t"]
    world.state.drop_task(TaskId("t"))
    assert world.state.next_expiry() is None


def test_heaps_stay_as_small_as_what_they_index(monkeypatch: object) -> None:
    world = World()
    task = waiting(world, "a", AT + 10)
    for number in range(5 * timers.SLACK):
        world.force(msgspec.structs.replace(task, wake_at=AT + 10 + number))
    assert len(world.state._wakes._heap) <= timers.SLACK + 2
    assert world.state.next_wake() == world.task("a").wake_at


def test_walks_have_one_order() -> None:
    world = World()
    for name in ("n2", "n1"):
        world.accept(join(name))
    for name in ("b", "a"):
        world.accept(create(name))
    assert [task.id for task in world.state.tasks_by_id()] == ["a", "b"]
    assert [node.name for node in world.state.nodes_by_name()] == ["n1", "n2"]


def test_what_is_taken_on_a_node_follows_its_tasks() -> None:
    world = with_task()
    world.accept(create("u"))
    use = world.state.use_of(NodeName("n1"))
    assert (use.units, use.runs, use.by_executor) == (4, 2, {"demo.noop": 2})
    world.end("t", RunOutcome.SUCCEEDED)
    assert (use.units, use.runs, use.by_executor) == (2, 1, {"demo.noop": 1})
    world.end("u", RunOutcome.SUCCEEDED)
    assert world.state.use_of(NodeName("n1")).runs == 0
    assert world.state.on_node == {}


def test_names_version_moves_when_an_id_appears_or_goes() -> None:
    state, world = ClusterState(), World()
    world.state = state
    world.accept(create(assignment=Assignment()))
    assert state.names_version == 1
    state.put_task(world.task())
    assert state.names_version == 1
    state.drop_task(TaskId("t"))
    assert state.names_version == 2


def test_tasks_of_one_executor_share_what_is_equal() -> None:
    world = World()
    for name in ("a", "b", "c"):
        spec = TaskSpec(priority=7 if name == "c" else None)
        world.accept(create(name, Assignment(), spec=spec, policy=Policy()))
    one, two, other = (world.task(name) for name in "abc")
    assert one.policy is two.policy
    assert one.spec is two.spec
    assert other.spec == TaskSpec(priority=7)
    loaded = load(encode(freeze(world.state)))
    assert loaded.tasks[one.id].policy is loaded.tasks[two.id].policy
    assert loaded.tasks[other.id].spec == other.spec
