"""`taskctl` as a whole process, from its start to its end, beside the start of Python with click in the same run."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from coordinator.client import Client, NewTask
from scripts.bench_figures.bench import Bench, Entry
from scripts.bench_figures.cluster import Cluster
from scripts.bench_figures.figure import Figure, at_most
from scripts.bench_figures.marks import marks_cluster
from scripts.bench_figures.processes import CHECKOUT, environment

RUNS = 20
LISTED = 50
TASKCTL = str(Path(sys.executable).parent / "taskctl")
IMPORT_CLICK = (sys.executable, "-c", "import click")


def _seconds(command: Sequence[str], environ: Mapping[str, str]) -> float:
    began = time.perf_counter()
    quiet = subprocess.DEVNULL
    subprocess.run(command, cwd=CHECKOUT, env=environ, check=True, stdout=quiet, stderr=quiet)
    return time.perf_counter() - began


def _beside_click(
    command: Sequence[str], environ: Mapping[str, str]
) -> tuple[list[float], list[float]]:
    """Milliseconds of the command and of importing click, in turns."""
    _seconds(command, environ), _seconds(IMPORT_CLICK, environ)
    ours, click = [], []
    for _ in range(RUNS):
        ours.append(_seconds(command, environ) * 1000)
        click.append(_seconds(IMPORT_CLICK, environ) * 1000)
    return ours, click


def cli_version(_bench: Bench) -> Iterator[Figure]:
    """`taskctl version`, whole process."""
    ours, click = _beside_click([TASKCTL, "version"], environment())
    yield Figure("cli_version", "ms", ours, at_most(80, 60))
    yield Figure("import_click", "ms", click)


def cli_list(bench: Bench) -> Iterator[Figure]:
    """`taskctl list` of 50 tasks, whole process."""
    cluster = marks_cluster(bench)
    _fill(cluster)
    cluster.wait_quiet()
    environ = environment({"TASKCTL_ADDR": ",".join(cluster.addresses.values())})
    ours, click = _beside_click([TASKCTL, "list", "--executor", "demo.sleep"], environ)
    more: dict[str, object] = {"import_click": round(sorted(click)[len(click) // 2], 1)}
    yield Figure("cli_list", "ms", ours, at_most(250, 150), more)


def _fill(cluster: Cluster) -> None:
    async def create(client: Client) -> None:
        names = [f"listed-{number}" for number in range(LISTED)]
        await client.create_many([NewTask(executor="demo.sleep", id=n, paused=True) for n in names])

    cluster.call(create)


FIGURES = (
    Entry("cli_version", cli_version, also=("import_click",)),
    Entry("cli_list", cli_list),
)
