"""Scenarios of nodes, leases and reassignment, told step by step (spec reliability, section 9)."""

from __future__ import annotations

import pytest

from coordinator.model.ids import AllocationId
from coordinator.model.tasks import RunOutcome, Status
from coordinator.replica.inputs import NodeSaid
from coordinator.replica.sayings import EndedReport, NodeSaying, Report
from tests.simulation.checkers.intervals import Interval
from tests.simulation.scenario_kit import L_MS, R_MS, Scene
from tests.simulation.timeline import MS, SECOND

LATE_MS = 3_000
BEAT_MS = 600  # the last heartbeat before a death is at most so old


def place_of(scene: Scene, run: Interval) -> int:
    return int(run.node[1:]) - 1


def test_s21_tasks_of_a_killed_node_run_elsewhere_between_r_and_r_plus_3_s() -> None:
    scene = Scene()
    scene.create("t")
    first = scene.running("t")
    scene.pass_time(3)
    died = scene.timeline.now
    scene.nodes[place_of(scene, first)].kill_all(reboot=False)
    second = scene.running("t")
    assert second.node != first.node
    assert second.token > first.token
    waited = (second.begin - died) / MS
    assert R_MS - BEAT_MS <= waited <= R_MS + LATE_MS


def test_s22_a_node_cut_off_kills_its_run_within_l_and_the_next_begins_after_r() -> None:
    scene = Scene()
    scene.create("t")
    first = scene.running("t")
    scene.pass_time(3)
    cut = scene.timeline.now
    scene.cut_node(first.node)
    second = scene.running("t")
    while second is first:
        scene.pass_time(0.5)
        second = scene.running("t")
    assert first.end - cut <= L_MS * MS
    assert second.begin - cut >= (R_MS - BEAT_MS) * MS
    assert second.begin > first.end
    scene.pass_time(60 - (scene.timeline.now - cut) / SECOND)
    scene.mend()
    scene.pass_time(5)
    ended = [run for run in scene.runs("t") if run.token == first.token]
    assert len(ended) == 1
    scene.settle()


def test_s24_when_leader_and_node_die_together_only_the_tasks_of_that_node_move() -> None:
    scene = Scene(nodes=3)
    for number in range(6):
        scene.create(f"t{number}")
        scene.running(f"t{number}")
    scene.pass_time(2)
    victim = scene.nodes[0]
    before = {name: scene.running(name) for name in (f"t{n}" for n in range(6))}
    died = scene.timeline.now
    victim.kill_all(reboot=False)
    scene.leader().kill()
    scene.pass_time(R_MS / 1_000 - 0.5)
    for run in scene.intervals.all:
        assert run.begin <= died, f"{run} before the new leader had waited R"
    scene.pass_time(5)
    for name, run in before.items():
        moved = [later for later in scene.runs(name) if later.token > run.token]
        lasted = run.end - run.begin
        if run.node == victim.name:
            assert len(moved) == 1, name
        elif lasted > 2**60:
            assert moved == [], name


def test_s27_a_stopped_node_loses_its_run_and_its_late_report_is_refused() -> None:
    scene = Scene()
    scene.create("t")
    first = scene.running("t")
    scene.pass_time(3)
    node = scene.nodes[place_of(scene, first)]
    stopped = scene.timeline.now
    node.freeze(stopped + (R_MS + 10_000) * MS, workers=True)
    scene.until(lambda: scene.runs("t")[-1] is not first, within=30)
    second = scene.runs("t")[-1]
    assert first.end - stopped <= L_MS * MS
    assert second.token > first.token
    late = Report(
        99, scene.task("t").id, AllocationId(first.token), "ended", 0,
        ended=EndedReport(RunOutcome.SUCCEEDED),
    )  # fmt: skip
    leading = scene.leading()
    sessions = leading.replica.leading
    assert sessions is not None
    for session in sessions.bench.view.connected.values():
        leading.pump.feed(NodeSaid(session, NodeSaying(reports=(late,))))
    scene.pass_time(1)
    assert scene.task("t").status in (Status.RUNNING, Status.ASSIGNED)


@pytest.mark.parametrize("where", ["container", "restored", "elsewhere"])
def test_n6_a_double_that_cannot_see_the_run_does_not_prove_it_dead(where: str) -> None:
    scene = Scene(nodes=1)
    scene.create("t")
    first = scene.running("t")
    scene.pass_time(2)
    place = scene.nodes[0]
    agent = place.agent
    assert agent is not None
    agent.session.broken_off()
    double = place.double(where)
    double.boot_up()
    scene.pass_time(3)
    assert scene.runs("t") == [first]
    double.kill_all(reboot=False)
    scene.pass_time(R_MS / 1_000)
    assert all(run.begin >= first.end for run in scene.runs("t")[1:])
    scene.settle()


def test_n6_a_later_boot_of_the_machine_proves_the_earlier_life_dead() -> None:
    scene = Scene(nodes=1)
    scene.create("t")
    first = scene.running("t")
    scene.pass_time(2)
    died = scene.timeline.now
    scene.nodes[0].kill_all(reboot=True)
    scene.nodes[0].boot_up()
    scene.until(lambda: scene.runs("t")[-1] is not first, within=R_MS / 1_000)
    assert scene.runs("t")[-1].begin - died < (R_MS - BEAT_MS) * MS


def test_s30_a_deposed_leader_proposes_nothing() -> None:
    scene = Scene(nodes=2)
    for number in range(8):
        scene.create(f"t{number}")
    old = scene.leading()
    others = tuple(n for n in scene.numbers if n != old.number)
    scene.part((old.name,), tuple(f"c{n}" for n in others))
    scene.until(lambda: not old.replica.raft.is_leader)
    last, waits = old.replica.raft.last_index, len(old.tickets)
    scene.pass_time(10)
    assert old.replica.leading is None
    assert (old.replica.raft.last_index, len(old.tickets)) == (last, waits)


def test_s31_a_drained_node_hands_over_before_its_task_starts_elsewhere() -> None:
    scene = Scene()
    scene.create("t", "sim.slow-stop")
    first = scene.running("t")
    scene.pass_time(0.5)
    agent = scene.nodes[place_of(scene, first)].agent
    assert agent is not None
    agent.shut_down()
    scene.until(lambda: scene.runs("t")[-1] is not first, within=40)
    second = scene.runs("t")[-1]
    assert first.end <= second.begin
    assert second.node != first.node


def test_s35_wall_clocks_that_jump_back_an_hour_are_not_noticed() -> None:
    scene = Scene()
    scene.create("t")
    run = scene.running("t")
    term = scene.leading().replica.term
    for clock in [*(c.clock for c in scene.coordinators.values()), *(n.clock for n in scene.nodes)]:
        clock.jump(-3_600 * SECOND)
    before = scene.leading().replica.state.at
    scene.pass_time(10)
    assert scene.leading().replica.term == term
    scene.create("after", "sim.quick", paused=True)
    assert scene.leading().replica.state.at >= before
    assert [one.token for one in scene.runs("t")] == [run.token]
