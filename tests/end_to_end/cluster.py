"""A whole cluster of real processes for tests: coordinators and nodes on free loopback ports, in a directory.

```python
with Cluster(tmp_path, coordinators=3, nodes=2) as cluster:
    cluster.wait_ready()
    cluster.kill(cluster.leader())
    cluster.call(lambda client: client.create(NewTask(executor="demo.noop", id="a")))
```

`kill` is SIGKILL, `stop` SIGTERM, `start` starts again what is down, with the same command. What a test needs to know
of the cluster it asks through `coordinator.client`, like everybody else.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc

from coordinator.client import Client, ClientError
from coordinator.client.cluster_views import MemberStatus
from tests.end_to_end.processes import WAIT_S, Process, free_ports, until

FAST = {  # as `taskctl dev up` has it
    "nodes.heartbeat": "250ms",
    "nodes.lease": "5s",
    "nodes.reassign_after": "7s",
}
T = TypeVar("T")


class Cluster:
    """Processes c1.. and n1..; nothing is started before `start` (or `with`)."""

    def __init__(
        self,
        root: Path,
        *,
        coordinators: int = 3,
        nodes: int = 0,
        executors: Sequence[str] = (),
        settings: Mapping[str, str] | None = None,
        flags: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """`flags`: further ones of all `coordinators` and all `nodes`, under these keys."""
        self.root = root
        self.executors = tuple(executors)
        self.settings = {**FAST, **(settings or {})}
        self.flags = {"coordinators": (), "nodes": (), **(flags or {})}
        ports = [f"127.0.0.1:{port}" for port in free_ports(2 * coordinators)]
        self.addresses = {f"c{n}": address for n, address in enumerate(ports[:coordinators], 1)}
        self.streams = dict(zip(self.addresses, ports[coordinators:], strict=True))
        self.processes: dict[str, Process] = {}
        for name in self.addresses:
            self._add(name, self.coordinator_command(name))
        for number in range(1, nodes + 1):
            self._add(f"n{number}", self.node_command(f"n{number}"))

    # -- processes ------------------------------------------------------------------------------

    def coordinator_command(self, name: str) -> list[str]:
        peers = ",".join(f"{n}={a}" for n, a in self.addresses.items())
        command = [sys.executable, "-m", "coordinator", "--name", name]
        command += ["--data-dir", str(self.root / name), "--listen", self.addresses[name]]
        command += ["--peers", peers, "--peer-listen", self.streams[name]]
        for key, value in self.settings.items():
            command += ["--set", f"{key}={value}"]
        for spec in self.executors:
            command += ["--executors", spec]
        return [*command, *self.flags["coordinators"]]

    def node_command(self, name: str, *more: str) -> list[str]:
        command = [sys.executable, "-m", "node", "--name", name]
        command += ["--data-dir", str(self.root / name)]
        command += ["--coordinators", ",".join(self.addresses.values())]
        for spec in self.executors:
            command += ["--executors", spec]
        return [*command, *self.flags["nodes"], *more]

    def add_coordinator(self, name: str, address: str = "") -> str:
        """A further coordinator, not started yet; gives its address. Lists of those that are there stay as they are."""
        ports = free_ports(2)
        self.addresses[name] = address or f"127.0.0.1:{ports[0]}"
        self.streams[name] = f"127.0.0.1:{ports[1]}"
        self._add(name, self.coordinator_command(name))
        return self.addresses[name]

    def forget(self, name: str) -> None:
        """A coordinator that was removed: nobody is asked about it any more."""
        self.processes.pop(name).end()
        del self.addresses[name], self.streams[name]

    def add_node(self, name: str, *more: str) -> Process:
        """A further node, not started yet."""
        return self._add(name, self.node_command(name, *more))

    def _add(self, name: str, command: list[str]) -> Process:
        process = Process(name, command, self.root / f"{name}.log")
        self.processes[name] = process
        return process

    @property
    def coordinators(self) -> list[str]:
        return [name for name in self.processes if name in self.addresses]

    @property
    def nodes(self) -> list[str]:
        return [name for name in self.processes if name not in self.addresses]

    def __getitem__(self, name: str) -> Process:
        return self.processes[name]

    def start(self, *names: str) -> None:
        """Those named, or all, as far as they are down."""
        for name in names or tuple(self.processes):
            if not self.processes[name].is_alive:
                self.processes[name].start()

    def kill(self, *names: str) -> None:
        for name in names:
            self.processes[name].kill()

    def stop(self, *names: str) -> list[int]:
        """SIGTERM; their exit statuses."""
        return [self.processes[name].terminate() for name in names]

    def end(self) -> None:
        for process in self.processes.values():
            process.end()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()
        if error is not None:
            print(self.last_lines())

    def last_lines(self, count: int = 15) -> str:
        """The end of every log, for whoever reads a failure."""
        parts = []
        for name, process in self.processes.items():
            parts.append(f"--- {name}: {' '.join(process.command)}")
            parts += process.lines()[-count:]
        return "\n".join(parts)

    # -- looking --------------------------------------------------------------------------------

    def call(self, work: Callable[[Client], Coroutine[Any, Any, T]], *, timeout_s: float = 10) -> T:
        """One conversation with the cluster, on a loop of its own."""

        async def run() -> T:
            async with Client(list(self.addresses.values()), timeout_s=timeout_s) as client:
                return await work(client)

        return asyncio.run(run())

    def health(self, name: str, service: str = "") -> bool:
        """What the standard health service of one coordinator says of a service."""
        with grpc.insecure_channel(self.addresses[name]) as channel:
            ask: Any = channel.unary_unary("/grpc.health.v1.Health/Check")
            request = bytes([10, len(service)]) + service.encode() if service else b""
            try:
                return bool(ask(request, timeout=1) == b"\x08\x01")
            except grpc.RpcError:
                return False

    def leaders(self) -> list[str]:
        """Who says that it leads."""
        alive = [name for name in self.coordinators if self.processes[name].is_alive]
        return [name for name in alive if self.health(name, "ptasks.v1.leader")]

    def leader(self, timeout_s: float = WAIT_S) -> str:
        """The one leader, once there is one."""
        found: list[str] = []

        def one_leads() -> bool:
            found[:] = self.leaders()
            return len(found) == 1

        until(one_leads, "one leader", timeout_s)
        return found[0]  # asked again it may be silent for a moment

    def followers(self) -> list[str]:
        leader = self.leader()
        return [n for n in self.coordinators if n != leader and self.processes[n].is_alive]

    def status_of(self, name: str) -> MemberStatus:
        """What one coordinator says of itself."""
        return self.call(lambda client: client.cluster.status_of(self.addresses[name], timeout_s=3))

    def wait_ready(self, timeout_s: float = WAIT_S) -> None:
        """A leader is there and every node of ours that is alive is ready."""
        self.leader(timeout_s)
        wanted = {name for name in self.nodes if self.processes[name].is_alive}
        until(lambda: wanted <= self.ready_nodes(), f"nodes {sorted(wanted)} ready", timeout_s)

    def ready_nodes(self) -> set[str]:
        try:
            found = self.call(lambda client: client.cluster.nodes(), timeout_s=5)
        except ClientError:
            return set()
        return {node.name for node in found.nodes if node.status == "ready"}

    def wait_member(self, name: str, timeout_s: float = WAIT_S) -> None:
        """A coordinator is up and knows a leader."""
        until(lambda: self.health(name, "ptasks.v1.Tasks"), f"{name} knows a leader", timeout_s)

    def said(self, name: str, pattern: str) -> bool:
        """Whether a line of its log matches."""
        return any(re.search(pattern, line) for line in self.processes[name].lines())
