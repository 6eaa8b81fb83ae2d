"""What a figure may lean on: a directory, one cluster at a time, and whether there is little time."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from scripts.bench_figures.cluster import Cluster
from scripts.bench_figures.figure import Figure
from scripts.bench_figures.processes import cpu_seconds, note


class Bench:
    """Clusters are made on demand and kept while figures of the same kind follow one another."""

    def __init__(self, root: Path, *, quick: bool) -> None:
        self.root = root
        self.quick = quick
        self._kind = ""
        self._cluster: Cluster | None = None
        self._count = 0
        self._ended_cpu_s = 0.0

    def rounds(self, full: int, quick: int) -> int:
        """How often to measure."""
        return quick if self.quick else full

    def directory(self, name: str) -> Path:
        """A path below our directory that nothing has yet."""
        self._count += 1
        return self.root / f"{self._count}-{name}"

    def cluster(
        self,
        kind: str,
        *,
        coordinators: int = 3,
        nodes: int = 3,
        flags: Sequence[str] = (),
        coordinator_flags: Sequence[str] = (),
    ) -> Cluster:
        """The running cluster if it is of this kind; else that one is ended and another started. `flags`: of nodes."""
        if self._cluster is None or self._kind != kind:
            self.end_cluster()
            note(f"starting {coordinators} coordinators and {nodes} nodes for {kind}")
            root = self.directory(kind.replace(" ", "-"))
            cluster = Cluster(
                root,
                coordinators=coordinators,
                nodes=nodes,
                node_flags=flags,
                coordinator_flags=coordinator_flags,
            )
            self._cluster = cluster.__enter__()
            self._kind = kind
        return self._cluster

    def end_cluster(self) -> None:
        """Its processes and its data."""
        if self._cluster is not None:
            self._ended_cpu_s += cpu_seconds(self._cluster.pids())
            self._cluster.end()
            shutil.rmtree(self._cluster.root)
            self._cluster = None

    def cpu_seconds(self) -> float:
        """Of the processes that run for us, and of those of clusters that are gone."""
        running = cpu_seconds(self._cluster.pids()) if self._cluster is not None else 0.0
        return self._ended_cpu_s + running


class Entry(NamedTuple):
    """A figure by the name one asks for it, and those that come `also`. `is_large`: left out by --quick."""

    name: str
    measure: Callable[[Bench], Iterator[Figure]]
    is_large: bool = False
    also: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.also)
