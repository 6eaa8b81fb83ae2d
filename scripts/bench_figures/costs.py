"""What the work of a figure costs in processor time: it tells more than a rate where others use the machine too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from scripts.bench_figures.callers import own_cpu_s
from scripts.bench_figures.cluster import Cluster


class Costs:
    """Adds up processor time by who used it, over the parts that are measured."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._used: dict[str, float] = {}
        self._done = 0

    @contextmanager
    def of(self, count: int) -> Iterator[None]:
        """While the body does `count` of the figure's works."""
        leader = self._cluster.leader()
        before = {**self._cluster.cpu(leader), "caller": own_cpu_s()}
        yield
        after = {**self._cluster.cpu(leader), "caller": own_cpu_s()}
        for who, seconds in after.items():
            self._used[who] = self._used.get(who, 0.0) + seconds - before[who]
        self._done += count

    def each(self, work: str) -> dict[str, object]:
        """Microseconds of processor time for one, as a field of the figure."""
        used = {who: round(s / self._done * 1e6) for who, s in self._used.items()}
        return {f"cpu_us_per_{work}": {**used, "all": sum(used.values())}}
