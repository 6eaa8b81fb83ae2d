"""Concurrency limits in the decision (PT-82, TM-60): of the cluster, per node, shared, overridden."""

from __future__ import annotations

from collections import Counter

import pytest

from coordinator.assignment.choose import choose
from coordinator.assignment.objections import need_of
from coordinator.model.concurrency import LimitOverride, TaskLimit
from coordinator.model.tasks import Code
from tests.unit.assignment.kit import NOOP, Scene, node, task

TWO_IN_ALL = (TaskLimit("cluster", NOOP, 2),)
ONE_PER_NODE = (TaskLimit("node", NOOP, 1),)


def told(scene: Scene, task_id: str) -> tuple[Code, str]:
    group = scene.backlog.class_of(task_id)
    assert group is not None
    assert group.told is not None
    return group.told


def test_tm_60_a_limit_of_the_cluster_holds_within_a_pass_and_over_passes() -> None:
    scene = Scene(node("a"), node("b"))
    scene.put(task("old", on="a", limits=TWO_IN_ALL))
    scene.put(*[task(f"t{n}", limits=TWO_IN_ALL) for n in range(4)])
    assert scene.placed() == {"t0": "b"}
    assert scene.placed() == {}
    assert told(scene, "t1") == (Code.CONCURRENCY_LIMIT, "demo.noop: at most 2 in all")


def test_tm_60_tasks_over_a_limit_hold_back_nobody_else() -> None:
    scene = Scene(node("a"))
    scene.put(*[task(f"t{n}", priority=90, limits=TWO_IN_ALL) for n in range(4)], task("free"))
    assert set(scene.placed()) == {"t0", "t1", "free"}


def test_tm_a18_one_per_node() -> None:
    scene = Scene(node("a"))
    scene.put(task("1", limits=ONE_PER_NODE), task("2", limits=ONE_PER_NODE), task("3"))
    assert scene.placed() == {"1": "a", "3": "a"}
    assert told(scene, "2") == (Code.CONCURRENCY_LIMIT, "a")
    follows = Scene(node("a"))
    follows.put(task("1", on="a", limits=ONE_PER_NODE), task("2", limits=ONE_PER_NODE))
    assert follows.placed() == {}
    follows.state.drop_task("1")  # type: ignore[arg-type]
    assert follows.placed() == {"2": "a"}


def test_pt_82_a_limit_per_node_sends_tasks_to_the_others() -> None:
    scene = Scene(node("a", 100), node("b", 2), node("c", 2))
    scene.put(*[task(f"t{n}", limits=ONE_PER_NODE) for n in range(5)])
    assert Counter(scene.placed().values()) == {"a": 1, "b": 1, "c": 1}


def test_tm_a19_two_types_share_the_limit_of_their_group() -> None:
    scene = Scene(node("a", 10, "x", "y"))
    group = (TaskLimit("cluster", "group:gpu", 1),)
    scene.put(task("1", executor="x", limits=group), task("2", executor="y", limits=group))
    assert scene.placed() == {"1": "a"}
    assert told(scene, "2") == (Code.CONCURRENCY_LIMIT, "group:gpu: at most 1 in all")


@pytest.mark.parametrize("scope", ["cluster", "node"])
def test_tm_60_a_max_of_nothing_blocks(scope: str) -> None:
    scene = Scene(node("a"))
    scene.put(task("t", limits=(TaskLimit(scope, NOOP, 0),)))
    assert scene.placed() == {}
    assert told(scene, "t")[0] is Code.CONCURRENCY_LIMIT


def test_tm_60_an_override_of_a_key_or_its_family_counts_instead() -> None:
    scene = Scene(node("a"))
    for tenant in ("acme", "bolt"):
        limit = (TaskLimit("cluster", f"{NOOP}:params.tenant={tenant}", 1),)
        scene.put(*[task(f"{tenant}{n}", limits=limit) for n in range(5)])
    scene.state.limit_overrides["cluster", f"{NOOP}:params.tenant"] = LimitOverride(2, "ann", 0)
    scene.state.limit_overrides["cluster", f"{NOOP}:params.tenant=bolt"] = LimitOverride(3, "", 0)
    assert set(scene.placed()) == {"acme0", "acme1", "bolt0", "bolt1", "bolt2"}


def test_pt_82_one_choice_sees_what_is_under_way() -> None:
    scene = Scene(node("a"))
    one = task("t9", limits=TWO_IN_ALL)
    scene.put(*[task(f"t{n}", limits=TWO_IN_ALL) for n in range(2)])
    assert len(scene.plan()) == 2  # claimed, not applied
    nodes = list(scene.state.nodes_by_name())
    chosen = choose(need_of(one), one.id, nodes, scene.load, scene.connected)
    assert (chosen.node, chosen.code) == (None, Code.CONCURRENCY_LIMIT)


def test_pt_46_ten_thousand_held_back_by_a_limit_cost_one_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene(node("a"), node("b"))
    scene.put(*[task(f"t{n:05}", limits=TWO_IN_ALL) for n in range(10_000)])
    assert len(scene.plan()) == 2
    group = scene.backlog.class_of("t09999")
    assert group is not None
    looks: list[object] = []
    monkeypatch.setattr(type(group), "tell", lambda *said: looks.append(said))
    assert scene.plan() == []
    assert len(looks) == 1


def test_pt_46_tenants_share_the_ranking_of_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    from coordinator.assignment import plan as plan_module

    scene = Scene(*[node(f"n{n}", 100) for n in range(5)])
    for n in range(50):
        scene.put(task(f"t{n:02}", limits=(TaskLimit("cluster", f"{NOOP}:labels.x={n}", 1),)))
    made: list[object] = []
    real = plan_module.Ranking

    def counting(*said: object) -> object:
        made.append(said)
        return real(*said)  # type: ignore[arg-type]

    monkeypatch.setattr(plan_module, "Ranking", counting)
    assert len(scene.plan()) == 50
    assert len(made) == 1
