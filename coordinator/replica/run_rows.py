"""The history follows the events: the same rows of runs, of fates and of the audit on every member, from the same entries.

What is kept of a series is bounded here as well, by what the entries say and never by a member's clock (TM-74).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

from coordinator.model.audit import AuditEvent
from coordinator.model.events import Audited, Event, Fated, RunEnded, TaskChanged
from coordinator.model.ids import AllocationId, TaskId
from coordinator.model.instants import Instant
from coordinator.model.schedules import Series
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Status, Task
from coordinator.replica.effects import AuditWrite, FateWrite, RunWrite

DIGEST_BYTES = 8
TRIMS_PER_KEPT = 50  # a series that keeps more runs is trimmed more rarely, so that no run pays for counting them
CAUSES = {"extra": "schedule"}  # words of an occurrence that are none of a run (EX-20)

Columns = tuple[
    tuple[RunWrite, ...],
    tuple[tuple[TaskId, AllocationId], ...],
    tuple[FateWrite, ...],
    tuple[TaskId, ...],
    tuple[AuditWrite, ...],
]


@dataclass(slots=True)
class Rows:
    """What one entry adds to the history, and what goes from it."""

    runs: list[RunWrite] = field(default_factory=list)
    gone: list[tuple[TaskId, AllocationId]] = field(default_factory=list)  # up to this run
    fates: list[FateWrite] = field(default_factory=list)
    fates_gone: list[TaskId] = field(default_factory=list)
    audit: list[AuditWrite] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.runs or self.gone or self.fates or self.fates_gone or self.audit)

    def columns(self) -> Columns:
        """The last fields of a write."""
        fates = (tuple(self.fates), tuple(self.fates_gone))
        return (tuple(self.runs), tuple(self.gone), *fates, tuple(self.audit))

    def follow(self, later: Rows) -> None:
        """Those of a later entry as well. What is here and goes with it never gets to the disk."""
        self.runs += later.runs
        if later.gone:
            upto = dict(later.gone)
            self.runs = [row for row in self.runs if row.allocation_id > upto.get(row.task_id, 0)]
            self.gone += later.gone
        if later.fates_gone:
            gone = frozenset(later.fates_gone)
            self.fates = [fate for fate in self.fates if fate.task_id not in gone]
            self.fates_gone += later.fates_gone
        self.fates += later.fates
        self.audit += later.audit


def rows_of(events: Iterable[Event], state: ClusterState) -> Rows:
    """Rows to upsert, and what goes with its record. `state` is as the entry left it."""
    rows = Rows()
    for event in events:
        match event:
            case TaskChanged():
                _of_task(rows, event, state)
            case RunEnded():
                rows.runs.append(_of_end(event, state.revision))
            case Fated():
                rows.fates.append(_of_fate(event, state))
            case Audited():
                rows.audit.append(_of_audit(event.event, state))
            case _:
                pass
    return rows


def _of_task(rows: Rows, event: TaskChanged, state: ClusterState) -> None:
    old, new = event.old, event.new
    if new is not None:
        _of_change(rows, old, new, state)
    elif old is not None:  # pragma: no branch - one of them is there
        rows.gone.append((old.id, old.allocation_id))
        if old.series is not None:
            _forget_fates(rows, old.id)


def _of_change(rows: Rows, old: Task | None, new: Task, state: ClusterState) -> None:
    """A row when a run begins, and its start when user code does; else none."""
    if old is not None and old.series is not None and new.series is None:
        _forget_fates(rows, new.id)  # it is a one-off from now on
    if new.assignment.node is None:
        return
    if old is None or old.allocation_id != new.allocation_id:
        rows.runs.append(_of_begin(new, state))
    elif new.status is Status.RUNNING and old.status is not Status.RUNNING:
        started = RunWrite(new.id, new.allocation_id, state.revision, started_at=new.started_at)
        rows.runs.append(started)


def _forget_fates(rows: Rows, task_id: TaskId) -> None:
    rows.fates = [fate for fate in rows.fates if fate.task_id != task_id]
    rows.fates_gone.append(task_id)


def _of_begin(new: Task, state: ClusterState) -> RunWrite:
    series = new.series
    occurrence = series.occurrence if series is not None else None
    return RunWrite(
        new.id,
        new.allocation_id,
        state.revision,
        executor=new.executor,
        attempt=new.attempt,
        cause=CAUSES.get(new.cause, new.cause),
        node=new.assignment.node,
        incarnation=new.assignment.incarnation,
        due_at=new.due_at,
        assigned_at=new.assigned_at,
        occurrence_at=occurrence.fire_at or None if occurrence is not None else None,
        state_digest_before=digest_of(new.state),
        trim=None if series is None else _trim(series, state),
    )


def _of_end(event: RunEnded, index: int) -> RunWrite:
    return RunWrite(
        event.task_id,
        event.allocation_id,
        index,
        started_at=event.started_at or None,
        ended_at=event.ended_at,
        outcome=event.outcome.value,
        reported=event.reported or None,
        reason=event.reason,
        error=event.error,
        result=event.result,
        logs=event.logs,
        state_digest_after=(digest_of(event.state) or "") if event.wrote_state else None,
        state_bytes=len(event.state or b"") if event.wrote_state else None,
        log_counts=event.log_counts or None,
        progress=event.progress,
    )


def digest_of(state: bytes | None) -> str | None:
    """Short and only to tell states apart; None where there is no state."""
    return None if state is None else blake2b(state, digest_size=DIGEST_BYTES).hexdigest()


def _trim(series: Series, state: ClusterState) -> tuple[int, Instant] | None:
    age, kept = state.settings.kept("retention.runs")
    if series.runs % max(1, kept // TRIMS_PER_KEPT):
        return None
    return kept, state.at - age


def _of_fate(event: Fated, state: ClusterState) -> FateWrite:
    row = FateWrite(event.task_id, event.number, state.revision, state.at, event.stored)
    if event.fate != event.stored:  # a range that was there has grown
        return row
    age, kept = state.settings.kept("retention.fates")
    return FateWrite(
        row.task_id,
        row.number,
        row.index,
        row.at,
        row.fate,
        gone_upto=max(0, event.number - kept),
        gone_before=state.at - age,
    )


def _of_audit(event: AuditEvent, state: ClusterState) -> AuditWrite:
    age, kept = state.settings.kept("retention.audit")
    return AuditWrite(event, gone_upto=max(0, event.number - kept), gone_before=state.at - age)
