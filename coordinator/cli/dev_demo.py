"""The demonstration: work survives the death of its node, the cluster that of its leader, and each step is checked.

A step that takes longer than 30 s is a failure, not a hang. The manifest is verified by reading every file again,
without any of the code that wrote it.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sysconfig
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from coordinator.cli import dev_processes as processes
from coordinator.cli.dev_cluster import STEP_S, DevCluster, leader_status, until
from coordinator.cli.dev_control import start_member
from coordinator.cli.dev_words import typed
from coordinator.client.errors import ClientError

if TYPE_CHECKING:
    from coordinator.client.client import Client
    from coordinator.client.views import Task

STEPS = 6
SECONDS_OF_WORK = 12
LEFT_OUT = "__pycache__"
TRY_NEXT = ("list --all", "history demo-digest", "dev kill leader", "cluster status")
DIGEST, NOOP, SLEEP = "demo-digest", "demo-noop", "demo-sleep"


class StepFailed(Exception):
    """A step did not hold. The text says which and what was seen."""


def run_demo(cluster: DevCluster, *, stays: bool = True) -> Path | None:
    """The manifest's path; None when a step failed, which is then on stderr. `stays`: the cluster goes on afterwards."""
    try:
        manifest = Demo(cluster).run()
    except (StepFailed, ClientError, OSError) as error:
        click.echo(f"demonstration failed: {error}", err=True)
        return None
    next_ones = " · ".join(typed(command) for command in TRY_NEXT)
    click.echo("all steps held" + (f"; try next: {next_ones}" if stays else ""))
    return manifest


class Demo:
    """One run of the demonstration."""

    def __init__(self, cluster: DevCluster) -> None:
        self._cluster = cluster
        self._root = Path(sysconfig.get_paths()["stdlib"]).resolve()
        folder = cluster.layout.directory / "demo"
        folder.mkdir(exist_ok=True)
        self._manifest = folder / "manifest.sha256"
        self._killed: list[str] = []

    def run(self) -> Path:
        """All steps in order. Raises StepFailed."""
        files = files_below(self._root)
        allocation, node = self._start_digest(len(files))
        seen = self._kill_midway(node, len(files))
        self._see_it_go_on(node, allocation, seen)
        self._see_it_end(allocation, files)
        self._kill_leader()
        self._cancel_one()
        for name in self._killed:
            start_member(self._cluster, self._cluster.members[name])
        return self._manifest

    # -- steps ----------------------------------------------------------------------------------

    def _start_digest(self, files: int) -> tuple[int, str]:
        pace = max(20.0, files / SECONDS_OF_WORK)

        async def work(client: Client) -> Task:
            await _clear(client, DIGEST)
            self._manifest.unlink(missing_ok=True)
            params = {"root": str(self._root), "manifest": str(self._manifest)}
            await client.create(
                _new("demo.digest", DIGEST, {**params, "files_per_second": round(pace, 1)})
            )
            return await _wait(client, DIGEST, "running")

        task = self._step(work)
        node = task.assignment.node or ""
        self._tell(1, f"{DIGEST} runs on {node}: SHA-256 of {files} files below {self._root}")
        return task.allocation_id, node

    def _kill_midway(self, node: str, files: int) -> int:
        async def work(client: Client) -> int:
            task = await _wait(client, DIGEST, f"state.files>={files // 4}")
            return _files_of(task)

        seen: int = self._step(work)
        if seen >= files:
            raise StepFailed(f"{DIGEST} ended before its node could be killed")
        self._kill(node)
        self._tell(2, f"{node} gets SIGKILL; {DIGEST} had saved {seen} of {files} files")
        return seen

    def _see_it_go_on(self, node: str, allocation: int, seen: int) -> None:
        began = time.monotonic()

        async def work(client: Client) -> Task:
            await _wait(client, DIGEST, f"allocation_id>{allocation}")
            return await _wait(client, DIGEST, "running")

        task = self._step(work)
        took = time.monotonic() - began
        new = task.assignment.node
        if new in (None, node):
            raise StepFailed(f"{DIGEST} should run on another node than {node}, it is on {new}")
        if _files_of(task) < seen:
            raise StepFailed(
                f"{DIGEST} had saved {seen} files, its new run knows {_files_of(task)}"
            )
        self._tell(
            3,
            f"{node} killed; {DIGEST} goes on from file {_files_of(task)} on {new} "
            f"after {took:.1f} s, allocation {allocation} became {task.allocation_id}",
        )

    def _see_it_end(self, allocation: int, files: set[bytes]) -> None:
        task = self._step(lambda client: _wait(client, DIGEST, "terminal"))
        if task.status != "succeeded" or task.allocation_id <= allocation:
            raise StepFailed(
                f"{DIGEST} ended as {task.status} under allocation {task.allocation_id}"
            )
        checked = verify_manifest(self._manifest, files)
        self._tell(
            4,
            f"{DIGEST} succeeded; each of {checked} lines of its manifest agrees with a new "
            "reading of its file, none is missing or twice",
        )

    def _kill_leader(self) -> None:
        leader, term = self._cluster.run(lambda client: leader_status(self._cluster, client))
        self._kill(leader)
        began = time.monotonic()
        if self._cluster.layout.wanted.coordinators == 1:
            start_member(self._cluster, self._cluster.members[self._killed.pop()])

        async def work(client: Client) -> Task:
            await _clear(client, NOOP)
            await client.create(_new("demo.noop", NOOP, {}))
            return await _wait(client, NOOP, "terminal")

        task = self._step(work)
        took = time.monotonic() - began
        if task.status != "succeeded":
            raise StepFailed(f"{NOOP} ended as {task.status}")
        self._tell(
            5,
            f"{leader}, leader of term {term}, gets SIGKILL; {took:.1f} s later {NOOP} was "
            "accepted by its successor and has succeeded",
        )

    def _cancel_one(self) -> None:
        async def work(client: Client) -> Task:
            await _clear(client, SLEEP)
            await client.create(_new("demo.sleep", SLEEP, {"duration": "10m"}))
            await _wait(client, SLEEP, "running")
            await client.cancel(SLEEP)
            return await _wait(client, SLEEP, "terminal")

        task = self._step(work)
        if task.status != "cancelled":
            raise StepFailed(f"{SLEEP} should be cancelled, it is {task.status}")
        self._tell(6, f"{SLEEP} was started, cancelled, and has stopped")

    # -- tools ----------------------------------------------------------------------------------

    def _step(self, work: Callable[[Client], Awaitable[Any]]) -> Any:
        """With the limit of a step. Raises StepFailed when it is over."""
        import asyncio

        async def limited(client: Client) -> Any:
            async with asyncio.timeout(STEP_S):
                return await work(client)

        try:
            return self._cluster.run(limited, STEP_S)
        except TimeoutError:
            raise StepFailed(f"a step took longer than {STEP_S:.0f} s") from None

    def _kill(self, name: str) -> None:
        pid = self._cluster.pid(name)
        if pid is None:
            raise StepFailed(f"{name} should run, it is down")
        processes.send(pid, signal.SIGKILL)
        until(lambda: not processes.is_alive(pid), STEP_S)
        self._killed.append(name)

    def _tell(self, step: int, text: str) -> None:
        click.echo(f"[{step}/{STEPS}] {text}")


