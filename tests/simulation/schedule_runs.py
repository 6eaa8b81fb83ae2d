"""Series under faults that strike when fire times come: outages, changes of leader, clocks, for as many fire times as asked.

`scripts/simulate --schedules N` lets N of them come one by one, and those of outages besides, in worlds one after the
other, and prints what became of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from coordinator.model.events import Fated
from coordinator.model.ids import TaskId
from coordinator.model.schedules import Schedule
from coordinator.model.tasks import TaskSpec
from coordinator.replica.inputs import Create
from tests.simulation.checkers import schedules
from tests.simulation.checkers.schedules import Figures
from tests.simulation.dice import Dice
from tests.simulation.scenario_kit import Scene
from tests.simulation.timeline import MS, SECOND
from tests.simulation.timetables import ZONES

MISFIRES, OVERLAPS = ("once", "all", "skip"), ("skip", "queue_one", "replace")
NEAR = 50 * MS  # of a fire time: so close to it the leader dies
SERIES = 40
BURST = 60.0  # seconds of faults, and then of peace
STRIKES = ("kill", "kill", "kill", "clock", "clock", "freeze", "part", "outage", "none")


class Firing(Scene):
    """A scene with series, and the law on what becomes of their fire times."""

    def __init__(self, seed: int = 1, nodes: int = 3, **dials: int) -> None:
        super().__init__(nodes=nodes, seed=seed, **dials)
        self.leaders = 0
        self._last_leader = (0, 0)

    def series(self, name: str, executor: str = "sim.quick", **schedule: Any) -> None:
        self.until(lambda: executor in self.leading().replica.state.manifests, within=60)
        spec = TaskSpec(schedule=Schedule(**schedule))
        told = self.ask(Create(TaskId(name), executor, b"{}", spec))
        self.wait_for(told)

    def books(self) -> list[schedules.Book]:
        laws = self.laws.state
        return schedules.books(laws.events, laws.stamps)

    def objections(self) -> list[str]:
        """What does not hold by now."""
        return list(schedules.objections(self.books(), self.leading().replica.state.at))

    def figures(self, first: int = 0, last: int = 2**62) -> Figures:
        """Of the fire times from `first` to `last`."""
        counts = dict.fromkeys(Figures._fields, 0)
        for events in self.laws.state.events.values():
            for event in events:
                if (
                    isinstance(event, Fated)
                    and first <= event.fate.first <= event.fate.last <= last
                ):
                    counts[event.fate.word.value] += event.fate.count
        return Figures(**counts)

    def wait_for_figures(self, wanted: Callable[[Figures], bool], within: float = 400) -> None:
        """Looks once a second."""
        ends = self.now + within
        while not wanted(self.figures()):
            assert self.now < ends, f"{self.figures()} after {within} s"
            self.pass_time(1)

    def outage(self, seconds: float, *, nodes: bool = False) -> None:
        """All coordinators are down, and the nodes too, or these wait."""
        for place in self.coordinators.values():
            place.kill()
        for node in self.nodes if nodes else ():
            node.kill_all(reboot=False)
            self.timeline.after(round(seconds * SECOND), f"{node.name} up again", node.boot_up)
        self.pass_time(seconds)
        for place in self.coordinators.values():
            place.start()
        self.until(self.leader_number, within=60)

    def count_leaders(self) -> None:
        number = self.leader_number()
        if number and (term := self.life(number).replica.term) != self._last_leader[1]:
            self._last_leader = (number, term)
            self.leaders += 1

    def next_fire_in(self) -> int:
        """Microseconds until the next fire time is due by the leader's clock; 0 without a leader."""
        number = self.leader_number()
        leading = self.life(number).replica.leading if number else None
        nxt = leading.bench.state.next_fire() if leading is not None else None
        if leading is None or nxt is None:
            return 0
        now = self.coordinators[number].clock.read()
        return max(0, leading.bench.view.steady_of(nxt, now) - now.steady) * MS


