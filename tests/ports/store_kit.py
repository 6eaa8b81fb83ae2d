"""What the store's suites share: a hand-cranked loop, and one driver for the fake and the real store."""

from __future__ import annotations

import queue
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

from typing_extensions import override

from coordinator.consensus.messages import ConfState, Entry, EntryKind, HardState, Snapshot
from coordinator.model.audit import AuditEvent
from coordinator.model.schedules import Fate, FateWord
from coordinator.shell.fates_table import FateRow
from coordinator.shell.run_rows import RunRow
from coordinator.shell.store import Store, StoreOptions
from coordinator.shell.store_port import (
    Damaged,
    Recovered,
    StoreError,
    StoreFailure,
    StorePort,
    Write,
)
from tests.ports.fake_store import FakeDisk, FakeStore

CONF = ConfState(voters=(1, 2, 3))
FOUNDING = Snapshot(index=1, term=1, conf=CONF, data=b"the first state")
GUARD_S = 30.0
KEPT = 10  # entries that stay before a snapshot, in the tests of the real store


class Crank:
    """Stands in for an event loop: what is posted runs when the test asks for it."""

    def __init__(self) -> None:
        self._posted: queue.Queue[Callable[[], object]] = queue.Queue()

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: object) -> None:
        self._posted.put(lambda: callback(*args))

    def turn(self, timeout: float) -> None:
        self._posted.get(timeout=timeout)()


class Driver(Protocol):
    """One store under test with the answers it gave."""

    store: StorePort
    written: list[list[int]]
    failures: list[StoreFailure]
    done: list[bool]

    def write(self, *writes: Write) -> None: ...

    def snapshot(self, index: int, term: int, chunks: Iterable[bytes]) -> bool: ...

    def reopen(self) -> Recovered: ...

    def close(self) -> None: ...


class _Base:
    def __init__(self) -> None:
        self.written: list[list[int]] = []
        self.failures: list[StoreFailure] = []
        self.done: list[bool] = []
        self.crank = Crank()
        self._ids = 0

    def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self.crank.turn(GUARD_S)

    def ids(self) -> set[int]:
        return {write_id for group in self.written for write_id in group}

    def next_id(self) -> int:
        self._ids += 1
        return self._ids


class FakeDriver(_Base):
    def __init__(self, directory: Path, *, entries_kept: int) -> None:
        super().__init__()
        self._kept = entries_kept
        self.disk = FakeDisk()
        self._open(FakeStore.open(self.disk, "c1"))

    def _open(self, store: FakeStore) -> None:
        self.store = store
        store.entries_kept = self._kept
        store.start(self.crank, self.written.append, self.failures.append)

    def write(self, *writes: Write) -> None:
        wanted = set()
        for write in writes:
            wanted.add(write_id := self.next_id())
            self.store.submit(write_id, write)
        self.store.commit()
        self.until(lambda: wanted <= self.ids())

    def snapshot(self, index: int, term: int, chunks: Iterable[bytes]) -> bool:
        told = len(self.done)
        self.store.take_snapshot(index, term, CONF, iter(chunks), self.done.append)
        self.store.commit()
        self.until(lambda: len(self.done) > told)
        return self.done[-1]

    def reopen(self) -> Recovered:
        self._open(self.store.lose_unsynced())
        return self.store.recovered

    def close(self) -> None:
        self.store.close()


