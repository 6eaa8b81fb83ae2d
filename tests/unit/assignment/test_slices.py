"""A pass is cut into slices, by placements and by looks, and stays one pass (PT-46, PT-50)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.assignment import plan as plan_module
from coordinator.assignment.backlog import TELL_LOOKS, Backlog
from coordinator.assignment.plan import Pass
from coordinator.model.concurrency import TaskLimit
from coordinator.model.tasks import Assignment, Code
from tests.unit.assignment.kit import NOOP, Scene, node, task


def slices_of(scene: Scene, limit: int = 1_000) -> list[dict[str, str | None]]:
    """What each slice of one pass places."""
    one, found = Pass(scene.backlog, scene.load), []
    while not one.is_over:
        decisions = one.slice(scene.view(), limit)
        found.append({each.task.id: each.assignment.node for each in decisions})
    return found


def count_looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    looks: list[str] = []
    real = plan_module.objection_to

    def counting(need: object, one: object, *more: object) -> object:
        looks.append(one.name)
        return real(need, one, *more)

    monkeypatch.setattr(plan_module, "objection_to", counting)
    return looks


def test_pt_46_many_classes_without_a_node_are_judged_once_each_in_bounded_slices(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene(*[node(f"n{n:02}", 1) for n in range(50)])
    scene.put(*[task(f"t{n}", cost=3 + n) for n in range(200)])
    looks = count_looks(monkeypatch)
    one, most = Pass(scene.backlog, scene.load), 0
    while not one.is_over:
        before = len(looks)
        assert one.slice(scene.view(), 1_000) == []
        most = max(most, len(looks) - before)
    assert all(group.told == (Code.NO_CAPACITY, TEN_OF_50) for group in scene.backlog.classes())
    assert 200 * 50 <= len(looks) <= 201 * 50
    assert most <= plan_module.LOOKS_PER_SLICE + 3 * 50


TEN_OF_50 = ", ".join(f"n{n:02}" for n in range(10)) + " and 40 more"


def test_pt_46_classes_that_differ_in_limits_of_the_cluster_alone_are_judged_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene(*[node(f"n{n}", 0) for n in range(3)])
    tenants = [(TaskLimit("cluster", f"tenant-{n}", 9),) for n in range(500)]
    scene.put(*[task(f"t{n}", limits=limits) for n, limits in enumerate(tenants)])
    looks = count_looks(monkeypatch)
    assert not any(slices_of(scene))
    assert len(looks) <= 3 * 3
    assert all(group.told == (Code.NO_CAPACITY, "n0, n1, n2") for group in scene.backlog.classes())


def test_pt_46_ten_thousand_classes_are_not_sorted_in_one_slice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plan_module, "LOOKS_PER_SLICE", 10)
    scene = Scene(node("a", 100, NOOP))
    scene.put(*[task(f"t{n:02}", cost=1 + n, priority=1 + n) for n in range(25)])
    placed = slices_of(scene)
    assert placed[:2] == [{}, {}], "nobody is placed before the best of all classes are known"
    assert next(iter(placed[2])) == "t24"


@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=5),
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 6), st.booleans()), max_size=25),
    st.integers(1, 12),
    st.integers(1, 5),
)
def test_pt_37_slices_of_a_pass_decide_as_one_slice_would(
    capacities: list[int], shapes: list[tuple[int, int, bool]], looks: int, limit: int
) -> None:
    def scene() -> Scene:
        made = Scene(*[node(f"n{n}", size, "x", "y") for n, size in enumerate(capacities)])
        for n, (priority, cost, kind) in enumerate(shapes):
            executor = "x" if kind else "y"
            made.put(task(f"t{n:02}", priority=priority, cost=cost, executor=executor))
        return made

    whole: dict[str, str | None] = {}
    for part in slices_of(scene()):
        whole |= part
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(plan_module, "LOOKS_PER_SLICE", looks)
        cut: dict[str, str | None] = {}
        for part in slices_of(scene(), limit):
            assert len(part) <= limit
            cut |= part
    assert cut == whole
    assert list(cut) == list(whole)


def test_pt_34_a_node_that_goes_between_two_slices_gets_nothing_more() -> None:
    scene = Scene(node("a"), node("b"))
    scene.put(*[task(f"t{n}") for n in range(6)])
    one = Pass(scene.backlog, scene.load)
    assert len(one.slice(scene.view(), 2)) == 2
    scene.connected.discard("a")
    assert {each.assignment.node for each in one.slice(scene.view(), 10)} == {"b"}
    assert one.is_over


def test_what_is_no_longer_wanted_between_two_slices_is_passed_over() -> None:
    scene = Scene(node("a"))
    scene.put(*[task(f"t{n}") for n in range(4)])
    one = Pass(scene.backlog, scene.load)
    assert [each.task.id for each in one.slice(scene.view(), 1)] == ["t0"]
    scene.backlog.discard("t1")
    assert [each.task.id for each in one.slice(scene.view(), 9)] == ["t2", "t3"]


def test_a_task_that_changes_its_class_between_two_slices_confuses_nobody() -> None:
    scene = Scene(node("a"))
    scene.put(task("t0", priority=90), task("t1"), task("t2", cost=4))
    one = Pass(scene.backlog, scene.load)
    one.slice(scene.view(), 1)
    scene.put(task("t1", cost=4, limits=(TaskLimit("cluster", "k", 9),)))
    assert [each.task.id for each in one.slice(scene.view(), 9)] == ["t2"]
    assert [each.task.id for each in scene.plan()] == ["t1"]


def test_pt_41_tasks_that_no_open_node_may_have_do_not_keep_a_pass_from_its_end() -> None:
    scene = Scene(node("a", 100))
    for n in range(5):
        scene.exclusions.aborted(f"t{n}", "a", 0)
    scene.put(*[task(f"t{n}") for n in range(10)])
    placed = slices_of(scene, limit=2)
    assert len(placed) <= 5
    assert {name for part in placed for name in part} == {f"t{n}" for n in range(5, 10)}
    assert sorted(
        scene.state.tasks[one].id for one in scene.state.tasks if one in scene.backlog
    ) == [f"t{n}" for n in range(5)]


def test_pt_8_who_has_to_be_told_is_found_out_in_bounded_steps() -> None:
    said = Assignment(None, None, Code.NO_CAPACITY, "a")
    backlog, known = Backlog(), {}
    for n in range(TELL_LOOKS + 10):
        known[f"t{n}"] = task(f"t{n}", assignment=said)
    known["t3"] = task("t3")
    for one in known.values():
        backlog.add(one)
    (group,) = backlog.classes()
    group.tell(Code.NO_CAPACITY, "a")
    assert [one.id for one in group.take_untold(known, 500)] == ["t3"]
    assert not group.is_told
    assert group.take_untold(known, 500) == []
    assert group.is_told
