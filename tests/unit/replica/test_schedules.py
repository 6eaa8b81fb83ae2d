"""Series under a leader, three replicas and a node: each fire time has one fate, whoever leads (TM-5 to TM-12, G9)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from coordinator.duties import due, firing
from coordinator.machine.commands import (
    CancelTask,
    ChangeTasks,
    Command,
    FireSchedule,
    PauseTask,
    ResumeTask,
    RunNow,
    TimeSeries,
)
from coordinator.model.events import Fated
from coordinator.model.ids import TaskId
from coordinator.model.instants import HOUR, MINUTE, Now
from coordinator.model.schedules import Blackout, Fate, FateWord, Firing, Schedule
from coordinator.model.tasks import Code, RunOutcome, Status
from coordinator.model.windows import FIRST_MONDAY
from coordinator.replica import effects as e
from tests.unit.replica.kit import node, pause, until
from tests.unit.replica.world import FakeNode, World

EVERY = 5_000


class Clockwork:
    """A world with one series `s` and a node that ends each run it is given after `lasts_ms`."""

    def __init__(self, members: int = 3, lasts_ms: int = 0, **schedule: object) -> None:
        self.world = World(members)
        self.node: FakeNode = node(self.world, "n1")
        self.lasts_ms = lasts_ms
        self.outcome = RunOutcome.SUCCEEDED
        self.begun: dict[int, int] = {}  # allocation id -> when the node took it
        self.fates: dict[int, Fated] = {}
        self.seen: set[int] = set()
        timetable = Schedule(**{"every_ms": EVERY, **schedule})  # type: ignore[arg-type]
        self.world.create("s", schedule=timetable)

    @property
    def now(self) -> int:
        return self.world.now.wall

    def run(self, ms: int) -> None:
        for _ in range(ms // 250):
            pause(self.world, 250)
            self.work()

    def work(self) -> None:
        """What the node does with what it is wanted to run."""
        if self.world.leader().replica.state.nodes:
            self.node.listen()
        for task_id, wanted in list(self.node.wanted.items()):
            taken = self.begun.setdefault(wanted.allocation_id, self.now)
            if taken == self.now:
                self.node.report(task_id, "started", wanted.allocation_id)
            elif self.now - taken >= self.lasts_ms:
                self.node.report(task_id, "ended", wanted.allocation_id, outcome=self.outcome)
        self.note()

    def note(self) -> None:
        for member in self.world.members.values():
            for effect in member.out:
                if isinstance(effect, e.Applied) and effect.revision not in self.seen:
                    self.seen.add(effect.revision)
                    self.follow(effect)
            member.out.clear()

    def follow(self, effect: e.Applied) -> None:
        for event in effect.events:
            if isinstance(event, Fated):
                self.fated(event)

    def fated(self, event: Fated) -> None:
        for at in times_of(event.fate):
            assert at not in self.fates, f"{at} has a fate already"
            self.fates[at] = event

    def words(self) -> list[FateWord]:
        return [self.fates[at].fate.word for at in sorted(self.fates)]

    def assert_whole(self) -> None:
        """No fire time is missing between the first and the last that have a fate."""
        found = sorted(self.fates)
        assert found == list(range(found[0], found[-1] + 1, EVERY))


def times_of(fate: Fate) -> Iterator[int]:
    step = (fate.last - fate.first) // (fate.count - 1) if fate.count > 1 else 1
    return iter(range(fate.first, fate.last + 1, step))


def test_a_series_runs_at_each_of_its_times() -> None:
    clock = Clockwork(1)
    clock.run(30_000)
    assert clock.words()[:6] == [FateWord.STARTED] * 6
    clock.assert_whole()
    until(clock.world, lambda: clock.world.task("s").has_node)
    until(clock.world, lambda: clock.work() or not clock.world.task("s").has_node)
    task = clock.world.task("s")
    assert (task.status, task.assignment.code) == (Status.WAITING, Code.NOT_DUE)
    assert task.due_at == task.series.next.due_at == max(clock.fates) + EVERY


def test_overlap_is_skipped_and_said_so() -> None:
    clock = Clockwork(1, lasts_ms=12_000)
    clock.run(60_000)
    clock.assert_whole()
    reasons = {fate.fate.reason for fate in clock.fates.values()}
    assert reasons == {"", "overlap"}
    assert clock.words()[:4] == [
        FateWord.STARTED,
        FateWord.SKIPPED,
        FateWord.SKIPPED,
        FateWord.STARTED,
    ]


def test_tm_a49_a_change_of_leader_neither_loses_nor_doubles_a_fire_time() -> None:
    clock = Clockwork(3)
    clock.run(20_000)
    for _ in range(4):
        until(clock.world, lambda: clock.world.task("s").series.next.due_at - clock.now <= 50)
        leader = clock.world.leader().number
        clock.note()
        clock.world.crash(leader)
        until(clock.world, lambda: any(m.replica.is_leader for m in clock.world.members.values()))
        clock.world.start(leader)
        clock.node.counter += 1
        clock.node.register(old_is_dead=True)
        clock.run(15_000)
    clock.run(20_000)
    clock.assert_whole()
    assert set(clock.words()) <= {FateWord.STARTED, FateWord.SKIPPED}


def test_tm_10_late_times_of_an_outage_have_their_fates() -> None:
    clock = Clockwork(1, misfire="once", misfire_grace_ms=1_000)
    clock.run(12_000)
    clock.world.crash(1)
    for _ in range(60_000 // 50):
        clock.world.run(50)
    clock.world.start(1)
    until(clock.world, lambda: any(m.replica.is_leader for m in clock.world.members.values()))
    clock.node.counter += 1
    clock.node.register(old_is_dead=True)
    clock.run(12_000)
    clock.assert_whole()
    missed = [at for at, fate in clock.fates.items() if fate.fate.word is FateWord.MISSED]
    assert 9 <= len(missed) <= 12


def test_t3_a_wish_under_a_wrong_clock_keeps_no_places_of_series_that_do_not_fire() -> None:
    clock = Clockwork(1)
    clock.run(1_000)
    leading = clock.world.leader().replica.leading
    assert leading is not None
    bench, now = leading.bench, leading.bench.now
    taken = bench.view.load.runs(clock.node.name)
    bench.is_skewed, bench.now = True, Now(now.steady + EVERY, now.wall + EVERY)
    leading.fire(frozenset({TaskId("other")}))
    assert (bench.view.load.runs(clock.node.name), len(leading.proposals)) == (taken, 0)
    leading.fire(frozenset({TaskId("s")}))
    assert (bench.view.load.runs(clock.node.name), len(leading.proposals)) == (taken + 1, 1)


def test_g8_tasks_that_come_due_with_many_others_are_placed_by_a_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(due, "LOOKS", 1)
    clock = Clockwork(1, lasts_ms=EVERY)
    for other in ("t", "u"):
        clock.world.create(other, due_at=clock.now + 2_000)
    clock.run(1_500)
    begun = len(clock.begun)
    clock.run(1_000)
    assert len(clock.begun) == begun + 2


def test_tm_a46_a_resumed_series_runs_once_at_once() -> None:
    clock = Clockwork(1)
    clock.run(7_000)
    world = clock.world
    world.outcomes(world.submit(PauseTask(TaskId("s"), finish=True)))
    clock.run(30_000)
    before = len(clock.begun)
    fates = len(clock.fates)
    world.outcomes(world.submit(ResumeTask(TaskId("s"))))
    clock.run(1_000)
    assert (len(clock.begun), len(clock.fates)) == (before + 1, fates)
    clock.run(12_000)
    assert len(clock.fates) >= fates + 2


def test_tm_a45_run_now_leaves_the_next_time_alone() -> None:
    clock = Clockwork(1)
    clock.run(7_000)
    world = clock.world
    following = world.task("s").series.next
    world.outcomes(world.submit(RunNow(TaskId("s"))))
    clock.run(1_000)
    task = world.task("s")
    assert task.series.next == following
    assert task.last_outcome.outcome is RunOutcome.SUCCEEDED
    world.outcomes(world.submit(PauseTask(TaskId("s"))))
    world.outcomes(world.submit(RunNow(TaskId("s"))))
    runs = len(clock.begun)
    clock.run(12_000)
    assert len(clock.begun) == runs + 1
    assert world.task("s").status is Status.PAUSED


def test_an_occurrence_that_finds_no_place_is_missed_at_its_deadline() -> None:
    clock = Clockwork(1, start_deadline_ms=1_000)
    clock.run(3_000)
    clock.node.close()
    clock.world.run(20_000)
    until(clock.world, lambda: not clock.world.leader().replica.state.on_node, ms=60_000)
    for _ in range(40):
        clock.world.run(250)
        clock.note()
    assert "start_deadline" in {fate.fate.reason for fate in clock.fates.values()}
    clock.assert_whole()


def test_tm_15_a_retry_inside_a_blackout_moves_to_its_end() -> None:
    begun = World(1).now.wall
    opens = (begun - FIRST_MONDAY) // MINUTE % (7 * 24 * 60) + 1
    closed = Blackout(opens, opens + 120)
    clock = Clockwork(1, lasts_ms=10**9, every_ms=5 * HOUR, blackouts=(closed,))
    clock.run(3_000)
    (allocation,) = clock.begun
    failed = {"outcome": RunOutcome.FAILED, "retry_in_ms": 90_000}
    clock.node.report("s", "ended", allocation, **failed)
    until(clock.world, lambda: not clock.world.task("s").has_node)
    task = clock.world.task("s")
    assert task.assignment.code is Code.BACKOFF
    assert task.wake_at == begun - begun % MINUTE + 121 * MINUTE


@pytest.mark.parametrize(
    "wish",
    [
        PauseTask(TaskId("s")),
        CancelTask(TaskId("s")),
        ChangeTasks((PauseTask(TaskId("s")), PauseTask(TaskId("other")))),
    ],
)
def test_g9_a_wish_takes_none_of_several_fire_times_away_that_are_not_late_yet(
    wish: Command,
) -> None:
    """The leader's machine slept for less than the grace, and the first it hears is that wish."""
    clock = Clockwork(1, lasts_ms=2_000)
    clock.run(11_000)
    world = clock.world
    world.create("other", due_at=clock.now + HOUR)
    slept = 4 * EVERY
    world.now = Now(world.now.steady + slept, world.now.wall + slept)
    woke = clock.now
    world.outcomes(world.submit(wish))
    clock.run(6_000)
    clock.assert_whole()
    assert woke - EVERY < max(clock.fates) <= woke
    assert clock.words().count(FateWord.SKIPPED) >= 3


