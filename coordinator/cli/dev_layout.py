"""What a dev cluster is made of: names, ports, command lines, and the file that says what runs (EX-23, EX-25).

`cluster.json` has exactly the keys `coordinators` and `nodes`; `dev.json` beside it remembers what `dev up` was asked
for, and marks the directory as one that `dev up` made. Nothing here starts anything.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

HTTP_ABOVE, PEER_ABOVE = 100, 200
BLOCK = 10
PORT_MAX = 65_535
HEARTBEAT, LEASE, REASSIGN = "250ms", "5s", "7s"
FIRST_SETTINGS = (
    ("nodes.heartbeat", HEARTBEAT),
    ("nodes.lease", LEASE),
    ("nodes.reassign_after", REASSIGN),
)


class Member(NamedTuple):
    """One process of the cluster. `grpc` and `http` are empty for a node."""

    name: str
    directory: Path
    log: Path
    command: tuple[str, ...]
    grpc: str = ""
    http: str = ""

    @property
    def is_coordinator(self) -> bool:
        """Else it is a node."""
        return bool(self.grpc)

    def told(self, pid: int | None) -> dict[str, Any]:
        """Its part of cluster.json."""
        places = {"grpc": self.grpc, "http": self.http} if self.is_coordinator else {}
        return {
            "name": self.name,
            "pid": pid,
            **places,
            "log": str(self.log),
            "command": list(self.command),
        }


class Wanted(NamedTuple):
    """What `dev up` was asked for."""

    coordinators: int = 3
    nodes: int = 3
    base_port: int = 7101
    executors: tuple[str, ...] = ()


class Layout(NamedTuple):
    """A cluster in its directory."""

    directory: Path
    wanted: Wanted
    coordinator: tuple[str, ...]  # how to start one, before its flags
    node: tuple[str, ...]

    @property
    def members(self) -> tuple[Member, ...]:
        """Coordinators first, then nodes."""
        return (*self._coordinators(), *self._nodes())

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where the coordinators listen."""
        first = self.wanted.base_port
        return tuple(f"127.0.0.1:{first + n}" for n in range(self.wanted.coordinators))

    def _coordinators(self) -> Iterator[Member]:
        peers = ",".join(f"c{n}={address}" for n, address in enumerate(self.addresses, 1))
        for number, grpc in enumerate(self.addresses, 1):
            name = f"c{number}"
            http = f"127.0.0.1:{self.wanted.base_port + HTTP_ABOVE + number - 1}"
            stream = f"127.0.0.1:{self.wanted.base_port + PEER_ABOVE + number - 1}"
            flags = ["--listen", grpc, "--http", http, "--peer-listen", stream, "--peers", peers]
            for key, value in FIRST_SETTINGS:
                flags += ["--set", f"{key}={value}"]
            yield self._member(name, self.coordinator, flags)._replace(grpc=grpc, http=http)

    def _nodes(self) -> Iterator[Member]:
        for number in range(1, self.wanted.nodes + 1):
            flags = ["--coordinators", ",".join(self.addresses)]
            yield self._member(f"n{number}", self.node, flags)

    def _member(self, name: str, program: tuple[str, ...], flags: list[str]) -> Member:
        directory, log = self.directory / name, self.directory / "logs" / f"{name}.log"
        own = ["--name", name, "--data-dir", str(directory), "--log-file", str(log)]
        for spec in self.wanted.executors:
            own += ["--executors", spec]
        return Member(name, directory, log, (*program, *own, *flags))


def make_layout(directory: Path, wanted: Wanted) -> Layout:
    """A new cluster, with command lines that work from any directory and without further environment."""
    return Layout(directory, wanted, program_command("coordinator"), program_command("node"))


def program_command(package: str) -> tuple[str, ...]:
    """Its console script where this code is installed; else what finds this checkout by itself."""
    script = Path(sys.executable).parent / f"task-{package}"
    root = str(Path(__file__).resolve().parents[2])
    lent = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if script.exists() and root in sys.path[1:] and root not in lent:
        return (sys.executable, str(script))
    code = (
        f"import os, sys; sys.path.insert(0, {root!r}); os.environ['PYTHONPATH'] = {root!r}; "
        f"from {package}.__main__ import main; sys.exit(main())"
    )
    return (sys.executable, "-c", code)


def free_block(wanted: Wanted) -> Wanted:
    """The same, moved up by ten until all its ports are free."""
    while not all(_is_free(port) for port in _ports(wanted)):
        wanted = wanted._replace(base_port=wanted.base_port + BLOCK)
        if wanted.base_port + PEER_ABOVE + wanted.coordinators > PORT_MAX:
            raise OSError(f"no free block of ports up to {PORT_MAX}")
    return wanted


def _ports(wanted: Wanted) -> Iterator[int]:
    for number in range(wanted.coordinators):
        yield wanted.base_port + number
        yield wanted.base_port + HTTP_ABOVE + number
        yield wanted.base_port + PEER_ABOVE + number


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


# -- files ----------------------------------------------------------------------------------------


def write_layout(layout: Layout) -> None:
    """Remember what was asked for; marks the directory as ours."""
    layout.directory.mkdir(parents=True, exist_ok=True)
    (layout.directory / "logs").mkdir(exist_ok=True)
    write_json(
        layout.directory / "dev.json",
        {
            "made_by": "taskctl dev up",
            **layout.wanted._asdict(),
            "coordinator_command": layout.coordinator,
            "node_command": layout.node,
        },
    )


def read_layout(directory: Path) -> Layout | None:
    """None where `dev up` never was."""
    try:
        found = json.loads((directory / "dev.json").read_text(encoding="utf-8"))
        wanted = Wanted(
            found["coordinators"], found["nodes"], found["base_port"], tuple(found["executors"])
        )
        programs = tuple(found["coordinator_command"]), tuple(found["node_command"])
    except (OSError, ValueError, KeyError):
        return None
    return Layout(directory, wanted, *programs)


def write_cluster(layout: Layout, pids: dict[str, int | None]) -> None:
    """Replace cluster.json in one step."""
    members = layout.members
    write_json(
        layout.directory / "cluster.json",
        {
            "coordinators": [m.told(pids.get(m.name)) for m in members if m.is_coordinator],
            "nodes": [m.told(pids.get(m.name)) for m in members if not m.is_coordinator],
        },
    )


def read_cluster(directory: Path) -> dict[str, list[dict[str, Any]]] | None:
    """What cluster.json says; None where there is none."""
    try:
        found = json.loads((directory / "cluster.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return {"coordinators": found["coordinators"], "nodes": found["nodes"]}


def pids_of(directory: Path) -> dict[str, int | None]:
    """By name; empty where there is no cluster."""
    cluster = read_cluster(directory) or {"coordinators": [], "nodes": []}
    return {m["name"]: m["pid"] for m in (*cluster["coordinators"], *cluster["nodes"])}


def write_json(path: Path, value: Any) -> None:
    """Nobody ever reads half of it."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    fresh.replace(path)
