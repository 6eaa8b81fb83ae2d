"""Doing what a round's plan says, to real processes and links, and undoing it."""

from __future__ import annotations

import heapq
import os
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path

from coordinator.shell.store_port import LOW_SPACE_BYTES
from scripts.chaos_rounds.plan import LEADER_EVERY_S, Event, Fault
from tests.end_to_end.processes import children_of, is_alive
from tests.end_to_end.proxy import CutUpCluster, Link

FILLER = "filler"
DELAY_MAX_S = 0.4


class Inflicter:
    """Begins and ends events. `killed` names processes that may be down, `said` what was really done."""

    def __init__(
        self, cluster: CutUpCluster, on_flip: Callable[[str, float], str] = lambda *_: ""
    ) -> None:
        self.cluster = cluster
        self.killed: set[str] = set()
        self.said: list[str] = []
        self.kills: dict[str, int] = {}
        self._on_flip = on_flip
        self._begin = {
            Fault.KILL: self._kill,
            Fault.LEADER: self._kill,
            Fault.ALL: self._kill_all,
            Fault.PAUSE: self._pause,
            Fault.LINK: self._link,
            Fault.FULL: self._fill,
            Fault.FLIP: self._flip,
        }

    def play(self, events: Sequence[Event]) -> None:
        """All of them at their times; when it returns, all of them have ended."""
        began, numbers = time.monotonic(), count()
        agenda: list[tuple[float, int, Event, Callable[[], None] | None]] = []
        for event in events:
            heapq.heappush(agenda, (event.at_s, next(numbers), event, None))
        try:
            while agenda:
                at_s, _, event, undo = heapq.heappop(agenda)
                time.sleep(max(0.0, began + at_s - time.monotonic()))  # lengths are part of it
                if undo is None:
                    undo = self._begin[event.fault](event)
                    heapq.heappush(agenda, (at_s + event.for_s, next(numbers), event, undo))
                else:
                    undo()
        finally:
            for *_, late in agenda:  # interrupted: nothing stays as it is
                if late is not None:
                    late()
        if any(event.fault is Fault.LEADER for event in events):
            time.sleep(max(0.0, began + LEADER_EVERY_S - time.monotonic()))

    def _say(self, event: Event, what: str) -> None:
        self.said.append(f"{event} -> {what}")

    # -- processes --------------------------------------------------------------------------------

    def _kill(self, event: Event) -> Callable[[], None]:
        name, part = self._resolved(event.target)
        pids = self._pids(name, part, event.pick)
        kind = part or ("coordinator" if name in self.cluster.addresses else "supervisor")
        if pids and part in ("", "all"):
            self.killed.add(name)
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.kills[kind] = self.kills.get(kind, 0) + bool(pids)
        self._say(event, f"{name} {kind} {pids}")
        return lambda: self._start(name)

    def _kill_all(self, event: Event) -> Callable[[], None]:
        names = list(self.cluster.processes)
        self.killed.update(names)
        for name in names:
            self.cluster[name].signal(signal.SIGKILL)
        self.kills["everything"] = self.kills.get("everything", 0) + 1
        self._say(event, "everything")
        return lambda: self._start(*names)

    def _start(self, *names: str) -> None:
        """Those that we killed; whatever else is down is found by the checks."""
        for name in names:
            if name in self.killed:
                with suppress(Exception):
                    self.cluster[name].wait(0.5)
                self.cluster.start(name)

    def _pause(self, event: Event) -> Callable[[], None]:
        name, part = self._resolved(event.target)
        pids = self._pids(name, part, event.pick)
        self._say(event, f"{name} {pids}")

        def send(number: int) -> None:
            for pid in pids:
                if is_alive(pid):
                    with suppress(ProcessLookupError):
                        os.kill(pid, number)

        send(signal.SIGSTOP)
        return lambda: send(signal.SIGCONT)

    def _resolved(self, target: str) -> tuple[str, str]:
        name, _, part = target.partition(".")
        if name == "leader":
            name = next(iter(self.cluster.leaders()), self.cluster.coordinators[0])
        return name, part

    def _pids(self, name: str, part: str, pick: float) -> list[int]:
        """Of that part of the process, as far as it is alive."""
        process = self.cluster[name]
        if not process.is_alive:
            return []
        if part == "all":
            return process.tree()
        if not part:
            return [process.pid]
        agents = [pid for pid in children_of(process.pid) if is_module(pid, "node.agent")]
        if part == "agent":
            return agents
        below = [pid for agent in agents for pid in children_of(agent)]
        workers = sorted(pid for pid in below if is_module(pid, "node.worker"))
        return [workers[int(pick * len(workers))]] if workers else []

    # -- links --------------------------------------------------------------------------------------

    def _link(self, event: Event) -> Callable[[], None]:
        one, _, other = event.target.partition("-")
        others = [n for n in self.cluster.coordinators if n != one]
        links = self.cluster.between([one], [other] if other != "coordinators" else others)
        for link in links:
            self._hurt(link, event)
        self._say(event, f"{len(links)} links")

        def heal() -> None:
            for link in links:
                link.heal()

        return heal

    def _hurt(self, link: Link, event: Event) -> None:
        match event.how:
            case "cut":
                link.cut()
            case "delay":
                link.delay(0.02 + event.pick * DELAY_MAX_S)
            case "half-close":
                link.half_close()
            case _:
                link.hold(there=event.how != "back", back=event.how != "there")

    # -- disks --------------------------------------------------------------------------------------

    def _fill(self, event: Event) -> Callable[[], None]:
        directory = self.cluster.root / event.target
        filler = directory / FILLER
        free = shutil.disk_usage(directory).free
        take = free - LOW_SPACE_BYTES // 2 if event.how == "low" else free
        fill(filler, take)
        self._say(event, f"{shutil.disk_usage(directory).free} bytes left")
        return lambda: filler.unlink(missing_ok=True)

    def _flip(self, event: Event) -> Callable[[], None]:
        self._say(event, self._on_flip(event.target, event.pick))
        return lambda: None


def is_module(pid: int, module: str) -> bool:
    """Whether the process is `python -m module`."""
    try:
        return module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def fill(path: Path, size: int) -> None:
    """A file that takes so many bytes, or all there are: then by whole pages until none is left."""
    with path.open("wb", buffering=0) as file:
        with suppress(OSError):
            os.posix_fallocate(file.fileno(), 0, max(1, size))
            return
        with suppress(OSError):
            while True:
                file.write(b"\0" * 4096)
