"""Nodes come, beat, are superseded, removed and cut off."""

from __future__ import annotations

import msgspec
import pytest

from coordinator.machine.commands import RemoveNode, SetSettings
from coordinator.model.tasks import RunOutcome, Status
from coordinator.replica import inputs as i
from coordinator.replica.fanout import run_digest
from coordinator.replica.sayings import (
    EndedReport,
    Heartbeat,
    LiveProgress,
    LocalRun,
    NodeSaying,
    Registration,
    Report,
)
from tests.unit.replica.kit import node
from tests.unit.replica.world import FakeNode, World, live


def knock(world: World, registration: Registration) -> int:
    """A session opened by hand."""
    FakeNode.sessions += 1
    world.leader().inbox.append(i.NodeOpened(FakeNode.sessions, registration))
    world.settle()
    return FakeNode.sessions


def registration_of(one: FakeNode) -> Registration:
    leading = one.world.leader().replica.leading
    session = leading.sessions.get(one.name)
    return session.registration


def beat(one: FakeNode, **says: object) -> None:
    one.sequence += 1
    said = Heartbeat(one.sequence, one.seen, says.pop("digest", 0), 6_000, **says)
    one.say(i.NodeSaid(one.session, NodeSaying(heartbeat=said)))


def test_welcome_names_the_cluster_its_members_and_times() -> None:
    world = World(3)
    one = node(world, "n1")
    welcome = world.to_nodes[one.session][0].welcome
    assert welcome.cluster_id == "test"
    assert (welcome.heartbeat_ms, welcome.lease_ms, welcome.reassign_ms) == (500, 6_000, 9_000)
    assert len(welcome.coordinators) == 3


def test_pt_53_the_first_frame_has_the_full_set_and_later_ones_the_changes() -> None:
    world = World(1)
    one = node(world, "n1")
    world.create("t1")
    world.create("t2")
    frames = [f.wanted for f in world.to_nodes[one.session] if f.wanted is not None]
    assert [f.full for f in frames] == [True, False, False]
    assert [[run.task_id for run in f.runs] for f in frames] == [[], ["t1"], ["t2"]]
    assert [f.previous for f in frames[1:]] == [f.revision for f in frames[:-1]]


def test_another_clusters_node_is_told_so() -> None:
    world = World(1)
    one = node(world, "n1")
    foreign = msgspec.structs.replace(registration_of(one), name="n2", cluster_id="other")
    assert world.closed[knock(world, foreign)] == "wrong_cluster"


def test_s44_a_node_of_the_cluster_that_was_restored_is_told_so() -> None:
    world = World(1)
    one = node(world, "n1")
    world.leader().replica.state.predecessors = ("long ago", "before")
    for cluster_id in ("long ago", "before"):
        old = msgspec.structs.replace(registration_of(one), name="n2", cluster_id=cluster_id)
        assert world.closed[knock(world, old)] == "restored"


def test_pt_65_the_name_of_a_live_node_is_refused_to_another_uid_at_once() -> None:
    world = World(1)
    one = node(world, "n1")
    twin = msgspec.structs.replace(registration_of(one), uid="other", incarnation="1-y")
    assert world.closed[knock(world, twin)] == "node_name_in_use"
    live(world, 1_000, one)
    assert one.seen > 0


def test_n1_an_earlier_life_of_a_connected_node_is_stale() -> None:
    world = World(1)
    one = FakeNode(world, "n1")
    one.counter = 5
    one.register()
    old = msgspec.structs.replace(registration_of(one), counter=4, incarnation="4-x")
    assert world.closed[knock(world, old)] == "stale_incarnation"


def test_n1_a_counter_that_was_used_before_is_stale() -> None:
    world = World(1)
    one = node(world, "n1")
    again = msgspec.structs.replace(registration_of(one), incarnation="1-other")
    one.close()
    assert world.closed[knock(world, again)] == "stale_incarnation"


def test_a_newer_session_of_the_same_life_takes_the_place_of_the_older() -> None:
    world = World(1)
    one = node(world, "n1")
    world.create("t1")
    before = one.session
    one.register()
    assert world.closed[before] == "superseded"
    assert "t1" in one.wanted
    assert world.task("t1").allocation_id == 1


def test_n6_a_new_life_waits_until_the_session_of_the_old_is_closed() -> None:
    world = World(1)
    one = node(world, "n1")
    world.create("t1")
    new = msgspec.structs.replace(
        registration_of(one), counter=2, incarnation="2-x", old_is_dead=True
    )
    session = knock(world, new)
    assert session not in world.closed
    assert world.task("t1").assignment.incarnation == "1-x"
    one.close()
    world.run(100)
    assert world.task("t1").assignment.incarnation == "2-x"
    assert world.to_nodes[session]


def test_a_new_life_behind_a_dead_connection_is_let_in_when_the_old_one_is_lost() -> None:
    world = World(1)
    one = node(world, "n1")
    world.create("t1")
    new = msgspec.structs.replace(registration_of(one), counter=2, incarnation="2-x")
    session = knock(world, new)
    world.run(9_100)
    assert session not in world.closed
    task = world.task("t1")
    assert (task.assignment.node, task.assignment.incarnation) == ("n1", "2-x")


