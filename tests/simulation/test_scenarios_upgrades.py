"""Two releases side by side, in both orders, under load, while every law looks on (U1, U2, U4)."""

from __future__ import annotations

import pytest

from coordinator.machine.commands import Command, DrainNode, RaiseFeatureLevel
from coordinator.machine.failures import UpgradeNeeded
from coordinator.machine.features import Build, level_needed
from coordinator.machine.outcome import Accepted, Refusal, Refused
from coordinator.model.ids import NodeName
from coordinator.replica.inputs import MemberSaid, TransferLeadership
from coordinator.replica.upgrades import Outlook
from tests.simulation.agent import NodePlace
from tests.simulation.scenario_kit import Scene


def _needed(command: Command) -> int:
    return 2 if isinstance(command, DrainNode) else level_needed(command)


OLD, NEW = Build(1, _needed), Build(2, _needed)


class Mixed(Scene):
    """Everybody begins with the old release; `upgrade` and `take_back` restart one process."""

    def begin(self) -> None:
        for place in self.coordinators.values():
            place.build = OLD
        super().begin()
        for number in self.coordinators:
            self._introduce(number)

    def restart(self, number: int, build: Build) -> None:
        place = self.coordinators[number]
        place.kill()
        self.pass_time(0.5)
        place.build = build
        place.start()
        self._introduce(number)
        self.until(lambda: self.life(number).replica.leader_id)
        self.pass_time(1)

    def restart_node(self, place: NodePlace, level: int) -> None:
        place.feature_level = level
        place.kill_agent()
        self.until(lambda: self._is_registered(place))

    def hand_over(self) -> None:
        old = self.leader().number
        self.life(old).pump.feed(TransferLeadership())
        self.until(lambda: self.leader_number() not in (0, old))

    def use_news(self) -> Refusal | None:
        """What the command of the next release is told."""
        command = DrainNode(NodeName("n1"), "restart", "kernel", "ann")
        outcome = self.wait_for(self.ask(command)).outcome
        return outcome.code if isinstance(outcome, Refused) else None

    def outlook(self) -> Outlook:
        leading = self.leading().replica.leading
        assert leading is not None
        return leading.bench.upgrades.outlook()

    def _introduce(self, number: int) -> None:
        """First words on the streams between it and the others."""
        for other, place in self.coordinators.items():
            if other != number and place.life is not None:
                supports = self.coordinators[number].build.supports
                place.life.pump.feed(MemberSaid(number, supports))
                self.life(number).pump.feed(MemberSaid(other, place.build.supports))

    def _is_registered(self, place: NodePlace) -> bool:
        node = self.leading().replica.state.nodes.get(NodeName(place.name))
        agent = place.agent
        return node is not None and agent is not None and node.incarnation == agent.incarnation


@pytest.mark.parametrize("seed", range(1, 5))
@pytest.mark.parametrize("nodes_first", [False, True], ids=["members_first", "nodes_first"])
def test_s43_releases_side_by_side_keep_every_promise(seed: int, *, nodes_first: bool) -> None:
    scene = Mixed(clients=4, seed=seed, seconds=60)
    scene.create("before")
    leader = scene.leader().number
    followers = [number for number in scene.numbers if number != leader]
    if nodes_first:
        for place in scene.nodes:
            scene.restart_node(place, 2)
    for number in followers:
        scene.restart(number, NEW)
    assert scene.leader().number == leader
    assert scene.use_news() is Refusal.FEATURE_LEVEL, "the leader is still old"
    scene.hand_over()
    assert scene.use_news() is Refusal.FEATURE_LEVEL, "the level was not raised"
    scene.restart(leader, NEW)
    scene.restart(followers[0], OLD)  # one release back
    assert f"c{followers[0]}" in [one.name for one in scene.outlook().blockers]
    scene.restart(followers[0], NEW)
    if not nodes_first:
        told = scene.wait_for(scene.ask(RaiseFeatureLevel(2)))
        assert isinstance(told.outcome, Refused)
        for place in scene.nodes:
            scene.restart_node(place, 2)
    assert scene.outlook().blockers == ()
    assert scene.wait_for(scene.ask(RaiseFeatureLevel(2))).outcome == Accepted()
    assert scene.use_news() is None
    scene.pass_time(2)

    late = scene.coordinators[next(n for n in scene.numbers if n != scene.leader().number)]
    late.kill()
    late.build = OLD
    with pytest.raises(UpgradeNeeded, match="start this member with the release that the others"):
        late.start()
    late.build = NEW
    late.start()
    scene.settle()
    assert {place.life.replica.state.feature_level for place in scene.coordinators.values()} == {2}
    assert scene.tally["answer/ok"] > 20
