"""Nodes that a task is kept away from for a while (PT-41). Leader's memory; ends by itself."""

from __future__ import annotations

import msgspec

from coordinator.model.ids import NodeName, TaskId
from coordinator.model.instants import MINUTE, SECOND, Millis

NO_SLOT_MS = SECOND
ABORT_FIRST_MS, ABORT_CAP_MS = 5 * SECOND, 5 * MINUTE
FAILED_MS = 5 * MINUTE
FOREVER: Millis = 2**62


class Exclusion(msgspec.Struct, frozen=True, gc=False):
    until: Millis  # steady
    hard: bool  # soft ones give way when no other node is eligible
    aborts: int = 0  # in a row on this node


class Exclusions:
    """By task and node. `expired` tells which tasks to look at again."""

    def __init__(self) -> None:
        self._of: dict[TaskId, dict[NodeName, Exclusion]] = {}

    def of(self, task_id: TaskId, steady: Millis) -> dict[NodeName, Exclusion]:
        """Those in force now."""
        found = self._of.get(task_id)
        if not found:
            return {}
        return {node: e for node, e in found.items() if e.until > steady}

    def no_slot(self, task_id: TaskId, node: NodeName, steady: Millis) -> None:
        self._put(task_id, node, Exclusion(steady + NO_SLOT_MS, hard=True))

    def no_executor(self, task_id: TaskId, node: NodeName) -> None:
        """The node said that it lacks the executor: until it offers something else."""
        self._put(task_id, node, Exclusion(FOREVER, hard=True))

    def offers_anew(self, node: NodeName) -> None:
        """The node changed what it offers, or came back as a new incarnation."""
        for task_id in [t for t, nodes in self._of.items() if node in nodes]:
            if self._of[task_id][node].until == FOREVER:
                del self._of[task_id][node]

    def aborted(self, task_id: TaskId, node: NodeName, steady: Millis) -> None:
        """5 s x 2^(k-1) after the k-th abort in a row there, at most 5 min."""
        before = self._of.get(task_id, {}).get(node)
        aborts = (before.aborts if before else 0) + 1
        wait = min(ABORT_CAP_MS, ABORT_FIRST_MS * 2 ** min(aborts - 1, 10))
        self._put(task_id, node, Exclusion(steady + wait, hard=True, aborts=aborts))

    def failed(self, task_id: TaskId, node: NodeName, steady: Millis) -> None:
        self._put(task_id, node, Exclusion(steady + FAILED_MS, hard=False))

    def moved(self, task_id: TaskId, nodes: tuple[NodeName, ...], steady: Millis) -> None:
        """An operator wants it elsewhere: soft, for five minutes."""
        for node in nodes:
            self._put(task_id, node, Exclusion(steady + FAILED_MS, hard=False))

    def forget(self, task_id: TaskId) -> None:
        self._of.pop(task_id, None)

    def ended(self, steady: Millis) -> list[TaskId]:
        """Tasks whose hard exclusions ended since the last call; drops what is long over. Sorted."""
        done: list[TaskId] = []
        for task_id in sorted(self._of):
            nodes = self._of[task_id]
            over = [node for node, e in nodes.items() if e.until <= steady]
            if any(nodes[node].hard for node in over):
                done.append(task_id)
            for node in over:
                was = nodes.pop(node)
                if was.aborts and was.until + ABORT_CAP_MS > steady:  # the next one counts on it
                    nodes[node] = Exclusion(was.until, hard=False, aborts=was.aborts)
            if not nodes:
                del self._of[task_id]
        return done

    def _put(self, task_id: TaskId, node: NodeName, exclusion: Exclusion) -> None:
        self._of.setdefault(task_id, {})[node] = exclusion