def test_l5_receipt_alone_accepts_nothing() -> None:
    world = World(3)
    one = node(world, "n1")
    world.leader()
    beat(one)
    assert one.seen == 0
    world.run(100)
    one.listen()
    assert one.seen == one.sequence


def test_l5_one_round_serves_all_that_wait() -> None:
    world = World(3)
    nodes = [node(world, f"n{n}") for n in range(5)]
    for one in nodes:
        beat(one)
    world.run(100)
    for one in nodes:
        one.listen()
    assert all(one.seen == one.sequence for one in nodes)


def test_l5_a_heartbeat_of_a_life_that_is_over_is_not_accepted() -> None:
    world = World(3)
    one = node(world, "n1")
    beat(one)
    world.submit(RemoveNode("n1"))
    world.run(100)
    one.listen()
    assert one.seen == 0


def test_node_rm_of_a_live_node_waits_r_then_forgets_it_and_places_its_tasks() -> None:
    world = World(3)
    one = node(world, "n1")
    live(world, 500, one)
    world.create("t1")
    world.submit(RemoveNode("n1"))
    other = node(world, "n2")
    before = one.seen
    live(world, 8_000, one, other)
    assert one.seen == before
    assert world.task("t1").assignment.node == "n1"
    live(world, 1_500, one, other)
    assert "n1" not in world.leader().replica.state.nodes
    assert world.task("t1").assignment.node == "n2"
    assert world.closed[one.session] == "removed"


def test_node_rm_is_carried_through_by_the_next_leader() -> None:
    world = World(3)
    one = node(world, "n1")
    live(world, 500, one)
    world.create("t1")
    world.submit(RemoveNode("n1"))
    world.crash(world.leader().number)
    other = node(world, "n2")
    live(world, 12_000, other)
    assert "n1" not in world.leader().replica.state.nodes
    assert world.task("t1").assignment.node == "n2"


def test_l6_a_leader_whose_loop_stood_still_calls_nobody_lost() -> None:
    world = World(1)
    one = node(world, "n1")
    live(world, 500, one)
    world.create("t1")
    world.run(8_000)
    world.now = type(world.now)(world.now.steady + 5_000, world.now.wall + 5_000)
    world.leader().inbox.append(i.Tick(5_000))
    world.settle()
    assert world.task("t1").assignment.node == "n1"
    live(world, 5_000, one)
    assert world.task("t1").assignment.node == "n1"


def test_l9_goodbye_frees_its_tasks_at_once() -> None:
    world = World(3)
    one = node(world, "n1")
    world.create("t1")
    other = node(world, "n2")
    one.say(i.NodeSaid(one.session, NodeSaying(goodbye=True)))
    world.run(100)
    assert world.task("t1").assignment.node == "n2"
    assert other.world is world


def test_pt_64_runs_that_tolerate_overlap_move_after_the_grace_and_others_do_not() -> None:
    world = World(3)
    one = FakeNode(world, "n1", exclusive=False).register()
    live(world, 500, one)
    world.create("shared")
    world.create("alone", exclusive=True)
    other = FakeNode(world, "n2", exclusive=False).register()
    one.close()
    live(world, 750, other)
    assert world.task("shared").assignment.node == "n1"
    live(world, 750, other)
    assert world.task("shared").assignment.node == "n2"
    assert world.task("alone").assignment.node == "n1"


def test_pt_64_a_session_that_is_back_within_the_grace_keeps_everything() -> None:
    world = World(3)
    one = FakeNode(world, "n1", exclusive=False).register()
    other = FakeNode(world, "n2", exclusive=False).register()
    world.create("t1")
    holder = one if world.task("t1").assignment.node == "n1" else other
    holder.close()
    world.run(500)
    holder.register()
    live(world, 3_000, one, other)
    assert world.task("t1").allocation_id == 1


def test_pt_62_a_run_that_the_node_does_not_have_is_ended_lost() -> None:
    world = World(3)
    one = node(world, "n1")
    world.create("t1")
    world.create("t2")
    kept = world.task("t2")
    for _ in range(24):
        world.run(250)
        beat(one, digest=run_digest(kept))
    assert world.task("t1").allocation_id == 1
    assert any(frame.send_runs for frame in world.to_nodes[one.session])
    beat(one, digest=run_digest(kept), runs=(LocalRun("t2", kept.allocation_id, "running"),))
    task = world.task("t1")
    assert task.last_outcome.outcome is RunOutcome.LOST
    assert task.last_outcome.reason == "vanished"
    assert task.allocation_id > 2
    assert world.task("t2").allocation_id == kept.allocation_id


def test_pt_62_equal_lists_are_never_asked_for() -> None:
    world = World(3)
    one = node(world, "n1")
    world.create("t1")
    for _ in range(40):
        world.run(250)
        beat(one, digest=run_digest(world.task("t1")))
    assert not any(frame.send_runs for frame in world.to_nodes[one.session])


