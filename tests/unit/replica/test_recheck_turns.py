"""The recheck at work inside the replica: triggers, the timer, one pass at a time (PT-47..PT-52)."""

from __future__ import annotations

from coordinator.machine.commands import (
    CancelTask,
    DrainNode,
    RemoveNode,
    SetSettings,
    UndrainNode,
)
from coordinator.model.tasks import Code, RunOutcome, Status
from coordinator.replica import inputs as i
from tests.unit.replica.kit import codes, node, pause, until, wish
from tests.unit.replica.world import World


def set_to(world: World, key: str, value: str) -> None:
    world.outcomes(world.submit(SetSettings(((key, value),), (), "ann")))


def last_index(world: World) -> int:
    return world.leader().replica.raft.last_index


def test_pt_a19_room_that_becomes_free_is_used_without_the_timer() -> None:
    world = World(1)
    one = node(world, "n1", capacity=1)
    world.create("t1")
    world.create("t2")
    assert world.task("t2").assignment.code is Code.NO_CAPACITY
    one.listen()
    one.report("t1", "ended", outcome=RunOutcome.SUCCEEDED)
    assert world.task("t2").status is Status.ASSIGNED


def test_pt_a19_a_node_that_is_undrained_takes_tasks_at_once() -> None:
    world = World(1)
    node(world, "n1")
    world.submit(DrainNode("n1", "restart", "new kernel", "ann"))
    world.create("t1")
    assert world.task("t1").assignment.code is Code.DRAINING
    world.submit(UndrainNode("n1"))
    assert world.task("t1").status is Status.ASSIGNED


def test_pt_a23_drained_nodes_get_nothing() -> None:
    world = World(1)
    for number in range(4):
        node(world, f"n{number}", capacity=40)
    world.submit(DrainNode("n0", "restart", "x", "ann"))
    world.submit(DrainNode("n1", "remove", "x", "ann"))
    for number in range(40):
        world.create(f"t{number:02}")
    used = {world.task(f"t{number:02}").assignment.node for number in range(40)}
    assert used == {"n2", "n3"}


def test_pt_a20_and_a21_the_switch() -> None:
    world = World(1)
    node(world, "n1")
    world.create("runs")
    set_to(world, "assignment.enable", "none")
    world.create("waits")
    task = world.task("waits")
    assert task.assignment.code is Code.ASSIGNMENT_DISABLED
    assert task.assignment.explanation == "assignment.enable = none, set by ann"
    assert world.task("runs").allocation_id == 1
    set_to(world, "assignment.enable", "ALL")
    assert world.task("waits").status is Status.ASSIGNED


def test_pt_36_what_waits_when_the_switch_is_turned_off_is_told_so() -> None:
    world = World(1)
    node(world, "n1").close()
    world.leader().inbox.append(i.Submit(9, tuple(i.Asked(wish(f"t{n:04}")) for n in range(1_200))))
    world.settle()
    set_to(world, "assignment.enable", "none")
    world.run(500)
    assert set(codes(world, [f"t{n:04}" for n in range(1_200)])) == {"assignment_disabled"}


def test_pt_a25_the_timer_is_armed_only_while_something_has_no_node() -> None:
    world = World(1)
    one = node(world, "n1")
    world.create("t1")
    rechecker = world.leader().replica.leading.rechecker
    world.run(100)
    assert rechecker.timer is None
    world.create("t2", cost=100)
    world.run(50)
    assert rechecker.timer is not None
    world.submit(CancelTask("t2"))
    world.run(50)
    assert rechecker.timer is None
    assert one.world is world


def test_pt_a17_and_a18_unrelated_changes_propose_nothing() -> None:
    world = World(1)
    node(world, "n1")
    world.create("t1")
    world.create("t2")
    node(world, "n2")
    world.submit(CancelTask("t2"))
    pause(world, 500)
    before, where = last_index(world), world.task("t1").assignment
    world.submit(RemoveNode("n2"))
    set_to(world, "retention.failed", "1d")
    pause(world, 2_000)
    assert last_index(world) == before + 2
    assert world.task("t1").assignment == where


def test_pt_a30_a_lost_nodes_tasks_are_placed_in_the_entry_of_its_loss() -> None:
    world = World(1)
    lost = node(world, "lost", capacity=400)
    leader = world.leader()
    leader.inbox.append(i.Submit(9, tuple(i.Asked(wish(f"t{n:03}")) for n in range(300))))
    world.settle()
    for number in range(3):
        node(world, f"n{number}", capacity=200)
    lost.beating = False
    before = last_index(world)
    until(world, lambda: not world.leader().replica.state.on_node.get("lost"))
    assert last_index(world) <= before + 2
    tasks = world.leader().replica.state.tasks.values()
    assert {task.assignment.node for task in tasks} == {"n0", "n1", "n2"}
    assert len({task.allocation_id for task in tasks}) == 300


def test_pt_a12_those_that_find_no_place_say_that_their_node_was_lost() -> None:
    world = World(1)
    lost = node(world, "lost")
    world.create("t1")
    lost.beating = False
    until(world, lambda: world.task("t1").status is Status.UNASSIGNED)
    task = world.task("t1")
    assert task.assignment.code is Code.NODE_LOST
    assert "lost" in task.assignment.explanation
    assert task.last_outcome.outcome is RunOutcome.LOST


