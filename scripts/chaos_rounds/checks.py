"""What must be true of a healed cluster, asked through its public doors and of the machine itself."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from coordinator.client import Client, ClientError, Filter, NotFound, ReadOptions, Run, Task
from coordinator.client.backup_file import FrameReader
from coordinator.client.backup_file import Kind as FrameKind
from scripts.chaos_rounds.ledger import RunFact
from scripts.chaos_rounds.plugin import CHILD_MARK
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.processes import is_alive

CHAOS_MARK = "CHAOS_ARENA"
BAD_WORDS = re.compile(rb"halted|Traceback|InvariantBroken|damaged|refused by its cluster")
AT_ONCE = 16
PAGE = 500


@dataclass(frozen=True)
class Found:
    """One task as the cluster has it."""

    task: Task | None
    runs: tuple[Run, ...]

    @property
    def facts(self) -> tuple[RunFact, ...]:
        """Of its runs."""
        return tuple(RunFact(run.allocation_id, run.outcome) for run in self.runs)


async def read_back(client: Client, ids: Sequence[str]) -> dict[str, Found]:
    """Each task and its runs, linearizably."""
    records: dict[str, Task] = {}
    for at in range(0, len(ids), PAGE):
        part = ids[at : at + PAGE]
        page = await client.list(Filter(ids=part, include_finished=True), page_size=PAGE)
        records.update({task.id: task for task in page.tasks})
    places = asyncio.Semaphore(AT_ONCE)

    async def look(task_id: str) -> tuple[str, Found]:
        task = records.get(task_id)
        if task is None:
            return task_id, Found(None, ())
        async with places:
            return task_id, Found(task, await every_run(client, task_id))

    return dict(await asyncio.gather(*map(look, ids)))


async def every_run(client: Client, task_id: str) -> tuple[Run, ...]:
    """All runs of a task, newest first."""
    found: list[Run] = []
    before = 0
    try:
        while True:
            page = await client.runs(task_id, before_allocation_id=before, limit=PAGE)
            found += page.runs
            if not page.next_page:
                return tuple(found)
            before = found[-1].allocation_id
    except NotFound:
        return ()


async def unfinished(client: Client, ids: Iterable[str]) -> list[str]:
    """Those that are neither ended nor paused, with what they wait for."""
    wanted = sorted(ids)
    left: list[str] = []
    for at in range(0, len(wanted), PAGE):
        page = await client.list(Filter(ids=wanted[at : at + PAGE]), page_size=PAGE)
        left += [
            f"{t.id} {t.status} #{t.allocation_id} {t.assignment}"
            for t in page.tasks
            if not t.is_finished and t.status != "paused"
        ]
    return left


# --- members ----------------------------------------------------------------------------------------


class Picture:
    """Target of a backup: the digest of its state, the header and checksums left out."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """A new attempt."""
        self._reader, self._digest = FrameReader(), hashlib.sha256()

    def write(self, data: bytes) -> None:
        """The next bytes."""
        for kind, payload in self._reader.feed(data):
            if kind is not FrameKind.HEADER and kind is not FrameKind.END:
                self._digest.update(payload)

    @property
    def digest(self) -> str:
        """Of state and history."""
        return self._digest.hexdigest()


async def picture_of(address: str, *, timeout_s: float = 20) -> tuple[int, str]:
    """Revision and digest of what one member has applied, history of runs included."""
    async with Client([address], timeout_s=timeout_s) as client:
        target = Picture()
        saved = await client.cluster.backup(target, read=ReadOptions(stale=True))
        return saved.header.revision, target.digest


def members_differ(cluster: Cluster) -> str:
    """G12: empty once all members have the same state at the same revision; what each has otherwise."""

    async def look() -> dict[str, tuple[int, str] | str]:
        seen: dict[str, tuple[int, str] | str] = {}
        for name, address in cluster.addresses.items():
            try:
                seen[name] = await picture_of(address)
            except ClientError as error:
                seen[name] = repr(error)
        return seen

    seen = asyncio.run(look())
    return "" if len(set(seen.values())) == 1 else str(seen)


# --- the machine --------------------------------------------------------------------------------------


def strangers(cluster: Cluster, running: set[str]) -> list[str]:
    """N5: processes with our mark that belong to no living process, or to a run that is none of `running`."""
    ours = {
        pid for process in cluster.processes.values() if process.is_alive for pid in process.tree()
    }
    mark = f"{CHAOS_MARK}={cluster.root}".encode()
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        pid = int(directory.name)
        try:
            environ = directory.joinpath("environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if mark not in environ or not is_alive(pid):
            continue
        runs = [e.partition(b"=")[2].decode() for e in environ if e.startswith(CHILD_MARK.encode())]
        if pid not in ours or not set(runs) <= running:
            found.append(f"{pid} {' '.join(runs)}: {command_of(directory)}")
    return found


def command_of(directory: Path) -> str:
    """Of a process that may be gone."""
    try:
        return directory.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode()[:200]
    except OSError:
        return "gone"


class Logs:
    """Reads what was added to the logs since the last time."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._offsets: dict[str, int] = {}

    def bad_lines(self) -> list[str]:
        """Lines that no fault excuses."""
        found = []
        for name, process in self._cluster.processes.items():
            if not process.log.exists():
                continue
            with process.log.open("rb") as file:
                file.seek(self._offsets.get(name, 0))
                fresh = file.read()
            self._offsets[name] = self._offsets.get(name, 0) + len(fresh)
            found += [
                f"{name}: {line.decode(errors='replace')[:500]}"
                for line in fresh.splitlines()
                if BAD_WORDS.search(line)
            ]
        return found

    def skip(self, name: str) -> None:
        """What this one said since then was wanted."""
        self._offsets[name] = self._cluster[name].log.stat().st_size
