"""Ageing (TM-58) and reservation (TM-59)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.assignment.load import Reservation
from coordinator.assignment.objections import need_of, objection_to
from coordinator.assignment.order import Order
from coordinator.model.concurrency import TaskLimit
from coordinator.model.instants import MINUTE
from coordinator.model.tasks import Code
from tests.unit.assignment.kit import DRAIN, NOOP, Scene, node, task

AGEING = 10 * MINUTE


def test_tm_a16_higher_first_and_equals_by_due_time() -> None:
    scene = Scene(node("a", 100))
    scene.put(task("low", priority=1), task("young", due_at=2), task("old", due_at=1))
    assert [one.task.id for one in scene.plan()] == ["old", "young", "low"]


@pytest.mark.parametrize("minutes, first", [(40, "new"), (48, "new"), (49, "waits")])
def test_tm_58_ten_points_for_ten_minutes(minutes: int, first: str) -> None:
    """50 against 1 + waiting: 49 minutes make it 50, and of equals the older comes first."""
    scene = Scene(node("a", 100))
    now = minutes * MINUTE + 1
    scene.put(task("waits", priority=1, due_at=1), task("new", due_at=now))
    scene.order = Order(now, AGEING)
    assert scene.plan()[0].task.id == first


def test_tm_58_nothing_grows_beyond_a_hundred_and_none_of_those_beyond_it_is_cut() -> None:
    order = Order(10_000 * MINUTE, AGEING)
    assert order.aged(90, 0) == 100
    assert order.aged(100, 0) == 100


def test_tm_58_no_ageing_at_all_with_zero() -> None:
    assert Order(10_000 * MINUTE, 0).aged(1, 0) == 1


@given(
    st.lists(st.tuples(st.integers(1, 100), st.integers(0, 200)), max_size=30),
    st.integers(0, 300),
)
def test_tm_58_the_queues_by_priority_give_the_order_that_sorting_would(
    shapes: list[tuple[int, int]], now: int
) -> None:
    scene = Scene(node("a", 1_000))
    order = scene.order = Order(now * MINUTE, AGEING)
    tasks = [
        task(f"t{n:02}", priority=priority, due_at=1 + due * MINUTE)
        for n, (priority, due) in enumerate(shapes)
    ]
    scene.put(*tasks)
    expected = sorted(order.place(t.policy.priority, t.due_at, t.id) for t in tasks)
    assert [one.task.id for one in scene.plan()] == [place.task_id for place in expected]


def test_tm_a15_what_is_behind_the_large_one_does_not_take_its_room() -> None:
    scene = Scene(node("a", 10))
    scene.put(task("runs0", on="a", cost=2), task("runs1", on="a", cost=10))
    scene.put(task("large", cost=10, due_at=1), task("small", cost=1, due_at=2))
    assert scene.placed() == {}
    group = scene.backlog.class_of("small")
    assert group is not None
    assert group.told == (Code.RESERVED, "a")
    scene.state.drop_task("runs0")  # type: ignore[arg-type]
    assert scene.placed() == {"large": "a"}


def test_tm_59_the_node_with_most_free_units_is_kept_and_others_fill_up() -> None:
    scene = Scene(node("a", 10), node("b", 10))
    scene.put(task("r1", on="a", cost=15), task("r2", on="b", cost=11))
    scene.put(task("large", cost=10, due_at=1))
    scene.put(*[task(f"small{n}", cost=1, due_at=2) for n in range(9)])
    assert scene.placed() == {f"small{n}": "a" for n in range(5)}
    assert scene.load.reserved == Reservation("b", "large")


@pytest.mark.parametrize(
    "more",
    [
        {"cost": 30},
        {"cost": 10, "limits": (TaskLimit("cluster", NOOP, 0),)},
        {"cost": 10, "limits": (TaskLimit("node", NOOP, 0),)},
        {"cost": 10, "executor": "nowhere"},
    ],
)
def test_tm_59_who_fits_nowhere_or_is_held_by_a_limit_reserves_nothing(
    more: dict[str, int],
) -> None:
    scene = Scene(node("a", 10), node("drains", 50, drain=DRAIN))
    scene.put(task("runs", on="a", cost=12))
    scene.put(task("large", due_at=1, **more), task("small", due_at=2))
    assert scene.placed() == {"small": "a"}
    assert scene.load.reserved is None


def test_tm_59_a_task_that_takes_no_room_goes_past() -> None:
    scene = Scene(node("a", 10))
    scene.put(task("runs", on="a", cost=12))
    scene.put(task("large", cost=10, due_at=1), task("nothing", cost=0, due_at=2))
    assert scene.placed() == {"nothing": "a"}


def test_tm_59_only_who_comes_behind_is_held_back() -> None:
    scene = Scene(node("a", 10))
    scene.put(task("runs", on="a", cost=12))
    scene.put(task("large", cost=10, due_at=2), task("before", cost=1, due_at=1))
    assert scene.placed() == {"before": "a"}


def test_pt_35_a_reserved_node_says_for_whom() -> None:
    scene = Scene(node("a"))
    scene.load.reserved = Reservation("a", "large")
    found = objection_to(need_of(task("t")), node("a"), scene.load, {"a"})
    assert found is not None
    assert (found.code, found.detail) == (Code.RESERVED, "kept for large")
