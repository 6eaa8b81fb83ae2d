"""The words of the stories for recurring tasks: what the leader found in a timetable, and what callers ask.

Instants are `+5s` from now, `-5s` before it, or `90s` since the story began.
"""

from __future__ import annotations

from coordinator.machine import commands as c
from coordinator.model.ids import Incarnation, NodeName, TaskId
from coordinator.model.schedules import Fate, FateWord, Firing, Occurrence, Series
from coordinator.model.tasks import Assignment, Code
from tests.stories.wishes import WishTeller
from tests.stories.words import Words

NO_SERIES = Series(0)


class SeriesTeller(WishTeller):
    """Reads lines against a state, which fills in what they leave out."""

    def _time(self, w: Words) -> c.TimeSeries:
        """`time t1 next=30s anchor=0s`: what the leader says to a series that needs it."""
        task_id, series = TaskId(w.names[0]), self._series(w)
        since = self.instant(w.pairs["since"]) if "since" in w.pairs else series.since
        anchor = self.instant(w.pairs["anchor"]) if "anchor" in w.pairs else series.anchor
        return c.TimeSeries(task_id, self._edited(w), since, anchor, self._next(w))

    def _fire(self, w: Words) -> c.FireSchedule:
        """`fire t1 fates=missed:misfire:30s:60s:2 start=90s catch=120s next=150s late`.

        `start` alone is the fire time handled. `extra`: the extra run that is due, which moves nothing.
        """
        late, extra = w.flag("late"), w.flag("extra")
        series = self._series(w)
        handled = series.extra_at if extra else series.next.fire_at
        if "handled" in w.pairs:
            handled = self.instant(w.pairs["handled"])
        return c.FireSchedule(
            TaskId(w.names[0]),
            self._edited(w),
            handled,
            series.next if extra else self._next(w),
            tuple(self._fate(one) for one in self._list(w, "fates")),
            self._start_of(w, series, extra=extra),
            tuple(self._held(one) for one in self._list(w, "catch")),
            late,
            extra,
            self._place_of(w),
        )

    def _miss(self, w: Words) -> c.MissOccurrence:
        occurrence = self._series(w).occurrence
        fire_at = occurrence.fire_at if occurrence is not None else 0
        if "at" in w.pairs:
            fire_at = self.instant(w.pairs["at"])
        return c.MissOccurrence(TaskId(w.names[0]), fire_at)

    def _run_now(self, w: Words) -> c.RunNow:
        queue, replace = w.flag("queue"), w.flag("replace")
        return c.RunNow(
            TaskId(w.names[0]), queue, replace, w.number("if_revision"), w.text("reason")
        )

    def _place_of(self, w: Words) -> Assignment | None:
        if "node" not in w.pairs:
            return None
        name = NodeName(w.pairs["node"])
        node = self.state.nodes.get(name)
        incarnation = node.incarnation if node is not None else Incarnation("none")
        return Assignment(name, incarnation, Code.ASSIGNED)

    def _series(self, w: Words) -> Series:
        task = self.state.tasks.get(TaskId(w.names[0]))
        return task.series or NO_SERIES if task is not None else NO_SERIES

    def _next(self, w: Words) -> Firing:
        if "next" not in w.pairs:
            return Firing()
        fire_at = self.instant(w.pairs["next"])
        return Firing(fire_at, self.instant(w.pairs["due"]) if "due" in w.pairs else fire_at)

    def _start_of(self, w: Words, series: Series, *, extra: bool) -> Occurrence | None:
        if w.flag("start"):
            if extra:
                return Occurrence("extra", 0, series.extra_at)
            return Occurrence("schedule", series.next.fire_at, series.next.due_at)
        return self._held(w.pairs["start"]) if "start" in w.pairs else None

    def _held(self, text: str) -> Occurrence:
        fire_at = self.instant(text)
        return Occurrence("schedule", fire_at, fire_at)

    def _fate(self, text: str) -> Fate:
        word, reason, first, last, count = text.split(":")
        return Fate(FateWord(word), reason, self.instant(first), self.instant(last), int(count))

    @staticmethod
    def _list(w: Words, key: str) -> list[str]:
        return [one for one in w.pairs.get(key, "").split(",") if one]
