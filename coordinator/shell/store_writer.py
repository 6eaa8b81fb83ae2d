"""The one thread that writes (D1): all waiting writes become one transaction, snapshots and checkpoints fill the gaps.

It ends for good at the first failure of the disk (D8), at rot, and at a bug; a full disk makes it keep what it has and
try again every second (D9). Whatever it has to say is posted to the loop, once per transaction.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

from coordinator.shell.store_batch import Batch
from coordinator.shell.store_commit import CHECKPOINT_BYTES, Ledger, SnapshotJob
from coordinator.shell.store_port import (
    LOW_SPACE_BYTES,
    AnyWrite,
    CallbackLoop,
    Damaged,
    StoreFailure,
    StoreStats,
    Trouble,
)
from coordinator.shell.store_schema import free_bytes, trouble_of
from coordinator.shell.store_snapshots import Pins

_BATCH_BYTES_MAX: Final = 16 * 1024 * 1024
_CHECKPOINT_IDLE_BYTES: Final = 2 * 1024 * 1024
_IDLE_S: Final = 0.05
_REST_S: Final = 2.0  # how often a writer without work looks at the free space
_SPACE_S: Final = 1.0
_SWEEP_EVERY: Final = 8  # turns of a writer that is never idle


@dataclass(frozen=True, slots=True)
class Callbacks:
    loop: CallbackLoop
    on_written: Callable[[list[int]], None]
    on_failed: Callable[[StoreFailure], None]


@dataclass(frozen=True, slots=True)
class Job:
    """A snapshot to take, and whom to tell."""

    work: SnapshotJob
    on_done: Callable[[bool], None]


class Writer:
    """`submit` and `take` may be called from any thread; everything else happens in its own."""

    def __init__(self, ledger: Ledger, pins: Pins, directory: Path, retry_s: float) -> None:
        self._ledger = ledger
        self._pins = pins
        self._directory = directory
        self._retry_s = retry_s
        self._changed = threading.Condition()
        self._waiting: deque[tuple[int, AnyWrite]] = deque()
        self._jobs: deque[Job] = deque()
        self._closing = False
        self._turns = 0
        self._garbage = True  # a crash may have left some
        self.dead = False  # the connection is not to be touched again
        self._callbacks: Callbacks | None = None
        self._thread = threading.Thread(target=self._run, name="ptasks-store", daemon=True)
        self._times: deque[float] = deque(maxlen=1024)
        self._free = free_bytes(directory)
        self._looked_at = monotonic()
        self.on_commit: Callable[[float], None] = lambda _: None  # seconds; called in this thread

    def start(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks
        self._thread.start()

    def submit(self, write_id: int, write: AnyWrite) -> None:
        with self._changed:
            self._waiting.append((write_id, write))
            self._changed.notify()

    def take(self, job: Job) -> None:
        with self._changed:
            self._jobs.append(job)
            self._changed.notify()

    def failed(self, failure: StoreFailure) -> None:
        """For readers: their trouble ends the work as well."""
        self._post_failure(failure)

    def stop(self) -> None:
        """Writes what waits, and returns when the thread has ended."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._callbacks is not None:
            self._thread.join()

    def stats(self) -> StoreStats:
        times = sorted(self._times)
        p50, p99 = (times[len(times) * share // 100] * 1000 if times else 0.0 for share in (50, 99))
        return StoreStats(
            transactions=self._ledger.facts.transactions,
            fsync_p50_ms=p50,
            fsync_p99_ms=p99,
            free_bytes=self._free,
            low_space=self._free < LOW_SPACE_BYTES,
            waiting=len(self._waiting),
        )

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        except Exception as error:  # noqa: BLE001 - a silent end of this thread would stop the member without a word
            self.dead = True
            self._post_failure(self._verdict(error))

    def _verdict(self, error: Exception) -> StoreFailure:
        match error:
            case Damaged():
                return StoreFailure(Trouble.DAMAGED, error.reason)
            case sqlite3.Error():
                kind = trouble_of(error, self._directory)
                return StoreFailure(kind, f"{self._directory}: {error}")
            case OSError():
                return StoreFailure(Trouble.IO, f"{self._directory}: {error}")
            case _:
                return StoreFailure(Trouble.BUG, f"{type(error).__name__}: {error}")

    def _turn(self) -> bool:
        """One transaction, one chunk, or a rest. False when all is done."""
        self._rest()
        batch = self._next_batch()
        if batch is not None and not self._commit(batch):
            return False
        self._turns += 1
        if self._jobs:
            self._step_job(self._jobs[0])
        elif self._garbage and (batch is None or self._turns % _SWEEP_EVERY == 0):
            self._sweep()
        self._look_at_space()
        self._maybe_checkpoint(idle=batch is None)
        return not (self._closing and not self._waiting)

    def _rest(self) -> None:
        """Until there is something to do; a little later there may be room for a checkpoint."""
        with self._changed:
            if self._waiting or self._jobs or self._garbage or self._closing:
                return
            due = self._ledger.wal_bytes > _CHECKPOINT_IDLE_BYTES
            self._changed.wait(_IDLE_S if due else _REST_S)

    def _next_batch(self) -> Batch | None:
        """Everything that waits, up to a bound in bytes; a received snapshot begins a batch of its own."""
        with self._changed:
            if not self._waiting:
                return None
            batch = Batch()
            self._fill(batch)
            return batch

    def _fill(self, batch: Batch) -> None:
        while self._waiting and batch.size < _BATCH_BYTES_MAX:
            if batch.ids and self._waiting[0][1].snapshot is not None:
                return
            batch.add(*self._waiting.popleft())

    def _commit(self, batch: Batch) -> bool:
        """False when a full disk did not recover before we were told to stop."""
        was_full = False
        while not self._try(batch, was_full=was_full):
            was_full = True
            with self._changed:
                if not self._closing:
                    self._changed.wait_for(lambda: self._closing, self._retry_s)
                if self._closing:
                    return False
                self._fill(batch)
        self._post(batch.ids)
        if was_full:
            self._post_failure(
                StoreFailure(Trouble.RECOVERED, f"{self._directory} has space again")
            )
        return True

    def _try(self, batch: Batch, *, was_full: bool) -> bool:
        try:
            self._ledger.commit(batch)
        except sqlite3.Error as error:
            if trouble_of(error, self._directory) is not Trouble.DISK_FULL:
                raise
            self._ledger.rollback()
            self._free = free_bytes(self._directory)
            if not was_full:
                self._post_failure(
                    StoreFailure(Trouble.DISK_FULL, f"{self._directory}: the disk is full")
                )
            self._shorten()
            return False
        self._times.append(self._ledger.commit_s)
        self.on_commit(self._ledger.commit_s)
        return True

    def _shorten(self) -> None:
        """Frames of a transaction that failed must not stay behind (see wal_check), and space is welcome."""
        self._unless_full(lambda: self._ledger.checkpoint(shorten=True))

    def _unless_full(self, step: Callable[[], None]) -> bool:
        """For what can wait until there is space again; False when there was none."""
        try:
            step()
        except sqlite3.Error as error:
            if trouble_of(error, self._directory) is not Trouble.DISK_FULL:
                raise
            self._ledger.rollback()
            return False
        return True

    def _step_job(self, job: Job) -> None:
        try:
            if job.work.place[0] <= self._ledger.snapshot_index:
                self._end_job(job, done=False)  # overtaken by one that came from the leader
            elif job.work.step(self._ledger):
                self._end_job(job, done=True)
        except sqlite3.Error as error:
            if trouble_of(error, self._directory) is not Trouble.DISK_FULL:
                raise
            self._ledger.rollback()
            self._end_job(job, done=False)

    def _end_job(self, job: Job, *, done: bool) -> None:
        self._jobs.popleft()
        self._garbage = True
        if not done:
            self._unless_full(job.work.give_up)
        self._tell(job.on_done, done)

    def _sweep(self) -> None:
        """When the disk is full the next snapshot tries again."""
        self._garbage = self._unless_full(self._sweep_some) and self._garbage

    def _sweep_some(self) -> None:
        self._garbage = self._ledger.sweep(self._pins)

    def _maybe_checkpoint(self, *, idle: bool) -> None:
        bound = _CHECKPOINT_IDLE_BYTES if idle else CHECKPOINT_BYTES
        if self._ledger.wal_bytes <= bound:
            return
        self._unless_full(self._ledger.checkpoint)
        self._ledger.wal_bytes = min(self._ledger.wal_bytes, _CHECKPOINT_IDLE_BYTES)

    def _look_at_space(self) -> None:
        if monotonic() - self._looked_at >= _SPACE_S:
            self._free = free_bytes(self._directory)
            self._looked_at = monotonic()

    def _post(self, ids: list[int]) -> None:
        if self._callbacks is not None:
            self._tell(self._callbacks.on_written, ids)

    def _post_failure(self, failure: StoreFailure) -> None:
        if self._callbacks is not None:
            self._tell(self._callbacks.on_failed, failure)

    def _tell(self, callback: Callable[..., None], argument: object) -> None:
        if self._callbacks is None:
            return
        try:
            self._callbacks.loop.call_soon_threadsafe(callback, argument)
        except RuntimeError:
            pass  # the loop is closed: nobody is left to be told
