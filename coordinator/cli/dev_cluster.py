"""A running dev cluster as the commands see it: its directory, its processes, and a client for it."""

from __future__ import annotations

import asyncio
import shlex
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from coordinator.cli import dev_processes as processes
from coordinator.cli import exits
from coordinator.cli.dev_layout import Layout, Member, pids_of, read_layout
from coordinator.cli.dev_parent import parent_pid
from coordinator.cli.dev_words import typed
from coordinator.cli.failures import Failure, usage

if TYPE_CHECKING:
    from coordinator.client.client import Client

T = TypeVar("T")

DEFAULT_DIRECTORY = ".ptasks-dev"
STEP_S = 30.0

data_dir_flag = click.option(
    "--data-dir",
    "directory",
    metavar="DIR",
    default=DEFAULT_DIRECTORY,
    show_default=True,
    envvar="TASKCTL_DEV_DIR",
    show_envvar=True,
    help="Where the cluster keeps its data.",
)


class DevCluster:
    """Made by `open_cluster`. Pids are those of cluster.json at the moment of asking."""

    def __init__(self, layout: Layout, parent: int) -> None:
        self.layout = layout
        self.parent = parent
        self.members = {m.name: m for m in layout.members}

    def pid(self, name: str) -> int | None:
        """Of a member that is up."""
        pid = pids_of(self.layout.directory).get(name)
        return pid if pid is not None and processes.is_alive(pid) else None

    @property
    def running(self) -> dict[str, int]:
        """Names and pids of what is up."""
        found = {name: self.pid(name) for name in self.members}
        return {name: pid for name, pid in found.items() if pid is not None}

    def request_start(self, name: str) -> None:
        """Have the parent start it, so that it belongs to the rest."""
        requests = self.layout.directory / "start"
        requests.mkdir(exist_ok=True)
        (requests / name).touch()
        processes.send(self.parent, signal.SIGUSR1)

    def run(self, work: Callable[[Client], Awaitable[T]], timeout_s: float = 10.0) -> T:
        """A conversation with the cluster."""

        async def whole() -> T:
            from coordinator.client.client import Client

            async with Client(self.layout.addresses, timeout_s=timeout_s) as client:
                return await work(client)

        return asyncio.run(whole())


def directory_of(text: str) -> Path:
    """Absolute, for command lines have to work from anywhere."""
    return Path(text).expanduser().absolute()


def open_cluster(text: str) -> DevCluster:
    """The cluster of a directory. Raises Failure when none runs there."""
    directory = directory_of(text)
    layout, parent = read_layout(directory), parent_pid(directory)
    if layout is None or parent is None:
        raise Failure(
            f"no dev cluster runs in {directory}",
            hint=f"start one with: {typed('dev up')}",
            exit_code=exits.NOT_FOUND,
            reason="not_running",
        )
    return DevCluster(layout, parent)


async def names_of(cluster: DevCluster, client: Client, wanted: str) -> tuple[Member, str]:
    """The member meant by NAME, `leader` or `node-of:TASK`, and what is to be said of it."""
    if wanted == "leader":
        status = await leader_status(cluster, client)
        return cluster.members[status[0]], f"leader of term {status[1]}"
    if wanted.startswith("node-of:"):
        task_id = wanted.partition(":")[2]
        task = (await client.get(task_id)).task
        node = task.assignment.node if task is not None else None
        if task is None or node is None or node not in cluster.members:
            raise Failure(
                f"{wanted}: {task_id} is {task.status if task else 'gone'} and on no node of this cluster",
                hint=typed(f"explain {shlex.quote(task_id)}"),
                exit_code=exits.CONFLICT,
                reason="no_node",
            )
        return cluster.members[node], f"it was running {task_id}"
    if wanted not in cluster.members:
        raise usage(
            f"no process {wanted}",
            hint=f"there are {', '.join(cluster.members)}, leader and node-of:TASK",
        )
    return cluster.members[wanted], ""


async def leader_status(cluster: DevCluster, client: Client) -> tuple[str, int]:
    """Name and term of the leader, as it says itself. Raises Failure when there is none."""
    from coordinator.client.errors import ClientError

    for address in cluster.layout.addresses:
        try:
            found = await client.cluster.status_of(address, timeout_s=1)
        except ClientError:
            continue
        if found.member.role == "leader":
            return found.member.name, found.member.term
    raise Failure(
        "there is no leader now",
        hint=typed("cluster status"),
        exit_code=exits.UNAVAILABLE,
        reason="no_leader",
    )


def until(condition: Callable[[], object], timeout_s: float) -> bool:
    """Wait for what another process does; False when it did not."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
