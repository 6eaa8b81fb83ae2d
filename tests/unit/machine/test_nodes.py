from __future__ import annotations

from typing import Any

import pytest

from coordinator.machine.commands import (
    DrainNode,
    LoseNode,
    LoseRuns,
    Placement,
    RemoveNode,
    UnassignTask,
)
from coordinator.machine.outcome import Accepted, Refusal
from coordinator.model import limits
from coordinator.model.events import ManifestsChanged, NodeChanged
from coordinator.model.ids import AllocationId, Incarnation, NodeName, TaskId
from coordinator.model.nodes import Drain, LoadError, Manifest, NodeStatus
from coordinator.model.tasks import Assignment, Code, RunOutcome, Status
from tests.unit.machine.kit import AT, World, create, join, on, with_task

N1, LIFE = NodeName("n1"), Incarnation("1-n1")


def test_nodes_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.accept(join())
    monkeypatch.setattr(limits, "NODES_MAX", 1)
    assert world.refuse(join("n2")).code is Refusal.LIMIT_REACHED
    assert world.accept(join(counter=2)) == Accepted()


def test_a_manifest_is_stored_once_per_content() -> None:
    world = World()
    one, two = Manifest("a", 1, "h1", b"{}"), Manifest("a", 2, "h2", b"[]")
    world.accept(join(manifests=(one,)))
    world.accept(join("n2", manifests=(one,)))
    assert world.accept(join(manifests=(one, two))) == Accepted()
    assert world.state.manifests == {"a": {"h1": one, "h2": two}}
    events = [event for event in world.state.take_events() if isinstance(event, ManifestsChanged)]
    assert events == [ManifestsChanged(("a",)), ManifestsChanged(("a",))]


def test_the_same_life_with_nothing_new_is_unchanged() -> None:
    world = World()
    world.accept(join())
    world.state.take_events()
    assert world.accept(join()) == Accepted(unchanged=True)
    assert world.state.take_events() == []


def test_load_errors_are_part_of_the_offer() -> None:
    world = World()
    world.accept(join())
    world.accept(join(load_errors=(LoadError("p", "ImportError"),), attributes=(("zone", "a"),)))
    node = world.state.nodes[N1]
    assert (node.load_errors, node.attributes) == (
        (LoadError("p", "ImportError"),),
        (("zone", "a"),),
    )
    assert node.joined_at == AT


def test_tasks_of_a_lost_node_are_placed_in_the_order_of_their_ids() -> None:
    world = World()
    world.accept(join())
    for name in ("c", "a", "b"):
        world.accept(create(name))
    world.accept(join("n2"))
    placements = (Placement(TaskId("b"), world.task("b").allocation_id, on("n2")),)
    world.accept(LoseNode(N1, LIFE, reason="silent", placements=placements))
    allocations = {name: world.task(name).allocation_id for name in "abc"}
    assert allocations == {"a": 4, "b": 5, "c": 6}
    assert world.task("b").assignment == on("n2")
    assert world.task("a").assignment == Assignment(code=Code.NODE_LOST, explanation="n1")


def test_a_placement_for_an_older_run_is_not_taken() -> None:
    world = with_task()
    world.accept(join("n2"))
    stale = Placement(TaskId("t"), AllocationId(7), on("n2"))
    world.accept(LoseNode(N1, LIFE, placements=(stale,)))
    assert world.task().status is Status.UNASSIGNED


def test_the_wait_of_a_crash_loop_may_be_drawn_by_the_leader() -> None:
    world = with_task()
    for _ in range(2):
        world.end("t", RunOutcome.LOST, next=on())
    task = world.task()
    drawn = Placement(task.id, task.allocation_id, Assignment(), retry_at=AT + 9)
    runs = ((task.id, task.allocation_id),)
    assert world.accept(LoseRuns(N1, LIFE, runs, placements=(drawn,))) == Accepted()
    assert (world.task().status, world.task().wake_at) == (Status.WAITING, AT + 9)


def test_runs_elsewhere_are_left_alone() -> None:
    world = with_task()
    world.accept(join("n2"))
    runs = ((TaskId("t"), AllocationId(1)),)
    assert world.accept(LoseRuns(NodeName("n2"), Incarnation("1-n2"), runs)) == Accepted(
        unchanged=True
    )


def test_incarnations_of_one_text_on_two_nodes_are_told_apart() -> None:
    world = World()
    for name in ("n1", "n2"):
        command = join(name)
        world.accept(
            type(command)(NodeName(name), Incarnation("1-x"), f"u-{name}", 1, 5, command.offers)
        )
    world.accept(create(assignment=Assignment(N1, Incarnation("1-x"), Code.ASSIGNED)))
    runs = ((TaskId("t"), AllocationId(1)),)
    assert world.accept(LoseRuns(NodeName("n2"), Incarnation("1-x"), runs)) == Accepted(
        unchanged=True
    )


def test_a_drain_keeps_its_beginning_when_nothing_else_changes() -> None:
    world = World()
    world.accept(join())
    world.accept(DrainNode(N1, "remove", "old", "ann"))
    world.at += 10
    assert world.accept(DrainNode(N1, "remove", "old", "ann")) == Accepted(unchanged=True)
    assert world.state.nodes[N1].drain == Drain("remove", "old", "ann", AT)
    assert world.accept(DrainNode(N1, "remove", "older", "ann")) == Accepted()


def test_a_removed_node_that_holds_nothing_gives_its_name_away() -> None:
    world = World()
    world.accept(join())
    world.accept(RemoveNode(N1))
    assert world.state.nodes[N1].status is NodeStatus.REMOVED
    world.state.take_events()
    assert world.accept(join(uid="another")) == Accepted()
    assert [type(event) for event in world.state.take_events()] == [NodeChanged]


def test_a_run_that_was_stopping_when_its_node_said_goodbye() -> None:
    world = with_task()
    world.accept(UnassignTask(TaskId("t"), AllocationId(1)))
    world.accept(LoseNode(N1, LIFE, left=True))
    task = world.task()
    assert (task.status, task.losses, task.cause) == (Status.UNASSIGNED, 0, "moved")


def boot(number: int, **more: Any) -> dict[str, Any]:
    return {"boot_id": f"boot-{number}", "boot_counter": number, "machine": "m", **more}


def test_n6_boots_of_a_machine_that_came_in_no_order_prove_nothing_any_more() -> None:
    """An image of it runs beside it: whichever of the two comes next, the other may be alive."""
    world = World()
    world.accept(join(**boot(10)))
    world.accept(join(counter=2, **boot(9)))
    assert world.state.nodes[N1].machine == ""
    world.accept(join(counter=3, **boot(10)))
    assert world.state.nodes[N1].machine == ""


def test_n6_boots_in_their_order_one_boot_or_another_machine_are_known() -> None:
    world = World()
    world.accept(join(**boot(10)))
    world.accept(join(counter=2, **boot(11)))
    world.accept(join(counter=3, **boot(11, boot_counter=8)))  # its wall clock was set back
    world.accept(join(counter=4, **boot(5, machine="other")))
    assert world.state.nodes[N1].machine == "other"
    world.accept(join(counter=5, **boot(12)))
    assert world.state.nodes[N1].machine == "m"
