"""What the turns of the loop cost, and how long entries take: measured around the replica, which reads no clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from time import perf_counter

from typing_extensions import override

from coordinator.client.metric_parts import ENTRIES, Sheet, Spread
from coordinator.model.instants import Now
from coordinator.replica.effects import Effect, Persist
from coordinator.replica.inputs import Input
from coordinator.replica.leadership import Leadership
from coordinator.replica.replica import Replica
from coordinator.shell.pump import Steps


class TurnFigures:
    """Counters and histograms of one process, over all terms."""

    def __init__(self) -> None:
        self.passes = 0
        self.pass_seconds = Spread()
        self.apply_seconds = Spread()
        self.commit_seconds = Spread()
        self.batch_entries = Spread(ENTRIES)

    def put(self, sheet: Sheet) -> None:
        sheet.put("passes_total", self.passes)
        sheet.put("pass_seconds", self.pass_seconds)
        sheet.put("raft_apply_seconds", self.apply_seconds)
        sheet.put("raft_commit_seconds", self.commit_seconds)
        sheet.put("raft_batch_entries", self.batch_entries)


class TimedReplica(Steps):
    """Stands between the pump and the replica; `persisted` is told of each write."""

    def __init__(
        self,
        replica: Replica,
        figures: TurnFigures,
        read_seconds: Callable[[], float] = perf_counter,
    ) -> None:
        self._replica = replica
        self._figures = figures
        self._read_seconds = read_seconds
        self._uncommitted: deque[tuple[int, float]] = deque()  # (last index, written when)
        self._leading: Leadership | None = None
        self._passes = 0  # of that term
        self._pass_s = 0.0

    @property
    @override
    def is_busy(self) -> bool:
        return self._replica.is_busy

    @override
    def handle(self, inputs: Sequence[Input], now: Now) -> list[Effect]:
        """The replica's turn, with a watch on it."""
        replica, revision = self._replica, self._replica.state.revision
        begun = self._read_seconds()
        effects = replica.handle(inputs, now)
        ended = self._read_seconds()
        if replica.state.revision != revision:
            self._figures.apply_seconds.observe(ended - begun)
        if self._uncommitted:
            self._committed(ended)
        if replica.leading is not None:
            self._passed(replica.leading, ended - begun)
        return effects

    def persisted(self, write: Persist) -> None:
        """A write is on its way to the disk."""
        if not write.entries:
            return
        self._figures.batch_entries.observe(len(write.entries))
        if self._replica.raft.is_leader:
            self._uncommitted.append((write.entries[-1].index, self._read_seconds()))

    def _committed(self, now: float) -> None:
        raft = self._replica.raft
        if not raft.is_leader:
            self._uncommitted.clear()
            return
        while self._uncommitted and self._uncommitted[0][0] <= raft.commit_index:
            self._figures.commit_seconds.observe(now - self._uncommitted.popleft()[1])

    def _passed(self, leading: Leadership, took: float) -> None:
        """The passes that ended in this turn share its time, and that of the turns before in which one was begun."""
        if leading is not self._leading:
            self._leading, self._passes, self._pass_s = leading, 0, 0.0
        ended = leading.rechecker.passes - self._passes
        self._passes += ended
        if ended:
            self._figures.passes += ended
            for _ in range(ended):
                self._figures.pass_seconds.observe((self._pass_s + took) / ended)
            self._pass_s = 0.0
        elif leading.rechecker.is_passing:
            self._pass_s += took
