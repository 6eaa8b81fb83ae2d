"""The words of the stories for what callers wish of one task."""

from __future__ import annotations

from typing import Any

from coordinator.machine import commands as c
from coordinator.model.ids import AllocationId, TaskId
from coordinator.model.schedules import Schedule
from coordinator.model.settings import duration_ms
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Policy, TaskSpec
from tests.stories.words import BEGINNING, Words

SPEC_NUMBERS = ("priority", "cost", "max_attempts")
SPEC_TIMES = ("timeout", "cancel_grace", "retention", "reset_after")
SPEC_WORDS = ("on_lost", "isolation")
SCHEDULE_WORDS = {"cron": "cron", "overlap": "overlap", "misfire": "misfire", "from": "count_from"}
SCHEDULE_TIMES = {"every": "every_ms", "deadline": "start_deadline_ms"}


class WishTeller:
    """Reads lines against a state, which fills in what they leave out."""

    def __init__(self, state: ClusterState, at: int) -> None:
        self.state = state
        self.at = at

    def millis(self, text: str) -> int:
        return duration_ms(text)

    def instant(self, text: str) -> int:
        """`+5s` from now, `-5s` before it, or `5s` since the story began."""
        if text[0] not in "+-":
            return BEGINNING + self.millis(text)
        return self.at + (1 if text[0] == "+" else -1) * self.millis(text[1:])

    def schedule(self, w: Words) -> Schedule | None:
        """The timetable that the line names; None if it names none."""
        found: dict[str, Any] = {
            field: w.pairs[word] for word, field in SCHEDULE_WORDS.items() if word in w.pairs
        }
        found |= {
            field: self.millis(w.pairs[word])
            for word, field in SCHEDULE_TIMES.items()
            if word in w.pairs
        }
        if "end" in w.pairs:
            found["end"] = self.instant(w.pairs["end"])
        if "pause_after" in w.pairs:
            found["pause_after_failures"] = w.number("pause_after")
        return Schedule(**found) if found else None

    def _cancel(self, w: Words) -> c.CancelTask:
        purge, finished_only = w.flag("purge"), w.flag("finished-only")
        return c.CancelTask(
            TaskId(w.names[0]),
            purge,
            finished_only,
            w.number("if_revision"),
            self._grace(w),
            w.text("reason"),
        )

    def _unassign(self, w: Words) -> c.UnassignTask:
        task_id = TaskId(w.names[0])
        return c.UnassignTask(
            task_id, self._allocation(w, task_id), w.number("if_revision"), w.text("reason")
        )

    def _remove(self, w: Words) -> c.RemoveTask:
        task = self.state.tasks.get(TaskId(w.names[0]))
        revision = task.revision if task is not None else 0
        return c.RemoveTask(TaskId(w.names[0]), w.number("revision", revision))

    def _update(self, w: Words) -> c.UpdateTask:
        restart, clear = w.flag("restart"), w.flag("clear-state")
        spec, policy = self._asked(w)
        changes_spec = spec != TaskSpec()
        return c.UpdateTask(
            TaskId(w.names[0]),
            self._edited(w),
            w.pairs["params"].encode() if "params" in w.pairs else None,
            w.number("version", 1),
            spec if changes_spec else None,
            policy if changes_spec else None,
            restart,
            clear or "state" in w.pairs,
            w.pairs["state"].encode() if "state" in w.pairs else None,
            1,
            w.number("if_revision"),
            w.text("reason"),
        )

    def _pause(self, w: Words) -> c.PauseTask:
        finish = w.flag("finish")
        return c.PauseTask(
            TaskId(w.names[0]),
            finish,
            w.number("if_revision"),
            w.text("reason"),
            self.instant(w.pairs["until"]) if "until" in w.pairs else 0,
        )

    def _resume(self, w: Words) -> c.ResumeTask:
        ended = self.instant(w.pairs["ended"]) if "ended" in w.pairs else 0  # of that pause alone
        no_catch_up = w.flag("no-catch-up")
        return c.ResumeTask(TaskId(w.names[0]), w.number("if_revision"), ended, no_catch_up)

    def _retry(self, w: Words) -> c.RetryTask:
        again = w.flag("again")
        params = w.pairs["params"].encode() if "params" in w.pairs else None
        return c.RetryTask(
            TaskId(w.names[0]),
            again,
            self._edited(w),
            params,
            w.number("version", 1),
            Policy() if params is not None else None,
            w.number("if_revision"),
        )

    def _cancel_run(self, w: Words) -> c.CancelRun:
        rerun = w.flag("rerun")
        return c.CancelRun(
            TaskId(w.names[0]),
            AllocationId(w.number("allocation")),
            rerun,
            w.number("if_revision"),
            self._grace(w),
            w.text("reason"),
        )

    def _together(self, w: Words) -> c.ChangeTasks:
        """`together pause:t1:reason~x cancel:t2`: each in its own words, with a colon for a blank and ~ for =."""
        lines = [Words(one.replace(":", " ").replace("~", "=")) for one in w.names]
        verbs = {"run-now": "_run_now"}
        read = [getattr(self, verbs.get(one.verb, f"_{one.verb}")) for one in lines]
        return c.ChangeTasks(tuple(how(one) for how, one in zip(read, lines, strict=True)))

    # -- what is left out -----------------------------------------------------------------------

    def _grace(self, w: Words) -> int:
        return self.millis(w.pairs["grace"]) if "grace" in w.pairs else -1

    def _edited(self, w: Words) -> int:
        task = self.state.tasks.get(TaskId(w.names[0]))
        return w.number("edited", task.edited_revision if task is not None else 0)

    def _allocation(self, w: Words, task_id: TaskId) -> AllocationId:
        task = self.state.tasks.get(task_id)
        return AllocationId(w.number("allocation", task.allocation_id if task is not None else 0))

    def _asked(self, w: Words) -> tuple[TaskSpec, Policy]:
        spec: dict[str, Any] = {key: w.number(key) for key in SPEC_NUMBERS if key in w.pairs}
        spec |= {key: w.pairs[key] for key in SPEC_WORDS if key in w.pairs}
        spec |= {"within_occurrence": True} if w.flag("within") else {}
        spec |= {f"{key}_ms": self.millis(w.pairs[key]) for key in SPEC_TIMES if key in w.pairs}
        due: dict[str, Any] = {"due_at": self.instant(w.pairs["due"])} if "due" in w.pairs else {}
        schedule, parent = self.schedule(w), w.pairs.get("parent", "")
        return TaskSpec(**spec, **due, parent=parent, schedule=schedule), Policy(**spec)
