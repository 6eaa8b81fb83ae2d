"""What ends with leadership: duties, timers, queues; and what callers are told (N8, C9, PT-49)."""

from __future__ import annotations

from coordinator.consensus.messages import Heartbeat, Propose
from coordinator.model.tasks import Status
from coordinator.replica import effects as e
from coordinator.replica import inputs as i
from tests.unit.replica.kit import at_once, of, wish
from tests.unit.replica.world import FakeNode, Member, World, live


def heard_of_another(world: World, old: Member) -> i.FromPeer:
    """The words by which a leader learns that it is none any more."""
    other = next(number for number in world.disks if number != old.number)
    return i.FromPeer((Heartbeat(other, old.number, old.replica.term + 5, 0),))


def stored(effects: list[e.Effect]) -> i.Stored:
    return i.Stored(tuple(write.write for write in of(e.Persist, effects)))


def said_to_peers(effects: list[e.Effect]) -> list[object]:
    return [m for sent in of(e.SendPeer, effects) for m in sent.messages]


def test_n8_a_deposed_leader_does_not_hand_its_duties_to_the_next() -> None:
    world = World(3)
    FakeNode(world, "n1").register()
    old = world.leader()
    effects = at_once(world, old, heard_of_another(world, old), i.Tick(), ms=60_000)
    assert not old.replica.is_leader
    assert not [m for m in said_to_peers(effects) if isinstance(m, Propose)]


def test_n8_a_wish_that_comes_with_the_news_is_not_taken() -> None:
    world = World(3)
    FakeNode(world, "n1").register()
    old = world.leader()
    asked = i.Submit(77, (i.Asked(wish("t1")),))
    effects = at_once(world, old, heard_of_another(world, old), asked)
    failed = of(e.Fail, effects)
    assert [(f.ticket, f.kind) for f in failed] == [(77, "not_leader")]
    assert not [m for m in said_to_peers(effects) if isinstance(m, Propose)]


def test_n8_a_wish_that_waits_in_the_queue_is_certainly_not_done() -> None:
    world = World(3)
    FakeNode(world, "n1").register()
    old = world.leader()
    asked = i.Submit(77, (i.Asked(wish("t1")),))
    effects = at_once(world, old, asked, heard_of_another(world, old))
    failed = of(e.Fail, effects)
    assert [(f.ticket, f.kind) for f in failed] == [(77, "not_leader")]


def test_c9_an_entry_that_is_under_way_may_have_been_appended() -> None:
    world = World(3)
    FakeNode(world, "n1").register()
    old = world.leader()
    at_once(world, old, i.Submit(77, (i.Asked(wish("t1")),)))
    effects = at_once(world, old, heard_of_another(world, old))
    failed = of(e.Fail, effects)
    assert [(f.ticket, f.kind) for f in failed] == [(77, "outcome_unknown")]


def test_c9_a_call_of_which_a_part_is_done_ends_unknown_not_undone() -> None:
    world = World(3)
    FakeNode(world, "n1").register()
    world.create("there")
    old = world.leader()
    refused = i.Asked(wish("there", executor="demo.other"))  # answered only by the log
    unknown = i.Asked(wish("t2", executor="nobody.offers"))  # answered at once
    at_once(world, old, i.Submit(77, (refused, unknown)))
    effects = at_once(world, old, heard_of_another(world, old))
    failed = of(e.Fail, effects)
    assert [(f.ticket, f.kind) for f in failed] == [(77, "outcome_unknown")]


def test_sessions_end_with_the_term() -> None:
    world = World(3)
    node = FakeNode(world, "n1").register()
    old = world.leader()
    effects = at_once(world, old, heard_of_another(world, old))
    closed = of(e.CloseNode, effects)
    assert [(c.session, c.reason) for c in closed] == [(node.session, "not_leader")]


def test_leadership_changes_are_told_once_each() -> None:
    world = World(3)
    old = world.leader()
    told = of(e.LeadershipChanged, at_once(world, old, heard_of_another(world, old)))
    assert len(told) == 1
    assert told[0].is_leader is False
    assert not of(e.LeadershipChanged, at_once(world, old, i.Wake()))


def test_pt_a27_the_timer_ends_with_the_term() -> None:
    world = World(3)
    FakeNode(world, "n1").register().close()
    world.create("t1")
    old = world.leader()
    assert old.replica.leading is not None
    world.run(50)
    assert old.replica.leading.rechecker.timer is not None
    world.partition(old.number)
    world.run(5_000)
    assert old.replica.leading is None
    last = old.replica.raft.last_index
    world.run(30_000)
    assert old.replica.raft.last_index == last
    new = world.leader().replica
    assert new.leading is not None
    assert new.leading.rechecker.timer is not None


def test_pt_49_a_new_leader_places_what_the_old_one_could_not() -> None:
    world = World(3)
    FakeNode(world, "n0").register().close()
    world.create("t1")
    assert world.task("t1").status is Status.UNASSIGNED
    world.crash(world.leader().number)
    world.leader()
    node = FakeNode(world, "n1").register()
    live(world, 500, node)
    assert world.task("t1").assignment.node == "n1"


def test_c9_a_wish_for_a_leader_whose_term_has_not_begun_waits_for_it() -> None:
    world = World(1)
    member = world.members[1]
    effects = at_once(world, member, i.Campaign())
    effects = at_once(world, member, stored(effects))  # its vote for itself
    assert member.replica.raft.is_leader
    assert not member.replica.is_leader
    asked, read = i.Submit(5, (i.Asked(wish("t1", executor="nobody")),)), i.ReadBarrier(6)
    effects += at_once(world, member, asked, read)
    assert not of(e.Fail, effects)
    assert not of(e.ReadReady, effects)
    for _ in range(10):
        effects = at_once(world, member, stored(effects))
        if of(e.ReadReady, effects):
            break
    assert [r.ticket for r in of(e.ReadReady, effects)] == [6]
    assert [r.ticket for r in of(e.Reply, effects)] == [5]


def test_stop_leading_hands_over_and_takes_no_more_wishes() -> None:
    world = World(3)
    old = world.leader()
    old.inbox.append(i.StopLeading())
    world.settle()
    world.until(lambda: not old.replica.is_leader and world.leader().number != old.number)
    ticket = world.submit(wish("t1"), at=old.number)
    answer = world.answers[ticket]
    assert isinstance(answer, e.Fail)
    assert answer.kind == "shutting_down"


def test_transfer_to_a_named_member_and_not_to_a_stranger() -> None:
    world = World(3)
    old = world.leader()
    old.inbox.append(i.TransferLeadership(99))
    world.run(300)
    assert world.leader().number == old.number
    to = next(number for number in world.disks if number != old.number)
    old.inbox.append(i.TransferLeadership(to))
    world.settle()
    world.until(lambda: world.leader().number == to)
