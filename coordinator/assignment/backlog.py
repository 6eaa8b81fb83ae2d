"""Tasks that want a node, sorted into classes: a class with no eligible node costs one look.

Follows the state's events, so no pass walks all tasks. A task that a proposal is under way for is
`claimed`: no other pass decides about it until the answer is known.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from coordinator.assignment.objections import Need, need_of
from coordinator.model.ids import TaskId
from coordinator.model.instants import Instant
from coordinator.model.tasks import Code, Task


class Place(NamedTuple):
    """Order in a pass (PT-38): priority, then due time, then id."""

    priority: int  # negated: smallest first
    due: Instant
    task_id: TaskId


class TaskClass:
    """Tasks with the same need, best first; and what the last pass told them."""

    def __init__(self, need: Need) -> None:
        self.need = need
        self._members: dict[TaskId, Place] = {}
        self._order: list[Place] = []
        self.told: tuple[Code, str] | None = None
        self.holds = False  # what was told is the verdict of the last pass
        self.untold: dict[TaskId, None] = {}

    def __len__(self) -> int:
        return len(self._members)

    def add(self, task: Task) -> None:
        place = Place(-task.policy.priority, task.due_at or task.created_at, task.id)
        if self._members.get(task.id) != place:
            self._members[task.id] = place
            heapq.heappush(self._order, place)
        if self.told != (task.assignment.code, task.assignment.explanation):
            self.untold[task.id] = None
        else:
            self.untold.pop(task.id, None)

    def discard(self, task_id: TaskId) -> None:
        self._members.pop(task_id, None)
        self.untold.pop(task_id, None)

    def head(self) -> Place | None:
        while self._order:
            place = self._order[0]
            if self._members.get(place.task_id) == place:
                return place
            heapq.heappop(self._order)
        return None

    def places(self) -> Iterable[Place]:
        """All of the class, in no order."""
        return self._members.values()

    def tell(self, code: Code, text: str, known: Mapping[TaskId, Task]) -> None:
        """The verdict over the whole class; those whose record says otherwise are `untold`."""
        self.holds = True
        if self.told == (code, text):
            return
        self.told = (code, text)
        self.untold = {
            task_id: None
            for task_id in self._members
            if (known[task_id].assignment.code, known[task_id].assignment.explanation)
            != (code, text)
        }

    def open(self) -> None:
        """A node was found: what the class was told before does not hold for now."""
        self.holds = False


class Backlog:
    """Every unassigned task of this term, by class."""

    def __init__(self) -> None:
        self._classes: dict[Need, TaskClass] = {}
        self._class_of: dict[TaskId, Need] = {}

    def __len__(self) -> int:
        return len(self._class_of)

    def __contains__(self, task_id: TaskId) -> bool:
        return task_id in self._class_of

    def add(self, task: Task) -> None:
        need = need_of(task)
        if self._class_of.get(task.id, need) != need:
            self.discard(task.id)
        self._class_of[task.id] = need
        found = self._classes.get(need)
        if found is None:
            found = self._classes[need] = TaskClass(need)
        found.add(task)

    def discard(self, task_id: TaskId) -> None:
        need = self._class_of.pop(task_id, None)
        if need is None:
            return
        found = self._classes[need]
        found.discard(task_id)
        if not len(found):
            del self._classes[need]

    def classes(self) -> Iterator[TaskClass]:
        return iter(list(self._classes.values()))

    def class_of(self, task_id: TaskId) -> TaskClass | None:
        need = self._class_of.get(task_id)
        return self._classes[need] if need is not None else None

    def position(self, task: Task) -> int:
        """1 for the first of its class in order; a walk over the class, for explain only."""
        found = self.class_of(task.id)
        if found is None:
            return 0
        mine = found._members[task.id]  # noqa: SLF001 - same file
        return 1 + sum(1 for place in found._members.values() if place < mine)  # noqa: SLF001
