"""What a new cluster takes over from an old state, and what it leaves behind (S44, B2)."""

from __future__ import annotations

import pytest

from coordinator.codec.snapshots import digest, encode, freeze, load
from coordinator.machine.commands import (
    AssignTask,
    CancelTask,
    DrainNode,
    DropReassignFloor,
    EndRun,
    RemoveNode,
    SetSettings,
    WriteState,
)
from coordinator.machine.invariants import check
from coordinator.machine.outcome import Refusal
from coordinator.machine.restoring import EPOCH_MAX, STRIDE, EpochRefused, begin_anew
from coordinator.model.events import RunEnded, TaskChanged
from coordinator.model.ids import AllocationId, Incarnation, NodeName, TaskId
from coordinator.model.members import MemberRecord
from coordinator.model.tasks import Policy, RunOutcome, Status
from tests.unit.machine.kit import World, create, join, on


def old_world() -> World:
    """Two nodes; a runs, b is being cancelled, c has ended, d and e lost twice, f may not be lost."""
    world = World()
    world.state.cluster_id = "old"
    world.state.put_member(MemberRecord(1, "c1", "h:1", "s1"))
    world.accept(join("n1"))
    world.accept(join("n2", counter=7))
    world.accept(create("a"))
    world.do(create("b", on("n2", 7)), "request-b", 3)
    world.accept(create("c"))
    world.accept(create("f", policy=Policy(on_lost="fail")))
    world.accept(CancelTask(TaskId("b")))
    world.end("c", RunOutcome.SUCCEEDED)
    world.accept(DrainNode(NodeName("n1"), "restart", "kernel", "ann"))
    return world


def test_g6_the_new_cluster_knows_how_long_exclusive_runs_of_the_old_one_may_live() -> None:
    world = old_world()
    longer = (("nodes.lease", "20s"), ("nodes.reassign_after", "26s"))
    world.accept(SetSettings(longer, (), "ann"))
    world.accept(SetSettings((), ("nodes.lease", "nodes.reassign_after"), "ann"))
    begin_anew(world.state, 1)
    check(world.state)
    floor = world.state.reassign_floor
    assert floor is not None
    assert (floor.reassign_ms, floor.restored) == (26_000, True)
    loaded = load(encode(freeze(world.state)))
    assert loaded.is_held
    world.accept(SetSettings((("nodes.lease", "3s"),), (), "ann"))
    assert world.state.is_held
    world.accept(DropReassignFloor(world.state.reassign_floor.revision))
    assert not world.state.is_held


def test_s44_no_run_of_before_goes_on_and_every_new_number_is_above_every_old_one() -> None:
    world = old_world()
    state, old_last, old_revision = (
        world.state,
        world.state.last_allocation_id,
        world.state.revision,
    )
    old_a = world.task("a")
    events = begin_anew(state, 1)
    check(state)
    assert {task.id: task.status for task in state.tasks_by_id()} == {
        "a": Status.UNASSIGNED,
        "b": Status.CANCELLED,
        "c": Status.SUCCEEDED,
        "f": Status.FAILED,
    }
    for name in ("a", "b", "f"):
        task = world.task(name)
        assert task.allocation_id > old_last + STRIDE
        assert task.last_outcome is not None
        assert task.last_outcome.reason == "restored"
    assert state.revision == old_revision + STRIDE
    assert (state.cluster_id, state.members, state.nodes) == ("", {}, {})
    assert (state.restore_epoch, state.predecessors) == (1, ("old",))
    ends = [event for event in events if isinstance(event, RunEnded)]
    assert [(end.task_id, end.outcome) for end in ends] == [
        ("a", "lost"), ("f", "lost"), ("b", "cancelled"),
    ]  # fmt: skip
    began = [event.new for event in events if isinstance(event, TaskChanged) and not event.old]
    assert old_a in began


def test_s44_what_the_old_cluster_still_says_is_refused() -> None:
    """Runs of before the backup, of after it, and under numbers that only the old cluster gave."""
    world = old_world()
    old = world.task("a")
    begin_anew(world.state, 1)
    incarnation = old.assignment.incarnation or Incarnation("")
    for number in (old.allocation_id, old.allocation_id + 100):
        allocation = AllocationId(number)
        said = EndRun(old.id, allocation, incarnation, RunOutcome.SUCCEEDED)
        assert world.refuse(said).code is Refusal.STALE_ALLOCATION
        wrote = WriteState(old.id, allocation, incarnation, 1, b"{}", 1)
        assert world.refuse(wrote).code is Refusal.STALE_ALLOCATION
    assert world.task("a").status is Status.UNASSIGNED


def test_s44_a_node_of_before_comes_with_a_new_incarnation_or_not_at_all() -> None:
    world = old_world()
    begin_anew(world.state, 1)
    assert world.refuse(join("n2", counter=7)).code is Refusal.STALE_INCARNATION
    world.accept(join("n2", counter=8))
    task = world.task("a")
    world.accept(AssignTask(task.id, task.allocation_id, on("n2", 8)))
    assert world.task("a").allocation_id > STRIDE


def test_request_ids_settings_and_tasks_that_rested_stay_as_they_were() -> None:
    world = old_world()
    before, settings = world.task("c"), dict(world.state.settings.values)
    begin_anew(world.state, 1)
    assert world.task("c") == before
    assert world.state.settings.values == settings
    assert world.state.requests.get("request-b") is not None


def test_a_node_that_was_being_removed_is_forgotten_with_its_runs() -> None:
    world = old_world()
    world.accept(RemoveNode(NodeName("n2")))
    begin_anew(world.state, 1)
    check(world.state)
    assert world.state.nodes == {}
    assert world.task("b").status is Status.CANCELLED


def test_epochs_only_rise_and_a_leap_over_several_is_as_long_as_several() -> None:
    world = old_world()
    last = world.state.last_allocation_id
    begin_anew(world.state, 3)
    assert world.state.last_allocation_id >= last + 3 * STRIDE
    for epoch in (0, 3, EPOCH_MAX + 1):
        with pytest.raises(EpochRefused, match=f"epoch {epoch} is not above 3"):
            begin_anew(world.state, epoch)
    world.state.cluster_id = "second"
    begin_anew(world.state, 4)
    assert world.state.predecessors == ("old", "second")


def test_all_who_do_it_come_to_one_state() -> None:
    state = old_world().state
    copy = load(encode(freeze(state)))
    begin_anew(state, 1)
    begin_anew(copy, 1)
    assert digest(copy) == digest(state)
    assert digest(load(encode(freeze(copy)))) == digest(state)