def test_g9_wishes_wait_where_deciding_all_they_take_away_takes_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are for many series, and the leader's machine slept: the first ones have most that is due."""
    world = World(1)
    node(world, "n1")
    for name in ("a", "s"):
        world.create(name, schedule=Schedule(every_ms=EVERY))
    pause(world, 11_000)
    monkeypatch.setattr(firing, "EFFORT_ASKED", 2)
    slept = 4 * EVERY
    world.now = Now(world.now.steady + slept, world.now.wall + slept)
    woke = world.now.wall
    world.outcomes(world.submit(PauseTask(TaskId("s")), PauseTask(TaskId("a"))))
    last = {name: world.task(name).series.latest for name in ("a", "s")}
    assert all(woke - EVERY < one <= woke for one in last.values())


def test_g9_what_comes_while_a_wish_waits_for_the_disk_is_decided_before_it() -> None:
    """An entry is under way for long, and by the stamp of the next one several fire times have come."""
    clock = Clockwork(1, lasts_ms=2_000)
    clock.run(11_000)
    leading = clock.world.leader().replica.leading
    assert leading is not None
    proposals, at = leading.proposals, leading.bench.at
    told: list[Command] = []
    leading._add = lambda item, then: told.append(item.command)  # type: ignore[method-assign]
    proposals.before_entry({TaskId("s"): None, TaskId("gone"): None}, at + 4 * EVERY)
    fires = [one for one in told if isinstance(one, FireSchedule)]
    assert [one.next.fire_at - one.handled for one in fires] == [EVERY] * 4
    told.clear()
    proposals.before_entry({TaskId("s"): fires[1]}, at + 4 * EVERY)
    assert told == fires[2:]


