"""Commands about recurring tasks. Only the leader evaluates timetables: what it found is in the command (TM-5).

Apart from `commands.py`, which gives them out again, for its length's sake only; the same rules hold.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from coordinator.model.ids import TaskId
from coordinator.model.instants import Instant
from coordinator.model.schedules import Fate, Firing, Occurrence
from coordinator.model.tasks import Assignment


class FireSchedule(msgspec.Struct, frozen=True, array_like=True, tag=50, gc=False):
    """The fire times of a series from `handled` up to, not including, `next` get what becomes of them.

    `fates`: of those that do not start, in order. `start` and then `catch_up` do, one after the other; `late`: no
    leader was there in time, so overlap is no reason to skip them (TM-10). Refused (`choice_stale`) unless `handled`
    is the record's next fire time and the schedule that of `edited`. `assignment` is the leader's choice for what
    starts at once. With `extra` it is not a fire time but the record's extra run that is due.
    """

    task_id: TaskId
    edited: int
    handled: Instant
    next: Firing
    fates: tuple[Fate, ...] = ()
    start: Occurrence | None = None
    catch_up: tuple[Occurrence, ...] = ()
    late: bool = False
    extra: bool = False
    assignment: Assignment | None = None


class TimeSeries(msgspec.Struct, frozen=True, array_like=True, tag=51, gc=False):
    """What comes next of a series that is new, was resumed or edited at `since`; refused if that changed again."""

    task_id: TaskId
    edited: int
    since: Instant
    anchor: Instant
    next: Firing


class MissOccurrence(msgspec.Struct, frozen=True, array_like=True, tag=52, gc=False):
    """The occurrence of this fire time found no place before its start deadline (TM-11)."""

    task_id: TaskId
    fire_at: Instant


class RunNow(msgspec.Struct, frozen=True, array_like=True, tag=53, gc=False):
    """Run once as soon as there is room, whatever the timetable says (TM-29). `queue`, `replace`: if it runs already."""

    task_id: TaskId
    queue: bool = False
    replace: bool = False
    if_revision: int = 0
    reason: str = ""
    assignment: Assignment | None = None  # the leader's choice for a run that begins at once


TimetableWord: TypeAlias = FireSchedule | TimeSeries  # what only a leader can say
SeriesCommand: TypeAlias = FireSchedule | TimeSeries | MissOccurrence | RunNow
