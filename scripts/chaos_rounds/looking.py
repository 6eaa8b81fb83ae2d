"""Comparing promises with facts, on a cluster that is healed. What must not be is raised as Violation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from coordinator.client import Client, ClientError, Task
from scripts.chaos_rounds import checks, standing
from scripts.chaos_rounds.ledger import (
    Kind,
    Ledger,
    RunFact,
    changed_outcomes,
    contradictions,
    shared_allocations,
)
from scripts.chaos_rounds.lines import Lines, contradicted
from scripts.chaos_rounds.load import Load, record_of
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.processes import until

KEPT_TASKS = 4_000  # ended ones; older ones are removed, which is one more promise
GUARD_S = 120.0
PATIENCE_S = 60.0


class Violation(Exception):
    """Something that must never be; the text has the offender with its history."""


def within(condition: Callable[[], object], what: str, told: Callable[[], str]) -> None:
    """Until it holds; a Violation that says what is missing if it never does."""
    try:
        until(condition, what, GUARD_S)
    except TimeoutError as error:
        raise Violation(f"{error}: {told()}") from error


class Looker:
    """Knows what was seen before: an outcome that was read once may not change."""

    def __init__(self, cluster: Cluster, ledger: Ledger, lines: Lines, load: Load) -> None:
        self.cluster, self.ledger, self.lines, self.load = cluster, ledger, lines, load
        self.logs = checks.Logs(cluster)
        self._outcomes: dict[str, dict[int, str]] = {}
        self._facts: dict[str, tuple[RunFact, ...]] = {}
        self._verified: dict[str, None] = {}  # in the order in which they were first

    def look(self) -> None:
        """What changed since the last look. The load rests meanwhile, and goes on afterwards."""
        self._rest()
        self._compare(sorted(self.ledger.touched))
        self.ledger.touched.clear()
        self._members_agree()
        self._no_strangers()
        self._no_bad_words()
        self._remove_old()
        self.load.resume()

    def look_at_everything(self) -> None:
        """Every task that anybody ever asked for is read back, and every run. The load rests for good."""
        self._rest()
        self._compare(sorted(self.ledger.operations))
        wrong = shared_allocations(self._facts)
        if wrong:
            raise Violation("\n".join(wrong))
        self._members_agree()
        self._no_strangers()
        self._no_bad_words()

    # -- waiting ----------------------------------------------------------------------------------

    def _rest(self) -> None:
        self.load.pause()
        if self.load.failures:
            raise Violation(f"a caller: {self.load.failures[0]}") from self.load.failures[0]
        self.load.settle()
        self._wait_until_ended()
        self.wait_for_standing()

    def _wait_until_ended(self) -> None:
        """G8: whatever was asked for comes to its end; nothing is forgotten."""
        left: list[str] = []

        async def look(client: Client) -> list[str]:
            return await checks.unfinished(client, self.ledger.touched)

        def is_so() -> bool:
            nonlocal left
            left = self.cluster.call(look, timeout_s=PATIENCE_S)
            return not left

        within(is_so, "every task to end", lambda: f"{len(left)}: {left[:5]}")

    def wait_for_standing(self) -> None:
        """G8: those that run for ever do, and no record stays assigned to a run that does not exist."""
        left: list[Task] = []

        def is_so() -> bool:
            nonlocal left
            found = self.cluster.call(standing.records, timeout_s=PATIENCE_S)
            self.read_lines()
            left = [t for t in found if not standing.is_as_recorded(t, self.lines.last(t.id))]
            return not left and len(found) == len(standing.FOR_EVER)

        within(
            is_so,
            "those that run for ever to run as recorded",
            lambda: "\n".join(f"{task}\n  wrote: {self.lines.last(task.id)}" for task in left),
        )

    # -- comparing --------------------------------------------------------------------------------

    def _compare(self, ids: Sequence[str]) -> None:
        """Promises with records, records with lines, outcomes with those seen before."""
        found = self.cluster.call(
            lambda client: checks.read_back(client, ids), timeout_s=PATIENCE_S
        )
        self.read_lines()
        for task_id in ids:
            self._compare_one(task_id, found[task_id])

    def _compare_one(self, task_id: str, found: checks.Found) -> None:
        record = record_of(found.task) if found.task is not None else None
        wrong = contradictions(self.ledger.operations[task_id], record, found.facts)
        if record is not None:
            wrong += contradicted(record, found.facts, self.lines.of(task_id))
            wrong += changed_outcomes(self._outcomes.get(task_id, {}), found.facts)
            self._outcomes[task_id] = {
                run.allocation_id: run.outcome for run in found.facts if run.outcome
            }
            self._facts[task_id] = found.facts
            self._verified.setdefault(task_id)
        if wrong:
            raise Violation("\n".join(wrong) + "\n" + self._history(task_id, found))

    def _history(self, task_id: str, found: checks.Found) -> str:
        told = [f"{task_id}:", *(f"  {op}" for op in self.ledger.operations.get(task_id, ()))]
        told += [f"  record: {found.task}", *(f"  run: {run}" for run in found.runs)]
        told += [f"  lines: {written}" for written in self.lines.of(task_id).values()]
        return "\n".join(told)

    def read_lines(self) -> None:
        """G6, G7: takes in what runs wrote."""
        wrong = self.lines.read()
        if wrong:
            raise Violation("\n".join(wrong))

    def _members_agree(self) -> None:
        differ = ""

        def is_so() -> bool:
            nonlocal differ
            differ = checks.members_differ(self.cluster)
            return not differ

        within(is_so, "all members to have the same state", lambda: f"G12: {differ}")

    def _no_strangers(self) -> None:
        left: list[str] = []

        def is_so() -> bool:
            nonlocal left
            found = self.cluster.call(standing.records, timeout_s=PATIENCE_S)
            running = {f"{task.id}#{task.allocation_id}" for task in found}
            left = checks.strangers(self.cluster, running)
            return not left

        within(is_so, "no process without a run", lambda: "N5: " + "\n".join(left))

    def _no_bad_words(self) -> None:
        bad = self.logs.bad_lines()
        if bad:
            raise Violation("\n".join(bad[:10]))

    def _remove_old(self) -> None:
        """So that the state stays small; a removal is a promise as well."""
        recent = self.load.recent()
        old = [t for t in list(self._verified)[:-KEPT_TASKS] if t not in recent]

        async def remove(client: Client) -> None:
            for task_id in old:
                operation = self.ledger.begin(Kind.REMOVE, task_id, f"remove-{task_id}")
                await self.load.told(operation, client.remove(task_id), ClientError)
                del self._verified[task_id]

        self.cluster.call(remove, timeout_s=PATIENCE_S)