class RealDriver(_Base):
    """`reopen` looks at a copy of the files first: the state a kill at this moment would leave."""

    def __init__(self, directory: Path, *, entries_kept: int, **options: object) -> None:
        super().__init__()
        self.directory = directory / "c1"
        self.options = StoreOptions(entries_kept=entries_kept, retry_s=0.02, **options)  # type: ignore[arg-type]
        self._open()

    def _open(self) -> None:
        self.store = Store.open(self.directory, "c1", self.options)
        self._started = False

    def begin(self) -> None:
        if not self._started:
            self._started = True
            self.store.start(self.crank, self.written.append, self.failures.append)

    def write(self, *writes: Write) -> None:
        self.begin()
        wanted = set()
        for write in writes:
            wanted.add(write_id := self.next_id())
            self.store.submit(write_id, write)
        self.until(lambda: wanted <= self.ids())

    def snapshot(self, index: int, term: int, chunks: Iterable[bytes]) -> bool:
        self.begin()
        told = len(self.done)
        self.store.take_snapshot(index, term, CONF, iter(chunks), self.done.append)
        self.until(lambda: len(self.done) > told)
        return self.done[-1]

    def killed(self) -> Recovered:
        """What a process that was killed now would find."""
        copy = copied(self.directory, self.directory.with_name("killed"))
        store = Store.open(copy, "c1", self.options)
        try:
            return store.recovered
        finally:
            store.close()
            shutil.rmtree(copy)

    def reopen(self) -> Recovered:
        found = self.killed()
        self.store.close()
        self._open()
        assert self.store.recovered == found
        return found

    def close(self) -> None:
        self.store.close()


def opened(directory: Path) -> Recovered:
    store = Store.open(directory, "c1", StoreOptions(entries_kept=KEPT))
    store.close()
    return store.recovered


def outcome(directory: Path) -> Recovered | str:
    """What a start on this directory ends in; after rot, with all files as they were."""
    before = {path.name: path.read_bytes() for path in sorted(directory.glob("member.db*"))}
    try:
        return opened(directory)
    except Damaged as rot:
        locked = rot.data_dir
    except StoreError:
        return "refused"
    assert locked is not None
    locked.close()
    for name in ("member.db", "member.db-wal"):
        assert not before.get(name) or (directory / name).read_bytes() == before[name]
    return "damaged"


class BreakingConnection(sqlite3.Connection):
    """Fails from the k-th call on, or only the k-th. Shared by all connections of one test, hence the class attributes."""

    calls = 0
    failing: Callable[[int], int | None] = staticmethod(lambda _: None)
    lock = threading.Lock()

    @classmethod
    def reset(cls, failing: Callable[[int], int | None]) -> None:
        cls.calls = 0
        cls.failing = staticmethod(failing)

    @override
    def execute(self, *args: Any) -> sqlite3.Cursor:
        with BreakingConnection.lock:
            BreakingConnection.calls += 1
            code = BreakingConnection.failing(BreakingConnection.calls)
        if code is not None:
            error = sqlite3.OperationalError("broken on purpose")
            error.sqlite_errorcode = code
            error.sqlite_errorname = "BROKEN"
            raise error
        return super().execute(*args)


def copied(directory: Path, target: Path) -> Path:
    """The files of a directory as a killed process leaves them; its lock is nobody's."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for name in ("identity.json", "synced", "member.db", "member.db-wal"):
        if (directory / name).exists():
            shutil.copyfile(directory / name, target / name)
    return target


def entries(first: int, count: int, term: int = 1, data: bytes = b"payload") -> tuple[Entry, ...]:
    return tuple(
        Entry(term=term, index=first + i, kind=EntryKind.NORMAL, data=data + b"-%d" % (first + i))
        for i in range(count)
    )


def append(first: int, count: int, term: int = 1, commit: int | None = None) -> Write:
    state = HardState(term=term, vote=1, commit=first - 1 if commit is None else commit)
    return Write(hard_state=state, entries=entries(first, count, term))


def run_row(task: str, allocation: int, index: int, **said: object) -> RunRow:
    return RunRow(task_id=task, allocation_id=allocation, index=index, **said)  # type: ignore[arg-type]


def fate_row(task: str, number: int, at: int, count: int = 1, **said: object) -> FateRow:
    fate = Fate(FateWord.STARTED, "", at, at, count)
    return FateRow(task, number, at, at, fate, **said)  # type: ignore[arg-type]


def event(number: int, at: int | None = None, reason: str = "why") -> AuditEvent:
    said = ("operator", "pause", "task", f"t{number}", "", reason, "ok", "", f"r{number}", "")
    return AuditEvent(number, 7, number if at is None else at, *said)
