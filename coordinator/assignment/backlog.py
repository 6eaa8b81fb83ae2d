"""Tasks that want a node, sorted into classes: a class with no eligible node costs one look.

Follows the state's events, so no pass walks all tasks. A task that a proposal is under way for is
`claimed`: no other pass decides about it until the answer is known.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping

from coordinator.assignment.objections import Need, need_of
from coordinator.assignment.order import Order, Place, due_of
from coordinator.model.ids import TaskId
from coordinator.model.instants import Instant
from coordinator.model.tasks import Code, Task

TELL_LOOKS = 5_000  # at records, for those that have to be told: about 5 ms


class TaskClass:
    """Tasks with the same need, best first; and what the last pass told them.

    Each priority has a queue by due time: ageing (TM-58) changes which queue comes first, never the
    order within one, so that nothing has to be sorted anew while time passes.
    """

    def __init__(self, need: Need) -> None:
        self.need = need
        self._members: dict[TaskId, tuple[int, Instant]] = {}  # priority, due
        self._queues: dict[int, list[tuple[Instant, TaskId]]] = {}
        self.told: tuple[Code, str] | None = None
        self.holds = False  # what was told is the verdict of the last pass
        self._suspects: dict[TaskId, None] = {}  # whose record may say something else

    def __len__(self) -> int:
        return len(self._members)

    def add(self, task: Task) -> None:
        priority, due = task.policy.priority, due_of(task)
        if self._members.get(task.id) != (priority, due):
            self._members[task.id] = (priority, due)
            heapq.heappush(self._queues.setdefault(priority, []), (due, task.id))
        if self.told != (task.assignment.code, task.assignment.explanation):
            self._suspects[task.id] = None
        else:
            self._suspects.pop(task.id, None)

    def discard(self, task_id: TaskId) -> None:
        self._members.pop(task_id, None)
        self._suspects.pop(task_id, None)

    def head(self, order: Order) -> Place | None:
        """The best of the heads of all queues; what has gone or changed is dropped on the way."""
        best: tuple[int, Instant, TaskId] | None = None
        emptied = []
        for priority, queue in self._queues.items():
            while queue and self._members.get(queue[0][1]) != (priority, queue[0][0]):
                heapq.heappop(queue)
            if not queue:
                emptied.append(priority)
                continue
            due, task_id = queue[0]
            place = (-order.aged(priority, due), due, task_id)
            if best is None or place < best:
                best = place
        for priority in emptied:
            del self._queues[priority]
        return Place(*best) if best is not None else None

    def places(self, order: Order) -> Iterator[Place]:
        """All of the class, in no order."""
        for task_id, (priority, due) in self._members.items():
            yield order.place(priority, due, task_id)

    def tell(self, code: Code, text: str) -> None:
        """The verdict over the whole class; who knows it already is found out when it is written down."""
        self.holds = True
        if self.told != (code, text):
            self.told = (code, text)
            self._suspects = dict.fromkeys(reversed(self._members))

    @property
    def is_told(self) -> bool:
        """Every record says what the class was told."""
        return not self._suspects

    def take_untold(self, known: Mapping[TaskId, Task], limit: int) -> list[Task]:
        """At most `limit` tasks whose record says something else, after a bounded number of looks."""
        found: list[Task] = []
        for _ in range(TELL_LOOKS):
            if not self._suspects or len(found) >= limit:
                break
            task = known[self._suspects.popitem()[0]]
            if self.told != (task.assignment.code, task.assignment.explanation):
                found.append(task)
        return found

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

    def position(self, task: Task, order: Order) -> int:
        """1 for the first of its class in order; a walk over the class, for explain only."""
        found = self.class_of(task.id)
        if found is None:
            return 0
        mine = order.place(task.policy.priority, due_of(task), task.id)
        return 1 + sum(1 for place in found.places(order) if place < mine)
