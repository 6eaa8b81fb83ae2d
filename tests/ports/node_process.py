"""A real `task-node` (supervisor, agent, workers) in a directory of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

from node.process_marks import marked_processes
from node.process_ties import children_of, descendants_of

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = str(Path(__file__).with_name("node_plugin.py"))
HANG_S = 60.0


class NodeProcess:
    """Started on construction; everything of it is dead after `close`. `group`: the control group to be started in."""

    def __init__(
        self, directory: Path, address: str, *more: str, group: Path | None = None
    ) -> None:
        self.directory = directory
        self.log = directory.with_suffix(".log")
        command = [sys.executable, "-m", "node", "--name", "n1", "--data-dir", str(directory)]
        command += ["--coordinators", address, "--executors", PLUGIN]
        command += ["--log-file", str(self.log), *more]
        if group is not None:
            enter = 'echo 0 > "$0"/cgroup.procs && exec "$@"'
            command = ["/bin/sh", "-c", enter, str(group), *command]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PTASKS_")}
        environment["PYTHONPATH"] = str(ROOT)
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, process_group=0
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def supervisor(self) -> int:
        return self.process.pid

    @property
    def agent(self) -> int:
        return children_of(self.supervisor)[0]

    @property
    def workers(self) -> tuple[int, ...]:
        return children_of(self.agent)

    @property
    def everything(self) -> tuple[int, ...]:
        """All processes of the node but the supervisor."""
        return descendants_of(self.supervisor)

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)

    def lines(self) -> list[dict[str, Any]]:
        """The log so far, without a line that is still being written."""
        text = self.log.read_text() if self.log.exists() else ""
        return [json.loads(line) for line in text.split("\n")[:-1]]

    def close(self) -> None:
        processes = self.everything
        self.process.kill()
        self.process.wait(HANG_S)
        for pid in processes:
            _kill(pid)  # what an executor detached, with nobody left to adopt it
        wait_until_dead(processes)
        if (self.directory / "node.json").exists():
            uid = (self.directory / "node.json").read_text().split('"node_uid": "')[1][:32]
            wait_for(lambda: not list(marked_processes(uid)), "nothing is left of the node")


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def is_alive(pid: int) -> bool:
    """Whether the process is there and not merely waiting to be reaped."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2][:1] not in (b"Z", b"X")
    except OSError:
        return False


def wait_until_dead(pids: tuple[int, ...]) -> None:
    wait_for(lambda: not any(map(is_alive, pids)), f"{pids} to be dead")


def wait_for(condition: object, what: str) -> None:
    deadline = time.monotonic() + HANG_S
    while not condition():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain: {what}")
        time.sleep(0.01)
