"""Members come and go by command (spec reliability 2.9): learner first, one change at a time, never below a majority."""

from __future__ import annotations

import pytest

from coordinator.codec.snapshots import digest
from coordinator.consensus.messages import ConfState, EntryKind
from coordinator.machine import commands as c
from coordinator.machine.outcome import Accepted, Refusal, Refused
from coordinator.model.members import MemberChange, MemberRecord
from coordinator.replica import inputs as i
from coordinator.replica.applying import SNAPSHOT_AGAIN_MS
from coordinator.replica.member_changes import Known, Stage, next_step
from tests.unit.replica.growing import GrowingWorld
from tests.unit.replica.world import founded, without_space_for_snapshots


def conf_changes(world: GrowingWorld, number: int) -> list[tuple[int, int]]:
    """(index, term) of the changes of configuration in a member's log on disk."""
    entries = world.disks[number].entries
    return [(x.index, x.term) for x in entries if x.kind is not EntryKind.NORMAL]


def test_m1_a_newcomer_learns_and_votes_when_it_has_caught_up() -> None:
    world = GrowingWorld(3)
    world.create("before")
    number = world.add("c4")
    assert number == 4
    world.run(1_000)
    assert world.stage is Stage.NOT_STARTED
    assert world.conf.voters == (1, 2, 3)
    assert world.conf.learners == ()

    world.join("c4")
    world.until(lambda: world.conf.learners == (4,))
    assert world.conf.voters == (1, 2, 3)
    world.until(lambda: 4 in world.conf.voters)
    world.until_done()
    world.until_equal()
    assert "before" in world.members[4].replica.state.tasks
    assert len({digest(m.replica.state) for m in world.members.values()}) == 1
    assert world.members[4].replica.raft.configuration().voters == (1, 2, 3, 4)


def test_m1_a_newcomer_gets_a_snapshot_that_knows_it() -> None:
    """The core ignores one without it, so none is sent before one was taken after the change."""
    world = GrowingWorld(3, snapshot_every=5)
    for number in range(12):
        world.create(f"t{number}")
    world.until(lambda: world.leader().replica.snapshot_index > 1)
    sent: list[tuple[int, ...]] = []
    streamed = world.stream

    def stream(member, effect):  # type: ignore[no-untyped-def]
        sent.append(effect.message.snapshot.conf.learners)
        streamed(member, effect)

    world.stream = stream  # type: ignore[method-assign]
    world.add("c4")
    world.join("c4")
    world.until_done()
    assert sent == [(4,)]


