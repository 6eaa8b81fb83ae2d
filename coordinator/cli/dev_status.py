"""`taskctl dev status | logs`: what runs on this machine, and what it says."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from coordinator.cli import dev_processes as processes
from coordinator.cli import exits
from coordinator.cli.dev_cluster import DevCluster, data_dir_flag, open_cluster
from coordinator.cli.dev_layout import Member
from coordinator.cli.failures import usage
from coordinator.cli.lazy import Verb
from coordinator.cli.output import Column
from coordinator.cli.session import session_of

LAST_LINES = 20
FOLLOW_S = 0.2


@click.command("status", cls=Verb)
@data_dir_flag
@click.pass_context
def status(ctx: click.Context, directory: str) -> int:
    """What runs; for a node also its agent and workers."""
    cluster = open_cluster(directory)
    out = session_of(ctx).out
    rows = [_row(cluster, member) for member in cluster.members.values()]
    if out.is_json:
        from coordinator.client.serializer import envelope

        fields = {"data_dir": str(cluster.layout.directory), "parent_pid": cluster.parent}
        out.json(envelope("DevStatus", None, {**fields, "processes": rows}))
        return exits.OK
    columns: list[Column[dict[str, Any]]] = [
        Column("NAME", lambda row: row["name"]),
        Column("STATE", lambda row: row["state"]),
        Column("PID", lambda row: str(row["pid"] or "-"), right=True),
        Column("ADDRESS", lambda row: row["grpc"] or "-"),
        Column("AGENT", lambda row: str(row["agent_pid"] or "-"), right=True),
        Column("WORKERS", lambda row: " ".join(map(str, row["worker_pids"])) or "-"),
    ]
    out.listing("DevStatusList", None, rows, columns)
    return exits.OK


def _row(cluster: DevCluster, member: Member) -> dict[str, Any]:
    pid = cluster.pid(member.name)
    agent = next(iter(processes.children(pid)), None) if pid and not member.is_coordinator else None
    workers = processes.tree(agent)[1:] if agent else []
    paused = pid is not None and processes.is_paused(pid)
    return {
        "name": member.name,
        "state": "down" if pid is None else "paused" if paused else "up",
        "pid": pid,
        "grpc": member.grpc or None,
        "http": member.http or None,
        "agent_pid": agent,
        "worker_pids": workers,
        "log": str(member.log),
        "command": list(member.command),
    }


@click.command("logs", cls=Verb)
@click.argument("name", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on as lines come.")
@click.option("-n", "--lines", default=LAST_LINES, show_default=True, help="Last lines of each.")
@data_dir_flag
def logs(name: str | None, follow: bool, lines: int, directory: str) -> int:
    """The logs of one process, or of all with their names in front."""
    cluster = open_cluster(directory)
    if name is not None and name not in cluster.members:
        raise usage(f"no process {name}", hint=f"there are {', '.join(cluster.members)}")
    chosen = [cluster.members[name]] if name else list(cluster.members.values())
    tails = [_Tail(m.log, "" if name else f"{m.name}: ", lines) for m in chosen]
    _print(tails)
    while follow:
        time.sleep(FOLLOW_S)
        _print(tails)
    return exits.OK


def _print(tails: Iterable[_Tail]) -> None:
    for tail in tails:
        for line in tail.news():
            click.echo(tail.prefix + line)


class _Tail:
    """A file that grows: its last lines first, then what is added."""

    def __init__(self, path: Path, prefix: str, lines: int) -> None:
        self.prefix = prefix
        self._path = path
        self._lines = lines
        self._at = -1

    def news(self) -> list[str]:
        try:
            with self._path.open("rb") as file:
                file.seek(max(self._at, 0))
                data = file.read()
        except OSError:
            return []
        whole = data[: data.rfind(b"\n") + 1]
        found = whole.decode(errors="replace").splitlines()
        if self._at < 0:
            found = found[-self._lines :] if self._lines else []
            self._at = 0
        self._at += len(whole)
        return found
