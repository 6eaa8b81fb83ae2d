"""Many series of one second each: whether every one runs each second, how late, and what that costs the leader."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

from coordinator.client import Client, NewTask
from scripts.bench_figures.bench import Bench, Entry
from scripts.bench_figures.cluster import Cluster
from scripts.bench_figures.figure import Figure, Number, at_least, at_most, percentile, rounded
from scripts.bench_figures.large import idle_percent, sizes
from scripts.bench_figures.marks import PLUGIN
from scripts.bench_figures.processes import cpu_seconds

SERIES, EVERY_MS, FOR_S = 1_000, 1_000, 30
BEFORE_S, AFTER_S = 8, 5  # until the first fire time, and for the last runs to be written down
IDLE_SERIES, BATCH, IDLE_WINDOWS = 100_000, 500, 5
KIB = 1024
SETTLE_S = 180.0


class Tick(NamedTuple):
    """One run: the series, when it was due and when it began, in ms since 1970."""

    task_id: str
    due: int
    began: int


def schedules_1000(bench: Bench) -> Iterator[Figure]:
    """1,000 series of 1 s, for 30 s."""
    window = _Window(_cluster(bench), "calm")
    cores = window.measure()
    ticks = window.ticks()
    more = _more(window, ticks)
    yield Figure("schedules_1000_share", "%", [_share(ticks)], at_least(100, 100), more)
    late: list[Number] = [tick.began - tick.due for tick in ticks]
    bound = at_most(100, 30, p99=(100, 30))
    yield Figure("schedules_1000_lateness", "ms", late, bound, {"p50": percentile(late, 50)})
    yield Figure("schedules_1000_cpu", "cores", [cores], at_most(0.5, 0.25))


def schedules_1000_leader_kill(bench: Bench) -> Iterator[Figure]:
    """The same, and the leader is killed in the middle: no fire time may be without its fate."""
    window = _Window(_cluster(bench), "kill")
    window.measure(kill=True)
    ticks = window.ticks()
    handled = window.handled()
    more = {**_more(window, ticks), "started_share": rounded(_share(ticks))}
    yield Figure("schedules_1000_leader_kill_fates", "%", [handled], at_least(100, 100), more)


def schedules_100000_idle(bench: Bench) -> Iterator[Figure]:
    """100,000 series of which none is due: what they weigh, and what they cost."""
    cluster = bench.cluster("idle series", flags=("--executors", str(PLUGIN)))
    empty = sizes(cluster)
    cluster.call(_many_idle, timeout_s=600)
    cluster.wait_quiet(SETTLE_S)
    full = sizes(cluster)
    grown = [(full[name] - empty[name]) / IDLE_SERIES / KIB for name in full]
    yield Figure("memory_per_series", "KiB", grown, at_most(4, 1.5))
    idle = [idle_percent(cluster) for _ in range(IDLE_WINDOWS)]
    yield Figure("idle_cpu_100000_series", "%", idle, at_most(5, 1))


class _Window:
    """Series made for one measurement, due from `begin` on, and its end: both in ms since 1970."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster = cluster
        self._name = name
        self._path = cluster.root / f"ticks-{name}"
        self.begin = (int(time.time()) + BEFORE_S) * 1_000
        self.end = self.begin + FOR_S * 1_000

    def measure(self, *, kill: bool = False) -> float:
        """Cores that the leader used meanwhile (0 where it was killed)."""
        self._cluster.call(self._create, timeout_s=60)
        leader = self._cluster.leader()
        self._sleep_until(self.begin)
        pids = self._cluster.coordinators[leader].tree()
        before = cpu_seconds(pids)
        if kill:
            self._sleep_until((self.begin + self.end) // 2)
            self._cluster.coordinators[leader].kill()
            self._cluster.coordinators[leader].start()
        self._sleep_until(self.end)
        used = 0.0 if kill else cpu_seconds(pids) - before
        self._sleep_until(self.end + AFTER_S * 1_000)
        return used / FOR_S

    async def _create(self, client: Client) -> None:
        tasks = [
            NewTask(
                executor="bench.tick",
                id=f"{self._name}-{number}",
                params={"path": str(self._path)},
                schedule={"every": f"{EVERY_MS}ms"},
                due_at=self.begin + number * EVERY_MS // SERIES,
            )
            for number in range(SERIES)
        ]
        for one in range(0, SERIES, BATCH):
            await client.create_many(tasks[one : one + BATCH])

    def ticks(self) -> list[Tick]:
        """Runs whose due time lies in the window."""
        found = []
        for path in self._path.parent.glob(f"{self._path.name}.*"):
            for line in path.read_text().splitlines():
                task_id, due, began = line.split()
                if self.begin <= int(due) < self.end:
                    found.append(Tick(task_id, int(due), int(began)))
        return found

    def handled(self) -> float:
        """Percent of the window's fire times that have a fate by now, as the series themselves say."""

        async def last_of_all(client: Client) -> list[int]:
            names = [f"{self._name}-{number}" for number in range(0, SERIES, 10)]
            tasks = [(await client.get(name)).task for name in names]
            found = [task.series for task in tasks if task is not None]
            return [(one.last_fire_at or 0) if one is not None else 0 for one in found]

        last = self._cluster.call(last_of_all, timeout_s=60)
        return 100.0 * sum(at >= self.end - EVERY_MS for at in last) / len(last)

    def _sleep_until(self, at_ms: int) -> None:
        time.sleep(max(0.0, at_ms / 1_000 - time.time()))


def _more(window: _Window, ticks: list[Tick]) -> dict[str, object]:
    """Drift: runs off the grid of their series. Twice: of one fire time."""
    off = sum((tick.due - window.begin) % EVERY_MS != _phase(tick.task_id) for tick in ticks)
    twice = len(ticks) - len({(tick.task_id, tick.due) for tick in ticks})
    return {"runs": len(ticks), "off_the_grid": off, "twice": twice}


def _phase(task_id: str) -> int:
    return int(task_id.rpartition("-")[2]) * EVERY_MS // SERIES


def _share(ticks: list[Tick]) -> float:
    fired = {(tick.task_id, tick.due) for tick in ticks}
    return 100.0 * len(fired) / (SERIES * FOR_S * 1_000 // EVERY_MS)


def _cluster(bench: Bench) -> Cluster:
    bench.end_cluster()  # the series of another measurement would go on
    flags = ("--capacity", "400", "--executors", str(PLUGIN))
    return bench.cluster("schedules", flags=flags)


async def _many_idle(client: Client) -> None:
    for one in range(0, IDLE_SERIES, BATCH):
        tasks = [
            NewTask(
                executor="bench.tick",
                id=f"idle-{number}",
                schedule={"cron": f"{number % 60} {number // 60 % 24} 1 1 *"},
            )
            for number in range(one, one + BATCH)
        ]
        await client.create_many(tasks)


FIGURES = (
    Entry(
        "schedules_1000_share",
        schedules_1000,
        also=("schedules_1000_lateness", "schedules_1000_cpu"),
    ),
    Entry("schedules_1000_leader_kill_fates", schedules_1000_leader_kill),
    Entry(
        "memory_per_series",
        schedules_100000_idle,
        is_large=True,
        also=("idle_cpu_100000_series",),
    ),
)