def test_m1_a_newcomer_gets_its_snapshot_although_the_first_one_failed_and_nobody_writes() -> None:
    """The leader's disk was full for a moment; in a quiet cluster no further entry asks for another."""
    world = GrowingWorld(3)
    asked = without_space_for_snapshots(world, 1)
    world.add("c4")
    world.join("c4")
    world.until(lambda: len(asked) > 0)
    world.run(SNAPSHOT_AGAIN_MS // 2)
    assert world.members[4].replica.state.revision == 0
    world.until_done()
    world.until_equal()
    assert world.conf.voters == (1, 2, 3, 4)


def test_m1_a_lagging_learner_is_not_promoted() -> None:
    world = GrowingWorld(3)
    world.add("c4")
    world.join("c4")
    world.partition(4)
    world.until(lambda: world.conf.learners == (4,))
    world.run(3_000)
    assert world.stage is Stage.CATCHING_UP
    assert world.conf.voters == (1, 2, 3)
    world.heal()
    world.until_done()
    assert world.conf.voters == (1, 2, 3, 4)


def test_m2_one_change_at_a_time() -> None:
    world = GrowingWorld(3)
    world.add("c4")
    refused = world.ask(c.AddMember("c5", "127.0.0.1:c5"))
    assert isinstance(refused, Refused)
    assert refused.code is Refusal.CHANGE_PENDING
    assert "adding c4" in refused.detail
    refused = world.remove(3)
    assert isinstance(refused, Refused)
    assert refused.code is Refusal.CHANGE_PENDING
    assert world.ask(c.AddMember("c4", "127.0.0.1:c4")) == Accepted(unchanged=True)


def test_m2_a_removal_that_would_leave_no_majority_is_refused() -> None:
    world = GrowingWorld(3)
    leader = world.leader().number
    dead, well = (n for n in (1, 2, 3) if n != leader)
    world.crash(dead)
    world.run(1_500)
    refused = world.remove(well)
    assert isinstance(refused, Refused)
    assert refused.code is Refusal.WOULD_LOSE_QUORUM
    assert f"c{dead}" in refused.detail
    assert world.change is None
    assert isinstance(world.remove(dead), Accepted)
    world.until_done()
    assert set(world.conf.voters) == {leader, well}


def test_m2_a_newcomer_is_not_promoted_where_too_few_voters_are_well() -> None:
    """2 of 4 are well and the leader has not noticed yet: with the learner they are 3 of 5, without one more 2."""
    voters = ConfState(voters=(1, 2, 3, 4), learners=(5,))
    state = founded(4)
    state.put_member(MemberRecord(5, "c5", "h:5", "s5"))
    state.member_change = MemberChange(1, 0, joining=5)

    def stage_when(*well: int) -> Stage | None:
        step = next_step(state, Known(1, voters, lambda one: one in well, caught_up=True))
        return step.stage if step is not None else None

    assert stage_when(1, 2, 5) is Stage.CHANGING
    assert stage_when(1, 5) is Stage.UNHEALTHY
    state.member_change = MemberChange(1, 0, joining=5, leaving=2)
    assert stage_when(1, 5) is Stage.UNHEALTHY
    assert stage_when(1, 3, 5) is Stage.CHANGING
    state.member_change = MemberChange(1, 0, leaving=2)
    assert stage_when(1, 3) is Stage.CHANGING
    assert stage_when(1, 2) is Stage.UNHEALTHY


def test_m2_a_repeated_wish_gets_its_first_answer() -> None:
    world = GrowingWorld(3)
    leader = world.leader().number
    gone, other = (n for n in (1, 2, 3) if n != leader)
    assert isinstance(world.ask(c.RemoveMember(gone), request_id="r"), Accepted)
    assert isinstance(world.ask(c.RemoveMember(gone), request_id="r"), Accepted)
    world.until_done()
    assert isinstance(world.ask(c.RemoveMember(gone), request_id="r"), Accepted)
    assert set(world.conf.voters) == {leader, other}


def test_m4_a_leader_that_is_removed_hands_over_first() -> None:
    world = GrowingWorld(3)
    old = world.leader()
    term = old.replica.term
    assert isinstance(world.remove(old.number), Accepted)
    world.until(lambda: world.leader().number != old.number)
    world.until_done()
    assert set(world.conf.voters) == {1, 2, 3} - {old.number}
    new = world.leader()
    assert new.replica.term == term + 1, "handed over, not timed out"
    assert old.number in world.left, "another member tells it"
    assert old.number not in new.replica.state.members


def test_m4_the_only_voter_is_replaced() -> None:
    world = GrowingWorld(1)
    world.create("kept")
    world.add("c2", replaces=1)
    world.join("c2")
    world.until(lambda: world.leader().number == 2)
    world.until_done()
    assert world.conf.voters == (2,)
    world.crash(1)
    assert world.task("kept")
    assert isinstance(world.create("new"), Accepted)


def test_m5_from_one_to_three_to_five_and_back() -> None:
    world = GrowingWorld(1)
    for number in (2, 3, 4, 5):
        world.create(f"t{number}")
        world.add(f"c{number}")
        world.join(f"c{number}")
        world.until_done()
    assert world.conf.voters == (1, 2, 3, 4, 5)
    world.until_equal()
    for number in (1, 2, 4, 5):
        assert isinstance(world.remove(number), Accepted)
        world.until_done()
        world.until(lambda number=number: world.leader().number != number)
        world.crash(number)
    assert world.conf.voters == (3,)
    assert sorted(world.leader().replica.state.tasks) == ["t2", "t3", "t4", "t5"]
    assert isinstance(world.create("after"), Accepted)


def test_ids_are_never_reused() -> None:
    world = GrowingWorld(3)
    assert world.add("c4") == 4
    world.remove(4)
    world.until_done()
    assert world.add("c4") == 5


def test_replacing_goes_through_one_joint_change() -> None:
    """Never four voters for three: the newcomer votes and the old one goes in the same entry."""
    world = GrowingWorld(3)
    leader = world.leader().number
    old = next(n for n in (1, 2, 3) if n != leader)
    world.crash(old)
    seen: set[tuple[tuple[int, ...], tuple[int, ...]]] = set()
    world.add("c4", replaces=old)
    world.join("c4")

    def is_done() -> bool:
        conf = world.conf
        seen.add((conf.voters, conf.voters_outgoing))
        return world.change is None

    world.until(is_done)
    stay = tuple(n for n in (1, 2, 3) if n != old)
    assert seen <= {((1, 2, 3), ()), ((*stay, 4), (1, 2, 3)), ((*stay, 4), ())}
    assert world.conf.voters == (*stay, 4)
    assert old not in world.leader().replica.state.members


@pytest.mark.parametrize("when", list(Stage))
def test_a_replacement_goes_on_under_the_next_leader(when: Stage) -> None:
    """The wish is in the state: whoever leads carries it on from where it is."""
    world = GrowingWorld(3, seed=3)
    first = world.leader().number
    old = next(n for n in (1, 2, 3) if n != first)
    world.add("c4", replaces=old)
    if when is not Stage.NOT_STARTED:
        world.join("c4")
    if when is Stage.UNHEALTHY:
        world.until(lambda: 4 in world.conf.learners)
    elif when is Stage.CATCHING_UP:
        world.until(lambda: world.stage is when or world.change is None)
    elif when is Stage.HANDING_OVER:
        world.until(lambda: 4 in world.conf.voters or world.change is None)
    world.crash(first)
    world.until(lambda: any(m.replica.is_leader for n, m in world.members.items() if n != first))
    if when is Stage.NOT_STARTED:
        world.join("c4")
    world.start(first)
    world.until_done()
    assert set(world.conf.voters) == {1, 2, 3, 4} - {old}
    world.until_equal()


def test_an_addition_that_never_came_is_called_off() -> None:
    world = GrowingWorld(3)
    world.add("c4")
    world.run(500)
    assert isinstance(world.remove(4), Accepted)
    world.until_done()
    assert sorted(world.leader().replica.state.members) == [1, 2, 3]
    assert world.conf.voters == (1, 2, 3)


def test_a_learner_is_taken_out_again() -> None:
    world = GrowingWorld(3)
    world.add("c4", replaces=2)
    world.join("c4")
    world.until(lambda: 4 in world.conf.learners)
    world.partition(4)
    assert isinstance(world.remove(4), Accepted)
    world.until_done()
    assert world.conf.voters == (1, 2, 3)
    assert world.conf.learners == ()
    assert sorted(world.leader().replica.state.members) == [1, 2, 3]


def test_a_dry_run_says_what_would_be_and_changes_nothing() -> None:
    world = GrowingWorld(3)
    world.tickets += 1
    asked = i.Asked(c.AddMember("c4", "127.0.0.1:c4"), dry_run=True)
    world.leader().inbox.append(i.Submit(world.tickets, (asked,)))
    world.settle()
    assert world.outcomes(world.tickets)[0] == Accepted(created=True)
    assert world.change is None


def test_s16_no_change_is_proposed_before_the_term_has_committed_something() -> None:
    """An election in the same second as the wish: the new leader has to hear of the others first (M3)."""
    world = GrowingWorld(3)
    first = world.leader().number
    other = next(n for n in (1, 2, 3) if n != first)
    world.add("c4")
    world.join("c4")
    world.crash(first)
    world.members[other].inbox.append(i.Campaign())
    held = world.hold_appends_of(other)
    world.until(lambda: world.members[other].replica.raft.is_leader)
    world.run(300)
    newest = world.members[other].replica
    assert newest.raft.is_leader
    assert not newest.raft.has_committed_own_term
    assert newest.raft.configuration().learners == ()
    ticket = world.submit(c.RemoveMember(4), at=other)
    world.run(100)
    assert ticket not in world.answers
    assert not [one for one in conf_changes(world, other) if one[1] == newest.term]
    world.let_go(held)
    world.start(first)
    assert isinstance(world.outcomes(ticket)[0], Accepted)
    world.until_done()
    assert world.conf.voters == (1, 2, 3)


def test_s08_four_voters_split_two_and_two_have_no_leader() -> None:
    world = GrowingWorld(3)
    world.add("c4")
    world.join("c4")
    world.until_done()
    assert world.conf.voters == (1, 2, 3, 4)
    world.partition(1, 2)
    world.run(5_000)
    assert not any(m.replica.raft.is_leader for m in world.members.values())
    world.heal()
    assert isinstance(world.create("after"), Accepted)
