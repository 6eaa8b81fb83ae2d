"""A pass over many tasks: order, classes, room, exclusions (PT-38, PT-39, PT-46)."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.assignment import plan as plan_module
from coordinator.assignment.choose import choose, tie_break
from coordinator.assignment.load import Reservation
from coordinator.assignment.objections import need_of
from coordinator.model.tasks import Assignment, Code, Task
from tests.unit.assignment.kit import DRAIN, Scene, node, task


def test_pt_38_priority_then_due_then_id() -> None:
    scene = Scene(node("a", 100))
    scene.put(
        task("b", priority=10),
        task("z", priority=90),
        task("late", due_at=2_000),
        task("soon", due_at=1_000),
        task("a", due_at=2_000),
    )
    assert [one.task.id for one in scene.plan()] == ["z", "soon", "a", "late", "b"]


def test_pt_38_the_order_goes_across_classes() -> None:
    scene = Scene(node("a", 100, "demo.noop", "other"))
    scene.put(task("1", priority=30), task("2", priority=20, executor="other"))
    scene.put(task("3", priority=10), task("4", priority=5, executor="other"))
    assert [one.task.id for one in scene.plan()] == ["1", "2", "3", "4"]


def test_pt_38_each_decision_sees_those_before_it() -> None:
    scene = Scene(node("a"), node("b"), node("c"))
    scene.put(*[task(f"t{n}") for n in range(9)])
    assert Counter(scene.placed().values()) == {"a": 3, "b": 3, "c": 3}


def test_scarce_room_goes_to_the_most_important() -> None:
    scene = Scene(node("a", 2))
    scene.put(*[task(f"t{n}", priority=n + 1) for n in range(5)])
    assert set(scene.placed()) == {"t4", "t3"}
    assert len(scene.backlog) == 3


def test_a_large_task_without_room_does_not_hold_up_a_small_one() -> None:
    scene = Scene(node("a", 2))
    scene.put(task("large", priority=99, cost=10), task("small"))
    assert scene.placed() == {"small": "a"}
    told = scene.backlog.class_of("large")
    assert (told.told, told.holds) == ((Code.NO_CAPACITY, "a"), True)


def test_pt_46_a_class_without_a_node_is_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(*[node(f"n{n}", 0) for n in range(3)])
    scene.put(*[task(f"t{n}") for n in range(1_000)])
    looks: list[str] = []
    real = plan_module.objection_to

    def counting(need: object, one: object, *more: object) -> object:
        looks.append(one.name)
        return real(need, one, *more)

    monkeypatch.setattr(plan_module, "objection_to", counting)
    assert scene.plan() == []
    assert len(looks) <= 6


def test_pt_46_an_entry_holds_no_more_than_the_limit_and_the_rest_stays() -> None:
    scene = Scene(node("a", 100))
    scene.put(*[task(f"t{n:02}") for n in range(25)])
    assert [len(scene.plan(10)) for _ in range(4)] == [10, 10, 5, 0]
    assert len(scene.backlog) == 0


def test_pt_39_a_pass_loses_no_task() -> None:
    scene = Scene(node("a", 3), node("b", 2, drain=DRAIN))
    scene.put(*[task(f"t{n}", executor="demo.noop" if n % 2 else "other") for n in range(10)])
    placed = scene.placed()
    assert len(placed) + len(scene.backlog) == 10
    assert all(one not in scene.backlog for one in placed)


def test_executors_that_choose_for_themselves_are_left_out() -> None:
    scene = Scene(node("a", 10, "demo.noop", "own"))
    scene.asking.add("own")
    scene.put(task("1", executor="own"), task("2"))
    assert scene.placed() == {"2": "a"}
    assert "1" in scene.backlog


def test_pt_41_an_excluded_task_goes_elsewhere_and_its_class_is_not_held_up() -> None:
    scene = Scene(node("a"), node("b", 0))
    scene.exclusions.aborted("t0", "a", 0)
    scene.put(task("t0", priority=90), task("t1"))
    assert scene.placed() == {"t1": "a"}
    assert "t0" in scene.backlog


def test_pt_41_a_task_that_may_not_go_to_the_best_node_takes_the_next() -> None:
    scene = Scene(node("big", 100), node("small", 10))
    scene.exclusions.failed("t", "big", 0)
    scene.put(task("t"), *[task(f"u{n}") for n in range(4)])
    placed = scene.placed()
    assert placed["t"] == "small"
    assert Counter(placed.values()) == {"big": 4, "small": 1}


def test_pt_8_what_a_class_was_told_holds_only_until_a_node_is_found() -> None:
    scene = Scene(node("a", 0))
    scene.put(task("t"))
    scene.plan()
    group = scene.backlog.class_of("t")
    assert group.holds
    assert [one.id for one in group.take_untold(scene.state.tasks, 10)] == ["t"]
    scene.state.put_node(node("a", 10))
    scene.exclusions.aborted("t", "a", 0)
    assert scene.plan() == []
    assert not scene.backlog.class_of("t").holds


def test_pt_8_a_task_that_says_the_verdict_already_is_not_told_again() -> None:
    scene = Scene(node("a", 0))
    said = Assignment(None, None, Code.NO_CAPACITY, "a")
    scene.put(task("knows", assignment=said), task("news"))
    scene.plan()
    group = scene.backlog.class_of("news")
    assert not group.is_told
    assert [one.id for one in group.take_untold(scene.state.tasks, 10)] == ["news"]
    assert group.is_told


def test_the_backlog_follows_a_task_whose_need_or_place_changes() -> None:
    scene = Scene(node("a", 10))
    scene.put(task("t", priority=1), task("u", priority=2))
    scene.put(task("t", priority=3))
    assert scene.backlog.position(scene.state.tasks["t"], scene.order) == 1
    scene.put(task("t", priority=3, cost=4))
    assert len(scene.backlog) == 2
    assert scene.backlog.position(scene.state.tasks["u"], scene.order) == 1
    scene.backlog.discard("t")
    scene.backlog.discard("t")
    assert scene.backlog.position(scene.state.tasks["t"], scene.order) == 0
    assert [one.task.id for one in scene.plan()] == ["u"]


@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=5),
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 6), st.booleans()), max_size=25),
)
def test_pt_37_a_pass_decides_as_one_task_after_the_other_would(
    capacities: list[int], shapes: list[tuple[int, int, bool]]
) -> None:
    """The heaps of a pass against the plain choice, task by task in order."""
    scene = Scene(*[node(f"n{n}", size, "x", "y") for n, size in enumerate(capacities)])
    tasks = [
        task(f"t{n:02}", priority=priority, cost=cost, executor="x" if kind else "y")
        for n, (priority, cost, kind) in enumerate(shapes)
    ]
    scene.put(*tasks)
    plain = Scene(*scene.state.nodes_by_name())
    expected: dict[str, str] = {}
    for one in sorted(tasks, key=lambda t: (-t.policy.priority, t.id)):
        nodes = list(plain.state.nodes_by_name())
        chosen = choose(need_of(one), one.id, nodes, plain.load, plain.connected)
        if chosen.node is not None:
            plain.put(task(one.id, cost=one.policy.cost, executor=one.executor, on=chosen.node))
            expected[one.id] = chosen.node
        elif chosen.code is Code.NO_CAPACITY and plain.load.reserved is None:
            plain.load.reserved = kept_for(plain, one)
    assert scene.placed() == expected


def kept_for(scene: Scene, one: Task) -> Reservation | None:
    """TM-59, said plainly: of the nodes that would do if empty, the one with most free units."""
    units = {n.name: n.units for n in scene.state.nodes_by_name()}
    fit = [name for name in units if units[name] >= one.policy.cost]
    free = {name: units[name] - scene.load.units(name) for name in fit}
    best = [name for name in fit if free[name] == max(free.values())]
    nearest = min(best, key=lambda name: tie_break(one.id, name), default=None)
    return Reservation(nearest, one.id) if nearest is not None else None
