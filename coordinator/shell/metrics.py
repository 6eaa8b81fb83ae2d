"""The metrics of one coordinator process: made with `--http`, else nothing is counted at all.

The parts count while the process works (`metrics_tasks`, `metrics_turns`, `grpc_counts`, `door_counts`); what can be
read is read when somebody scrapes (`metrics_cluster`). The names are in `metric_families`. All of it belongs to the loop;
only the time of a transaction comes from the store's thread.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import platform
from collections.abc import Callable

from coordinator.api.door import Told
from coordinator.api.hub import Hub
from coordinator.client.http_health import HttpHealth
from coordinator.client.metric_parts import Counts, Names, Sheet, Spread, Spreads
from coordinator.client.metrics_text import Exposition
from coordinator.client.release import RELEASE
from coordinator.model.instants import SECOND
from coordinator.replica.effects import LeadershipChanged, StateReplaced
from coordinator.replica.inputs import Input, SnapshotSent, SnapshotTaken
from coordinator.replica.replica import Replica
from coordinator.shell.clock import read_clock, steady_ms
from coordinator.shell.clock_spread import ClockSpread
from coordinator.shell.door_counts import DoorCounts
from coordinator.shell.grpc_counts import RpcCounts
from coordinator.shell.metric_families import FAMILIES
from coordinator.shell.metrics_cluster import look_at_nodes, put_consensus, put_nodes
from coordinator.shell.metrics_tasks import TaskMetrics
from coordinator.shell.metrics_turns import TurnFigures
from coordinator.shell.store_port import StoreStats

LAG_EVERY_S = 0.25
HOOKS = {"validate": "validate", "assign": "get_assignment", "describe": "describe"}
HOOK_FAILED = ("error", "timeout", "missing")


class Metrics:
    """One per process. `attach` when there is a member; until then there is little to show."""

    def __init__(self) -> None:
        self.exposition = Exposition(FAMILIES, self._put)
        self.names = Names()
        self.rpc = RpcCounts()
        self.doors = DoorCounts(self.names)
        self.turns = TurnFigures()
        self.clocks = ClockSpread()
        self.fsync = Spread()
        self.http: HttpHealth | None = None
        self.damaged = False
        self._tasks: TaskMetrics | None = None
        self._replica: Replica | None = None
        self._stats: Callable[[], StoreStats] | None = None
        self._hub: Hub | None = None
        self._loop_lag = Spread()
        self._sampler: asyncio.TimerHandle | None = None
        self._elections, self._leader_changes = 0, 0
        self._seen_term, self._seen_leader = 0, 0
        self._snapshots = Counts().begin_with("taken", "sent", "received", "failed")
        self._hook_errors = Counts()
        self._hook_seconds = Spreads()
        self._build = (RELEASE, platform.python_version(), tzdata_version())

    def start(self) -> None:
        """Begin to watch the loop."""
        self._sample(asyncio.get_running_loop().time())

    def stop(self) -> None:
        if self._sampler is not None:
            self._sampler.cancel()

    def attach(self, replica: Replica, stats: Callable[[], StoreStats], hub: Hub) -> None:
        """The process is a member now. Walks all records, once."""
        self._replica = replica
        self._stats = stats
        self._hub = hub
        self._tasks = TaskMetrics(self.names, lambda: replica.state)
        self._tasks.is_rebalancing = lambda task_id: (
            replica.leading is not None and replica.leading.rebalancer.is_moving(task_id)
        )

    # -- told of what happens -------------------------------------------------------------------

    def listen(self, told: Told) -> None:
        """A listener of the pump."""
        if isinstance(told, LeadershipChanged):
            self._leadership(told)
        elif isinstance(told, StateReplaced):
            self._snapshots[("received",)] += 1
        if self._tasks is not None:
            self._tasks.listen(told)

    def snapshot_fared(self, item: Input) -> None:
        """A snapshot was taken, or sent, or not."""
        if isinstance(item, SnapshotTaken):
            self._snapshots[("taken" if item.ok else "failed",)] += 1
        elif isinstance(item, SnapshotSent):
            self._snapshots[("sent" if item.ok else "failed",)] += 1

    def hook_answered(self, executor: str, kind: str, answer: str, seconds: float) -> None:
        """An executor's own code was asked; `kind` and `answer` as in AskPlugin and PluginAnswered."""
        key = (self.names.label(executor), HOOKS.get(kind, kind))
        self._hook_seconds[key].observe(seconds)
        if answer in HOOK_FAILED:
            self._hook_errors[key] += 1

    def frame_heard(self, member: int, sent_wall_at: int) -> None:
        """Another member's frame says when it was sent."""
        now = read_clock()
        self.clocks.heard(member, sent_wall_at, now.wall, now.steady)

    def _leadership(self, told: LeadershipChanged) -> None:
        if told.term > self._seen_term:
            self._elections += self._seen_term > 0
            self._seen_term = told.term
        if told.leader and told.leader != self._seen_leader:
            self._leader_changes += self._seen_leader > 0
            self._seen_leader = told.leader

    def _sample(self, due: float) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._loop_lag.observe(max(0.0, now - due))
        self._sampler = loop.call_at(now + LAG_EVERY_S, self._sample, now + LAG_EVERY_S)

    # -- a scrape -------------------------------------------------------------------------------

    def _put(self, sheet: Sheet) -> None:
        sheet.put("build_info", 1, *self._build)
        sheet.put("damaged", self.damaged)
        sheet.put("event_loop_lag_seconds", self._loop_lag)
        sheet.put("raft_elections_total", self._elections)
        sheet.put("raft_leader_changes_total", self._leader_changes)
        sheet.put("raft_fsync_seconds", self.fsync)
        sheet.put_all("raft_snapshots_total", self._snapshots)
        sheet.put_all("assigner_errors_total", self._hook_errors)
        sheet.put_all("executor_hook_seconds", self._hook_seconds)
        self.rpc.put(sheet)
        self.turns.put(sheet)
        if self.http is not None:
            sheet.put_all("http_requests_total", self.http.answered)
        if self._replica is not None:
            self._put_member(sheet, self._replica)

    def _put_member(self, sheet: Sheet, replica: Replica) -> None:
        put_consensus(sheet, replica)
        self.doors.put(sheet)
        sheet.put("clock_spread_seconds", self.clocks.spread_ms(steady_ms()) / SECOND)
        if self._stats is not None:
            stats = self._stats()
            sheet.put("disk_free_bytes", stats.free_bytes)
            sheet.put("disk_full", replica.lacks_space)
        if self._hub is not None:
            sheet.put("watchers", self._hub.watchers, "grpc")
            sheet.put_all("watch_resets_total", self._hub.resets)
        leading, at = replica.leading, max(replica.now.wall, replica.state.at)
        if self._tasks is not None:
            self._tasks.put(sheet, None if leading is None else at)
        if leading is not None:
            looks = look_at_nodes(replica.state, leading)
            sheet.later.append(lambda: put_nodes(sheet, looks))


def open_http(
    address: str, missing: Callable[[], str], home: str, metrics: Metrics | None
) -> HttpHealth | None:
    """The door for probes and scrapes, not open yet; None without an address."""
    if not address or metrics is None:
        return None
    metrics.http = HttpHealth(address, missing, home, metrics.exposition.text)
    return metrics.http


def tzdata_version() -> str:
    """Of the zone data that timetables use."""
    try:
        return importlib.metadata.version("tzdata")
    except importlib.metadata.PackageNotFoundError:
        return "none"