@dataclass
class Count:
    """Of several worlds."""

    started: int = 0
    skipped: int = 0
    missed: int = 0
    leaders: int = 0
    strikes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STRIKES, 0))
    objections: list[str] = field(default_factory=list)

    @property
    def fire_times(self) -> int:
        return self.started + self.skipped + self.missed

    def told(self, seconds: float) -> str:
        missing = sum("has no fate" in one for one in self.objections)
        doubled = sum("two fates" in one for one in self.objections)
        strikes = "  ".join(f"{name} {count}" for name, count in self.strikes.items())
        return (
            f"{self.fire_times} fire times: {self.started} started, {self.skipped} skipped, {self.missed} missed; "
            f"{missing} missing, {doubled} doubled, {len(self.objections)} objections; "
            f"{self.leaders} leaders in {seconds:.0f} s\nstrikes: {strikes}"
        )


def run(fire_times: int, seed: int = 1) -> Count:
    """Worlds until so many fire times have started a run or given way to one; those of outages come on top."""
    found = Count()
    while found.started + found.skipped < fire_times and not found.objections:
        _one(found, seed)
        seed += 1
    return found


def _one(found: Count, seed: int) -> None:
    dice = Dice(seed, "schedules")
    scene = Firing(seed, era=seed % 7)
    for number in range(SERIES):
        scene.series(f"s{number}", **_schedule(dice, number))
    ends = scene.now + BURST
    while scene.now < ends:
        kind = dice.pick(STRIKES)
        found.strikes[kind] += 1
        _strike(scene, kind, dice)
    scene.mend()
    for place in scene.coordinators.values():
        place.start()
    scene.pass_time(10)
    scene.count_leaders()
    figures = scene.figures()
    found.started += figures.started
    found.skipped += figures.skipped
    found.missed += figures.missed
    found.leaders += scene.leaders
    found.objections += [f"seed {seed}: {one}" for one in scene.objections()]


def _schedule(dice: Dice, number: int) -> dict[str, Any]:
    given: dict[str, Any] = {
        "misfire": MISFIRES[number % 3],
        "overlap": OVERLAPS[number // 3 % 3],
        "misfire_grace_ms": dice.pick((0, 1_000, -1)),
        "max_catch_up": dice.pick((3, 1_000)),
    }
    if number % 4 == 0:
        given["cron"] = dice.pick(("*/2 * * * * *", "* * * * *", "*/3 * 1-3 * * *", "0 * * * * *"))
        given["time_zone"] = dice.pick(ZONES)
    else:
        given["every_ms"] = dice.pick((1_000, 1_000, 2_000, 3_000))
    return given


def _strike(scene: Firing, kind: str, dice: Dice) -> None:
    """One fault, the next fire time being no further away than `NEAR`."""
    scene.until(scene.leader_number, within=60)
    scene.count_leaders()
    near = dice.between(-NEAR, NEAR)
    scene.pass_time(max(0, scene.next_fire_in() + near) / SECOND)
    number = scene.leader_number() or 1
    place, length = scene.coordinators[number], dice.between(0, 4_000) / 1_000
    match kind:
        case "kill":
            place.kill(keep_flight=dice.percent(50))
            scene.pass_time(length)
            place.start()
        case "clock":
            ahead = dice.pick((-3_600, 3_600, -20, 20, -4, 4)) * SECOND
            place.clock.jump(ahead)
            scene.pass_time(length)
            if dice.percent(85):  # what a majority of clocks skips is missed by the thousand
                place.clock.jump(-ahead)
        case "freeze" if place.life is not None:
            place.life.frozen_until = scene.timeline.now + round(3 * length * SECOND)
            scene.pass_time(length)
        case "part":
            others = tuple(f"c{n}" for n in scene.numbers if n != number)
            scene.part((f"c{number}",), others)
            scene.pass_time(length)
            scene.mend()
        case "outage":
            scene.outage(dice.pick((1, 5, 30)))
        case _:
            scene.pass_time(length)


def main(fire_times: int, seed: int) -> int:
    """Exit status 1 if any fire time has not what it should have."""
    began = time.monotonic()
    found = run(fire_times, seed)
    print(found.told(time.monotonic() - began))
    for one in found.objections[:20]:
        print(one)
    return 1 if found.objections else 0
