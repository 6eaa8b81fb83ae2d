"""Scenarios of consensus and storage, told step by step (spec reliability, section 9)."""

from __future__ import annotations

from copy import deepcopy

import pytest

from coordinator.consensus.messages import RequestVote
from coordinator.machine.outcome import Accepted
from coordinator.model.ids import TaskId
from coordinator.model.tasks import TaskSpec
from coordinator.replica.inputs import Create, FromPeer
from tests.simulation.dials import Dials
from tests.simulation.dice import Dice
from tests.simulation.disk import Disk
from tests.simulation.member import MemberLife
from tests.simulation.scenario_kit import Scene, Told
from tests.simulation.timeline import SECOND
from tests.simulation.world import World


def wish(name: str) -> Create:
    return Create(TaskId(name), "sim.quick", b"{}", TaskSpec(), paused=True)


def test_s01_leaders_killed_again_and_again_lose_nothing() -> None:
    scene = Scene(clients=5, seconds=60)
    gaps = []
    for _ in range(12):
        leader = scene.leader()
        leader.kill()
        gaps.append(scene.until(scene.leader_number))
        leader.start()
        scene.pass_time(5)
    scene.settle()
    assert scene.tally["answer/ok"] > 200
    assert sorted(gaps)[-1] < 3


def test_s02_a_minority_acknowledges_nothing_and_its_leader_steps_down() -> None:
    scene = Scene(members=5, nodes=1)
    scene.create("before", "sim.quick", paused=True)
    old = scene.leader()
    minority = (old.number, *[n for n in scene.numbers if n != old.number][:1])
    majority = tuple(n for n in scene.numbers if n not in minority)
    scene.part(tuple(f"c{n}" for n in minority), tuple(f"c{n}" for n in majority))
    life = scene.life(old.number)
    lost = scene.ask(wish("lost"), at=old.number)
    took = scene.until(lambda: not life.replica.raft.is_leader)
    assert took < 2 * 2 * 0.95 + 0.1  # two election time-outs at their longest
    assert scene.wait_for(lost).failure == "outcome_unknown"
    scene.until(lambda: scene.leader_number() in majority)
    assert isinstance(scene.wait_for(scene.ask(wish("kept"))).outcome, Accepted)
    scene.mend()
    scene.settle()
    assert TaskId("lost") not in scene.leading().replica.state.tasks
    assert TaskId("kept") in scene.leading().replica.state.tasks


def test_s03_in_a_ring_there_is_one_leader_per_term_and_work_goes_on() -> None:
    scene = Scene(members=5, nodes=1)
    scene.create("before", "sim.quick", paused=True)
    order = [scene.leader().number, *[n for n in scene.numbers if n != scene.leader_number()]]
    for at, number in enumerate(order):
        far = [order[(at + 2) % 5], order[(at + 3) % 5]]
        scene.network.cut((f"c{number}", f"c{other}") for other in far)
    term = scene.leading().replica.term
    done = 0
    for _ in range(60):
        told = scene.ask(wish(f"t{scene.timeline.step}"))
        scene.pass_time(1)
        done += isinstance(getattr(told.effect, "outcomes", (None,))[0], Accepted)
    assert scene.leading().replica.term - term < 3
    assert done >= 50
    scene.mend()
    scene.settle()


def test_s04_a_follower_that_cannot_hear_disturbs_nobody() -> None:
    scene = Scene(nodes=1)
    scene.create("before", "sim.quick", paused=True)
    leader, term = scene.leader().number, scene.leading().replica.term
    deaf = next(n for n in scene.numbers if n != leader)
    scene.network.cut((f"c{n}", f"c{deaf}") for n in scene.numbers if n != deaf)
    scene.pass_time(20)
    assert (scene.leader().number, scene.leading().replica.term) == (leader, term)
    scene.mend()
    scene.pass_time(3)
    assert (scene.leader().number, scene.leading().replica.term) == (leader, term)
    assert scene.life(deaf).replica.leader_id == leader


@pytest.mark.parametrize("seed", range(3))
def test_s05_old_and_repeated_appends_truncate_nothing(seed: int) -> None:
    faults = {**Dials().faults, "duplicate": 100, "delay": 100, "loss": 40}
    World(seed, Dials(clients=3, seconds=40, faults=faults)).run()


def test_s07_a_vote_is_kept_over_a_restart_within_the_term() -> None:
    scene = Scene(nodes=0)
    leader = scene.leader().number
    voter = next(n for n in scene.numbers if n != leader)
    other = next(n for n in scene.numbers if n not in (leader, voter))
    term = scene.life(leader).replica.term
    scene.pass_time(0.2)
    scene.coordinators[voter].kill()
    scene.coordinators[voter].start()
    life = scene.life(voter)
    assert life.replica.term == term
    asks = RequestVote(other, voter, term, 10**6, 10**6, False, True)
    life.pump.feed(FromPeer((asks,)))
    scene.pass_time(0.05)
    assert life.replica.raft.core.vote == leader
    assert (voter, term) in scene.laws.consensus._votes
    assert scene.laws.consensus._votes[voter, term] == leader


