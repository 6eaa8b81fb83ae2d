"""Fire times with what can be foreseen of them: when they are due, and which will be skipped (TM-13 to TM-15, TM-17, TM-25).

`next_fire` of `steps` walks them all. Here each gets its due time: later by the jitter; moved to the end of black-outs that
shift it; its own instant where it will be skipped, so that due times rise as fire times do.
"""

from __future__ import annotations

from hashlib import blake2b

from coordinator.model.instants import SECOND, Instant, Millis
from coordinator.model.schedules import Firing, Schedule, Series
from coordinator.timetable.rule_text import rule_text
from coordinator.timetable.steps import falls_into_gap, next_fire, rule_for
from coordinator.timetable.windows import moved_to
from coordinator.timetable.zones import wall_at

NONE_LEFT = Firing()


def next_firing(schedule: Schedule, task_id: str, anchor: Instant, after: Instant) -> Firing:
    """The first fire time strictly after `after` (TM-8); `Firing()` when none is left."""
    fire_at = next_fire(schedule, anchor, after)
    if fire_at is None:
        return NONE_LEFT
    return Firing(fire_at, due_at(schedule, task_id, anchor, fire_at))


def due_at(schedule: Schedule, task_id: str, anchor: Instant, fire_at: Instant) -> Instant:
    """When this fire time is due. What a black-out has moved gets no jitter: it would not be its end any more."""
    if fate_of(schedule, anchor, fire_at):
        return fire_at
    moved = moved_to(schedule.blackouts, fire_at) if schedule.blackouts else fire_at
    if moved is not None and moved > fire_at:
        return moved
    return fire_at + jitter_of(schedule.jitter_ms, task_id, fire_at)


def fate_of(schedule: Schedule, anchor: Instant, fire_at: Instant) -> str:
    """Why this fire time will be skipped, as far as that can be foreseen: `blackout`, `dst_gap`; empty: it will not.

    Of several that a black-out moves to its end only the last is not skipped, and not even that one if a fire time
    comes at that very end.
    """
    if schedule.dst_gap == "skip" and falls_into_gap(schedule, anchor, fire_at):
        return "dst_gap"
    if not schedule.blackouts:
        return ""
    moved = moved_to(schedule.blackouts, fire_at)
    if moved is None:
        return "blackout"
    if moved == fire_at or schedule.count_from != "due":  # its next one comes after its run
        return ""
    following = next_fire(schedule, anchor, fire_at)
    return "blackout" if following is not None and following <= moved else ""


def first_firing(
    schedule: Schedule, task_id: str, at: Instant, asked_at: Instant | None = None
) -> tuple[Instant, Firing]:
    """The anchor of a new series and its first fire time (TM-7, TM-17, TM-20).

    `at`: now; `asked_at`: the due time that the caller gave, if any: that is respected as it is, without jitter, and
    in the past it means now. Otherwise an interval and a rule of frequency and interval only begin at once, a cron
    expression with the first match after now, and a rule with fixed parts with its first occurrence.
    """
    if asked_at:
        fire_at = max(asked_at, at, schedule.start)
        anchor = schedule.start or (fire_at if schedule.every_ms else _whole_second(fire_at))
        if schedule.end and fire_at >= schedule.end:
            return anchor, NONE_LEFT
        return anchor, Firing(fire_at, fire_at)
    anchor = schedule.start or (at if schedule.every_ms else _whole_second(at))
    if schedule.cron:
        return anchor, next_firing(schedule, task_id, anchor, at)
    if schedule.rrule and not schedule.start and not rule_text(schedule.rrule).is_fixed:
        is_over = rule_for(schedule, anchor).last < wall_at(schedule.time_zone, anchor)
        if is_over or 0 < schedule.end <= anchor:
            return anchor, NONE_LEFT
        return anchor, Firing(anchor, due_at(schedule, task_id, anchor, anchor))
    return anchor, next_firing(schedule, task_id, anchor, at - 1)


def resumed(schedule: Schedule, task_id: str, series: Series, now: Instant) -> Firing:
    """The first one strictly after now: a paused series has no fire times (TM-9, TM-27)."""
    return next_firing(schedule, task_id, series.anchor, now)


def edited(
    schedule: Schedule, task_id: str, series: Series, now: Instant
) -> tuple[Instant, Firing]:
    """The anchor and the next fire time under an edited schedule (TM-25).

    Of an interval: the later of the last fire time + the new interval and now, and from there on in its steps; before
    the first fire time it stays as it is, or comes now if it is past and due later, for jitter or a black-out: the grid
    never begins before the edit. Of cron and rrule: the first one after now. No fire time is before `start`.
    Of an interval that counts from its runs nobody asks while there is a run: what follows that comes from `after_run`.
    """
    if not schedule.every_ms:
        anchor = schedule.start or _whole_second(now)
        return anchor, next_firing(schedule, task_id, anchor, now)
    if schedule.start > now:
        return schedule.start, next_firing(schedule, task_id, schedule.start, now)
    last = _last_fire_time(series)
    if last:
        fire_at = max(last + schedule.every_ms, now)
    elif series.next.fire_at:
        fire_at = max(series.next.fire_at, schedule.start, now)
    else:
        fire_at = now
    return fire_at, next_firing(schedule, task_id, fire_at, fire_at - 1)


def jitter_of(jitter_ms: Millis, task_id: str, fire_at: Instant) -> Millis:
    """The same on every leader and every machine (TM-13)."""
    if not jitter_ms:
        return 0
    digest = blake2b(f"{task_id}\n{fire_at}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % jitter_ms


def _whole_second(at: Instant) -> Instant:
    """Local times have no parts of a second."""
    return at - at % SECOND


def _last_fire_time(series: Series) -> Instant:
    """The newest one that has come; 0: none yet. It may still run, so its fate alone does not tell."""
    held = (series.occurrence, *series.queue)
    came = (one.fire_at for one in held if one is not None)
    return max(series.handled, series.latest, *came, 0)
