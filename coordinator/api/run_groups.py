"""Runs counted by group: as many groups as a page holds, the first by name, and none beyond them in memory."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable

from coordinator.api.door import StoredRun
from coordinator.api.errors import invalid
from coordinator.api.selection import parent_of
from coordinator.model.tasks import Task
from coordinator.wire.v1 import tasks_pb2 as wire

NO_GROUP = "-"


def group_by(word: str) -> Callable[[StoredRun, Task | None], str]:
    """The group that a run belongs to. Raises Rejected."""
    if word == "node":
        return lambda run, _: run.node or NO_GROUP
    if word == "parent":
        return lambda _, task: (parent_of(task) if task is not None else "") or NO_GROUP
    raise invalid("group_by", f"must be node or parent (got {word})")


class Groups:
    """The `limit` smallest names after `after`. One that had to go never comes back: smaller ones stay."""

    def __init__(self, limit: int, after: str) -> None:
        self._limit = limit
        self._after = after
        self._words: dict[str, dict[str, int]] = {}
        self._names: list[str] = []  # in order
        self._cut = False

    def add(self, name: str, word: str) -> None:
        """One run of this group, and how it ended, or its status."""
        if name <= self._after:
            return
        words = self._words.get(name)
        if words is None:
            if len(self._words) == self._limit and not self._make_room(name):
                return
            words = self._words[name] = {}
            insort(self._names, name)
        words[word] = words.get(word, 0) + 1

    def _make_room(self, name: str) -> bool:
        self._cut = True
        if name > self._names[-1]:
            return False
        del self._words[self._names.pop()]
        return True

    def told(self) -> list[wire.RunGroup]:
        return [
            wire.RunGroup(group=name, runs=sum(words.values()), words=words)
            for name in self._names
            for words in (self._words[name],)
        ]

    def last_if_more(self) -> str:
        """Where the next page begins; empty at the end."""
        return self._names[-1] if self._cut else ""
