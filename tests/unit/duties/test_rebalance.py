"""PT-80: when a task is moved though nothing is wrong with it, and when not."""

from __future__ import annotations

from collections import Counter

import pytest
from msgspec.structs import replace

from coordinator.duties.rebalance import CALM_MS, Rebalancer
from coordinator.machine.commands import UnassignTask
from coordinator.model.instants import DAY, HOUR, MINUTE, SECOND
from coordinator.model.pauses import ExecutorPause
from coordinator.model.settings import RULES, SettingValue
from coordinator.model.tasks import Policy, Status, StopReason, Task
from coordinator.model.windows import FIRST_MONDAY, spans
from tests.unit.assignment.kit import DRAIN, node, task
from tests.unit.duties.kit import WALL, Term, commands


def running(task_id: str, on: str, **more: object) -> Task:
    movable = bool(more.pop("movable", True))
    cost = more.pop("cost", 2)
    made = task(task_id, on=on, **more)
    policy = Policy(cost=cost, movable=movable)  # type: ignore[arg-type]
    return replace(made, status=Status.RUNNING, policy=policy)


def term_of(*tasks: Task, **settings: str) -> Term:
    """Two nodes of 20 units; rebalancing is on, and it has been calm for long enough."""
    term = Term(node("a"), node("b"), tasks=tasks)
    said = {"enable": "on", **settings}
    for key, text in said.items():
        value = RULES[f"rebalance.{key}"].parse(text)
        term.state.settings.values[f"rebalance.{key}"] = SettingValue(value, "ann", 0)
    term.at(CALM_MS)
    return term


def moved(term: Term, rebalancer: Rebalancer | None = None) -> list[str]:
    found = commands((rebalancer or Rebalancer(0)).run(term.view, term.now))
    assert all(type(one) is UnassignTask for one in found)
    return [str(one.task_id) for one in found if isinstance(one, UnassignTask)]


def six_on_a(**more: object) -> list[Task]:
    return [running(f"t{n}", "a", **more) for n in range(6)]


def test_pt_80_two_at_a_time_from_the_fullest_to_the_emptiest() -> None:
    term = term_of(*six_on_a())
    assert moved(term) == ["t0", "t1"]
    assert set(term.view.exclusions.of(term.state.tasks["t0"].id, term.now.steady)) == {"a"}
    assert term.view.load.units(node("b").name) == 0  # nothing stays claimed


def test_tm_28_what_could_not_be_placed_again_is_not_moved() -> None:
    term = term_of(*six_on_a())
    executor = term.state.tasks["t0"].executor
    term.state.paused_executors[executor] = ExecutorPause("migration", "ann", WALL)
    assert moved(term) == []
    del term.state.paused_executors[executor]
    term.at(CALM_MS + 2 * SECOND)
    assert moved(term) == ["t0", "t1"]


def test_pt_80_off_by_default() -> None:
    term = term_of(*six_on_a())
    del term.state.settings.values["rebalance.enable"]
    assert moved(term) == []
    assert Rebalancer(0).held_back(term.view, term.now) == "rebalance.enable = off"


def test_pt_80_no_more_than_the_budget_is_under_way() -> None:
    term, rebalancer = term_of(*six_on_a()), Rebalancer(0)
    first = moved(term, rebalancer)
    for task_id in first:
        stopping = replace(
            term.state.tasks[task_id], status=Status.STOPPING, stop_reason=StopReason.MOVE
        )
        term.state.put_task(stopping)
    term.at(CALM_MS + SECOND)
    assert moved(term, rebalancer) == []
    for task_id in first:
        arrived = running(task_id, "b", cause="moved", assigned_at=WALL)
        term.state.put_task(arrived)
    term.at(CALM_MS + 2 * SECOND)
    assert moved(term, rebalancer) == []  # 8 and 4 of 20 units: 20 % are not more than 20 %


@pytest.mark.parametrize("gain, expected", [("20%", []), ("19%", ["t0"]), ("1%", ["t0"])])
def test_pt_80_only_for_a_gain(gain: str, expected: list[str]) -> None:
    """14 and 10 units of 20: one move makes it 12 and 12; a second would change sides for nothing."""
    tasks = [running(f"t{n}", "a") for n in range(5)] + [running(f"u{n}", "b") for n in range(3)]
    term = term_of(*tasks, min_gain=gain)
    assert moved(term) == expected


def test_pt_80_a_large_task_does_not_swap_the_full_node_for_another() -> None:
    term = term_of(running("large", "a", cost=15), running("small", "b", cost=4))
    assert moved(term) == []


