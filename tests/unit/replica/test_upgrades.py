"""Releases side by side: who can follow, what is held back until all can, and who halts when they cannot (U1, U2)."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from coordinator.machine.commands import Command, RaiseFeatureLevel, SetSettings
from coordinator.machine.failures import UpgradeNeeded
from coordinator.machine.features import Build, level_needed
from coordinator.machine.outcome import Accepted, Outcome, Refusal, Refused, Unlogged
from coordinator.replica.config import ReplicaConfig
from coordinator.replica.inputs import MemberSaid, TransferLeadership
from coordinator.replica.upgrades import Blocker, Upgrades
from tests.unit.replica.world import FakeNode, Member, World, live


def _needed(command: Command) -> int:
    return 2 if isinstance(command, SetSettings) else level_needed(command)


OLD, NEW = Build(1), Build(2, _needed)
NEWS = SetSettings((("nodes.lease", "5s"),))  # stands for a command of the next release


class Mixed(World):
    """Members by build; each says on starting what it can follow, and hears it of the others."""

    def __init__(self, builds: Mapping[int, Build]) -> None:
        self.builds = dict(builds)
        super().__init__(len(self.builds))

    def start(self, number: int) -> None:
        config = ReplicaConfig(member_id=number, build=self.builds[number], **self.config)
        self.members[number] = Member(number, self.disks[number], config, self.dice)
        for other in self.members:
            if other != number:
                self._greet(number, other)
                self._greet(other, number)

    def _greet(self, sender: int, to: int) -> None:
        supports = self.builds[sender].supports
        self.members[to].inbox.append(MemberSaid(sender, supports, f"0.{supports}"))

    def restart(self, number: int, build: Build) -> None:
        self.crash(number)
        self.builds[number] = build
        self.start(number)
        self.run(2_000)

    def lead(self, number: int) -> None:
        self.leader().inbox.append(TransferLeadership(number))
        self.until(lambda: self.leader().number == number)

    def ask(self, command: Command, request_id: str = "") -> Outcome:
        return self.outcomes(self.submit(command, request_id=request_id))[0]

    @property
    def upgrades(self) -> Upgrades:
        leading = self.leader().replica.leading
        assert leading is not None
        return leading.bench.upgrades

    def levels(self) -> set[int]:
        return {member.replica.state.feature_level for member in self.members.values()}


def refusal(outcome: Outcome) -> str:
    assert isinstance(outcome, Refused), outcome
    assert outcome.code is Refusal.FEATURE_LEVEL
    return outcome.detail


def test_a_command_of_the_next_release_waits_for_the_level() -> None:
    world = Mixed({1: NEW, 2: NEW, 3: NEW})
    assert "SetSettings needs feature level 2, and 1 is in force" in refusal(world.ask(NEWS))
    assert world.ask(RaiseFeatureLevel(2)) == Accepted()
    assert world.ask(NEWS) == Accepted()
    world.run(500)
    assert world.levels() == {2}


def test_a_refusal_is_no_answer_for_the_same_request_later() -> None:
    world = Mixed({1: NEW})
    assert refusal(world.ask(NEWS, "r1"))
    world.ask(RaiseFeatureLevel(2))
    assert world.ask(NEWS, "r1") == Accepted()


def test_a_repeated_raise_gets_its_first_answer_whoever_is_away() -> None:
    world = Mixed({1: NEW, 2: NEW, 3: NEW})
    world.ask(RaiseFeatureLevel(2), "r1")
    world.crash(next(n for n in (1, 2, 3) if n != world.leader().number))
    world.run(2_000)
    assert isinstance(world.ask(RaiseFeatureLevel(2), "r1"), Accepted)


def test_old_and_silent_coordinators_are_named() -> None:
    world = Mixed({1: NEW, 2: NEW, 3: NEW})
    leader = world.leader().number
    old, silent = (n for n in (1, 2, 3) if n != leader)
    world.restart(old, OLD)
    outlook = world.upgrades.outlook()
    assert (outlook.level, outlook.highest, outlook.possible) == (1, 2, 1)
    assert outlook.blockers == (Blocker("member", f"c{old}", "0.1", 1),)
    detail = refusal(world.ask(RaiseFeatureLevel(2)))
    assert f"level 2 would leave behind c{old}; " in detail

    world.restart(old, NEW)
    assert world.upgrades.outlook().blockers == ()
    world.crash(silent)
    world.run(2_000)
    assert world.upgrades.outlook().blockers == (Blocker("member", f"c{silent}", "0.2", 0),)
    assert isinstance(world.ask(RaiseFeatureLevel(2)), Unlogged)


def test_a_node_that_cannot_follow_is_named_and_the_law_holds_it_up() -> None:
    world = Mixed({1: NEW})
    node = FakeNode(world, "n1").register()
    live(world, 500, node)
    assert world.upgrades.outlook().blockers == (Blocker("node", "n1", "", 1),)
    refusal(world.ask(RaiseFeatureLevel(2)))
    node.close()
    node.counter, node.feature_level = 2, 2
    node.register(old_is_dead=True)
    assert world.upgrades.outlook().possible == 2
    assert world.ask(RaiseFeatureLevel(2)) == Accepted()
    old = FakeNode(world, "n2").register()
    live(world, 500)
    assert world.closed[old.session] == "feature_level"


def test_an_old_leader_knows_that_others_know_more_and_does_not_lead_them_there() -> None:
    world = Mixed({1: OLD, 2: NEW, 3: NEW})
    world.lead(1)
    outlook = world.upgrades.outlook()
    assert (outlook.highest, outlook.possible) == (2, 1)
    assert [one.name for one in outlook.blockers] == ["c1"]
    refusal(world.ask(RaiseFeatureLevel(2)))


def test_where_nobody_knows_more_nobody_holds_anything_up() -> None:
    world = Mixed({1: OLD, 2: OLD, 3: OLD})
    world.leader()
    world.crash(next(n for n in (1, 2, 3) if n != world.leader().number))
    world.run(2_000)
    outlook = world.upgrades.outlook()
    assert (outlook.highest, outlook.possible, outlook.blockers) == (1, 1, ())


def test_the_level_that_all_can_follow_is_possible_though_some_know_more() -> None:
    world = Mixed({1: Build(3), 2: Build(2), 3: Build(2)})
    outlook = world.upgrades.outlook()
    assert (outlook.highest, outlook.possible) == (3, 2)
    assert world.ask(RaiseFeatureLevel(outlook.possible)) == Accepted()


def test_a_member_that_cannot_follow_halts_at_the_entry_and_does_not_start_on_the_snapshot() -> (
    None
):
    """It went back between the leader's look and the entry: the others go on, and it says what to do."""
    world = Mixed({1: NEW, 2: NEW, 3: NEW})
    leader = world.leader().number
    late = next(n for n in (1, 2, 3) if n != leader)
    world.partition(late)
    world.submit(RaiseFeatureLevel(2))
    world.run(200)
    assert world.leader().replica.state.feature_level == 2
    world.crash(late)
    world.builds[late] = OLD
    world.start(late)
    world.heal()
    with pytest.raises(UpgradeNeeded, match="feature level 2 is in force, and this release supp"):
        world.run(5_000)
    del world.members[late]
    world.run(500)
    assert world.ask(NEWS) == Accepted()

    other = next(n for n in (1, 2, 3) if n not in (leader, late))
    assert world.disks[other].snapshot.index > 1, "one was taken as soon as the level had risen"
    world.crash(other)
    world.builds[other] = OLD
    with pytest.raises(UpgradeNeeded, match="start this member with the release that the others"):
        world.start(other)


def test_a_snapshot_of_a_higher_level_halts_a_member_that_cannot_follow() -> None:
    world = Mixed({1: NEW, 2: NEW, 3: NEW})
    leader = world.leader().number
    late = next(n for n in (1, 2, 3) if n != leader)
    world.partition(late)
    world.submit(RaiseFeatureLevel(2))
    for number in range(60):  # more than stay in the log before a snapshot
        world.create(f"t{number}")
    world.config["snapshot_every_entries"] = 30
    world.restart(leader, NEW)
    world.create("last")
    world.crash(late)
    world.builds[late] = OLD
    world.start(late)
    world.heal()
    with pytest.raises(UpgradeNeeded):
        world.run(5_000)
    assert world.disks[late].snapshot.index > 1
