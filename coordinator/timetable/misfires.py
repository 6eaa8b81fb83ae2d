"""What the leader proposes when the next fire time of a series is due: on time, or too late (TM-8 to TM-12).

On time, within the grace, it is one fire time that is handled. Too late, because no leader or quorum was there, it is all
those that have become due since: `once` starts the newest of them, `all` the newest `max_catch_up` one after the other,
`skip` none but the newest, and that one only if it is itself within the grace. The rest is missed, or skipped for the
reasons that every fire time may be. Afterwards the next fire time is not due yet.

A walk is cut off after `limit` stretches, each of them one fire time or as many as can be counted at once. Then those that may still turn out to be among the newest are
left to the next turn, so that `once` starts one and not one a turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from coordinator.model.instants import Instant, Millis
from coordinator.model.schedules import Fate, FateWord, Firing, Occurrence, Schedule, Series
from coordinator.timetable.firing import due_at, fate_of, next_firing
from coordinator.timetable.stretches import Stretch, Walk, next_alone, walk
from coordinator.timetable.windows import moved_to

WALK_MAX = 500
FURTHER = 10  # times as far goes a walk that could not decide anything


class Plan(NamedTuple):
    """The fire times from `handled` up to, not including, `next`: `fates` of those that do not start, in order.

    `start` runs now, then `catch_up` one after the other. With neither fates nor start, `next` is the same fire time, due
    later: a black-out has moved it. `stretches`: how many were looked at, which is what it cost.
    """

    handled: Instant
    fates: tuple[Fate, ...]
    start: Occurrence | None
    catch_up: tuple[Occurrence, ...]
    next: Firing
    stretches: int = 1


def plan(
    schedule: Schedule,
    task_id: str,
    series: Series,
    now: Instant,
    grace_ms: Millis,
    limit: int = WALK_MAX,
) -> Plan | None:
    """None while nothing is due. `grace_ms`: how late is late, resolved from schedule and setting."""
    firing = series.next
    if not 0 < firing.due_at <= now:
        return None
    moved = _moved(schedule, series, now)
    if moved is not None:
        return Plan(firing.fire_at, (), None, (), moved)
    at = _At(schedule, task_id, series, now, grace_ms)
    if now <= firing.due_at + grace_ms:
        return _settled(at, next_alone(schedule, task_id, series), 1)
    keep = schedule.max_catch_up if schedule.misfire == "all" else 1
    found = walk(schedule, task_id, series, now, limit)
    looked = len(found.stretches)
    for reach in (limit * FURTHER, 0):
        if not 0 < found.next.due_at <= now:
            break
        decided = _before_newest(at, found, keep)
        if decided is not None:
            return _settled(at, decided, 0)._replace(stretches=looked)
        found = walk(schedule, task_id, series, now, reach) if reach else found
        looked += len(found.stretches) if reach else 0
    return _settled(at, found, keep)._replace(stretches=looked)


class _At(NamedTuple):
    schedule: Schedule
    task_id: str
    series: Series
    now: Instant
    grace_ms: Millis

    def due_at(self, fire_at: Instant) -> Instant:
        if fire_at == self.series.next.fire_at:
            return self.series.next.due_at
        return due_at(self.schedule, self.task_id, self.series.anchor, fire_at)

    def objection(self, due: Instant) -> str:
        """Why an occurrence that was to start does not: it is too late for it."""
        if 0 < self.schedule.start_deadline_ms < self.now - due:
            return "start_deadline"
        is_late = self.now > due + self.grace_ms
        return "misfire" if self.schedule.misfire == "skip" and is_late else ""


def _moved(schedule: Schedule, series: Series, now: Instant) -> Firing | None:
    """A time that no timetable knew (the caller's own, or after a run) may lie in a black-out that moves it."""
    fire_at = series.next.fire_at
    if not schedule.blackouts or fate_of(schedule, series.anchor, fire_at):
        return None
    moved = moved_to(schedule.blackouts, fire_at)
    return Firing(fire_at, moved) if moved is not None and moved > now else None


def _before_newest(at: _At, found: Walk, keep: int) -> Walk | None:
    """What is decided though the walk was cut off: all before the newest `keep` that may start. None: nothing is."""
    left, stretches = keep, list(found.stretches)
    cut: Instant | None = None
    for place in reversed(range(len(stretches))):
        stretch = stretches[place]
        if stretch.fate or not left:
            continue
        taken = min(stretch.fires, left)
        left -= taken
        cut = stretch.newest(taken)[0]
        rest = stretch.without_newest(taken)
        stretches[place:] = [] if rest is None else [rest]
    if cut is None:
        return found
    return Walk(tuple(stretches), Firing(cut, at.due_at(cut))) if stretches else None


def _settled(at: _At, found: Walk, keep: int) -> Plan:
    """The newest `keep` that may start do; each of the others gets its fate."""
    fates: list[Fate | Occurrence] = []
    for stretch in reversed(found.stretches):
        if stretch.fate:
            fates.append(_fate(FateWord.SKIPPED, stretch.fate, stretch))
            continue
        taken = min(stretch.fires, keep)
        keep -= taken
        fates += [_begun(at, fire_at) for fire_at in reversed(stretch.newest(taken))]
        rest = stretch.without_newest(taken)
        if rest is not None:
            fates.append(_fate(FateWord.MISSED, "misfire", rest))
    fates.reverse()
    starting = [one for one in fates if isinstance(one, Occurrence)]
    start = starting[0] if starting else None
    following = found.next if start is not None else _without_run(at, found.next)
    return Plan(at.series.next.fire_at, _joined(fates), start, tuple(starting[1:]), following)


def _without_run(at: _At, following: Firing) -> Firing:
    """An interval that counts from its runs, and had none: on in its steps from the fire time that did not start."""
    if at.schedule.count_from == "due":
        return following
    return next_firing(at.schedule, at.task_id, at.series.next.fire_at, at.now)


def _begun(at: _At, fire_at: Instant) -> Fate | Occurrence:
    due = at.due_at(fire_at)
    objection = at.objection(due)
    if objection:
        return Fate(FateWord.MISSED, objection, fire_at, fire_at)
    return Occurrence("schedule", fire_at, due)


def _fate(word: FateWord, reason: str, of: Stretch) -> Fate:
    return Fate(word, reason, of.first, of.last, of.fires)


def _joined(of: Sequence[Fate | Occurrence]) -> tuple[Fate, ...]:
    """Neighbours of one fate as one range; an occurrence that starts stands between neighbours (TM-9)."""
    found: list[Fate] = []
    before: Fate | Occurrence | None = None
    for one in of:
        if isinstance(one, Fate):
            if isinstance(before, Fate) and (before.word, before.reason) == (one.word, one.reason):
                joined = Fate(
                    one.word, one.reason, before.first, one.last, before.count + one.count
                )
                found[-1] = before = joined
                continue
            found.append(one)
        before = one
    return tuple(found)
