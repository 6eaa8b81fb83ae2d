"""`taskctl dev up | demo`: start a cluster, wait until it is ready, show what it can do."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coordinator.cli import dev_processes as processes
from coordinator.cli import exits
from coordinator.cli.contexts import write_context
from coordinator.cli.dev_cluster import (
    DevCluster,
    data_dir_flag,
    directory_of,
    leader_status,
    open_cluster,
    until,
)
from coordinator.cli.dev_control import stop_cluster
from coordinator.cli.dev_layout import (
    HEARTBEAT,
    LEASE,
    REASSIGN,
    Layout,
    Wanted,
    free_block,
    make_layout,
    write_layout,
)
from coordinator.cli.dev_parent import parent_pid
from coordinator.cli.dev_words import CONTEXT, typed
from coordinator.cli.failures import Failure, usage
from coordinator.cli.lazy import Verb
from coordinator.cli.texts import count
from coordinator.client.durations import parse_duration

if TYPE_CHECKING:
    from coordinator.client.client import Client

READY_S = 60.0
UP_S = 10.0
LOOK_S = 1.0  # whether somebody has asked for the end meanwhile
COUNT = click.IntRange(1, 9)


@click.command("up", cls=Verb)
@click.option(
    "--coordinators", type=COUNT, default=3, show_default=True, help="How many (1, 3, 5)."
)
@click.option("--nodes", type=click.IntRange(0, 50), default=3, show_default=True, help="How many.")
@click.option(
    "--base-port",
    type=click.IntRange(1024, 65_000),
    default=7101,
    show_default=True,
    help="gRPC of c1; the others follow, HTTP 100 above.",
)
@click.option(
    "--executors", multiple=True, metavar="MODULE[:CLASS]", help="Plugins to offer as well."
)
@click.option("--detach", is_flag=True, help="Return when ready, and leave it running.")
@click.option("--no-demo", is_flag=True, help="Without the demonstration.")
@click.option("--once", is_flag=True, help="The demonstration, then stop everything.")
@data_dir_flag
def up(directory: str, detach: bool, no_demo: bool, once: bool, **wanted: object) -> int:
    """Start coordinators and nodes as processes of their own, then the demonstration."""
    path = directory_of(directory)
    if once and (detach or no_demo):
        raise usage(
            "up: --once is the demonstration and then the end; it takes neither --detach nor --no-demo"
        )
    if parent_pid(path) is not None:
        return _tell_running(open_cluster(directory))
    layout = _prepare(path, Wanted(**{**wanted, "executors": _absolute(wanted["executors"])}))  # type: ignore[arg-type]
    parent = _start_parent(layout, tied=not detach)
    for number in (signal.SIGTERM, signal.SIGINT):  # SIGINT also where it was inherited as ignored
        signal.signal(number, _interrupt)
    try:
        return _run(layout, parent, detach=detach, no_demo=no_demo, once=once)
    except BaseException:
        if parent.poll() is None:
            stopped = _stop(path, parent)
            click.echo(f"{count(stopped, 'process', 'processes')} stopped; data kept in {path}")
        raise


def _run(layout: Layout, parent: subprocess.Popen[bytes], **how: bool) -> int:
    """From the first process to the end of the command."""
    from coordinator.cli.dev_demo import run_demo

    began = time.monotonic()
    cluster = _wait_for_processes(layout, parent)
    _tell_processes(cluster)
    write_context(CONTEXT, {"addr": ",".join(layout.addresses)}, select_if_none=True)
    leader = cluster.run(lambda client: _ready(cluster, client), READY_S)
    down = typed("dev down")
    stop = down if how["detach"] else f"Ctrl-C, or {down}"
    click.echo(f"ready in {time.monotonic() - began:.1f} s · leader {leader} · stop with: {stop}")
    manifest: Path | None = None
    if not how["no_demo"]:
        manifest = run_demo(cluster, stays=not how["once"])
    if how["detach"]:
        return exits.OK if manifest is not None or how["no_demo"] else exits.BUG
    if not how["once"]:
        _wait_for_the_end(parent)
        return exits.OK
    _stop(layout.directory, parent)
    if manifest is None:
        return exits.BUG
    click.echo(f"manifest: {manifest}")
    return exits.OK


@click.command("demo", cls=Verb)
@data_dir_flag
def demo(directory: str) -> int:
    """Start a digest, kill its node midway, see it end and its manifest hold, kill the leader, go on."""
    from coordinator.cli.dev_demo import run_demo

    return exits.OK if run_demo(open_cluster(directory)) is not None else exits.BUG


# -- starting -------------------------------------------------------------------------------------


def _absolute(specs: object) -> tuple[str, ...]:
    """Paths of plugins mean the same from any directory."""
    found = []
    for spec in specs if isinstance(specs, tuple) else ():
        file, colon, rest = str(spec).partition(":")
        is_path = file.endswith(".py") or "/" in file
        found.append(f"{Path(file).absolute()}{colon}{rest}" if is_path else str(spec))
    return tuple(found)


def _prepare(path: Path, wanted: Wanted) -> Layout:
    """The directory with its plan; ports moved up where they are taken."""
    if path.exists() and not (path / "dev.json").exists() and any(path.iterdir()):
        raise usage(
            f"{path} holds something that dev up did not make", hint="name another --data-dir"
        )
    moved = free_block(wanted)
    if moved.base_port != wanted.base_port:
        click.echo(
            f"port {wanted.base_port} or one near it is taken; using {moved.base_port} upwards"
        )
    layout = make_layout(path, moved)
    write_layout(layout)
    texts = (f"{parse_duration(text) / 1000:g} s" for text in (HEARTBEAT, LEASE, REASSIGN))
    heartbeat, lease, reassign = texts
    click.echo(
        f"data in {path} · heartbeat {heartbeat}, lease {lease}, reassign after {reassign} "
        "(short, for trying things out)"
    )
    return layout


def _start_parent(layout: Layout, *, tied: bool) -> subprocess.Popen[bytes]:
    """A process of its own; `tied`: it does not outlive this command, however that ends."""
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    log = layout.directory / "logs" / "dev.log"
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "coordinator.cli.dev_parent", str(layout.directory)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            start_new_session=True,
            preexec_fn=processes.tie_to_parent() if tied and processes.IS_LINUX else None,
        )


def _wait_for_processes(layout: Layout, parent: subprocess.Popen[bytes]) -> DevCluster:
    if (
        not until(
            lambda: (
                (layout.directory / "cluster.json").exists()
                and (parent_pid(layout.directory) or parent.poll() is not None)
            ),
            UP_S,
        )
        or parent.poll() is not None
    ):
        raise Failure(
            "the parent of the cluster did not start",
            why=f"exit status {parent.poll()}",
            hint=f"see {layout.directory / 'logs' / 'dev.log'}",
        )
    cluster = DevCluster(layout, parent.pid)
    until(lambda: len(cluster.running) == len(cluster.members), UP_S)
    return cluster


async def _ready(cluster: DevCluster, client: Client) -> str:
    """The leader's name, once there is one and all nodes are ready. Raises Failure."""
    from coordinator.client.errors import ClientError

    nodes = {m.name for m in cluster.members.values() if not m.is_coordinator}
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        down = sorted(set(cluster.members) - set(cluster.running))
        if down:
            break
        try:
            found = (await client.cluster.nodes()).nodes
            if nodes <= {node.name for node in found if node.status == "ready"}:
                _tell_nodes(found)
                return (await leader_status(cluster, client))[0]
        except (ClientError, Failure):
            pass
        await asyncio.sleep(0.1)
    down = sorted(set(cluster.members) - set(cluster.running))
    raise Failure(
        f"not ready: {', '.join(down) or 'no leader or no nodes'} {'ended' if down else 'yet'}",
        hint=f"see the logs in {cluster.layout.directory / 'logs'}",
        exit_code=exits.UNAVAILABLE,
        reason="unavailable",
    )


