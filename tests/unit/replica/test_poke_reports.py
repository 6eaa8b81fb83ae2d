"""A run pokes: tasks of that executor without a node are looked at again without the timer (PT-47, PT-52, PT-A24)."""

from __future__ import annotations

from coordinator.replica import inputs as i
from coordinator.replica.sayings import NodeSaying, Report, ReportAnswer
from tests.unit.replica.kit import PICK, answer, codes, know, node, pause, questions, wish
from tests.unit.replica.world import FakeNode, World


def poke(one: FakeNode, task_id: str, executor: str, allocation: int = 0) -> ReportAnswer:
    """The answer to a run of `task_id` that pokes."""
    one.listen()
    one.number += 1
    run = allocation or one.wanted[task_id].allocation_id
    report = Report(one.number, task_id, run, "poke", 0, poke=executor)  # type: ignore[arg-type]
    one.say(i.NodeSaid(one.session, NodeSaying(reports=(report,))))
    return next(a for a in one.answered if a.number == one.number)  # type: ignore[attr-defined,return-value]


def waiting_for_input() -> tuple[World, FakeNode]:
    world = World(1)
    know(world, PICK)
    one = node(world, "n1", PICK, "demo.noop", own_assignment=True)
    world.create("run")
    world.submit(wish("waits", PICK))
    answer(world, "refused", code="awaiting_input", text="no file yet")
    pause(world, 500)
    assert codes(world, ["run", "waits"]) == ["assigned", "awaiting_input"]
    assert questions(world) == []
    return world, one


def test_pt_a24_after_a_poke_of_a_run_the_executor_is_asked_at_once() -> None:
    world, one = waiting_for_input()
    assert poke(one, "run", PICK).accepted
    answer(world, "least_loaded")
    assert codes(world, ["waits"]) == ["assigned"]


def test_pt_52_pokes_of_a_run_that_come_together_are_one_look_more() -> None:
    world, one = waiting_for_input()
    before = world.leader().replica.state.revision
    for _ in range(20):
        assert poke(one, "run", PICK).accepted
    asked = 0
    while questions(world):
        answer(world, "refused", code="awaiting_input", text="no file yet")
        asked += 1
    assert asked == 1  # the others come to one more look, at the end of the 100 ms
    pause(world, 200)
    assert len(questions(world)) == 1
    assert world.leader().replica.state.revision == before  # nothing of it is logged


def test_pt_52_a_superseded_run_pokes_nobody() -> None:
    world, one = waiting_for_input()
    stale = poke(one, "run", PICK, allocation=world.task("run").allocation_id + 7)
    assert (stale.accepted, stale.reason) == (False, "stale_allocation")
    assert questions(world) == []


def test_pt_52_an_executor_that_nobody_offered_is_refused_by_name() -> None:
    _, one = waiting_for_input()
    told = poke(one, "run", "demo.pikc")
    assert (told.reason, "demo.pikc" in told.detail) == ("unknown_executor", True)
