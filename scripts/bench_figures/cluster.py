"""A cluster of real processes with default settings, in a directory on the disk of the checkout."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from coordinator.client import Client, ClientError
from coordinator.client.cluster_views import MemberStatus
from scripts.bench_figures.processes import (
    WAIT_S,
    Died,
    Process,
    TimedOut,
    cpu_seconds,
    free_ports,
    until,
)

QUIET_CORES = 0.15
QUIET_S = 0.3
T = TypeVar("T")


class Cluster:
    """Coordinators c1.. and nodes n1..; started on entry, ended and removed from the process table on exit."""

    def __init__(
        self,
        root: Path,
        *,
        coordinators: int = 3,
        nodes: int = 3,
        node_flags: Sequence[str] = (),
        coordinator_flags: Sequence[str] = (),
    ) -> None:
        self.root = root
        root.mkdir(parents=True)
        ports = free_ports(2 * coordinators)
        self.addresses = {
            f"c{n}": f"127.0.0.1:{port}" for n, port in enumerate(ports[:coordinators], 1)
        }
        self._streams = dict(zip(self.addresses, ports[coordinators:], strict=True))
        self.coordinators = {
            name: self._coordinator(name, coordinator_flags) for name in self.addresses
        }
        self.nodes = {f"n{n}": self._node(f"n{n}", node_flags) for n in range(1, nodes + 1)}

    def _coordinator(self, name: str, flags: Sequence[str]) -> Process:
        peers = ",".join(f"{n}={a}" for n, a in self.addresses.items())
        command = [sys.executable, "-m", "coordinator", "--name", name]
        command += ["--data-dir", str(self.root / name), "--listen", self.addresses[name]]
        command += ["--peers", peers, "--peer-listen", f"127.0.0.1:{self._streams[name]}", *flags]
        return Process(name, command, self.root / f"{name}.log")

    def _node(self, name: str, flags: Sequence[str]) -> Process:
        command = [sys.executable, "-m", "node", "--name", name]
        command += ["--data-dir", str(self.root / name)]
        command += ["--coordinators", ",".join(self.addresses.values()), *flags]
        return Process(name, command, self.root / f"{name}.log")

    @property
    def processes(self) -> list[Process]:
        return [*self.coordinators.values(), *self.nodes.values()]

    def __enter__(self) -> Self:
        try:
            for process in self.processes:
                process.start()
            self.wait_ready()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def end(self) -> None:
        """Every process of the cluster, nodes first."""
        for process in reversed(self.processes):
            process.end()

    # -- looking ------------------------------------------------------------------------------------

    def call(
        self, work: Callable[[Client], Coroutine[Any, Any, T]], *, timeout_s: float = 10.0
    ) -> T:
        """One conversation with the cluster, on a loop of its own."""

        async def run() -> T:
            async with Client(list(self.addresses.values()), timeout_s=timeout_s) as client:
                return await work(client)

        return asyncio.run(run())

    def status_of(self, name: str, timeout_s: float = 2.0) -> MemberStatus | None:
        """What a coordinator says of itself, None if it says nothing."""
        address = self.addresses[name]
        try:
            return self.call(lambda c: c.cluster.status_of(address, timeout_s=timeout_s))
        except ClientError:
            return None

    def leader(self, timeout_s: float = WAIT_S) -> str:
        """Name of the coordinator that leads, once one says so of itself."""
        found = ""

        def one_leads() -> bool:
            nonlocal found
            for name, process in self.coordinators.items():
                status = self.status_of(name) if process.is_alive else None
                if status is not None and status.member.role == "leader":
                    found = name
            self.check_alive()
            return bool(found)

        until(one_leads, "a leader", timeout_s)
        return found

    def leader_address(self) -> str:
        """Where the leader listens."""
        return self.addresses[self.leader()]

    def check_alive(self) -> None:
        """Raise Died with the last words of a process that ended although nobody asked it to."""
        for process in self.processes:
            if not process.is_alive:
                raise Died(f"{process.name} has ended:\n{process.last_words()}")

    def wait_ready(self, timeout_s: float = WAIT_S) -> None:
        """A leader is there, every member follows it, every node is ready, and all have calmed down."""
        self.leader(timeout_s)
        until(self._all_follow, "all members follow the leader", timeout_s)
        wanted = set(self.nodes)
        until(lambda: wanted <= self.ready_nodes(), f"nodes {sorted(wanted)} ready", timeout_s)
        self.wait_quiet()

    def _all_follow(self) -> bool:
        statuses = [self.status_of(name) for name in self.coordinators]
        return all(status is not None and status.has_quorum for status in statuses)

    def ready_nodes(self) -> set[str]:
        """Nodes that are connected and ready for work."""
        try:
            found = self.call(lambda client: client.cluster.nodes(), timeout_s=5)
        except ClientError:
            return set()
        return {n.name for n in found.nodes if n.status == "ready" and n.connected}

    def pids(self) -> list[int]:
        """Of everything that belongs to the cluster now."""
        return [pid for process in self.processes for pid in process.tree()]

    def cpu(self, leader: str) -> dict[str, float]:
        """Processor seconds so far: of the leader, of the other coordinators together, of all nodes together."""
        others = [process for name, process in self.coordinators.items() if name != leader]
        nodes = [pid for process in self.nodes.values() for pid in process.tree()]
        return {
            "leader": cpu_seconds(self.coordinators[leader].tree()),
            "followers": cpu_seconds([pid for process in others for pid in process.tree()]),
            "nodes": cpu_seconds(nodes),
        }

    def wait_quiet(self, timeout_s: float = 30.0) -> None:
        """Until our processes use next to no processor: starting, catching up and tidying are over."""
        deadline = time.monotonic() + timeout_s
        while True:
            pids = self.pids()
            before, began = cpu_seconds(pids), time.monotonic()
            time.sleep(QUIET_S)
            if self.pids() == pids:
                cores = (cpu_seconds(pids) - before) / (time.monotonic() - began)
                if cores < QUIET_CORES:
                    return
            if time.monotonic() > deadline:
                raise TimedOut(f"the cluster is still busy after {timeout_s:.0f} s")
