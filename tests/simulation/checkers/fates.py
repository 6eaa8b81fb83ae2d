"""Whether what a record does with its fire times in one step is allowed: not early, not over another run, not for nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from coordinator.model.instants import Instant
from coordinator.model.schedules import Fate, FateWord, Occurrence, Schedule
from coordinator.model.tasks import Desired, Status, Task

GRACE = 60_000  # the setting `schedule.misfire_grace`


def judge(
    old: Task | None,
    new: Task | None,
    fates: Sequence[Fate],
    at: Instant,
    runs: set[int],
    ended: set[int],
) -> Iterator[str]:
    """`at`: the stamp; `runs`: allocations that fire times have had, grows; `ended`: runs that ended in this entry."""
    came = _came(old, new)
    if old is not None and new is not None:
        late = sum(fate.count for fate in fates if fate.reason in ("misfire", "start_deadline"))
        yield from _coming(old, new, came, late, at)
        yield from _misfires(old, new, fates, came, at)
    for fate in fates:
        match fate.word:
            case FateWord.STARTED:
                yield from _started(old, new, fate, at, runs, ended)
            case FateWord.SKIPPED:
                yield from _skipped(old, new, fate)
            case FateWord.MISSED if fate.reason == "start_deadline":
                schedule = _schedule(old)
                if schedule is None or not 0 < schedule.start_deadline_ms <= at - fate.last:
                    yield f"{fate} at {at}, before any deadline"
            case FateWord.MISSED if fate.reason != "misfire":
                yield f"{fate} at {at}, for no reason"


def under_way(task: Task | None) -> bool:
    """An occurrence is pending, runs, or waits for its next attempt."""
    if task is None or task.is_terminal:
        return False
    waits_again = task.status is Status.WAITING and bool(task.wake_at)
    return waits_again or task.status in (
        Status.UNASSIGNED,
        Status.ASSIGNED,
        Status.RUNNING,
        Status.STOPPING,
    )


def _schedule(task: Task | None) -> Schedule | None:
    return task.spec.schedule if task is not None else None


def _grace(schedule: Schedule) -> int:
    return schedule.misfire_grace_ms if schedule.misfire_grace_ms >= 0 else GRACE


def _held(task: Task | None) -> list[Occurrence]:
    if task is None or task.series is None:
        return []
    current = task.series.occurrence
    return [*([] if current is None else [current]), *task.series.queue]


def _came(old: Task | None, new: Task | None) -> list[Occurrence]:
    """Occurrences of fire times that this step has brought."""
    known = {one.fire_at for one in _held(old)}
    return [one for one in _held(new) if one.fire_at and one.fire_at not in known]


def _coming(old: Task, new: Task, came: list[Occurrence], late: int, at: Instant) -> Iterator[str]:
    """`late`: others that were decided in this step because it is late. Who comes with them is caught up with as well."""
    schedule = _schedule(old)
    if schedule is None or new.series is None:
        return
    grace = _grace(schedule)
    for one in came:
        if at < one.due_at or one.due_at < one.fire_at:
            yield f"{one} comes at {at}: early"
        if schedule.misfire == "skip" and at > one.due_at + grace:
            yield f"{one} comes at {at}: too late for misfire=skip"
        is_late = at > one.due_at + grace or len(came) + late > 1
        if schedule.misfire == "all" and is_late:
            continue
        if schedule.overlap == "skip" and under_way(old):
            yield f"{one} comes over another: {old.status}"
        if schedule.overlap == "queue_one" and sum(bool(o.fire_at) for o in new.series.queue) > 1:
            yield f"{one} is held beside another"


def _misfires(
    old: Task, new: Task, fates: Sequence[Fate], came: list[Occurrence], at: Instant
) -> Iterator[str]:
    missed = [fate for fate in fates if fate.reason == "misfire"]
    schedule = _schedule(old)
    if not missed or schedule is None:
        return
    grace = _grace(schedule)
    if at <= min(fate.first for fate in fates) + grace:
        yield f"{missed[0]} at {at}: nothing was late"
    others = sum(fate.count for fate in fates if fate.reason != "misfire")
    if schedule.misfire == "once" and len(came) + others == 0:
        yield f"{missed} at {at}: misfire=once starts one"
    if schedule.misfire == "all":
        yield from _caught_up(old, new, missed, len(came) + others, at)
    if came and min(one.fire_at for one in came) <= max(fate.last for fate in missed):
        yield f"{missed} at {at}: the newest ones start, not {came[0]}"


def _caught_up(
    old: Task, new: Task, missed: Sequence[Fate], others: int, at: Instant
) -> Iterator[str]:
    """Of the new ones `max_catch_up` begin; those held back of an outage before make room for them only where it is full."""
    most = new.spec.schedule.max_catch_up if new.spec.schedule is not None else 0
    before = {one.fire_at for one in _held(old)}
    held = sum(bool(one.fire_at) for one in new.series.queue) if new.series is not None else 0
    if any(fate.first not in before for fate in missed) and others < most:
        yield f"{missed} at {at}: misfire=all starts {most}"
    if any(fate.first in before for fate in missed) and held < most:
        yield f"{missed} at {at}: of {most} that may be held back {held} are"


def _started(
    old: Task | None,
    new: Task | None,
    fate: Fate,
    at: Instant,
    runs: set[int],
    ended: set[int],
) -> Iterator[str]:
    if new is None or not new.has_node or fate.count != 1:
        yield f"{fate} at {at}, but nothing was placed"
        return
    if at < fate.first:
        yield f"{fate} at {at}: early"
    if new.allocation_id in runs:
        yield f"{fate} has no run of its own: {new.allocation_id}"
    runs.add(new.allocation_id)
    if old is not None and old.has_node and old.allocation_id not in ended:
        yield f"{fate} at {at}: run {old.allocation_id} is not over"


def _skipped(old: Task | None, new: Task | None, fate: Fate) -> Iterator[str]:
    match fate.reason:
        case "overlap":
            holds = _gives_way(old, fate)
        case "paused":
            holds = new is not None and new.desired is Desired.PAUSED
        case "cancelled" | "ended":
            holds = new is None or new.is_terminal or new.desired is Desired.CANCELLED
        case "edited":
            holds = new is None or new.spec.schedule is None
        case _:  # black-outs and gaps: the fire times themselves tell
            holds = fate.reason in ("blackout", "dst_gap")
    if not holds:
        status = f"{old.status} -> {new.status}" if old and new else "gone"
        yield f"{fate} for no reason: {status}"


def _gives_way(old: Task | None, fate: Fate) -> bool:
    """Whether by its policy this one is dropped where another is under way: the new one, the second, or the old one."""
    schedule = _schedule(old)
    if schedule is None or not under_way(old):
        return False
    held = [one.fire_at for one in _held(old) if one.fire_at]
    if schedule.overlap == "replace":
        return fate.first in held
    queued = old.series.queue if old is not None and old.series is not None else ()
    return schedule.overlap == "skip" or any(one.fire_at for one in queued)
