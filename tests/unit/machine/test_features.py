"""The feature level: it rises when nobody is left behind, never falls, and holds back what needs it (U1, U2)."""

from __future__ import annotations

import pytest

from coordinator.client import release
from coordinator.machine.commands import (
    Command,
    DrainNode,
    ForgetNode,
    LoseNode,
    RaiseFeatureLevel,
    RemoveNode,
)
from coordinator.machine.features import Build, level_needed
from coordinator.machine.outcome import Accepted, Refusal
from coordinator.model.features import FIRST, HIGHEST, Feature
from coordinator.model.ids import NodeName
from tests.unit.machine.kit import World, create, join, on

N1 = NodeName("n1")


def test_the_level_only_rises() -> None:
    world = World()
    assert world.state.feature_level == Feature.TASKS
    assert world.accept(RaiseFeatureLevel(3)) == Accepted()
    assert world.state.feature_level == 3
    assert world.accept(RaiseFeatureLevel(2)) == Accepted(unchanged=True)
    assert world.state.feature_level == 3


def test_a_node_that_cannot_follow_holds_it_up_also_while_it_is_lost() -> None:
    world = World()
    world.accept(join(feature_level=1))
    world.accept(join("n2", feature_level=2))
    refused = world.refuse(RaiseFeatureLevel(2))
    assert (refused.code, refused.detail) == (
        Refusal.FEATURE_LEVEL,
        "nodes that cannot follow yet: n1",
    )
    world.accept(LoseNode(N1, world.state.nodes[N1].incarnation))
    assert world.refuse(RaiseFeatureLevel(2)).code is Refusal.FEATURE_LEVEL
    world.accept(ForgetNode(N1, world.state.nodes[N1].incarnation))
    assert world.accept(RaiseFeatureLevel(2)) == Accepted()


@pytest.mark.parametrize("gone", ["left", "removed"])
def test_a_node_that_said_goodbye_or_was_removed_holds_nothing_up(gone: str) -> None:
    world = World()
    world.accept(join())
    incarnation = world.state.nodes[N1].incarnation
    world.accept(LoseNode(N1, incarnation, left=True) if gone == "left" else RemoveNode(N1))
    assert world.accept(RaiseFeatureLevel(2)) == Accepted()


def test_a_newer_incarnation_says_anew_what_it_can_follow() -> None:
    world = World()
    world.accept(join(feature_level=1))
    world.accept(join(counter=2, feature_level=2, old_is_dead=True))
    assert world.accept(RaiseFeatureLevel(2)) == Accepted()


def test_a_node_that_cannot_follow_is_not_let_in_any_more() -> None:
    world = World()
    world.accept(RaiseFeatureLevel(2))
    refused = world.refuse(join(feature_level=1))
    assert refused.code is Refusal.FEATURE_LEVEL
    assert refused.detail == (
        "feature level 2 is in force, and n1 supports 1: start it with a newer release"
    )
    assert not world.state.nodes
    world.accept(join(feature_level=2))


def test_what_needs_a_higher_level_is_behind_the_gate_and_nothing_else() -> None:
    def needed(command: Command) -> int:
        return 2 if isinstance(command, DrainNode) else level_needed(command)

    build, drain = Build(2, needed), DrainNode(N1, "restart", "kernel", "ann")
    refused = build.objection(drain, 1)
    assert refused is not None
    assert refused.code is Refusal.FEATURE_LEVEL
    assert refused.detail.startswith("DrainNode needs feature level 2, and 1 is in force: ")
    assert build.objection(drain, 2) is None
    assert build.objection(create(assignment=on()), 1) is None


def test_all_that_there_is_belongs_to_the_first_level() -> None:
    assert HIGHEST == FIRST
    assert Build().objection(join(), FIRST) is None


def test_the_library_says_the_level_that_the_law_knows() -> None:
    assert release.FEATURE_LEVEL == HIGHEST


def test_a_later_release_can_be_rehearsed() -> None:
    assert release.rehearsed({}) == (HIGHEST, {})
    assert release.supported_level({release.REHEARSAL: "7"}) == 7
    assert release.rehearsed({release.REHEARSAL: "2:DrainNode@2,SetSettings@3"}) == (
        2,
        {"DrainNode": 2, "SetSettings": 3},
    )
    for bad in ("x", "-1", ":DrainNode@2", "2:DrainNode"):
        with pytest.raises(ValueError, match="PTASKS_DEV_FEATURES"):
            release.rehearsed({release.REHEARSAL: bad})
