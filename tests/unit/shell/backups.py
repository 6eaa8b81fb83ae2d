"""Backups and survivors for tests: made by the same hands as in production, without a running cluster."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from coordinator.client.backup_file import FrameWriter, Header, Sealer
from coordinator.codec.envelope import encode_batch
from coordinator.codec.history import encode_audit, encode_fates, encode_runs
from coordinator.codec.snapshots import encode, freeze
from coordinator.consensus.messages import ConfState, Entry, EntryKind, HardState
from coordinator.machine.apply import apply_batch
from coordinator.machine.commands import (
    Batch,
    CancelTask,
    Command,
    FireSchedule,
    PauseTask,
    Request,
    TimeSeries,
)
from coordinator.model.audit import Asker, AuditEvent
from coordinator.model.ids import TaskId
from coordinator.model.members import MemberRecord
from coordinator.model.schedules import Fate, FateWord, Firing, Schedule
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, TaskSpec
from coordinator.replica.run_rows import rows_of
from coordinator.shell.fates_table import FateRow
from coordinator.shell.offline import Command as Offline
from coordinator.shell.offline import run_offline
from coordinator.shell.run_rows import RunRow
from coordinator.shell.seed import snapshot_of
from coordinator.shell.store import Store
from coordinator.shell.store_port import Write
from tests.unit.machine.kit import AT, create, join

OLD = "0ld"
TERM = 6


class Old:
    """A cluster of the past, as entries: a runs on n1, b has ended there, c waits without a node."""

    def __init__(self, *commands: Command) -> None:
        self.state = ClusterState()
        self.state.cluster_id = OLD
        self.state.members = {
            number: MemberRecord(number, f"c{number}", f"127.0.0.1:{number}", f"s{number}")
            for number in (1, 2, 3)
        }
        self.state.begin_entry(1, AT)
        self.entries: list[Entry] = []
        self.rows: list[RunRow] = []
        self.fates: list[FateRow] = []
        self.audit: list[AuditEvent] = []
        for command in (join(), create("a"), *commands):
            self.do(command)

    def do(self, command: Command, asker: Asker | None = None) -> None:
        index = self.state.revision + 1
        batch = Batch(AT + index, (Request(command, asker=asker),))
        apply_batch(self.state, index, batch)
        rows = rows_of(self.state.take_events(), self.state)
        self.rows += rows.runs
        self.fates += rows.fates
        self.audit += [row.event for row in rows.audit]
        data = encode_batch(batch)
        self.entries.append(Entry(term=TERM, index=index, kind=EntryKind.NORMAL, data=data))

    def header(self, **other: object) -> Header:
        state = self.state
        said: dict[str, object] = {
            "cluster_id": state.cluster_id, "revision": state.revision, "term": TERM,
            "feature_level": state.feature_level, "restore_epoch": state.restore_epoch,
            "last_allocation_id": state.last_allocation_id, "state_at": state.at,
            "created_at": AT, "member": "c1", "release": "0.1.0", **other,
        }  # fmt: skip
        return Header(**said)  # type: ignore[arg-type]

    def save(self, path: Path, key: bytes | None = None, **other: object) -> Path:
        writer = FrameWriter()
        whole = writer.header(self.header(is_sealed=key is not None, **other))
        frames = [writer.state(chunk) for chunk in encode(freeze(self.state))]
        frames += [writer.history(piece) for piece in encode_runs(merged_rows(self.rows))]
        frames += [writer.fates(encode_fates(self.fates))] if self.fates else []
        frames += [writer.audit(encode_audit(self.audit))] if self.audit else []
        whole += b"".join(frames) + writer.end()
        if key is not None:
            sealer = Sealer(key)
            sealer.update(whole)
            whole += sealer.frame(len(frames) + 2)
        path.write_bytes(whole)
        return path

    def survivor(self, directory: Path, *, committed: int | None = None) -> Path:
        """Member c2 of it: a snapshot at revision 1, and all entries since."""
        born = ClusterState()
        born.cluster_id, born.members = OLD, self.state.members
        born.begin_entry(1, AT)
        store = Store.open(directory, "c2")
        store.found(OLD, 2, snapshot_of(born, 1, ConfState(voters=(1, 2, 3))))
        last = self.entries[-1].index if self.entries else 1
        state = HardState(term=TERM, vote=0, commit=last if committed is None else committed)
        batch = Write(state, tuple(self.entries), None, tuple(self.rows))
        loop = Loop()
        store.start(loop, lambda _: None, lambda _: None)
        store.submit(1, batch)
        store.close()
        return directory


class Loop:
    """Callbacks are of no interest here."""

    def call_soon_threadsafe(self, _callback: object, *_args: object) -> None:
        return


def merged_rows(rows: Iterable[RunRow]) -> list[RunRow]:
    from coordinator.shell.run_rows import merged

    found: dict[tuple[str, int], RunRow] = {}
    for row in rows:
        key = (row.task_id, row.allocation_id)
        found[key] = merged(found.get(key), row)
    return [found[key] for key in sorted(found, key=lambda one: one[1])]


class Ran:
    """One offline command: its exit status and what it said."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


class Shell:
    """Runs offline commands in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, command: Offline, *argv: object, typed: str | None = None) -> Ran:
        stdin = io.StringIO(typed or "")
        self._monkeypatch.setattr(stdin, "isatty", lambda: typed is not None, raising=False)
        self._monkeypatch.setattr(sys, "stdin", stdin)
        self._capsys.readouterr()
        code = run_offline(command, [str(word) for word in argv], {})
        out, err = self._capsys.readouterr()
        return Ran(code, out, err)


def fated(old: Old, task: str = "s", times: int = 3) -> None:
    """A series whose fire times were missed and skipped by turns: a range for each."""
    task_id, spec = TaskId(task), TaskSpec(schedule=Schedule(every_ms=1_000))
    old.do(create(task, Assignment(), spec=spec))
    series = old.state.tasks[task_id].series
    assert series is not None
    old.do(TimeSeries(task_id, 0, series.since, AT, Firing(AT, AT)))
    for k in range(times):
        at, then = AT + 1_000 * k, AT + 1_000 * (k + 1)
        word = (FateWord.MISSED, "misfire") if k % 2 else (FateWord.SKIPPED, "blackout")
        old.do(FireSchedule(task_id, 0, at, Firing(then, then), fates=(Fate(*word, at, at),)))


def changed(old: Old) -> None:
    """Two changes that leave an event each."""
    old.do(PauseTask(TaskId("a")), Asker("operator", "for now", "desk 7"))
    old.do(CancelTask(TaskId("a")), Asker("operator"))
