"""Real raftos nodes, one process each, on free loopback ports; started, told, cut apart and killed from here."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

POLL_SECONDS = 0.05
Value = TypeVar("Value")


class Member:
    """One node; it keeps what it has heard from its process."""

    def __init__(self, port: int, others: Sequence[int], work: Path) -> None:
        self.port, self.others, self.work = port, others, work
        self.acknowledged: set[int] = set()
        self.logged: list[str] = []
        self.rates: list[tuple[float, int]] = []
        self.status: dict[str, Any] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._listener: asyncio.Task[None] | None = None

    async def start(self, election: tuple[float, float] | None = None) -> None:
        """Begin, or begin again on the same files."""
        spec = {
            "port": self.port,
            "others": list(self.others),
            "log": str(self.work),
            "election": election,
        }
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "scripts.raftos_evidence.node_process",
            json.dumps(spec),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        self._listener = asyncio.create_task(self._listen(self._process))

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        output = process.stdout
        while output is not None and (line := await output.readline()):
            said = json.loads(line)
            if "ack" in said:
                self.acknowledged.add(said["ack"])
            elif "log" in said:
                self.logged.append(said["log"])
            elif "rate" in said:
                self.rates.append((said["rate"], said["total"]))
            elif "status" in said:
                self.status = said["status"]

    def tell(self, **command: object) -> None:
        """Send one command; a dead process hears nothing."""
        if self._process is not None and self._process.stdin is not None and self.alive:
            self._process.stdin.write(json.dumps(command).encode() + b"\n")

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.returncode is None

    async def kill(self) -> None:
        """SIGKILL, and wait until it is gone and all it said is heard."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)
        await self._process.wait()
        if self._listener is not None:
            await self._listener
        self.status = {}

    def keys_on_disk(self) -> set[str]:
        """The keys of all entries in its log file."""
        path = self.work / f"127.0.0.1_{self.port}.log"
        lines = path.read_text().splitlines() if path.exists() else []
        return {key for line in lines for key in json.loads(line)["command"]}


@asynccontextmanager
async def cluster(work: Path, size: int = 3) -> AsyncIterator[list[Member]]:
    """Members that are not started yet; all are killed at the end."""
    ports = free_ports(size)
    members = [
        Member(port, [other for other in ports if other != port], work / str(port))
        for port in ports
    ]
    try:
        yield members
    finally:
        for member in members:
            await member.kill()


def free_ports(count: int) -> list[int]:
    """UDP ports nobody uses now."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


async def start_all(members: Sequence[Member]) -> None:
    """With the default timers."""
    await asyncio.gather(*(member.start() for member in members))


async def leader_of(members: Sequence[Member], within: float) -> Member | None:
    """The one among them that leads, in the highest term, as soon as there is one."""

    def leading() -> Member | None:
        for member in members:
            member.tell(do="status")
        leaders = [m for m in members if m.alive and m.status.get("leads")]
        return max(leaders, key=lambda m: int(m.status["term"]), default=None)

    return await until(leading, within)


async def until(condition: Callable[[], Value], within: float) -> Value:
    """What the condition gives as soon as that is true, or at the end."""
    end = asyncio.get_running_loop().time() + within
    while not (value := condition()) and asyncio.get_running_loop().time() < end:  # noqa: ASYNC110 - no event here
        await asyncio.sleep(POLL_SECONDS)
    return value


async def acknowledges(member: Member, number: int, within: float, value: object = 1) -> bool:
    """Write through this member: whether it says that the write is done."""
    member.tell(do="write", n=number, key=f"k{number}", value=value)
    return await until(lambda: number in member.acknowledged, within)