def test_a_report_of_an_unknown_kind_is_answered_so_that_it_blocks_nothing() -> None:
    world = World(1)
    one = node(world, "n1")
    world.create("t1")
    report = Report(1, "t1", 1, "danced")
    one.say(i.NodeSaid(one.session, NodeSaying(reports=(report,))))
    assert [(a.number, a.accepted) for a in one.answered] == [(1, False)]


@pytest.mark.parametrize("task_id, allocation", [("t1", 0), ("t1", -1), ("", 1)])
@pytest.mark.parametrize("kind", ["started", "state", "ended"])
def test_pt_3_no_allocation_id_matches_any_run(task_id: str, allocation: int, kind: str) -> None:
    world = World(1)
    one = node(world, "n1")
    world.create("t1")
    before = world.task("t1")
    end = EndedReport(RunOutcome.SUCCEEDED) if kind == "ended" else None
    report = Report(1, task_id, allocation, kind, state=b"1", state_seq=1, ended=end)
    one.say(i.NodeSaid(one.session, NodeSaying(reports=(report,))))
    assert [(a.accepted, a.reason) for a in one.answered] == [(False, "invalid_field")]
    assert world.task("t1") == before


def test_settings_reach_open_sessions() -> None:
    world = World(1)
    one = node(world, "n1")
    world.outcomes(world.submit(SetSettings((("nodes.heartbeat", "1s"),), (), "me")))
    welcomes = [f.welcome for f in world.to_nodes[one.session] if f.welcome is not None]
    assert [w.heartbeat_ms for w in welcomes] == [500, 1_000]


def test_pt_3_progress_is_believed_of_the_node_that_holds_the_run() -> None:
    world = World(1)
    one, other = node(world, "n1"), node(world, "n2")
    world.create("t1")
    holder = one if world.task("t1").assignment.node == "n1" else other
    stranger = other if holder is one else one

    def tell(who: FakeNode, allocation: int, done: float) -> None:
        progress = (LiveProgress("t1", allocation, done, None, ""),)
        who.say(i.NodeSaid(who.session, NodeSaying(progress=progress)))

    tell(stranger, 1, 1.0)
    tell(holder, 99, 2.0)
    live_board = world.leader().replica.live
    assert live_board.progress_of("t1", 99) is None
    tell(holder, 1, 3.0)
    assert live_board.progress_of("t1", 1).done == 3.0
    holder.listen()
    holder.report("t1", "ended", outcome=RunOutcome.SUCCEEDED)
    assert world.task("t1").status is Status.SUCCEEDED
    assert live_board.progress_of("t1", 1) is None


def test_l8_a_node_whose_answers_get_lost_is_lost_although_its_heartbeats_arrive() -> None:
    world = World(3)
    one, other = node(world, "n1"), node(world, "n2")
    live(world, 1_000, one, other)
    world.create("t1")
    deaf = one if world.task("t1").assignment.node == "n1" else other
    stranger = other if deaf is one else one
    seen, started = deaf.seen, world.now.steady
    while world.task("t1").assignment.node == deaf.name:
        live(world, 250, one, other)
        deaf.seen = seen
        assert world.now.steady - started < 20_000
    assert world.task("t1").assignment.node == stranger.name
    assert 9_000 <= world.now.steady - started <= 13_500


def test_pt_53_a_set_too_large_for_one_frame_comes_in_parts() -> None:
    from coordinator.replica.fanout import FRAME_BYTES
    from tests.unit.replica.kit import wish

    world = World(1)
    one = node(world, "n1", capacity=100)
    params = b'{"a": "%s"}' % (b"x" * 250_000)
    for number in range(12):
        world.outcomes(world.submit(wish(f"t{number:02}", params=params)))
    one.register()
    frames = [f.wanted for f in world.to_nodes[one.session] if f.wanted is not None]
    assert [(f.full, f.more) for f in frames] == [(True, True), (True, False)]
    assert len({f.revision for f in frames}) == 1
    assert sum(len(f.runs) for f in frames) == 12
    assert all(sum(len(run.params) for run in f.runs) <= FRAME_BYTES for f in frames)


def test_pt_53_changes_too_large_for_one_frame_follow_upon_one_another() -> None:
    from tests.unit.replica.kit import wish

    world = World(1)
    one = node(world, "n1", capacity=100)
    world.run(100)
    before = len(world.to_nodes[one.session])
    params = b'{"a": "%s"}' % (b"x" * 250_000)
    leader = world.leader()
    leader.inbox.append(
        i.Submit(9, tuple(i.Asked(wish(f"t{n}", params=params)) for n in range(12)))
    )
    world.settle()
    world.run(200)
    frames = [f.wanted for f in world.to_nodes[one.session][before:] if f.wanted is not None]
    known = 0
    for frame in frames:
        assert not frame.full
        assert known in (0, frame.previous)
        known = frame.revision
    assert sum(len(f.runs) for f in frames) == 12
    assert known == leader.replica.state.revision
