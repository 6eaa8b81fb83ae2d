"""Single flipped bits in the files of a stopped coordinator, and what a start on them ends in (G13).

A start is *right* (the state is what it is without the flip), *damaged* (it says so, and touches nothing) or *refused*
(it ends with a sentence). Anything else is wrong. Here the real program starts, cut off from all others, so that it can
promise nothing before its files are put back; `flip_many` does the same to the store alone, many times.
"""

from __future__ import annotations

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path
from random import Random

from coordinator.client import ClientError
from scripts.chaos_rounds.checks import Logs, picture_of
from tests.end_to_end.processes import until
from tests.end_to_end.proxy import CutUpCluster

FILES = ("identity.json", "synced", "member.db", "member.db-wal")
FLIPPED = ("member.db", "member.db-wal")
AT_A_TIME = 2
REFUSALS = (2, 74, 78)


class Flips:
    """Kills a member, flips, starts it, looks, puts its files back."""

    def __init__(self, cluster: CutUpCluster, logs: Logs) -> None:
        self.cluster = cluster
        self.ends: dict[str, int] = {}
        self.wrong: list[str] = []
        self._logs = logs

    def a_few(self, name: str, pick: float) -> str:
        """A sentence about what was done; the member is up and connected again, with the files it had."""
        dice = Random(pick)
        directory, kept = self.cluster.root / name, self.cluster.root / f"{name}.kept"
        self.cluster.kill(name)
        copy_files(directory, kept)
        for link in self.cluster.between([name], self.cluster.coordinators):
            link.cut()
        said = []
        try:
            right = self._start(name)
            for _ in range(AT_A_TIME):
                self.cluster.kill(name)
                copy_files(kept, directory)
                flip = flip_a_bit(directory, dice)
                end = self._start(name)
                said.append(f"{flip}: {self._judge(end, right)}")
                self._judged(directory, kept, said[-1])
        finally:
            self.cluster[name].kill()
            copy_files(kept, directory)
            self._logs.skip(name)
            self.cluster.between([name], self.cluster.coordinators)
            for link in self.cluster.between([name], self.cluster.coordinators):
                link.heal()
        self.cluster.start(name)
        shutil.rmtree(kept)
        return "; ".join(said)

    def _judge(self, end: object, right: object) -> str:
        if end in ("damaged", "refused"):
            return str(end)
        return "right" if end == right else f"WRONG: {end} instead of {right}"

    def _judged(self, directory: Path, kept: Path, said: str) -> None:
        end = said.rpartition(": ")[2]
        self.ends[end] = self.ends.get(end, 0) + 1
        if "WRONG" in said:
            self.wrong.append(f"{said}; the files: {kept}, {directory}")

    def _start(self, name: str) -> object:
        """How it ends: what it says its state is, `damaged`, or `refused`."""
        process = self.cluster[name]
        process.start()
        found: list[object] = []

        def has_shown() -> bool:
            if not process.is_alive:
                code = process.wait()
                found.append("refused" if code in REFUSALS else f"exit {code}")
                return True
            with suppress(ClientError):
                status = self.cluster.status_of(name)
                if status.member.condition == "damaged":
                    found.append("damaged")
                elif status.member.applied >= status.commit:  # before that it shows its snapshot
                    found.append(asyncio.run(picture_of(self.cluster.addresses[name], timeout_s=3)))
            return bool(found)

        until(has_shown, f"{name} to show what it made of its files", 60)
        return found[0]


def copy_files(source: Path, target: Path) -> None:
    """The files of a data directory as a killed process leaves them, and nothing else."""
    target.mkdir(exist_ok=True)
    for name in (*FILES, "member.db-shm"):
        (target / name).unlink(missing_ok=True)
        if name in FILES and (source / name).exists():
            shutil.copyfile(source / name, target / name)


def flip_a_bit(directory: Path, dice: Random) -> str:
    """In one of the two large files; gives which and where."""
    sizes = {n: (directory / n).stat().st_size for n in FLIPPED if (directory / n).exists()}
    name = dice.choice([name for name, size in sorted(sizes.items()) if size])
    at, bit = dice.randrange(sizes[name]), dice.randrange(8)
    with (directory / name).open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 1 << bit]))
    return f"{name} byte {at} bit {bit}"
