"""The leader sees to declared tasks: nodes that start together never race, since none of them asks for any (PT-84)."""

from __future__ import annotations

from collections.abc import Callable

from coordinator.duties.declared import Difference, Gap, differences, digest_of
from coordinator.machine.commands import CancelTask, UpdateTask
from coordinator.machine.outcome import Accepted, Refused
from coordinator.model.events import (
    Event,
    ManifestsChanged,
    NodeChanged,
    SettingsChanged,
    TaskChanged,
)
from coordinator.model.ids import TaskId
from coordinator.model.instants import SECOND, Millis
from coordinator.model.tasks import TaskSpec
from coordinator.replica.bench import Bench
from coordinator.replica.editing import Edit
from coordinator.replica.effects import Note
from coordinator.replica.inputs import Asked, Create
from coordinator.replica.proposals import Answer, OnAnswer
from coordinator.replica.submitting import Submit
from coordinator.replica.transitions import offers_anew

StartCreation = Callable[[Asked, Create, OnAnswer], None]
StartEdit = Callable[[Asked, Edit, OnAnswer], None]


class DeclaredTasks:
    """One request at a time per id; what was refused is tried again with the recheck interval."""

    def __init__(
        self, bench: Bench, create: StartCreation, edit: StartEdit, submit: Submit
    ) -> None:
        self._bench = bench
        self._create, self._edit, self._submit = create, edit, submit
        self._present = {task.id for task in bench.state.tasks.values() if task.declared}
        self._under_way: set[TaskId] = set()
        self._told: dict[TaskId, str] = {}
        self._look_at: Millis | None = bench.now.steady

    def on_event(self, event: Event) -> None:
        """Follow what is there; look again at whatever changes what should be."""
        match event:
            case TaskChanged(old, new) if new is not None and new.declared:
                self._present.add(new.id)
            case TaskChanged(old, new) if old is not None and (new is None or old.declared):
                self._present.discard(old.id)
                if old.declared or old.id in self._told or old.purge:
                    self._look_at = self._bench.now.steady
            case ManifestsChanged() | SettingsChanged():
                self._look_at = self._bench.now.steady
            case NodeChanged(_, old_node, new_node) if offers_anew(old_node, new_node):
                self._look_at = self._bench.now.steady  # another version may be the newest one
            case _:
                pass

    def tick(self, steady: Millis) -> None:
        if self._look_at is None or steady < self._look_at:
            return
        self._look_at = None
        declared = self._bench.facts.declared(self._bench.state)
        for one in differences(self._bench.view, declared, self._present):
            if one.task_id not in self._under_way:
                self._close(one)

    def _close(self, one: Difference) -> None:
        if one.gap is Gap.TAKEN:
            self._tell(one, "somebody started a task of this id")
            return
        self._under_way.add(one.task_id)
        answered = self._answered(one)
        if one.declaration is None:
            text = f"{one.executor} declares it no more, or its setting is off"
            cancel = CancelTask(one.task_id, purge=True, reason=text, undeclared=True)
            self._submit(Asked(cancel), cancel, answered)
            return
        params, digest = one.declaration.params, digest_of(one.declaration.params)
        if one.gap is Gap.MISSING:
            create = Create(one.task_id, one.executor, params, TaskSpec(), declared=digest)
            self._create(Asked(create), create, answered)
            return
        edited = self._bench.state.tasks[one.task_id].edited_revision
        update = UpdateTask(one.task_id, edited, params, declared=digest)
        self._edit(Asked(update), update, answered)

    def _answered(self, one: Difference) -> OnAnswer:
        def answered(answer: Answer) -> None:
            self._under_way.discard(one.task_id)
            steady = self._bench.now.steady
            if isinstance(answer, Accepted):
                self._told.pop(one.task_id, None)
                self._look_at = steady  # another change may have come meanwhile
            elif isinstance(answer, Refused):
                self._tell(one, f"{answer.code.value}: {answer.detail}")
                wait = self._bench.state.settings.millis("assignment.recheck_interval")
                self._look_at = steady + wait
            else:
                self._look_at = steady + SECOND

        return answered

    def _tell(self, one: Difference, why: str) -> None:
        """Once per reason, not once per try."""
        if self._told.get(one.task_id) != why:
            self._told[one.task_id] = why
            said = {"task_id": one.task_id, "executor": one.executor, "reason": why}
            self._bench.emit(Note("warning", "a declared task is not as declared", said))