async def _clear(client: Client, task_id: str) -> None:
    """An earlier demonstration may have been broken off."""
    from coordinator.client.errors import NotFound

    try:
        task = (await client.get(task_id)).task
        if task is None:
            return
        if task.status not in ("succeeded", "failed", "cancelled"):
            await client.cancel(task_id)
            await _wait(client, task_id, "terminal")
        await client.remove(task_id)
    except NotFound:
        return


async def _wait(client: Client, task_id: str, condition: str) -> Task:
    """The task as it is when the condition holds. Raises StepFailed when it ended before."""
    from coordinator.client.conditions import parse_condition

    waited = await client.wait(task_id, [parse_condition(condition)], timeout_s=STEP_S)
    if waited.task is None or not waited.met:
        status = waited.task.status if waited.task else "gone"
        raise StepFailed(f"{task_id} should meet {condition}, it is {status}")
    return waited.task


def _new(executor: str, task_id: str, params: dict[str, Any]) -> Any:
    from coordinator.client.requests import NewTask

    return NewTask(executor=executor, id=task_id, params=params)


def _files_of(task: Task) -> int:
    state = task.state
    return int(state.get("files", 0)) if isinstance(state, dict) else 0


# -- the independent reading ----------------------------------------------------------------------


def files_below(root: Path) -> set[bytes]:
    """Paths of all regular files, caches of bytecode left out."""
    found: set[bytes] = set()
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != LEFT_OUT]
        paths = (os.path.join(folder, name) for name in names)
        found |= {os.fsencode(path) for path in paths if os.path.isfile(path)}
    return found


def verify_manifest(manifest: Path, files: set[bytes]) -> int:
    """Number of lines, each of which holds. Raises StepFailed naming the first that does not."""
    seen: set[bytes] = set()
    for line in manifest.read_bytes().splitlines():
        digest, path = _parsed(line)
        if path in seen:
            raise StepFailed(f"{manifest}: {os.fsdecode(path)} is there twice")
        seen.add(path)
        with open(path, "rb") as file:
            read = hashlib.file_digest(file, "sha256").hexdigest()
        if read != digest:
            raise StepFailed(f"{manifest}: {os.fsdecode(path)} has another digest, {read}")
    if seen != files:
        odd = sorted(seen ^ files)[0]
        raise StepFailed(
            f"{manifest}: {len(seen)} files, {len(files)} are there; see {os.fsdecode(odd)}"
        )
    return len(seen)


def _parsed(line: bytes) -> tuple[str, bytes]:
    """Digest and path of a line as sha256sum writes it."""
    escaped = line.startswith(b"\\")
    digest, _, path = line.removeprefix(b"\\").partition(b"  ")
    if escaped:
        path = path.replace(b"\\n", b"\n").replace(b"\\\\", b"\\")
    return digest.decode(), path
