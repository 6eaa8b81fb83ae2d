"""Restore drills: saved under load, killed, restored into fresh directories, compared with what was promised at the save.

Of one cluster that is restored again and again; its nodes live on through it, or are killed as well. What callers were
told before the save began must be there; what they asked for after it had ended must not; what lies between may be.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from scripts.chaos_rounds import checks, standing
from scripts.chaos_rounds.arena import Arena
from scripts.chaos_rounds.ledger import Ledger, as_of, contradictions
from scripts.chaos_rounds.lines import Lines
from scripts.chaos_rounds.load import Load, record_of
from scripts.chaos_rounds.looking import GUARD_S, PATIENCE_S, Looker, Violation, within
from tests.end_to_end.processes import CHECKOUT

BEFORE, AFTER = 60, 20  # operations acknowledged before the save and between it and the end
NODES_DIE = 0.3  # of the drills


@dataclass
class Drill:
    """What one of them did and saw. `lost_as_told`: acknowledged after the save, and gone."""

    drill: int
    acknowledged: int = 0
    later: int = 0
    lost_as_told: int = 0
    file_bytes: int = 0
    nodes_died: bool = False
    back_s: float = 0.0  # from the start of the restored members until all nodes are taken in
    took_s: float = 0.0


class Drills:
    """One arena. `begin`, then `play` as often as one likes; `end` however it went."""

    def __init__(self, arena: Arena, seed: int, *, rate: float = 40.0) -> None:
        self.arena = arena
        self.done: list[Drill] = []
        self.lines = Lines(arena.root / "lines")
        self.lines.tolerant = standing.TOLERANT
        self._dice, self._seed, self._rate = Random(seed), seed, rate
        self._load: Load | None = None

    def begin(self) -> None:
        """Everything is started and works."""
        self.arena.start()
        self.arena.wait_ready(GUARD_S)
        standing.start_all(self.arena, str(self.lines.path))

    def play(self) -> Drill:
        """One drill. Raises Violation, or TimeoutError for what never came to be."""
        began = time.monotonic()
        drill = Drill(len(self.done) + 1, nodes_died=self._dice.random() < NODES_DIE)
        self.done.append(drill)
        load = self._start_load(drill.drill)
        looker = Looker(self.arena, load.ledger, self.lines, load)
        looker.wait_for_standing()
        load.resume()
        load.wait_for_more(BEFORE)
        file = self.arena.root / "backup"
        begun = load.ledger.now
        self._run("-m", "coordinator.cli.main", *self._address(), *_SAVE, str(file))
        ended = load.ledger.now
        load.wait_for_more(AFTER)
        self._kill(drill, load)
        drill.file_bytes = file.stat().st_size
        newest = max(max(runs) for runs in self.lines.runs.values())
        self._restore(file, drill)
        self._compare(load.ledger, begun, ended, drill)
        looker.wait_for_standing()
        self._tokens_leapt(newest)
        drill.took_s = round(time.monotonic() - began, 1)
        return drill

    def end(self) -> None:
        """No more load."""
        if self._load is not None:
            self._load.end()
            self._load = None

    # -- steps ------------------------------------------------------------------------------------

    def _start_load(self, number: int) -> Load:
        addresses = list(self.arena.addresses.values())
        seed = self._seed + number
        load = Load(addresses, Ledger(), seed=seed, rate=self._rate, prefix=f"d{number}-")
        load.path = str(self.lines.path)
        self._load = load
        return load

    def _kill(self, drill: Drill, load: Load) -> None:
        """In the midst of the load. The callers get no more answers."""
        self.arena.kill(*self.arena.coordinators)
        if drill.nodes_died:
            self.arena.kill(*self.arena.nodes)
        self.end()
        if load.failures:
            raise Violation(f"a caller: {load.failures[0]}") from load.failures[0]
        self._read_lines()

    def _restore(self, file: Path, drill: Drill) -> None:
        peers = ",".join(f"{name}={at}" for name, at in self.arena.addresses.items())
        for name, address in self.arena.addresses.items():
            directory = self.arena.root / name
            shutil.rmtree(directory)
            words = ("--data-dir", str(directory), "--name", name, "--listen", address)
            self._run("-m", "coordinator", "restore", str(file), *words, "--peers", peers)
        file.unlink()
        began = time.monotonic()
        self.arena.start()
        self.arena.wait_ready(GUARD_S)
        drill.back_s = round(time.monotonic() - began, 1)

    def _compare(self, ledger: Ledger, begun: int, ended: int, drill: Drill) -> None:
        """All that was ever asked for in this drill, against what the new cluster has."""
        told = {task_id: as_of(ops, begun, ended) for task_id, ops in ledger.operations.items()}
        ids = sorted(told)
        self._all_end(ids)  # so that records and runs stand still while they are read
        found = self.arena.call(lambda client: checks.read_back(client, ids), timeout_s=PATIENCE_S)
        for task_id in ids:
            one = found[task_id]
            record = record_of(one.task) if one.task is not None else None
            wrong = contradictions(told[task_id], record, one.facts)
            if wrong:
                history = [str(op) for op in ledger.operations[task_id]]
                text = [*wrong, f"{task_id}, saved at {begun}..{ended}:", *history, str(one)]
                raise Violation("\n  ".join(text))
        promised = [op for ops in told.values() for op in ops if op.is_promise]
        after = [op for ops in ledger.operations.values() for op in ops if op.began > ended]
        gone = {op.task_id for op in after if op.is_promise and found[op.task_id].task is None}
        drill.acknowledged, drill.later = len(promised), sum(op.is_promise for op in after)
        drill.lost_as_told = len(gone)
        differ = checks.members_differ(self.arena)
        if differ:
            raise Violation(f"G12: {differ}")

    def _all_end(self, ids: list[str]) -> None:
        """G8: whatever was restored comes to its end."""
        left: list[str] = []

        def is_so() -> bool:
            nonlocal left
            left = self.arena.call(
                lambda client: checks.unfinished(client, ids), timeout_s=PATIENCE_S
            )
            return not left

        within(is_so, "every restored task to end", lambda: f"{len(left)}: {left[:5]}")

    def _tokens_leapt(self, newest: int) -> None:
        """G4, G7: whoever writes from now on has a token above all of before; no two at a time (G6)."""
        self._read_lines()
        for task_id in standing.FOR_EVER:
            last = self.lines.last(task_id)
            if last is None or last.interval.token <= newest:
                raise Violation(f"G4: {task_id} runs as {last}, {newest} was given before")

    def _read_lines(self) -> None:
        wrong = self.lines.read()
        if wrong:
            raise Violation("\n".join(wrong))

    def _address(self) -> tuple[str, str]:
        return "--addr", ",".join(self.arena.addresses.values())

    def _run(self, *words: str) -> None:
        """A command of ours, to its end."""
        done = subprocess.run(
            [sys.executable, *words],
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=GUARD_S,
        )
        if done.returncode:
            raise Violation(f"{' '.join(words)}: status {done.returncode}: {done.stderr}")


_SAVE = ("cluster", "snapshot", "save")


def summed(drills: Drills, seed: int, took_s: float) -> dict[str, object]:
    """All of them."""
    backs = sorted(drill.back_s for drill in drills.done)
    return {
        "seed": seed,
        "drills": len(drills.done),
        "minutes": round(took_s / 60, 1),
        "acknowledged": sum(drill.acknowledged for drill in drills.done),
        "lost": 0,
        "later": sum(drill.later for drill in drills.done),
        "lost_as_told": sum(drill.lost_as_told for drill in drills.done),
        "runs_written": sum(map(len, drills.lines.runs.values())),
        "overlaps": drills.lines.overlaps,
        "back_s": {"p50": backs[len(backs) // 2], "max": backs[-1]},
    }


def told(drill: Drill) -> dict[str, object]:
    """One line of output."""
    return asdict(drill)
