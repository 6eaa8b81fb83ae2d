"""A data directory made from a state, offline: complete under another name first, then given its own.

For a cluster of one it is founded here; for several members it holds the seed of the founding to come.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import msgspec

from coordinator.client.backup_file import Header
from coordinator.consensus.messages import ConfState
from coordinator.model.audit import AuditEvent
from coordinator.model.events import Event
from coordinator.model.members import MemberRecord
from coordinator.model.state import ClusterState
from coordinator.replica.run_rows import rows_of
from coordinator.shell.clock import draw_id, read_clock
from coordinator.shell.fates_table import FateRow
from coordinator.shell.offline import NotDone
from coordinator.shell.run_rows import RunRow
from coordinator.shell.seed import snapshot_of, write_seed
from coordinator.shell.store import Store
from coordinator.shell.store_port import EXIT_DATA_DIR

UNFINISHED = ".unfinished"
ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Begun:
    """A state begun anew: the term of its first snapshot, its history, and what beginning anew adds to that."""

    state: ClusterState
    term: int
    history: Iterable[RunRow]
    fates: Iterable[FateRow]
    audit: Iterable[AuditEvent]
    events: list[Event]


@dataclass(frozen=True, slots=True)
class Myself:
    """The member that a directory is for."""

    name: str
    address: str
    http: str


def check_empty(directory: Path) -> None:
    """Raises NotDone, OSError."""
    if not directory.exists():
        return
    if not directory.is_dir():
        raise NotDone(
            f"--data-dir: {directory} is a file: name another path, or move the file away"
        )
    if any(directory.iterdir()):
        raise NotDone(
            f"--data-dir: {directory} is not empty, and nothing is ever written over: "
            "name another path, or move it away",
            EXIT_DATA_DIR,
        )


@contextmanager
def unfinished(directory: Path) -> Iterator[Path]:
    """A path to build at; it becomes `directory`, which must be absent or empty, if the block ends well."""
    fresh = directory.with_name(directory.name + UNFINISHED)
    if fresh.exists():
        raise NotDone(f"{fresh} is left of an earlier try: look what it is, then remove it")
    directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        yield fresh
        fresh.rename(directory)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    sync_names(directory.parent)


def sync_names(directory: Path) -> None:
    """The names in it are on the disk when this returns. Raises OSError."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_alone(fresh: Path, me: Myself, begun: Begun) -> str:
    """A cluster of one, founded. Gives its cluster id. Raises StoreError."""
    state = begun.state
    store = Store.open(fresh, me.name)
    try:
        state.cluster_id = draw_id()
        storage_id = store.identity.storage_id
        state.put_member(MemberRecord(1, me.name, me.address, storage_id, me.http))
        state.begin_entry(state.revision, read_clock().wall)
        store.found(state.cluster_id, 1, snapshot_of(state, begun.term, ConfState(voters=(1,))))
        _keep_history(store, begun)
    finally:
        store.close()
    return state.cluster_id


def make_seeded(fresh: Path, me: Myself, begun: Begun, header: Header) -> None:
    """One of several members, all of which have to be restored before they found. Raises StoreError, OSError."""
    store = Store.open(fresh, me.name)
    try:
        _keep_history(store, begun)
        write_seed(fresh, begun.state, header)
        sync_names(fresh)
    finally:
        store.close()


def _keep_history(store: Store, begun: Begun) -> None:
    """Old rows first; the runs that ended by beginning anew are laid over them."""
    waiting: list[RunRow] = []
    for row in begun.history:
        waiting.append(msgspec.structs.replace(row, index=begun.state.revision))
        if len(waiting) >= ROWS_AT_ONCE:
            store.keep_runs(waiting)
            waiting.clear()
    store.keep_runs(waiting)
    rows = rows_of(begun.events, begun.state)
    removed = {task_id for task_id, _ in rows.gone}  # that were to go with the end of their run
    store.keep_runs((row for row in rows.runs if row.task_id not in removed), rows.gone)
    _keep_fates(store, begun, (*rows.fates, *_latest(begun.state)))
    audit = (event for event in begun.audit if event.number <= begun.state.audited)
    while some := tuple(islice(audit, ROWS_AT_ONCE)):
        store.keep_audit(some)


def _keep_fates(store: Store, begun: Begun, newest: Iterable[FateRow]) -> None:
    """Those of series that are still there."""
    rows = (row for row in chain(begun.fates, newest) if row.task_id in begun.state.tasks)
    while some := tuple(islice(rows, ROWS_AT_ONCE)):
        store.keep_fates(some)


def _latest(state: ClusterState) -> Iterator[FateRow]:
    """The newest range of each series as its record has it: the history may have an older form of it, or none."""
    for task in state.tasks_by_id():
        series = task.series
        if series is not None and series.last_fate is not None:
            yield FateRow(task.id, series.fates, state.revision, state.at, series.last_fate)