def test_g9_a_series_that_is_new_and_edited_at_once_has_had_its_fire_times_before() -> None:
    """Nobody has said yet when it fires first, and the edit is stamped long after it was made."""
    clock = Clockwork(1)
    world = clock.world
    leading = world.leader().replica.leading
    assert leading is not None
    task = world.task("s")
    series = replace(task.series, needs="first", next=Firing(), anchor=0)
    leading.bench.state.put_task(replace(task, series=series))
    told: list[Command] = []
    leading._add = lambda item, then: told.append(item.command)  # type: ignore[method-assign]
    stamp = series.since + 2 * EVERY
    leading.proposals.before_entry({TaskId("s"): None}, stamp)
    first, *fires = told
    assert isinstance(first, TimeSeries)
    assert [one.handled for one in fires if isinstance(one, FireSchedule)] == [
        series.since,
        series.since + EVERY,
        stamp,
    ]
    told.clear()
    leading.proposals.before_entry({TaskId("s"): first}, stamp)
    assert told == fires


def test_tm_5_while_an_entry_is_under_way_only_what_is_asked_about_is_decided() -> None:
    """The turn that brings it decides all that has come by then, for one entry; no alarm is needed for it."""
    clock = Clockwork(1)
    clock.run(1_000)
    leading = clock.world.leader().replica.leading
    assert leading is not None
    bench, now, proposals = leading.bench, leading.bench.now, leading.proposals
    bench.now = Now(now.steady + EVERY, now.wall + EVERY)
    proposals._under_way = {10**9: None}  # type: ignore[dict-item]
    leading.fire()
    assert (len(proposals), leading.next_alarm()) == (0, 0)
    leading.fire(frozenset({TaskId("other")}))
    assert len(proposals) == 0
    proposals._under_way = {}
    assert leading.next_alarm() == bench.now.steady
    proposals._under_way = {10**9: None}  # type: ignore[dict-item]
    leading.fire(frozenset({TaskId("s")}))
    assert len(proposals) == 1
