"""`taskctl dev kill | start | pause | down`: faults on request, and their end."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import click

from coordinator.cli import dev_processes as processes
from coordinator.cli import exits
from coordinator.cli.dev_cluster import (
    DevCluster,
    data_dir_flag,
    directory_of,
    names_of,
    open_cluster,
    until,
)
from coordinator.cli.dev_layout import Member, read_layout
from coordinator.cli.dev_parent import parent_pid
from coordinator.cli.dev_words import typed
from coordinator.cli.failures import Failure, usage
from coordinator.cli.lazy import Verb
from coordinator.cli.texts import count

NOTICED_S = 5.0
DOWN_S = 30.0


def targets(cluster: DevCluster, names: tuple[str, ...]) -> list[tuple[Member, str]]:
    """Who is meant, all found before anything is done."""
    if all(name in cluster.members for name in names):
        return [(cluster.members[name], "") for name in names]

    async def find(client: object) -> list[tuple[Member, str]]:
        from coordinator.client.client import Client

        if not isinstance(client, Client):
            raise TypeError("a client is needed")
        return [await names_of(cluster, client, name) for name in names]

    return cluster.run(find)


@click.command("kill", cls=Verb)
@click.argument("names", metavar="NAME…", nargs=-1, required=True)
@data_dir_flag
def kill(names: tuple[str, ...], directory: str) -> int:
    """SIGKILL, no goodbye. What a node runs dies with it; nothing comes back by itself."""
    cluster = open_cluster(directory)
    some_failed = False
    for member, about in targets(cluster, names):
        pid = cluster.pid(member.name)
        if pid is None:
            click.echo(f"{member.name} is down already")
            some_failed = True
            continue
        processes.send(pid, signal.SIGKILL)
        until(lambda pid=pid: not processes.is_alive(pid), NOTICED_S)  # type: ignore[misc]
        until(lambda name=member.name: cluster.pid(name) is None, NOTICED_S)  # type: ignore[misc]
        click.echo(_killed(member, pid, about))
    return exits.CONFLICT if some_failed and len(names) == 1 else exits.OK


def _killed(member: Member, pid: int, about: str) -> str:
    """`n2 (pid 71) killed; it was running hello`, `c1 (pid 70, leader of term 3) killed`."""
    if about.startswith("leader"):
        return f"{member.name} (pid {pid}, {about}) killed"
    return f"{member.name} (pid {pid}) killed" + (f"; {about}" if about else "")


@click.command("pause", cls=Verb)
@click.argument("names", metavar="NAME…", nargs=-1, required=True)
@data_dir_flag
def pause(names: tuple[str, ...], directory: str) -> int:
    """SIGSTOP to a process and all it started, until `dev start`."""
    cluster = open_cluster(directory)
    for member, about in targets(cluster, names):
        pid = cluster.pid(member.name)
        if pid is None:
            raise Failure(
                f"{member.name} is down",
                hint=typed(f"dev start {member.name}"),
                exit_code=exits.CONFLICT,
                reason="not_running",
            )
        stopped = processes.tree(pid)
        processes.pause(pid)
        more = f"; {about}" if about else ""
        click.echo(
            f"{member.name} (pid {pid}) paused, {count(len(stopped), 'process', 'processes')}{more}"
        )
    return exits.OK


@click.command("start", cls=Verb)
@click.argument("names", metavar="NAME…", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that are down or paused.")
@data_dir_flag
def start(names: tuple[str, ...], everything: bool, directory: str) -> int:
    """Start what is down, continue what is paused."""
    if bool(names) == everything:
        raise usage("start: name processes, or give --all", hint=typed("dev start --all"))
    cluster = open_cluster(directory)
    chosen = (
        list(cluster.members.values()) if everything else [m for m, _ in targets(cluster, names)]
    )
    failed = False
    for member in chosen:
        pid = cluster.pid(member.name)
        if pid is None:
            pid = start_member(cluster, member)
            failed = failed or pid is None
        elif processes.is_paused(pid):
            processes.resume(pid)
            click.echo(f"{member.name} (pid {pid}) continues")
        elif not everything:
            click.echo(f"{member.name} (pid {pid}) runs already")
    return exits.BUG if failed else exits.OK


def start_member(cluster: DevCluster, member: Member) -> int | None:
    """Its new pid; None when it did not come up."""
    cluster.request_start(member.name)
    if not until(lambda: cluster.pid(member.name) is not None, NOTICED_S):
        click.echo(f"{member.name} did not start; see {member.log}", err=True)
        return None
    pid = cluster.pid(member.name)
    click.echo(f"{member.name} (pid {pid}) started")
    return pid


@click.command("down", cls=Verb)
@click.option("--purge", is_flag=True, help="Delete the data directory as well.")
@data_dir_flag
def down(purge: bool, directory: str) -> int:
    """Stop everything, adopted processes too; the data stays."""
    path = directory_of(directory)
    layout, parent = read_layout(path), parent_pid(path)
    if purge and layout is None:
        raise usage(f"{path} was not made by dev up; nothing deleted")
    stopped = 0
    if parent is not None:
        stopped = stop_cluster(path, parent)
    kept = f"data kept in {path}"
    if purge:
        shutil.rmtree(path)
        kept = f"{path} deleted"
    click.echo(f"{count(stopped, 'process', 'processes')} stopped; {kept}")
    return exits.OK


def stop_cluster(path: Path, parent: int) -> int:
    """How many were up. Raises Failure when something would not end."""
    layout = read_layout(path)
    running = DevCluster(layout, parent).running if layout is not None else {}
    processes.send(parent, signal.SIGTERM)
    if not until(lambda: parent_pid(path) is None, DOWN_S):
        raise Failure(f"the parent of the cluster (pid {parent}) does not end", reason="timed_out")
    return len(running)