def test_s08_of_four_voters_split_two_and_two_neither_side_leads() -> None:
    scene = Scene(members=4, nodes=0)
    leader = scene.leader().number
    mate = next(n for n in scene.numbers if n != leader)
    others = tuple(f"c{n}" for n in scene.numbers if n not in (leader, mate))
    scene.part((f"c{leader}", f"c{mate}"), others)
    scene.until(lambda: not scene.leader_number())
    for _ in range(40):
        scene.pass_time(0.5)
        assert not scene.leader_number()
    scene.mend()
    scene.until(scene.leader_number)


def test_d5_an_acknowledgement_counts_that_arrives_after_its_disk_has_rotted() -> None:
    """The follower had the entry when it said so, and nobody hears from it again: what is left has it at the leader."""
    scene = Scene(nodes=1)
    scene.create("before", "sim.quick", paused=True)
    leader = scene.leader().number
    rotten, cut_off = (n for n in scene.numbers if n != leader)
    scene.part((f"c{cut_off}",), (f"c{leader}", f"c{rotten}"))
    scene.network.clog((f"c{rotten}", f"c{leader}"), scene.timeline.now + SECOND // 2)
    place, life = scene.coordinators[rotten], scene.life(rotten)
    told = scene.ask(wish("kept"))
    index = scene.leading().replica.raft.core.log.last_index() + 1
    scene.until(lambda: (leader, index) == acknowledged(life), within=0.4)
    place.kill()
    assert place.disk.rot(dice_that_lose_the_last_entry(place.disk)) == "the last entry"
    scene.laws.rotten(place)
    place.start()
    assert place.gone == "damaged"
    assert isinstance(scene.wait_for(told, within=1).outcome, Accepted)
    assert scene.leader().number == leader
    scene.mend()
    scene.until(lambda: TaskId("kept") in scene.life(cut_off).replica.state.tasks)
    scene.settle()


def acknowledged(life: MemberLife) -> tuple[int, int]:
    """To whom this member acknowledged an entry last, and which."""
    ((to, (said, _)),) = life.replica._road._acknowledged.items()
    return to, said.match_index if said is not None else 0


def dice_that_lose_the_last_entry(disk: Disk) -> Dice:
    return next(
        Dice(n, "rot")
        for n in range(1_000)
        if deepcopy(disk).rot(Dice(n, "rot")) == "the last entry"
    )


def test_s12_a_leader_with_a_full_disk_refuses_and_hands_over_and_works_again() -> None:
    scene = Scene(nodes=1)
    scene.create("before", "sim.quick", paused=True)
    full = scene.leader()
    full.full_until = scene.timeline.now + 30 * SECOND
    scene.ask(wish("stuck"))
    scene.until(lambda: scene.leader_number() not in (0, full.number), within=5)
    refused = scene.wait_for(scene.ask(wish("refused"), at=full.number))
    assert refused.failure in ("disk_full", "not_leader")
    assert isinstance(scene.wait_for(scene.ask(wish("elsewhere"))).outcome, Accepted)
    life = scene.life(full.number)
    scene.pass_time(32)
    assert scene.coordinators[full.number].life is life
    scene.settle()


def test_s13_a_slow_disk_does_not_slow_the_fast_majority() -> None:
    scene = Scene(nodes=1)
    scene.create("before", "sim.quick", paused=True)
    slow = next(n for n in scene.numbers if n != scene.leader().number)
    scene.coordinators[slow].slow_until = scene.timeline.now + 60 * SECOND
    for number in range(10):
        told = scene.ask(wish(f"t{number}"))
        assert scene.until(lambda told=told: told.effect is not None) < 0.1  # type: ignore[misc]
        assert isinstance(told.outcome, Accepted)


def test_s36_a_call_repeated_elsewhere_after_its_commit_gets_the_same_task() -> None:
    scene = Scene(nodes=1)
    scene.create("before", "sim.quick", paused=True)
    first: Told = scene.wait_for(scene.ask(wish("once"), request_id="r1"))
    scene.leader().kill()
    scene.until(scene.leader_number)
    again = scene.wait_for(scene.ask(wish("once"), request_id="r1"))
    assert isinstance(first.outcome, Accepted)
    assert isinstance(again.outcome, Accepted)
    assert again.outcome.allocation_id == first.outcome.allocation_id
    assert again.outcome.created