# -- telling --------------------------------------------------------------------------------------


def _tell_running(cluster: DevCluster) -> int:
    """A second `dev up` on the same directory."""
    click.echo(f"runs already in {cluster.layout.directory} (parent {cluster.parent})")
    _tell_processes(cluster)
    nodes = [m for m in cluster.members.values() if not m.is_coordinator]
    for member in nodes:
        click.echo(f"{member.name}  pid {cluster.pid(member.name) or '-'}  {member.log}")
    return exits.OK


def _tell_processes(cluster: DevCluster) -> None:
    for member in cluster.members.values():
        if member.is_coordinator:
            pid = cluster.pid(member.name) or "-"
            click.echo(
                f"{member.name}  {member.grpc}  http://{member.http}/  pid {pid}  {member.log}"
            )


def _tell_nodes(nodes: list) -> None:  # type: ignore[type-arg]
    """`n1 n2 n3  ready  capacity 10 each  demo.digest v1, ...`"""
    if not nodes:
        return
    names = " ".join(sorted(node.name for node in nodes))
    offers = sorted(
        {f"{e.name} v{e.version}" for node in nodes for e in node.executors if not e.error}
    )
    click.echo(f"{names}  ready  capacity {nodes[0].capacity} each  {', '.join(offers)}")


# -- ending ---------------------------------------------------------------------------------------


class _Interrupts:
    """What is raised while a destructor or a callback of C code runs is dropped: that somebody asked is noted as well."""

    came = False


def _interrupt(_number: int, _frame: object) -> None:
    _Interrupts.came = True
    raise KeyboardInterrupt


def _wait_for_the_end(parent: subprocess.Popen[bytes]) -> None:
    """Of the processes; an interruption that was dropped on the way here counts, too."""
    while parent.poll() is None:
        if _Interrupts.came:
            raise KeyboardInterrupt
        with contextlib.suppress(subprocess.TimeoutExpired):
            parent.wait(LOOK_S)


def _stop(path: Path, parent: subprocess.Popen[bytes]) -> int:
    """How many were up. From here on nothing interrupts."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    stopped = stop_cluster(path, parent.pid) if parent_pid(path) is not None else 0
    parent.wait(UP_S)
    return stopped
