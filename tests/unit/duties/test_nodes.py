"""Lost nodes, cut-off sessions, drains (PT-64, PT-66, PT-70)."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from coordinator.duties import drain
from coordinator.duties.agenda import Agenda
from coordinator.duties.drain import LOOK_EVERY_MS, Drains, move_off_draining
from coordinator.duties.lost_nodes import lose_nodes, lose_shared_runs
from coordinator.machine.commands import DeferMove, ForgetNode, LoseNode, UnassignTask
from coordinator.model.nodes import NodeStatus
from coordinator.model.settings import Settings, SettingValue
from coordinator.model.tasks import Assignment, Backoff, Code, Policy, Status, StopReason
from tests.unit.assignment.kit import DRAIN, node, task
from tests.unit.duties.kit import WALL, Term, commands


def lose(term: Term, *names: str) -> list[object]:
    for name in names:
        term.view.connected.pop(name, None)
    silent = [(name, 9_000) for name in names]
    return commands(lose_nodes(silent, term.view, term.at(0), lambda n: n - 1))


def with_policy(task_id: str, on: str, **policy: object) -> object:
    return msgspec.structs.replace(task(task_id, on=on), policy=Policy(**policy))


def test_pt_64_tasks_of_a_lost_node_are_placed_in_the_same_command() -> None:
    term = Term(
        node("dead", 20),
        node("a", 3),
        node("b", 3),
        tasks=tuple(task(f"t{n}", on="dead") for n in range(8)),
    )
    (command,) = lose(term, "dead")
    assert (command.name, command.incarnation, command.left) == ("dead", "1-dead", False)
    placed = Counter(placement.assignment.node for placement in command.placements)
    assert placed == {"a": 3, "b": 3}
    assert all(placement.expected == 1 for placement in command.placements)


def test_pt_64_two_nodes_lost_together_never_get_each_others_tasks() -> None:
    term = Term(node("d1"), node("d2"), node("a"), tasks=(task("t1", on="d1"), task("t2", on="d2")))
    first, second = lose(term, "d1", "d2")
    nodes = {p.assignment.node for c in (first, second) for p in c.placements}
    assert nodes == {"a"}
    assert term.view.load.units("a") == 4


def test_pt_66_from_the_third_loss_in_a_row_it_is_not_placed_at_once() -> None:
    crash_loop = msgspec.structs.replace(task("loop", on="dead"), losses=2)
    final = with_policy("final", "dead", on_lost="fail")
    stopping = msgspec.structs.replace(
        task("stops", on="dead"), status=Status.STOPPING, stop_reason=StopReason.CANCEL
    )
    fine = msgspec.structs.replace(task("fine", on="dead"), losses=1)
    term = Term(node("dead", 20), node("a", 20), tasks=(crash_loop, final, stopping, fine))
    (command,) = lose(term, "dead")
    placed = {p.task_id: (p.assignment.node, p.retry_at) for p in command.placements}
    assert placed == {"fine": ("a", 0), "loop": (None, WALL + 30_000)}


def test_pt_66_the_wait_is_drawn_by_the_tasks_own_policy() -> None:
    own = Backoff(first_ms=1_000, base_ms=4_000, cap_ms=60_000)
    loops = msgspec.structs.replace(with_policy("loops", "dead", backoff=own), losses=4)
    overdue = msgspec.structs.replace(
        with_policy("overdue", "dead", backoff=own),
        status=Status.STOPPING,
        stop_reason=StopReason.TIMEOUT,
        attempts=1,
    )
    term = Term(node("dead", 20), node("a", 20), tasks=(loops, overdue))
    (command,) = lose(term, "dead")
    drawn = {p.task_id: p.retry_at - WALL for p in command.placements}
    assert drawn == {"loops": 8_000, "overdue": 4_000}


def test_what_is_no_longer_there_is_not_lost_again() -> None:
    term = Term(node("gone", status=NodeStatus.LOST), node("left", status=NodeStatus.LEFT))
    assert lose(term, "gone", "left", "never") == []


def test_a_removed_node_is_forgotten_in_the_same_breath() -> None:
    term = Term(node("old", status=NodeStatus.REMOVED), tasks=(task("t", on="old"),))
    lost, forgotten = lose(term, "old")
    assert isinstance(lost, LoseNode)
    assert forgotten == ForgetNode("old", "1-old")


def test_pt_64_executors_that_choose_for_themselves_are_asked_by_the_pass() -> None:
    term = Term(node("dead"), node("a"), tasks=(task("t", on="dead"),))
    term.choosing("demo.noop")
    (command,) = lose(term, "dead")
    assert command.placements == ()


def test_a_lost_node_is_placed_in_batches() -> None:
    term = Term(
        node("dead", 50), node("a", 50), tasks=tuple(task(f"t{n}", on="dead") for n in range(9))
    )
    term.state.settings = Settings({"assignment.batch": SettingValue("4", "ann", 0)})
    (command,) = lose(term, "dead")
    assert len(command.placements) == 4


def cut_off(term: Term, name: str) -> Agenda:
    term.view.connected.pop(name, None)
    return lose_shared_runs(name, term.view, term.at(0), lambda below: 0)


def test_pt_64_after_the_grace_their_tasks_are_placed_in_the_same_command() -> None:
    tasks = [with_policy(f"t{n}", "a", exclusive=False) for n in range(3)]
    term = Term(node("a"), node("b", 2), tasks=(*tasks, with_policy("alone", "a")))
    (item,) = cut_off(term, "a").items
    assert [(p.task_id, p.assignment.node) for p in item.command.placements] == [
        ("t0", "b"),
        ("t1", "b"),
    ]
    assert [claim.node for claim in item.claims] == ["b", "b"]
    assert item.tasks == ("t0", "t1")


def test_pt_64_after_the_grace_only_runs_that_tolerate_overlap_are_given_away() -> None:
    term = Term(
        node("a"),
        tasks=(with_policy("shared", "a", exclusive=False), with_policy("alone", "a")),
    )
    (command,) = commands(cut_off(term, "a"))
    assert (command.runs, command.reason) == ((("shared", 1),), "disconnected")
    alone = Term(node("a"), tasks=(with_policy("alone", "a"),))
    assert not commands(cut_off(alone, "a"))
    gone = Term(node("a", status=NodeStatus.LOST))
    assert not commands(cut_off(gone, "a"))
    assert not commands(cut_off(gone, "never"))


def drained(*more: object, room: int = 10, **tasks: object) -> Term:
    return Term(node("old", 50, drain=DRAIN), node("new", room), *more, tasks=tuple(tasks.values()))


def moved(term: Term) -> list[str]:
    return [command.task_id for command in commands(move_off_draining(term.view, term.at(0), 0))]


def deferred(term: Term, told_max: int = 100) -> dict[str, str]:
    found = commands(move_off_draining(term.view, term.at(0), told_max))
    return {c.task_id: c.explanation for c in found if isinstance(c, DeferMove)}


def test_pt_70_movable_tasks_are_sent_off_when_there_is_a_place() -> None:
    stays = with_policy("stays", "old", movable=False)
    term = drained(a=task("a", on="old"), stays=stays, b=task("b", on="new"))
    assert moved(term) == ["a"]
    assert term.view.load.units("new") == 2  # nothing is claimed for good


def test_pt_70_without_a_destination_it_runs_on_where_it_is() -> None:
    assert moved(drained(a=task("a", on="old"), room=0)) == []


def test_pt_70_at_the_deadline_what_may_move_stops_though_no_other_node_has_room() -> None:
    stays = with_policy("stays", "old", movable=False)
    term = drained(a=task("a", on="old"), stays=stays, room=0)
    old = term.state.nodes["old"]
    due = msgspec.structs.replace(DRAIN, deadline=term.view.time(term.at(5_000)))
    term.state.put_node(msgspec.structs.replace(old, drain=due))

    def sent(after: int) -> list[str]:
        found = commands(move_off_draining(term.view, term.at(after), 0))
        return [command.task_id for command in found if isinstance(command, UnassignTask)]

    assert sent(4_999) == []
    assert sent(5_000) == ["a"]


def test_pt_70_no_two_are_sent_off_for_the_same_place() -> None:
    tasks = {f"t{n}": task(f"t{n}", on="old") for n in range(5)}
    term = drained(room=2, **tasks)
    assert len(moved(term)) == 2


def test_pt_70_those_on_their_way_keep_their_place() -> None:
    leaving = msgspec.structs.replace(
        task("leaving", on="old"), status=Status.STOPPING, stop_reason=StopReason.MOVE
    )
    term = drained(leaving=leaving, next=task("next", on="old"), room=1)
    assert moved(term) == []


def test_a_task_that_something_is_under_way_for_is_left_alone() -> None:
    term = drained(a=task("a", on="old"))
    term.view.busy["a"] = 1
    assert moved(term) == []


def test_nothing_drained_nothing_moved() -> None:
    assert moved(Term(node("a"), node("b"), tasks=(task("t", on="a"),))) == []


def test_pt_70_a_run_without_a_destination_says_so_once() -> None:
    term = drained(a=task("a", on="old"), b=task("b", on="old", cost=100), room=1)
    (move,) = [
        c
        for c in commands(move_off_draining(term.view, term.at(0), 100))
        if isinstance(c, UnassignTask)
    ]
    assert move.task_id == "a"
    assert deferred(term) == {"b": "no_capacity: new"}
    assert deferred(term, told_max=0) == {}
    b = term.state.tasks["b"]
    told = Assignment("old", "1-old", Code.MOVE_PENDING, "no_capacity: new")
    term.state.put_task(msgspec.structs.replace(b, assignment=told))
    assert deferred(term) == {}


def test_pt_70_what_may_not_move_or_has_nobody_else() -> None:
    stays = with_policy("stays", "old", movable=False)
    alone = Term(node("old", drain=DRAIN), tasks=(stays, task("t", on="old")))
    assert deferred(alone) == {"t": "no_nodes"}


def test_pt_46_a_class_without_a_place_is_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[str] = []

    def choose(need: object, task_id: str, *rest: object) -> Assignment:
        judged.append(task_id)
        return Assignment(code=Code.NO_CAPACITY, explanation="new")

    monkeypatch.setattr(drain, "choose", choose)
    term = drained(room=0, **{f"t{n}": task(f"t{n}", on="old") for n in range(50)})
    term.view.exclusions.failed("t7", "new", 0)
    assert len(deferred(term)) == 50
    assert judged == ["t0", "t7"]


def test_pt_8_reasons_are_told_at_once_of_a_new_drain_and_then_once_per_interval() -> None:
    term = drained(room=0, a=task("a", on="old"))
    drains = Drains(0)

    def told(ms: int) -> int:
        return len(commands(drains.run(term.view, term.at(ms))))

    assert told(0) == 1
    assert [told(ms) for ms in range(LOOK_EVERY_MS, 10_000, LOOK_EVERY_MS)] == [0] * 9
    assert told(10_000) == 1
    ready = msgspec.structs.replace(term.state.nodes["old"], drain=None)
    drains.node_changed(ready, ready, 10_100)
    assert told(10_100) == 0
    drains.node_changed(ready, term.state.nodes["old"], 10_200)
    assert told(10_200) == 1


def test_pt_8_more_reasons_than_one_entry_takes_follow_with_the_next_look() -> None:
    term = drained(room=0, **{f"t{n}": task(f"t{n}", on="old") for n in range(5)})
    term.state.settings = Settings({"assignment.batch": SettingValue("3", "ann", 0)})
    drains = Drains(0)
    assert len(commands(drains.run(term.view, term.at(0)))) == 3
    assert len(commands(drains.run(term.view, term.at(LOOK_EVERY_MS - 1)))) == 0
    assert len(commands(drains.run(term.view, term.at(LOOK_EVERY_MS)))) == 3
