"""One task: which node, or why none (PT-34..PT-41)."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.assignment.choose import choose, eligible, rank_of, tie_break
from coordinator.assignment.constraints import Spreads
from coordinator.assignment.exclusions import Exclusion
from coordinator.assignment.load import Claim, Load
from coordinator.assignment.objections import Need, furthest, listed, need_of, objection_to
from coordinator.model.nodes import Node, NodeStatus
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, Code
from tests.unit.assignment.kit import DRAIN, NOOP, Scene, node, task

NEED = Need(NOOP, 1, 2)


def pick(scene: Scene, need: Need = NEED, task_id: str = "t", **more: object) -> Assignment:
    nodes = list(scene.state.nodes_by_name())
    return choose(need, task_id, nodes, scene.load, scene.connected, **more)


def test_pt_37_the_smallest_share_after_placing_wins_not_the_fewest_runs() -> None:
    scene = Scene(node("big", 100), node("small", 4))
    scene.put(*[task(f"x{n}", on="big") for n in range(10)], task("y", on="small"))
    assert pick(scene).node == "big"  # 22 of 200 units against 4 of 8


def test_pt_37_then_the_fewest_runs_of_this_executor() -> None:
    scene = Scene(node("a"), node("b"))
    scene.put(task("x", on="a"), task("y", on="b", executor="other"))
    assert pick(scene).node == "b"


def test_pt_37_then_the_fewest_runs() -> None:
    scene = Scene(node("a"), node("b"))
    scene.put(task("x", on="a", executor="p", cost=4))
    scene.put(task("y", on="b", executor="p", cost=2), task("z", on="b", executor="p", cost=2))
    assert pick(scene).node == "a"


def test_pt_37_then_a_hash_that_depends_on_task_and_node_alone() -> None:
    scene = Scene(node("a"), node("b"), node("c"))
    chosen = {name: pick(scene, task_id=name).node for name in map(str, range(100))}
    assert set(chosen.values()) == {"a", "b", "c"}
    for name, where in chosen.items():
        assert where == min("abc", key=lambda n: tie_break(name, n))


@given(st.permutations(["a", "b", "c", "d"]), st.text(max_size=5))
def test_pt_37_the_order_of_the_nodes_does_not_matter(names: list[str], task_id: str) -> None:
    nodes = [node(name) for name in names]
    load = Load(ClusterState())
    chosen = choose(NEED, task_id, nodes, load, set(names))
    assert chosen == choose(NEED, task_id, nodes[::-1], load, set(names))


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 5)), min_size=1, max_size=6),
    st.integers(0, 8),
)
def test_choose_takes_an_eligible_node_and_none_is_better(
    shapes: list[tuple[int, int]], units: int
) -> None:
    scene = Scene(*[node(f"n{n}", capacity) for n, (capacity, _) in enumerate(shapes)])
    for number, (_, used) in enumerate(shapes):
        for one in range(used):
            scene.load.claim(Claim(f"n{number}", 2, f"x{one % 2}"))
    need = Need(NOOP, 1, units)
    chosen = pick(scene, need)
    nodes = list(scene.state.nodes_by_name())
    open_to = [n for n in nodes if objection_to(need, n, scene.load, scene.connected) is None]
    assert (chosen.node is None) == (not open_to)
    if chosen.node is not None:
        best = next(n for n in nodes if n.name == chosen.node)
        assert best in open_to
        spreads = Spreads(nodes, scene.load)
        assert all(
            rank_of(need, best, scene.load, spreads) <= rank_of(need, n, scene.load, spreads)
            for n in open_to
        )


@pytest.mark.parametrize(
    "made, need, code, detail",
    [
        (node("n", status=NodeStatus.LOST), NEED, Code.NO_NODES, "lost"),
        (node("n", status=NodeStatus.REMOVED), NEED, Code.NO_NODES, "removed"),
        (node("n", 10, "other"), NEED, Code.NO_EXECUTOR, "has other v1"),
        (node("n", version=1), Need(NOOP, 2, 2), Code.OLDER_EXECUTOR, "has v1, needs v2"),
        (node("n", drain=DRAIN), NEED, Code.DRAINING, "new kernel"),
        (node("n", 1), Need(NOOP, 1, 3), Code.NO_CAPACITY, "needs 3 units, 2 of 2 are free"),
    ],
)
def test_pt_35_stage_5_has_a_code_and_a_detail_for_each_no(
    made: Node, need: Need, code: Code, detail: str
) -> None:
    scene = Scene(made)
    objection = objection_to(need, made, scene.load, scene.connected)
    assert objection.code is code
    assert detail in objection.detail
    assert pick(scene, need).code is code


def test_pt_35_the_highest_offered_version_counts() -> None:
    old_and_new = node("n", 10, NOOP)
    offers = (*old_and_new.offers, node("m", 10, NOOP, version=3).offers[0])
    both = node("n", uid="u")
    scene = Scene(type(both)(**{**_fields(both), "offers": offers}))
    assert pick(scene, Need(NOOP, 3, 2)).node == "n"


def _fields(one: Node) -> dict[str, object]:
    return {name: getattr(one, name) for name in one.__struct_fields__}


def test_pt_35_a_node_without_a_session_is_not_a_candidate() -> None:
    scene = Scene(node("n"))
    scene.connected.clear()
    assert pick(scene).code is Code.NO_NODES


def test_pt_35_the_nodes_that_came_furthest_are_named() -> None:
    scene = Scene(
        node("far", 1), node("wrong", 10, "other"), node("also", 1), node("gone", drain=DRAIN)
    )
    found = pick(scene, Need(NOOP, 1, 4))
    assert (found.node, found.code, found.explanation) == (None, Code.NO_CAPACITY, "also, far")


def test_pt_8_explanations_are_the_same_whatever_the_order() -> None:
    objections = [
        (name, objection_to(NEED, node(name, 0), Load(ClusterState()), {name}))
        for name in ("c", "a", "b")
    ]
    texts = {furthest(order) for order in itertools.permutations(objections)}
    assert texts == {(Code.NO_CAPACITY, "a, b, c")}


def test_pt_8_at_most_ten_names_then_and_k_more() -> None:
    names = [f"n{number:02}" for number in range(13)]
    assert listed(names[:10]) == ", ".join(names[:10])
    assert listed(reversed(names)) == ", ".join(names[:10]) + " and 3 more"


def test_no_nodes_at_all_has_a_code_and_no_text() -> None:
    assert furthest([]) == (Code.NO_NODES, "")
    assert pick(Scene()).explanation == ""


def test_pt_41_a_hard_exclusion_holds_although_nobody_else_is_there() -> None:
    scene = Scene(node("a"))
    found = pick(scene, exclusions={"a": Exclusion(10, hard=True)})
    assert (found.code, found.explanation) == (Code.EXCLUDED, "a")


def test_pt_41_a_soft_one_gives_way_when_nobody_else_is_there() -> None:
    soft = {"a": Exclusion(10, hard=False)}
    assert pick(Scene(node("a"), node("b")), exclusions=soft).node == "b"
    assert pick(Scene(node("a")), exclusions=soft).node == "a"
    assert pick(Scene(node("a"), node("b", 0)), exclusions=soft).node == "a"


def test_pt_40_candidates_for_foreign_code_are_the_eligible_ones_by_name() -> None:
    scene = Scene(node("c"), node("a"), node("b", drain=DRAIN), node("d", 0))
    nodes = list(scene.state.nodes_by_name())

    def names(**exclusions: Exclusion) -> list[str]:
        found = eligible(NEED, nodes, scene.load, scene.connected, exclusions)
        return [one.name for one in found]

    assert names() == ["a", "c"]
    assert names(a=Exclusion(9, hard=True)) == ["c"]
    assert names(a=Exclusion(9, hard=False)) == ["c"]
    assert names(a=Exclusion(9, hard=False), c=Exclusion(9, hard=True)) == ["a"]


def test_a_task_needs_its_executor_in_its_version_and_its_units() -> None:
    assert need_of(task("t", executor_version=4, cost=7)) == Need(NOOP, 4, 7)