def test_pt_8_the_periodic_pass_alone_rewrites_reasons() -> None:
    world = World(1)
    lost = node(world, "lost")
    world.create("t1", cost=20)
    node(world, "full", capacity=1)
    world.create("fills", cost=2)
    lost.beating = False
    until(world, lambda: world.task("t1").status is Status.UNASSIGNED)
    assert world.task("t1").assignment.code is Code.NODE_LOST
    allocation = world.task("t1").allocation_id
    passed = until(world, lambda: world.task("t1").assignment.code is not Code.NODE_LOST)
    assert passed > 5_000
    task = world.task("t1")
    assert (task.assignment.code, task.assignment.explanation) == (Code.NO_CAPACITY, "full")
    assert task.allocation_id == allocation
    before = last_index(world)
    pause(world, 25_000)
    assert last_index(world) == before


def test_pt_31_an_aborted_task_keeps_its_reason_while_its_node_is_excluded() -> None:
    world = World(1)
    one = node(world, "n1", capacity=1)
    world.create("t1")
    one.listen()
    one.report("t1", "ended", outcome=RunOutcome.ABORTED, reason="no licence")
    task = world.task("t1")
    assert (task.status, task.assignment.explanation) == (Status.UNASSIGNED, "no licence")
    assert until(world, lambda: world.task("t1").status is Status.ASSIGNED) <= 5_100
    assert world.task("t1").assignment.explanation == ""


def test_pt_41_each_abort_there_doubles_the_time_away() -> None:
    world = World(1)
    one = node(world, "n1")
    world.create("t1")
    waits = []
    for _ in range(4):
        one.listen()
        one.report("t1", "ended", outcome=RunOutcome.ABORTED, reason="not here")
        waits.append(until(world, lambda: world.task("t1").status is Status.ASSIGNED, 60_000))
    assert [round(wait / 1_000) for wait in waits] == [5, 10, 20, 40]


def test_pt_41_an_exclusion_that_ended_is_looked_at_once_not_for_ever() -> None:
    world = World(1)
    one = node(world, "n1")
    world.create("t1")
    one.listen()
    one.report("t1", "ended", outcome=RunOutcome.ABORTED, reason="not here")
    until(world, lambda: world.task("t1").status is Status.ASSIGNED)
    exclusions = world.leader().replica.leading.bench.view.exclusions
    pause(world, 1_000)
    assert exclusions.ended(world.now.steady) == []


def test_pt_56_a_node_that_lacks_the_executor_gets_it_no_more_until_it_offers_anew() -> None:
    world = World(1)
    one = node(world, "n1")
    world.create("t1")
    one.listen()
    one.report("t1", "ended", outcome=RunOutcome.ABORTED, reason="no_executor", handed_back=True)
    pause(world, 20_000)
    assert world.task("t1").status is Status.UNASSIGNED
    one.close()
    one.counter = 2
    one.register(old_is_dead=True)
    pause(world, 500)
    assert world.task("t1").status is Status.ASSIGNED


def test_pt_a28_ten_triggers_lead_to_one_pass_and_at_most_one_more() -> None:
    world = World(1)
    node(world, "n1").close()
    world.create("t1")
    before = last_index(world)
    world.leader().inbox.extend(i.Poke() for _ in range(10))
    world.settle()
    assert last_index(world) == before


def test_pt_a52_a_drained_node_is_emptied_while_it_is_a_member() -> None:
    world = World(1)
    one = node(world, "n1")
    for number in range(3):
        world.create(f"t{number}")
    world.create("stays", cost=20)
    other = node(world, "n2", capacity=2)
    world.submit(DrainNode("n1", "terminate", "old", "ann"))
    pause(world, 1_100)
    one.listen()
    stopping = [t for t in one.wanted if one.wanted[t].stop_reason == "move"]
    assert len(stopping) == 2  # n2 has room for two: the others go on where they are
    for task_id in stopping:
        one.report(task_id, "ended", outcome=RunOutcome.ABORTED)
    pause(world, 500)
    assert {world.task(t).assignment.node for t in stopping} == {"n2"}
    rest = {f"t{n}" for n in range(3)} - set(stopping)
    assert {world.task(t).status for t in rest} == {Status.ASSIGNED}
    assert {str(world.task(t).assignment.code) for t in rest} == {"move_pending"}
    world.submit(UndrainNode("n1"))
    assert {str(world.task(t).assignment.code) for t in rest} == {"assigned"}
    assert other.world is world


def test_pt_72_a_node_that_shuts_down_drains_itself() -> None:
    from coordinator.replica.sayings import NodeSaying

    world = World(1)
    one = node(world, "n1")
    node(world, "n2")
    one.say(i.NodeSaid(one.session, NodeSaying(drain=True)))
    drain = world.leader().replica.state.nodes["n1"].drain
    assert drain is not None
    assert (drain.kind, drain.by) == ("terminate", "itself")
    for number in range(5):
        world.create(f"t{number}")
    assert {world.task(f"t{n}").assignment.node for n in range(5)} == {"n2"}
    one.say(i.NodeSaid(one.session, NodeSaying(goodbye=True)))
    one.counter = 2
    one.register()  # started again: the mark was that of the life before
    assert world.leader().replica.state.nodes["n1"].drain is None


def test_finished_records_go_when_their_retention_ends() -> None:
    world = World(1)
    one = node(world, "n1")
    world.create("t1", retention_ms=2_000)
    one.listen()
    one.report("t1", "ended", outcome=RunOutcome.SUCCEEDED)
    pause(world, 1_500)
    assert world.task("t1").status is Status.SUCCEEDED
    passed = until(world, lambda: "t1" not in world.leader().replica.state.tasks, 60_000)
    assert passed <= 12_000