@pytest.mark.parametrize(
    "more",
    [
        {"movable": False},
        {"cost": 0},
        {"cause": "moved", "assigned_at": WALL},
    ],
)
def test_pt_80_what_is_not_moved(more: dict[str, object]) -> None:
    tasks = [running(f"fills{n}", "a", movable=False) for n in range(6)]
    assert moved(term_of(*tasks, running("t", "a", **more))) == []


def test_pt_80_the_cool_down_ends() -> None:
    term = term_of(*six_on_a(cause="moved", assigned_at=WALL), cool_down="2m")
    term.at(2 * MINUTE - 1)
    assert moved(term) == []
    term.at(2 * MINUTE)
    assert len(moved(term)) == 2


def test_pt_80_why_nothing_moves_is_said() -> None:
    even = term_of(running("t0", "a"), running("t1", "b"))
    assert Rebalancer(0).why_none(even.view, even.now) == (
        "no node is fuller than another by more than rebalance.min_gain = 20%"
    )
    fresh = term_of(*six_on_a(cause="moved", assigned_at=WALL + CALM_MS - MINUTE))
    assert Rebalancer(0).why_none(fresh.view, fresh.now) == (
        "6 tasks came to full nodes less than rebalance.cool_down = 10m ago"
    )
    bound = term_of(*six_on_a(movable=False))
    assert Rebalancer(0).why_none(bound.view, bound.now) == (
        "no task of a fuller node may move, or no other node takes one"
    )


def test_pt_80_who_was_moved_least_goes_first() -> None:
    term, rebalancer = term_of(*six_on_a()), Rebalancer(0)
    for number in range(5):
        old = replace(term.state.tasks[f"t{number}"], stop_reason=StopReason.MOVE)
        rebalancer.task_changed(old, term.state.tasks[f"t{number}"])
    assert moved(term, rebalancer) == ["t5", "t0"]


def test_pt_80_not_before_the_nodes_have_been_calm_for_a_minute() -> None:
    term, rebalancer = term_of(*six_on_a()), Rebalancer(0)
    rebalancer.node_changed(None, node("b"), 10 * SECOND)
    assert moved(term, rebalancer) == []
    rebalancer.node_changed(node("b"), node("b", 30), 60 * SECOND)  # no change of membership
    term.at(10 * SECOND + CALM_MS)
    rebalancer.node_changed(node("c"), node("c", drain=DRAIN), 10 * SECOND)
    assert len(moved(term, rebalancer)) == 2


def test_pt_80_draining_and_unconnected_nodes_take_no_part() -> None:
    term = term_of(*six_on_a())
    del term.view.connected[node("b").name]
    assert moved(term) == []


def test_pt_80_executors_that_choose_for_themselves_stay() -> None:
    term = term_of(*six_on_a())
    term.choosing("demo.noop")
    assert moved(term) == []


def test_pt_80_only_within_the_window() -> None:
    into = (WALL + CALM_MS - FIRST_MONDAY) % (7 * DAY)
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[into // DAY]
    hour = into % DAY // HOUR
    inside = f"{day} {hour:02}:00-{day} {hour:02}:59"
    assert len(moved(term_of(*six_on_a(), window=inside))) == 2
    other = f"{day} {(hour + 2) % 24:02}:00-{day} {(hour + 2) % 24:02}:30"
    outside = term_of(*six_on_a(), window=other)
    assert moved(outside) == []
    assert Rebalancer(0).held_back(outside.view, outside.now).startswith("outside rebalance.window")


def test_pt_80_a_window_may_go_over_the_end_of_the_week() -> None:
    (span,) = spans("sun 22:00 - Mon 02:00")
    assert span.covers(FIRST_MONDAY + HOUR)
    assert span.covers(FIRST_MONDAY - HOUR)
    assert not span.covers(FIRST_MONDAY + 2 * HOUR)
    assert not span.covers(FIRST_MONDAY - 3 * HOUR)


@pytest.mark.parametrize("text", ["", "Mon", "Mon 9:00-Mon 10:00", "Foo 09:00-Mon 10:00"])
def test_a_window_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"span|moment"):
        RULES["rebalance.window"].parse(text)


def test_pt_80_the_list_of_a_dry_run_evens_the_nodes_out() -> None:
    tasks = [running(f"t{n:02}", "a") for n in range(10)]
    term = term_of(*tasks)
    listed = Rebalancer(0).moves(term.view, term.now)
    assert Counter((one.source, one.target) for one in listed) == {("a", "b"): 4}
    assert term.state.use["a"].units == 20
