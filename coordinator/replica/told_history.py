"""History that another member told this one, which got a snapshot in the place of the entries it comes from (TM-69).

The other one may be ahead of us or behind, and records may have gone meanwhile: only what still belongs to a record of
ours is kept. Whatever our own entries say of the same rows is laid over one another with it, and is the same.
"""

from __future__ import annotations

from msgspec.structs import replace

from coordinator.model.ids import TaskId
from coordinator.model.schedules import Series
from coordinator.model.state import ClusterState
from coordinator.replica.effects import AuditWrite, FateWrite, RunWrite
from coordinator.replica.inputs import KeepHistory
from coordinator.replica.run_rows import Rows


def rows_told(said: KeepHistory, state: ClusterState) -> Rows:
    """What of it is to be written."""
    rows = Rows()
    rows.runs = [run for run in said.runs if _is_ours(run, state)]
    for fate in said.fates:
        task = state.tasks.get(TaskId(fate.task_id))
        kept = None if task is None or task.series is None else _as_we_know_it(fate, task.series)
        if kept is not None:
            rows.fates.append(kept)
    rows.audit = [AuditWrite(one) for one in said.audit if one.number <= state.audited]
    return rows


def _is_ours(run: RunWrite, state: ClusterState) -> bool:
    """Not of a record that went, nor of an earlier one of the same id."""
    task = state.tasks.get(run.task_id)
    if task is None:
        return False
    return run.assigned_at is None or run.assigned_at >= task.created_at


def _as_we_know_it(fate: FateWrite, series: Series) -> FateWrite | None:
    """Of the newest range our own record has the present form; a later one comes with our own entries."""
    if fate.number > series.fates:
        return None
    if fate.number == series.fates and series.last_fate is not None:
        return replace(fate, fate=series.last_fate)
    return fate
