"""A cluster of replicas without asyncio: elections, writes, nodes, leases, snapshots."""

from __future__ import annotations

from coordinator.machine.commands import CancelTask
from coordinator.machine.outcome import Accepted, Refusal, Refused
from coordinator.model.tasks import RunOutcome, Status
from coordinator.replica import effects as e
from coordinator.replica import inputs as i
from tests.unit.replica.world import FakeNode, World, live


def test_three_elect_one_and_all_apply_the_same() -> None:
    world = World(3)
    FakeNode(world, "n1").register()
    assert isinstance(world.create("t1"), Accepted)
    world.run(200)
    states = {m.replica.state.revision for m in world.members.values()}
    assert len(states) == 1
    assert all("t1" in m.replica.state.tasks for m in world.members.values())


def test_one_alone_elects_itself() -> None:
    world = World(1)
    FakeNode(world, "n1").register()
    assert isinstance(world.create("t1"), Accepted)


def test_created_assigned_in_one_entry_run_and_finished() -> None:
    world = World(3)
    node = FakeNode(world, "n1").register()
    before = world.leader().replica.state.revision
    world.create("t1")
    task = world.task("t1")
    assert (task.status, task.assignment.node, task.revision) == (
        Status.ASSIGNED, "n1", before + 1,
    )  # fmt: skip
    node.listen()
    assert node.wanted["t1"].allocation_id == task.allocation_id == 1
    node.report("t1", "started")
    assert world.task("t1").status is Status.RUNNING
    node.report("t1", "ended", outcome=RunOutcome.SUCCEEDED, result=b"5")
    done = world.task("t1")
    assert (done.status, done.last_outcome.result) == (Status.SUCCEEDED, b"5")
    assert "t1" not in node.wanted
    assert [a.accepted for a in node.answered] == [True, True]


def test_a_stale_report_is_refused_and_answered() -> None:
    world = World(3)
    node = FakeNode(world, "n1").register()
    world.create("t1")
    node.listen()
    node.report("t1", "ended", allocation=99, outcome=RunOutcome.SUCCEEDED)
    answer = node.answered[-1]
    assert (answer.accepted, answer.reason) == (False, "stale_allocation")
    assert world.task("t1").status is Status.ASSIGNED


def test_unassigned_task_is_placed_when_a_node_joins() -> None:
    world = World(3)
    world.leader()
    FakeNode(world, "n0").register().close()
    world.create("t1")
    assert world.task("t1").status is Status.UNASSIGNED
    node = FakeNode(world, "n1").register()
    world.run(100)
    assert world.task("t1").assignment.node == "n1"
    node.listen()
    assert "t1" in node.wanted


def test_tm_a3_unknown_executor_names_the_known_ones() -> None:
    world = World(1)
    FakeNode(world, "n1").register()
    outcome = world.create("t1", executor="demo.nop")
    assert isinstance(outcome, Refused)
    assert outcome.code is Refusal.UNKNOWN_EXECUTOR
    assert "demo.noop" in outcome.detail


def test_same_request_id_gives_the_same_task() -> None:
    world = World(3)
    FakeNode(world, "n1").register()
    from coordinator.model.tasks import TaskSpec

    wish = i.Create("t1", "demo.noop", b"{}", TaskSpec())
    first = world.outcomes(world.submit(wish, request_id="r1"))[0]
    again = world.outcomes(world.submit(wish, request_id="r1"))[0]
    assert isinstance(first, Accepted)
    assert isinstance(again, Accepted)
    assert first.allocation_id == again.allocation_id
    assert world.leader().replica.state.last_allocation_id == 1


def test_lost_node_is_silent_for_r_and_its_task_moves_with_a_larger_allocation_id() -> None:
    world = World(3)
    a, b = FakeNode(world, "a").register(), FakeNode(world, "b").register()
    live(world, 1_000, a, b)
    world.create("t1")
    holder = a if world.task("t1").assignment.node == "a" else b
    other = b if holder is a else a
    holder.beating = False
    start = world.now.steady
    live(world, 8_000, a, b)
    assert world.task("t1").assignment.node == holder.name
    live(world, 2_500, a, b)
    task = world.task("t1")
    assert task.assignment.node == other.name
    assert task.allocation_id == 2
    assert world.now.steady - start >= 9_000


def test_new_leader_waits_a_full_r_and_moves_nothing_of_healthy_nodes() -> None:
    world = World(3)
    a, b = FakeNode(world, "a").register(), FakeNode(world, "b").register()
    live(world, 1_000, a, b)
    for number in range(4):
        world.create(f"t{number}")
    placed = {f"t{n}": world.task(f"t{n}").assignment for n in range(4)}
    world.crash(world.leader().number)
    world.leader()
    at = world.now.steady
    b.register()  # a never comes back
    live(world, 8_000, b)
    assert {t: world.task(t).assignment for t in placed} == placed
    live(world, 3_000, b)
    assert world.now.steady - at >= 9_000
    for task_id, before in placed.items():
        assert world.task(task_id).assignment.node == "b"
        if before.node == "b":
            assert world.task(task_id).assignment == before


