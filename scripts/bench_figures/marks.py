"""Tasks that run until they are cancelled and say when each of their runs began."""

from __future__ import annotations

import itertools
import time
from typing import NamedTuple

from coordinator.client import Client, NewTask
from scripts.bench_figures.bench import Bench
from scripts.bench_figures.cluster import Cluster
from scripts.bench_figures.processes import CHECKOUT, stat_of, until

PLUGIN = CHECKOUT / "scripts" / "bench_figures" / "plugin.py"
AGAIN_S = 60.0
_numbers = itertools.count()


class Begun(NamedTuple):
    """One run's beginning: `at_ns` by the steady clock, `pid` of the worker."""

    allocation_id: int
    at_ns: int
    pid: int


class MarkedTask:
    """One exclusive task of `bench.mark` with default policy."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.id = f"mark-{next(_numbers)}"
        self._path = cluster.root / self.id

    def begin(self) -> Begun:
        """Submit it; its first run, once that has begun."""
        params = {"path": str(self._path), "hold": True}
        task = NewTask(executor="bench.mark", id=self.id, params=params)

        async def create(client: Client) -> None:
            await client.create(task)

        self._cluster.call(create)
        return self.begun(1)

    def begun(self, number: int) -> Begun:
        """The run of this number, counted from 1, once it has begun."""
        until(lambda: len(self._lines()) >= number, f"run {number} of {self.id}", AGAIN_S)
        return self._lines()[number - 1]

    def _lines(self) -> list[Begun]:
        if not self._path.exists():
            return []
        lines = self._path.read_text().splitlines(keepends=True)
        return [Begun(*map(int, line.split())) for line in lines if line.endswith("\n")]

    def end(self) -> None:
        """Cancel it and wait for its end."""

        async def cancel(client: Client) -> None:
            await client.cancel(self.id)
            await client.wait(self.id, timeout_s=AGAIN_S)

        self._cluster.call(cancel, timeout_s=AGAIN_S)


def marks_cluster(bench: Bench) -> Cluster:
    """Three coordinators and three nodes that offer `bench.mark`, all settings by default."""
    return bench.cluster("marks", flags=("--executors", str(PLUGIN)))


def seconds_since(killed_ns: int, begun: Begun) -> float:
    return (begun.at_ns - killed_ns) / 1e9


def now_ns() -> int:
    """The steady clock that workers use as well."""
    return time.monotonic_ns()


def parent_of(pid: int) -> int:
    return int(stat_of(pid)[1])
