"""What runs wrote down of themselves, what must never stand there, and what it says against the records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.chaos_rounds.ledger import Record, RunFact
from tests.simulation.checkers.intervals import Interval, falling_tokens, overlaps


@dataclass
class WrittenRun:
    """One run as its lines tell it; microseconds of CLOCK_BOOTTIME."""

    interval: Interval
    pid: int
    saved: int = 0
    has_ended: bool = False


class Lines:
    """All runs that ever wrote. `read` takes in what is new, and gives what must not stand there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tolerant: set[str] = set()  # tasks of which two runs may overlap
        self.runs: dict[str, dict[int, WrittenRun]] = {}
        self.count = 0
        self.overlaps = 0
        self._offset = 0
        self._fresh: list[Interval] = []

    def read(self) -> list[str]:
        """Takes in all whole lines that were added. Gives what contradicts G6, G7 and "never twice with one token"."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(self._offset)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._offset += len(whole)
        late = [wrong for line in whole.decode().splitlines() for wrong in self._take(line.split())]
        return late + self._crossing()

    def last(self, task_id: str) -> WrittenRun | None:
        """The run with the highest token."""
        runs = self.runs.get(task_id)
        return runs[max(runs)] if runs else None

    def of(self, task_id: str) -> dict[int, WrittenRun]:
        """Its runs by token."""
        return self.runs.get(task_id, {})

    def _take(self, words: list[str]) -> list[str]:
        task_id, token, stamp, pid = words[0], int(words[1]), int(words[2]) // 1000, int(words[3])
        runs = self.runs.setdefault(task_id, {})
        self.count += 1
        run = runs.get(token)
        if run is None:
            exclusive = task_id not in self.tolerant
            interval = Interval(task_id, token, str(pid), exclusive, stamp, stamp)
            run = runs[token] = WrittenRun(interval, pid)
        if run.interval.end <= stamp:
            run.interval.end = stamp
        if words[4] == "saved":
            run.saved = max(run.saved, int(words[5]))
        run.has_ended = run.has_ended or words[4] == "end"
        self._fresh.append(run.interval)
        return self._late(task_id, token, pid)

    def _late(self, task_id: str, token: int, pid: int) -> list[str]:
        runs = self.runs[task_id]
        if runs[token].pid != pid:
            return [f"G6: {task_id}#{token} is written by {runs[token].pid} and by {pid}"]
        if task_id not in self.tolerant and token < max(runs):
            return [f"G7: {task_id}#{token} still writes after #{max(runs)} did"]
        return []

    def _crossing(self) -> list[str]:
        """Of the tasks that wrote since the last time."""
        tasks = {interval.task_id for interval in self._fresh}
        self._fresh.clear()
        every = [run.interval for task in sorted(tasks) for run in self.runs[task].values()]
        crossing = overlaps(every)
        self.overlaps += len(crossing)
        wrong = [f"G6: {one} and {other} at the same time" for one, other in crossing]
        return wrong + [f"G7: {other} after {one}" for one, other in falling_tokens(every)]


def contradicted(
    record: Record, runs: Sequence[RunFact], written: Mapping[int, WrittenRun]
) -> list[str]:
    """Acknowledged saves that the record lacks, runs nobody ordered, successes that never came to their end."""
    wrong = []
    saved = max((run.saved for run in written.values()), default=0)
    if record.saved < saved:
        wrong.append(f"G1: a save of {saved} was acknowledged, the record has {record.saved}")
    unknown = sorted(set(written) - {run.allocation_id for run in runs})
    if unknown:
        wrong.append(f"G5: runs {unknown} wrote and are not known")
    for run in runs:
        lines = written.get(run.allocation_id)
        if run.outcome == "succeeded" and (lines is None or not lines.has_ended):
            wrong.append(f"N3: #{run.allocation_id} succeeded, its lines do not end")
    return wrong
