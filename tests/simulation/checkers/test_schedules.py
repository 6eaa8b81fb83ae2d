"""Leaders that say the wrong things of a series have to be convicted, and one that says the right ones not."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from coordinator.machine.commands import (
    Command,
    FireSchedule,
    TimeSeries,
    UpdateTask,
)
from coordinator.model.events import Event, Fated
from coordinator.model.ids import TaskId
from coordinator.model.schedules import Blackout, Fate, FateWord, Firing, Occurrence, Schedule
from coordinator.model.tasks import Assignment, Policy, RunOutcome, TaskSpec
from tests.simulation.checkers import schedules
from tests.simulation.checkers.fire_times import fire_times
from tests.unit.machine import kit
from tests.unit.machine.kit import AT, create, join, on

EVERY = 10_000
T = TaskId("t")
STARTED, SKIPPED, MISSED = FateWord.STARTED, FateWord.SKIPPED, FateWord.MISSED


class Leader(kit.World):
    """It decides what the test tells it to, about fire times `nth(0)`, `nth(1)`, ..., and keeps the history."""

    def __init__(self, **schedule: Any) -> None:
        super().__init__()
        self.events: dict[int, tuple[Event, ...]] = {}
        self.stamps: dict[int, int] = {}
        self.schedule = Schedule(**{"every_ms": EVERY, **schedule})
        self.enter(join())
        self.enter(create(spec=TaskSpec(schedule=self.schedule), assignment=Assignment()))
        self.time(AT)

    def enter(self, command: Command) -> None:
        self.accept(command)
        self.note()

    def note(self) -> None:
        self.events[self.state.revision] = tuple(self.state.take_events())
        self.stamps[self.state.revision] = self.at

    def time(self, next_at: int) -> None:
        task = self.task()
        assert task.series is not None
        firing = Firing(next_at, next_at)
        self.enter(TimeSeries(T, task.edited_revision, task.series.since, AT, firing))

    def fire(self, n: int, *, after: int = 0, following: int = 1, **more: Any) -> None:
        """The n-th starts on n1, `after` ms late; the one that comes next is `following` steps on."""
        at = AT + n * EVERY
        self.at = at + after
        start = Occurrence("schedule", at, at)
        given = {"start": start, "assignment": on(), **more}
        following_at = at + following * EVERY
        firing = Firing(following_at, following_at)
        self.enter(FireSchedule(T, self.task().edited_revision, at, firing, **given))

    def succeed(self) -> None:
        self.end("t", RunOutcome.SUCCEEDED)
        self.note()

    def run(self, first: int, last: int) -> None:
        for n in range(first, last + 1):
            self.fire(n)
            self.succeed()

    def objections(self, seconds: int = 0) -> list[str]:
        books = schedules.books(self.events, self.stamps)
        return list(schedules.objections(books, self.at + 1_000 * seconds))


def fate(word: FateWord, reason: str, first: int, last: int) -> Fate:
    return Fate(word, reason, AT + first * EVERY, AT + last * EVERY, last - first + 1)


def test_a_series_that_runs_at_each_of_its_times_is_believed() -> None:
    leader = Leader()
    leader.run(0, 3)
    assert leader.objections() == []
    books = schedules.books(leader.events, leader.stamps)
    assert schedules.figures(books) == (4, 0, 0)


def test_a_fire_time_without_a_fate_is_missing() -> None:
    leader = Leader()
    leader.run(0, 1)
    leader.fire(2, following=2)
    leader.succeed()
    leader.run(4, 5)
    assert any("1030000 has no fate" in one for one in leader.objections())


def test_the_last_fire_times_are_missing_when_the_leader_has_stopped_firing() -> None:
    leader = Leader()
    leader.run(0, 1)
    assert leader.objections(seconds=9) == []
    assert any("1020000 has no fate" in one for one in leader.objections(seconds=12))


def test_a_fire_time_has_one_fate() -> None:
    leader = Leader()
    leader.run(0, 2)
    revision, events = next((r, e) for r, e in leader.events.items() if _fated(e))
    leader.events[revision] = (
        *events[:1],
        *(e for e in events if isinstance(e, Fated)),
        *events[1:],
    )
    assert any("two fates" in one for one in leader.objections())


def test_nothing_comes_before_its_time() -> None:
    leader = Leader()
    leader.run(0, 1)
    leader.fire(2, after=-40)
    assert any("early" in one for one in leader.objections())


def test_what_is_no_fire_time_has_no_fate() -> None:
    leader = Leader()
    leader.fire(0, following=1)
    leader.succeed()
    at = AT + EVERY + 500
    leader.at = at
    fates = (Fate(SKIPPED, "overlap", at, at),)
    next_at = Firing(AT + 2 * EVERY, AT + 2 * EVERY)
    leader.enter(FireSchedule(T, leader.task().edited_revision, AT + EVERY, next_at, fates))
    assert any("covers 0 fire times" in one for one in leader.objections())


def test_overlap_is_no_reason_where_nothing_runs() -> None:
    leader = Leader()
    leader.run(0, 0)
    leader.fire(1, start=None, assignment=None, fates=(fate(SKIPPED, "overlap", 1, 1),))
    assert any("for no reason" in one for one in leader.objections())


def test_overlap_is_a_reason_where_the_one_before_runs() -> None:
    leader = Leader()
    leader.fire(0)
    leader.fire(1)
    leader.succeed()
    assert leader.objections() == []
    assert schedules.figures(schedules.books(leader.events, leader.stamps)).skipped == 1


@pytest.mark.parametrize("overlap", ["queue_one", "replace"])
def test_what_is_to_be_held_or_to_replace_is_not_skipped(overlap: str) -> None:
    leader = Leader(overlap=overlap)
    leader.fire(0)
    leader.fire(1, start=None, assignment=None, fates=(fate(SKIPPED, "overlap", 1, 1),))
    assert any("for no reason" in one for one in leader.objections())


@pytest.mark.parametrize("overlap", ["queue_one", "replace"])
def test_behind_one_that_is_held_or_for_a_newer_one_it_is_skipped(overlap: str) -> None:
    leader = Leader(overlap=overlap)
    for n in range(3):
        leader.fire(n)
    assert leader.objections() == []
    assert schedules.figures(schedules.books(leader.events, leader.stamps)).skipped == 1


@pytest.mark.parametrize("word", [SKIPPED, MISSED])
def test_a_fate_has_a_reason_that_is_known(word: FateWord) -> None:
    leader = Leader()
    leader.run(0, 0)
    leader.fire(1, start=None, assignment=None, fates=(fate(word, "a whim", 1, 1),))
    assert any("for no reason" in one for one in leader.objections())


@pytest.mark.parametrize("misfire", ["once", "all"])
def test_of_those_that_are_late_the_newest_start(misfire: str) -> None:
    leader = Leader(misfire=misfire, max_catch_up=1)
    leader.run(0, 0)
    oldest = AT + EVERY
    start, fates = Occurrence("schedule", oldest, oldest), (fate(MISSED, "misfire", 2, 20),)
    leader.fire(1, after=195_000, following=28, start=start, fates=fates, late=True)
    assert any("the newest ones start" in one for one in leader.objections())


def _two_outages(most: int) -> Leader:
    """Of ten times that are late the newest three start, and while the first of them still runs ten more are late."""
    leader = Leader(misfire="all", max_catch_up=most)
    for first in (0, 10):
        at = [AT + (first + n) * EVERY for n in range(7, 10)]
        start, *further = (Occurrence("schedule", one, one) for one in at)
        fates = (fate(MISSED, "misfire", first, first + 6),)
        more = {"start": start, "catch_up": tuple(further), "fates": fates, "late": True}
        leader.fire(first, after=95_000, following=10, **more)
    return leader


def test_what_an_outage_left_makes_room_for_what_the_next_one_left() -> None:
    leader = _two_outages(3)
    told = [e.fate for es in leader.events.values() for e in es if isinstance(e, Fated)]
    assert sum(one.count for one in told if one.reason == "misfire") == 7 + 7 + 2
    assert leader.objections() == []


def test_where_there_is_room_what_is_held_back_is_not_given_up() -> None:
    leader = _two_outages(1_000)
    given_up = fate(MISSED, "misfire", 8, 8)
    dropped = Fated(T, leader.task().executor, given_up, given_up)
    leader.events[leader.state.revision] = (dropped, *leader.events[leader.state.revision])
    assert any("of 1000 that may be held back 5 are" in one for one in leader.objections())


def test_a_misfire_is_late() -> None:
    leader = Leader()
    leader.run(0, 0)
    leader.fire(1, after=30_000, start=None, fates=(fate(MISSED, "misfire", 1, 1),))
    assert any("nothing was late" in one for one in leader.objections())


@pytest.mark.parametrize(
    "misfire, starts, objection",
    [
        ("once", 0, "misfire=once starts one"),
        ("all", 1, "misfire=all starts 1000"),
        ("skip", 1, "too late for misfire=skip"),
        ("once", 1, ""),
        ("skip", 0, ""),
    ],
)
def test_after_an_outage_the_policy_says_what_starts(
    misfire: str, starts: int, objection: str
) -> None:
    leader = Leader(misfire=misfire)
    leader.run(0, 0)
    newest = AT + 20 * EVERY
    start = Occurrence("schedule", newest, newest) if starts else None
    fates = (fate(MISSED, "misfire", 1, 19 if starts else 20),)
    at = {"after": 270_000} if misfire == "skip" else {"after": 195_000}
    leader.fire(1, following=28, start=start, fates=fates, late=True, **at)
    found = [one for one in leader.objections() if "has no fate" not in one]
    assert (objection in found[0]) if objection else found == []


def test_ranges_that_are_stored_tell_of_each_fire_time_once() -> None:
    leader = Leader()
    leader.run(0, 3)
    for revision, events in leader.events.items():
        told = [_stored_longer(event) for event in events]
        leader.events[revision] = tuple(told)
    assert any("stored" in one for one in leader.objections())


def test_an_edited_interval_goes_on_from_the_last_fire_time() -> None:
    leader = Leader()
    leader.run(0, 1)
    leader.at += 4_000
    spec = TaskSpec(schedule=replace(leader.schedule, every_ms=7_000))
    leader.enter(UpdateTask(T, leader.task().edited_revision, spec=spec, policy=Policy()))
    leader.time(AT + EVERY + 7_000)
    leader.at = AT + EVERY + 7_000
    assert leader.objections() == []
    assert any("has no fate" in one for one in leader.objections(seconds=20))


@pytest.mark.parametrize("kept", [True, False])
def test_what_came_before_an_edit_is_no_fire_time_of_the_new_interval(kept: bool) -> None:
    """The first one waits for its jitter; an older leader took it as the beginning of the new grid (seeds 129, 1787)."""
    leader = Leader(jitter_ms=9_000)
    leader.at = AT + 5_000
    spec = TaskSpec(schedule=replace(leader.schedule, every_ms=1_000))
    leader.enter(UpdateTask(T, leader.task().edited_revision, spec=spec, policy=Policy()))
    first = AT if kept else leader.at
    leader.time(first)
    late = (Fate(MISSED, "misfire", first, AT + 4_000, 5),) if kept else ()
    start = Occurrence("schedule", AT + 5_000, AT + 5_000)
    firing = Firing(AT + 6_000, AT + 6_000)
    edited = leader.task().edited_revision
    leader.enter(FireSchedule(T, edited, first, firing, late, start=start, assignment=on()))
    assert bool(leader.objections()) is kept


def test_what_came_before_an_edit_is_judged_by_the_schedule_it_came_under() -> None:
    """Skipped for a black-out there was; the new schedule has none, and might still have it due."""
    black_out = Blackout(first=(3 * 24 * 60 + 17) % 10_080, last=(3 * 24 * 60 + 18) % 10_080)
    leader = Leader(blackouts=(black_out,))
    leader.run(0, 1)
    skipped = (fate(SKIPPED, "blackout", 2, 2),)
    leader.fire(2, start=None, assignment=None, fates=skipped)
    leader.at = AT + 2 * EVERY + 9
    spec = TaskSpec(schedule=replace(leader.schedule, blackouts=(), jitter_ms=400))
    leader.enter(UpdateTask(T, leader.task().edited_revision, spec=spec, policy=Policy()))
    leader.time(AT + 3 * EVERY)
    assert leader.objections() == []


def test_what_was_skipped_before_an_edit_may_be_shifted_into_what_comes_after() -> None:
    minute = (3 * 24 * 60 + 17) % 10_080
    black_out = Blackout(first=minute, last=minute + 1, then="skip")
    for reason, is_believed in (("blackout", True), ("dst_gap", False)):
        leader = Leader(every_ms=0, cron="*/10 * * * * *", blackouts=(black_out,))
        leader.run(0, 1)
        leader.fire(2, start=None, assignment=None, fates=(fate(SKIPPED, reason, 2, 2),))
        leader.at += 5_000
        shifted = (replace(black_out, then="shift"),)
        hourly = replace(leader.schedule, cron="0 17 * * * *", blackouts=shifted)
        spec = TaskSpec(schedule=hourly)
        leader.enter(UpdateTask(T, leader.task().edited_revision, spec=spec, policy=Policy()))
        against = [one for one in leader.objections(1) if f"reason='{reason}'" in one]
        assert (against == []) is is_believed


def test_who_comes_with_late_ones_is_caught_up_with_too_and_alone_gives_way() -> None:
    missed = (fate(MISSED, "start_deadline", 1, 4),)
    for n, fates in ((5, missed), (1, ())):
        leader = Leader(misfire="all", start_deadline_ms=200)
        leader.fire(0)
        held = Occurrence("schedule", AT + n * EVERY, AT + n * EVERY)
        late = {"after": (n - 1) * EVERY, "following": n, "fates": fates, "late": True}
        leader.fire(1, start=held, assignment=None, **late)
        found = leader.objections()
        assert any("comes over another" in one for one in found) is not bool(fates), found


def test_what_a_blackout_covers_is_skipped_for_it_and_nothing_else() -> None:
    blackout = Blackout(first=(3 * 24 * 60 + 17) % 10_080, last=(3 * 24 * 60 + 18) % 10_080)
    times = fire_times(Schedule(every_ms=EVERY, blackouts=(blackout,)), AT, AT - 1, AT + 90_000)
    assert [one.at for one in times if one.fate] == [AT + n * EVERY for n in range(2, 8)]
    leader = Leader(blackouts=(blackout,))
    leader.run(0, 2)
    assert any("blackout" in one for one in leader.objections())


def _fated(events: tuple[Event, ...]) -> bool:
    return any(isinstance(event, Fated) for event in events)


def _stored_longer(event: Event) -> Event:
    if not isinstance(event, Fated):
        return event
    return replace(event, stored=replace(event.stored, count=event.stored.count + 1))
