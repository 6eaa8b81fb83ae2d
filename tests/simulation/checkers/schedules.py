"""Every fire time of an enabled schedule has exactly one fate, the right one, and a run of its own if it started (G9).

From the agreed history alone: when each series was enabled, paused, edited and ended, and with which schedule. The fire
times follow from that by `fire_times`, not by what the record says of itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from coordinator.model.events import Audited, Event, Fated, RunEnded, TaskChanged
from coordinator.model.instants import Instant
from coordinator.model.schedules import Fate, Occurrence, Schedule, same_times
from coordinator.model.tasks import Desired, Task
from tests.simulation.checkers.fates import judge
from tests.simulation.checkers.fire_times import FireTime, fire_times, leeway

Expected = dict[Instant, tuple[tuple["FireTime", ...], bool]]  # as each stretch sees it; owed

WHATEVER: dict[str, Any] = {  # policies: an edit of these begins no stretch
    "misfire": "",
    "misfire_grace_ms": 0,
    "max_catch_up": 0,
    "overlap": "",
    "start_deadline_ms": 0,
    "pause_after_failures": 0,
}
AGREED = 1_000  # ms: what is due so shortly before the end may still be on its way


class Stretch(NamedTuple):
    """A time in which one schedule was in force. `anchor`: None where the phase shows with its first fire time only."""

    schedule: Schedule
    since: Instant
    until: Instant | None
    anchor: Instant | None
    is_settled: bool = True  # the leader had said what comes next before it was over
    kept_from: Instant | None = (
        None  # it began with a resume: what came since then may be next still
    )


class Figures(NamedTuple):
    """What was looked at: fire times by what became of them."""

    started: int = 0
    skipped: int = 0
    missed: int = 0

    @property
    def fire_times(self) -> int:
        return sum(self)


class Book:
    """One series from its creation to the end of its record."""

    def __init__(self, task: Task) -> None:
        self.name = task.id
        self.record: Task | None = task
        self.stretches: list[Stretch] = []
        self.fates: list[Fated] = []
        self.runs: set[int] = set()
        self.asked: set[Instant] = set()  # fire times whose run somebody waits for (TM-29)
        self.found: list[str] = []
        self._fated: list[Fated] = []  # of the change that comes next
        self._timed_at = 0  # when it got this timetable

    # -- following the history --------------------------------------------------------------------

    def changed(self, old: Task | None, new: Task | None, at: Instant, ended: set[int]) -> None:
        fated, self._fated = self._fated, []
        self.record = new
        self.found += judge(old, new, [one.fate for one in fated], at, self.runs, ended)
        self._wishes(old, new, [one.fate for one in fated], at)
        if old is None or new is None or not same_times(old.spec.schedule, new.spec.schedule):
            self._timed_at = at
        before, after = _in_force(old), _in_force(new)
        if old is not None and before is not None and before != after:
            self._close(old, at)
        if new is not None and after is not None and before != after:
            self._open(old, new, after, at)

    def fated(self, event: Fated) -> None:
        self.fates.append(event)
        self._fated.append(event)

    def run_now(self) -> None:
        """Somebody was told that it runs: if it waits for a place already, that is the run."""
        if (waiting := _without_place(self.record)) is not None:
            self.asked.add(waiting.fire_at)

    def _wishes(
        self, old: Task | None, new: Task | None, fates: Sequence[Fate], at: Instant
    ) -> None:
        """What somebody waits for is not missed, nor is what takes its place before it has one."""
        for fate in fates:
            if fate.reason == "start_deadline" and fate.first in self.asked:
                self.found.append(f"{fate} at {at}, but somebody was told that it runs")
        before, after = _without_place(old), _without_place(new)
        if before is None or after is None:
            self.asked.clear()
        elif not before.fire_at or before.fire_at in self.asked:
            self.asked.add(after.fire_at)

    def _close(self, old: Task, at: Instant) -> None:
        settled = old.series is not None and not old.series.needs
        self.stretches[-1] = self.stretches[-1]._replace(until=at, is_settled=settled)

    def _open(self, old: Task | None, new: Task, schedule: Schedule, at: Instant) -> None:
        is_new = old is None or old.series is None
        known = is_new and not (new.series is not None and new.series.anchor)
        anchor = new.spec.due_at or at if is_new and known else None
        if schedule.start and (known or schedule.start > at):
            anchor = schedule.start
        since = at - 1 if schedule.every_ms else at
        is_resume = old is not None and old.desired is Desired.PAUSED and not old.is_terminal
        kept_from = self._timed_at if is_resume else None
        self.stretches.append(Stretch(schedule, since, None, anchor, kept_from=kept_from))

    # -- at the end -------------------------------------------------------------------------------

    def objections(self, now: Instant) -> Iterator[str]:
        """`now`: the time of the leader at the end."""
        yield from (f"{self.name}: {text}" for text in (*self.found, *self._all(now)))

    def _all(self, now: Instant) -> Iterator[str]:
        singles = [at for one in self.fates if one.fate.count == 1 for at in (one.fate.first,)]
        by_runs = any(
            s.schedule.every_ms and s.schedule.count_from != "due" for s in self.stretches
        )
        if by_runs:
            yield from _twice(singles)
            return
        expected: Expected = {}
        for stretch in self.stretches:
            for time in self._came_in_a_pause(stretch):
                expected.setdefault(time.at, ((time,), False))
            for time, is_owed in self._of(stretch, now):
                known, owed = expected.get(time.at, ((), False))  # at the edit either may decide it
                expected[time.at] = ((*known, time), is_owed or owed)
        yield from self._matched(expected)
        yield from self._ranges()

    def _of(self, stretch: Stretch, now: Instant) -> Iterator[tuple[FireTime, bool]]:
        """Fire times, and whether each has to have had its fate, or be on its way, by the end."""
        schedule, until = stretch.schedule, stretch.until
        last = now if until is None else until
        anchor = self._phase(stretch, last) if stretch.anchor is None else stretch.anchor
        if anchor is None:
            return
        owed_until = last - AGREED if until is None else last
        for time in fire_times(schedule, anchor, stretch.since, last):
            yield time, stretch.is_settled and time.due_by <= owed_until

    def _came_in_a_pause(self, stretch: Stretch) -> Iterator[FireTime]:
        """Of before this resume and due after it, for jitter or a black-out: the record still had it as the next one."""
        if stretch.kept_from is None:
            return
        since = max(stretch.kept_from, stretch.since - leeway(stretch.schedule))
        near = (one.fate.first for one in self.fates if since <= one.fate.first <= stretch.since)
        times = (time for at in near for time in fire_times(stretch.schedule, at, at - 1, at))
        yield from (time for time in times if time.due_by > stretch.since)

    def _phase(self, stretch: Stretch, last: Instant) -> Instant | None:
        """Of an interval that was resumed or edited: its first fire time, which may not be late itself."""
        if not stretch.schedule.every_ms:
            return stretch.since
        times = [one.fate.first for one in self.fates if stretch.since <= one.fate.first <= last]
        times += [at for at in _pending(self.record) if stretch.since <= at <= last]
        every, before = stretch.schedule.every_ms, self._last_before(stretch.since)
        resumed = stretch.since + 1  # on a tick of its grid perhaps: then the next one is meant
        latest = max(before + every, resumed + every)
        first = min(times, default=None)
        if first is not None and (first <= latest or not before):  # an edit may leave it as it is
            return first
        if not before and first is None:
            return None  # it stays as it was, which may be long after
        return latest if stretch.is_settled and latest <= last - AGREED else None

    def _last_before(self, at: Instant) -> Instant:
        return max((one.fate.last for one in self.fates if one.fate.last < at), default=0)

    def _matched(self, expected: Expected) -> Iterator[str]:
        times, open_ = sorted(expected), set(_pending(self.record))
        had: dict[Instant, Fated] = {}
        for one in self.fates:
            fate = one.fate
            covered = [at for at in times if fate.first <= at <= fate.last]
            owed = sum(expected[at][1] for at in covered)
            if not owed <= fate.count <= len(covered) or fate.first not in expected:
                yield f"{fate} covers {len(covered)} fire times"
            for at in covered:
                if at in had:
                    yield f"{at} has two fates: {had[at].fate} and {fate}"
                had[at] = one
                yield from _foreseen(expected[at][0], one)
        for at, (_, is_owed) in expected.items():
            if is_owed and at not in had and at not in open_:
                yield f"{at} has no fate"
            if at in had and at in open_:
                yield f"{at} has a fate, and is still to come"

    def _ranges(self) -> Iterator[str]:
        """What is stored tells of each fire time once."""
        stored = {one.stored.first: one.stored for one in self.fates}
        told = sum(one.fate.count for one in self.fates)
        kept = sum(range_.count for range_ in stored.values())
        if told != kept:
            yield f"{kept} fates are stored of {told}"
        before = 0
        for first in sorted(stored):
            range_ = stored[first]
            within = [f.fate for f in self.fates if range_.first <= f.fate.first <= range_.last]
            count = sum(fate.count for fate in within)
            if range_.first <= before or count != range_.count or within[0].word != range_.word:
                yield f"stored {range_} has {count} fire times, the one before ends at {before}"
            before = range_.last


class Shelf:
    """The books of a history, opened and closed as records come and go."""

    def __init__(self) -> None:
        self.books: list[Book] = []
        self._open: dict[str, Book] = {}

    def take(self, events: tuple[Event, ...], at: Instant) -> None:
        """Those of one revision, with its stamp."""
        ended: set[int] = set()
        for event in events:
            match event:
                case RunEnded():
                    ended.add(event.allocation_id)
                case Fated():
                    self._open[event.task_id].fated(event)
                case TaskChanged(old, new):
                    self._changed(old, new, at, ended)
                case Audited(told) if told.action == "run_now" and told.answer == "ok":
                    self._run_now(told.target)
                case _:
                    pass

    def _run_now(self, name: str) -> None:
        if (book := self._open.get(name)) is not None:
            book.run_now()

    def _changed(self, old: Task | None, new: Task | None, at: Instant, ended: set[int]) -> None:
        record = new if new is not None else old
        assert record is not None
        book = self._open.get(record.id)
        if book is None and record.series is not None:
            book = self._open[record.id] = Book(record)
            self.books.append(book)
        if book is not None:
            book.changed(old, new, at, ended)
        if new is None:
            self._open.pop(record.id, None)


def books(events: Mapping[int, tuple[Event, ...]], stamps: Mapping[int, Instant]) -> list[Book]:
    """All series of this history; `stamps`: `at` by revision."""
    shelf = Shelf()
    for revision in sorted(events):
        shelf.take(events[revision], stamps[revision])
    return shelf.books


def objections(found: list[Book], now: Instant) -> Iterator[str]:
    for book in found:
        yield from book.objections(now)


def figures(found: list[Book]) -> Figures:
    counts = dict.fromkeys(("started", "skipped", "missed"), 0)
    for book in found:
        for one in book.fates:
            counts[one.fate.word.value] += one.fate.count
    return Figures(**counts)


def _in_force(task: Task | None) -> Schedule | None:
    """The schedule, if its fire times count now: when they are, whatever its policies say of what is done with them."""
    if task is None or task.is_terminal or task.desired is not Desired.RUNNING:
        return None
    schedule = task.spec.schedule if task.series is not None else None
    return schedule if schedule is None else replace(schedule, **WHATEVER)


def _without_place(task: Task | None) -> Occurrence | None:
    """The occurrence that waits for a node, or for its next attempt."""
    return task.series.occurrence if task and task.series and not task.has_node else None


def _pending(task: Task | None) -> list[Instant]:
    """Fire times that have come and have no fate yet."""
    if task is None or task.series is None:
        return []
    current = task.series.occurrence
    held = [*task.series.queue]
    if current is not None and not current.placed:
        held.append(current)
    return [one.fire_at for one in held if one.fire_at]


def _foreseen(times: tuple[FireTime, ...], one: Fated) -> list[str]:
    """What one of the stretches says against it, if none has nothing to say."""
    against = [list(_against(time, one)) for time in times]
    return against[0] if all(against) else []


def _against(time: FireTime, one: Fated) -> Iterator[str]:
    """What had to be skipped was, and nothing else for such a reason."""
    foretold = ("blackout", "dst_gap")
    if time.fate and one.fate.reason not in (time.fate, "misfire", "edited"):
        yield f"{time} has {one.fate}"
    if not time.fate and one.fate.reason in foretold:
        yield f"{time} has {one.fate}, for no reason"


def _twice(times: list[Instant]) -> Iterator[str]:
    seen: set[Instant] = set()
    for at in times:
        if at in seen:
            yield f"{at} has two fates"
        seen.add(at)
