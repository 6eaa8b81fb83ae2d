"""What happened in a cluster, in order: the story that two runs with one seed tell alike (X39)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from typing_extensions import override

from coordinator.model import events as e
from coordinator.model.tasks import Task


@dataclass(frozen=True, slots=True)
class Event:
    """`at_ms`: since the cluster began. `kind`: created, removed, a status of the task, moved (to another run, same
    status), saved (its state), run (`detail`: outcome), node (`detail`: status or `gone`), fault (`detail`: which).
    """

    at_ms: int
    kind: str
    task: str = ""
    node: str = ""
    allocation_id: int = 0
    detail: str = ""

    @override
    def __str__(self) -> str:
        run = f"{self.task}#{self.allocation_id}" if self.task else ""
        where = f"on {self.node}" if self.node and self.task else self.node
        return " ".join(filter(None, (f"{self.at_ms} ms", run, self.kind, where, self.detail)))


def told(at_ms: int, happened: e.Event) -> Iterator[Event]:
    """In the words of the story; nothing for what it leaves out."""
    match happened:
        case e.TaskChanged(old=old, new=new):
            yield from _of_task(at_ms, old, new)
        case e.RunEnded():
            how = happened.outcome.value
            detail = f"{how}: {happened.reason}" if happened.reason else how
            yield Event(
                at_ms, "run", happened.task_id, happened.node, happened.allocation_id, detail
            )
        case e.NodeChanged(old=before, new=now):
            status = now.status.value if now is not None else "gone"
            if before is None or now is None or before.status is not now.status:
                yield Event(at_ms, "node", node=happened.name, detail=status)
        case _:
            pass


def _of_task(at_ms: int, old: Task | None, new: Task | None) -> Iterator[Event]:
    if new is None:
        if old is not None:
            yield Event(at_ms, "removed", old.id, "", old.allocation_id)
        return
    node, code = new.assignment.node or "", new.assignment.code.value
    detail = "" if node else code
    if old is None:
        yield Event(at_ms, "created", new.id, "", new.allocation_id, new.executor)
    if old is None or old.status is not new.status:
        yield Event(at_ms, new.status.value, new.id, node, new.allocation_id, detail)
    elif old.allocation_id != new.allocation_id:
        yield Event(at_ms, "moved", new.id, node, new.allocation_id, detail)
    if old is not None and (old.state_allocation_id, old.state_seq, old.state) != (
        new.state_allocation_id,
        new.state_seq,
        new.state,
    ):
        yield Event(at_ms, "saved", new.id, node, new.allocation_id)