def test_leader_cut_off_accepts_no_heartbeat() -> None:
    world = World(3)
    node = FakeNode(world, "a").register()
    live(world, 1_000, node)
    old = world.leader()
    world.partition(old.number)
    seen = node.seen
    for _ in range(12):
        world.run(250)
        node.sequence += 1
        from coordinator.replica.sayings import Heartbeat, NodeSaying

        beat = Heartbeat(node.sequence, node.seen, 0, 6_000)
        old.inbox.append(i.NodeSaid(node.session, NodeSaying(heartbeat=beat)))
        world.settle()
        node.listen()
    assert node.seen == seen
    assert not old.replica.is_leader


def test_pending_writes_of_a_deposed_leader_end_unknown_not_as_success() -> None:
    world = World(3)
    FakeNode(world, "n1").register()
    old = world.leader()
    world.partition(old.number)
    from coordinator.model.tasks import TaskSpec

    world.tickets += 1
    wish = i.Asked(i.Create("t1", "demo.noop", b"{}", TaskSpec()))
    old.inbox.append(i.Submit(world.tickets, (wish,)))
    world.run(4_000)
    answer = world.answers[world.tickets]
    assert isinstance(answer, e.Fail)
    assert answer.kind == "outcome_unknown"
    world.heal()
    world.run(3_000)
    assert all("t1" not in m.replica.state.tasks for m in world.members.values())


def test_a_member_that_was_down_comes_back_by_snapshot() -> None:
    world = World(3, snapshot_every=50)
    FakeNode(world, "n1", capacity=1000).register()
    down = next(m.number for m in world.members.values() if not m.replica.is_leader)
    world.crash(down)
    for number in range(200):
        world.create(f"t{number}")
    world.run(500)
    leader = world.leader().replica
    assert leader.snapshot_index > 100
    assert leader.log_entries < 120
    world.start(down)
    world.run(2_000)
    back = world.members[down].replica
    assert len(back.state.tasks) == 200
    assert back.state.revision == leader.state.revision


def test_everything_restarts_and_nothing_acknowledged_is_missing() -> None:
    world = World(3, snapshot_every=50)
    FakeNode(world, "n1", capacity=1000).register()
    for number in range(120):
        world.create(f"t{number}")
    last = world.leader().replica.state.last_allocation_id
    for number in list(world.members):
        world.crash(number)
    for number in world.disks:
        world.start(number)
    state = world.leader().replica.state
    assert len(state.tasks) == 120
    assert state.last_allocation_id == last


def test_cancel_without_node_is_final_at_once() -> None:
    world = World(1)
    FakeNode(world, "n1").register().close()
    world.create("t1")
    outcome = world.outcomes(world.submit(CancelTask("t1")))[0]
    assert isinstance(outcome, Accepted)
    assert world.task("t1").status is Status.CANCELLED


def test_new_incarnation_proves_the_old_one_dead() -> None:
    world = World(3)
    node = FakeNode(world, "n1").register()
    live(world, 500, node)
    world.create("t1")
    node.close()
    node.counter = 2
    node.register(old_is_dead=True)
    world.run(200)
    node.listen()
    task = world.task("t1")
    assert task.assignment.incarnation == "2-x"
    assert task.allocation_id > 1
    assert node.wanted["t1"].allocation_id == task.allocation_id


def test_linearizable_read_waits_for_a_quorum() -> None:
    world = World(3)
    leader = world.leader()
    leader.inbox.append(i.ReadBarrier(900))
    world.settle()
    assert isinstance(world.answers[900], e.ReadReady)
    world.partition(leader.number)
    leader.inbox.append(i.ReadBarrier(901))
    world.run(300)
    assert 901 not in world.answers
    world.run(3_000)
    assert isinstance(world.answers[901], e.Fail)


def test_beyond_200_nodes_the_beat_is_stretched_up_to_a_quarter_of_the_lease() -> None:
    world = World(1)
    node = FakeNode(world, "n1").register()
    beats = []
    for connected in (1, 200, 400, 5_000):
        view = world.leader().replica.leading.bench.view
        view.connected |= {f"x{n}": -n for n in range(1, connected)}
        live(world, 500, node)
        frames = [f for f in world.to_nodes[node.session] if f.heartbeat is not None]
        beats.append(frames[-1].heartbeat.heartbeat_ms)
    assert beats == [500, 500, 1_000, 1_500]
