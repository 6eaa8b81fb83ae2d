"""Scenarios of schedules, told step by step (spec reliability, sections 2.7 and 9)."""

from __future__ import annotations

import pytest

from coordinator.model.tasks import Status
from tests.simulation import schedule_runs
from tests.simulation.schedule_runs import Firing
from tests.simulation.timeline import SECOND

MINUTE = 60_000


@pytest.mark.parametrize("misfire, runs", [("all", 180), ("once", 1), ("skip", 0)])
def test_s39_after_three_hours_without_coordinators_the_policy_says_what_runs(
    misfire: str, runs: int
) -> None:
    scene = Firing(nodes=1)
    scene.series("s", every_ms=MINUTE, misfire=misfire, misfire_grace_ms=1_000)
    scene.pass_time(70)
    first = scene.task("s").series.next.fire_at  # type: ignore[union-attr]
    last = first + 179 * MINUTE
    scene.outage(180 * 60, nodes=True)
    scene.wait_for_figures(lambda _: scene.figures(first, last).fire_times == 180)
    assert scene.figures(first, last) == (runs, 0, 180 - runs)
    started = scene.figures().started
    scene.pass_time(150)
    assert scene.figures().started >= started + 2  # firing goes on
    assert scene.objections() == []


def test_s40_partitions_that_alternate_stop_the_firing_only_while_they_last() -> None:
    scene = Firing(nodes=1)
    for number in range(50):
        scene.series(f"s{number}", every_ms=40_000, misfire=("once", "all", "skip")[number % 3])
    for _ in range(3):
        leader = f"c{scene.leader().number}"
        others = [f"c{n}" for n in scene.numbers if f"c{n}" != leader]
        scene.part((leader,), (others[0],), (others[1],))  # nobody has a majority
        scene.pass_time(200)
        scene.mend()
        scene.until(scene.leader_number)
        before = scene.figures()
        scene.pass_time(200)
        assert scene.figures().started >= before.started + 200
    assert scene.objections() == []


def test_t3_a_leader_with_a_clock_an_hour_fast_fires_nothing_early_and_hands_over() -> None:
    scene = Firing(nodes=1)
    scene.series("s", every_ms=MINUTE)
    scene.pass_time(5)
    due = scene.task("s").series.next.due_at  # type: ignore[union-attr]
    old = scene.leader()
    old.clock.jump(3_600 * SECOND)
    took = scene.until(lambda: scene.leader_number() not in (0, old.number), within=15)
    assert took >= 4
    assert scene.figures().started == 1
    scene.wait_for_figures(lambda figures: figures.started == 2)
    assert -2_000 <= scene.now_at - due <= 4_000  # clocks of members are up to 2 s apart
    assert scene.leader().number != old.number
    assert scene.objections() == []


def test_t3_time_goes_on_where_every_clock_was_set_back() -> None:
    scene = Firing(nodes=1)
    scene.series("s", every_ms=20_000)
    scene.pass_time(5)
    for place in scene.coordinators.values():
        place.clock.jump(-3_600 * SECOND)
    before = scene.figures().started
    scene.pass_time(60)
    assert scene.figures().started == before + 3
    assert scene.task("s").status is Status.WAITING
    assert scene.objections() == []


def test_g9_faults_that_strike_when_fire_times_come_lose_none() -> None:
    found = schedule_runs.run(500)
    assert found.objections == []
    assert found.started + found.skipped >= 500
    assert found.leaders >= 3
