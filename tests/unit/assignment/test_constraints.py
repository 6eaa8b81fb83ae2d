"""PT-83: require, avoid and apart rule nodes out; prefer and spread order the others."""

from __future__ import annotations

from collections import Counter

import pytest

from coordinator.assignment.objections import need_of, objection_to
from coordinator.model.constraints import AttributeTest, Constraints, Preference
from coordinator.model.nodes import Node
from coordinator.model.tasks import Code, Task, TaskSpec
from tests.unit.assignment.kit import Scene, node, task


def at(name: str, capacity: int = 10, **attributes: str) -> Node:
    return node(name, capacity, attributes=tuple(sorted(attributes.items())))


def wants(task_id: str, constraints: Constraints, **more: object) -> Task:
    labels = more.pop("labels", ())
    return task(task_id, spec=TaskSpec(constraints=constraints, labels=labels), **more)  # type: ignore[arg-type]


ZONE_A = AttributeTest("zone", ("a",))
A_OR_B = AttributeTest("zone", ("a", "b"))
HAS_GPU = AttributeTest("gpu")


@pytest.mark.parametrize(
    "constraints, open_to",
    [
        (Constraints(require=(ZONE_A,)), {"a"}),
        (Constraints(require=(A_OR_B,)), {"a", "b"}),
        (Constraints(require=(HAS_GPU,)), {"b"}),
        (Constraints(require=(A_OR_B, HAS_GPU)), {"b"}),
        (Constraints(avoid=(ZONE_A,)), {"b", "none"}),
        (Constraints(avoid=(HAS_GPU,)), {"a", "none"}),
        (Constraints(require=(A_OR_B,), avoid=(ZONE_A,)), {"b"}),
        (Constraints(require=(ZONE_A, HAS_GPU)), set()),
    ],
)
def test_pt_83_require_and_avoid(constraints: Constraints, open_to: set[str]) -> None:
    scene = Scene(at("a", zone="a"), at("b", zone="b", gpu="l4"), at("none"))
    need = need_of(wants("t", constraints))
    objections = {
        one.name: objection_to(need, one, scene.load, scene.connected)
        for one in scene.state.nodes_by_name()
    }
    assert {name for name, found in objections.items() if found is None} == open_to
    assert {found.code for found in objections.values() if found} <= {Code.CONSTRAINTS}


def test_pt_35_the_text_names_nodes_and_the_detail_says_why() -> None:
    scene = Scene(at("n1", zone="b"), at("n2"))
    scene.put(wants("t", Constraints(require=(ZONE_A,))))
    assert scene.placed() == {}
    group = scene.backlog.class_of("t")
    assert group is not None
    assert group.told == (Code.CONSTRAINTS, "n1, n2")
    found = objection_to(group.need, at("n1", zone="b"), scene.load, scene.connected)
    assert found is not None
    assert found.detail == "zone=a is required, it has b"


def test_pt_83_preferences_come_before_the_load() -> None:
    liked = (Preference(ZONE_A, 30), Preference(HAS_GPU, 20))
    scene = Scene(at("a", zone="a"), at("b", gpu="l4"), at("c"))
    scene.put(*[task(f"r{n}", on="a") for n in range(8)])
    scene.put(*[wants(f"t{n}", Constraints(prefer=liked)) for n in range(4)])
    assert Counter(scene.placed().values()) == {"a": 2, "b": 2}


def test_pt_83_spread_is_even_over_values_whatever_the_nodes_hold() -> None:
    scene = Scene(at("a1", 100, zone="a"), at("a2", 100, zone="a"), at("b1", 3, zone="b"))
    scene.put(*[wants(f"t{n}", Constraints(spread=("zone",))) for n in range(6)])
    placed = scene.placed()
    assert Counter(name[0] for name in placed.values() if name) == {"a": 3, "b": 3}


def test_pt_83_spread_counts_what_runs_already() -> None:
    scene = Scene(at("a", zone="a"), at("b", zone="b"))
    scene.put(*[task(f"r{n}", on="a") for n in range(3)])
    scene.put(*[wants(f"t{n}", Constraints(spread=("zone",))) for n in range(3)])
    assert Counter(scene.placed().values()) == {"b": 3}


@pytest.mark.parametrize("label", ["app", "app=db"])
def test_pt_83_apart_holds_for_what_runs_and_within_a_pass(label: str) -> None:
    scene = Scene(at("a"), at("b"), at("c"))
    labelled = (("app", "db"),)
    scene.put(task("runs", on="b", spec=TaskSpec(labels=labelled)))
    scene.put(*[wants(f"t{n}", Constraints(apart=(label,)), labels=labelled) for n in range(3)])
    assert set(scene.placed().values()) == {"a", "c"}
    group = scene.backlog.class_of("t2")
    assert group is not None
    assert group.told is not None
    assert group.told[0] is Code.CONSTRAINTS


def test_pt_83_apart_from_another_value_is_no_hindrance() -> None:
    scene = Scene(at("a"))
    scene.put(task("runs", on="a", spec=TaskSpec(labels=(("app", "web"),))))
    scene.put(wants("t", Constraints(apart=("app=db",))))
    assert scene.placed() == {"t": "a"}
