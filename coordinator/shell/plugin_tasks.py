"""The helper's end of the tale of tasks (`coordinator.replica.shown`): what each executor has been told, ready to be shown."""

from __future__ import annotations

from bisect import bisect_left
from types import MappingProxyType

from coordinator.replica.shown import Row, Words
from executors.late_views import LateTaskView
from executors.views import TaskView


class KnownTasks:
    """Tasks by executor, as of the last words on them."""

    def __init__(self) -> None:
        self._tales: dict[str, _Tale] = {}

    def take(self, executor: str, words: Words) -> bool:
        """False if words that went before were missed: what is kept must not be shown then."""
        tale = self._tales.get(executor)
        if not words.since:
            tale = self._tales[executor] = _Tale(executor)
        elif tale is None or tale.number != words.since:
            return False
        tale.take(words)
        return True

    def views(self, executor: str) -> tuple[TaskView, ...]:
        """In the order of their ids."""
        tale = self._tales.get(executor)
        return tuple(tale.views) if tale is not None else ()


class _Tale:
    def __init__(self, executor: str) -> None:
        self.number = 0
        self.views: list[LateTaskView] = []
        self._executor = executor
        self._ids: list[str] = []
        self._json: dict[str, bytes] = {}

    def take(self, words: Words) -> None:
        self.number = words.number
        for task_id in words.gone:
            self._drop(task_id)
        if words.since:
            for row in words.rows:
                self._put(row)
        else:
            views = [(row.id, self._view(row)) for row in words.rows]
            views.sort(key=lambda pair: pair[0])
            self._ids = [task_id for task_id, _ in views]
            self.views = [view for _, view in views]

    def _put(self, row: Row) -> None:
        place = bisect_left(self._ids, row.id)
        view = self._view(row)
        if place < len(self._ids) and self._ids[place] == row.id:
            self.views[place] = view
        else:
            self._ids.insert(place, row.id)
            self.views.insert(place, view)

    def _view(self, row: Row) -> LateTaskView:
        params = self._json.get(row.id, b"") if row.params is None else row.params
        self._json[row.id] = params
        labels = MappingProxyType(row.labels)  # the view is shown to many questions
        facts = TaskView(row.id, self._executor, {}, row.status, row.node, labels, not params)
        return LateTaskView(facts, params)

    def _drop(self, task_id: str) -> None:
        place = bisect_left(self._ids, task_id)
        if place < len(self._ids) and self._ids[place] == task_id:
            del self._ids[place], self.views[place], self._json[task_id]
