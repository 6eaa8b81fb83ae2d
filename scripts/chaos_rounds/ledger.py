"""What callers asked for, what they were promised, and what contradicts it. Pure: no clock, no client.

Instants are numbers of one counter: an operation that ended before another began has the smaller one. A promise is an
operation that was answered. One whose outcome is unknown may have been done, or not; one that is certain not to have
been done must have left no trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from typing_extensions import override


class Kind(StrEnum):
    """What was asked."""

    CREATE = "create"
    CANCEL = "cancel"
    MOVE = "move"
    REMOVE = "remove"


class Outcome(StrEnum):
    """What the caller knows."""

    OPEN = "open"  # not answered yet
    DONE = "done"
    UNKNOWN = "unknown"
    NOT_DONE = "not done"  # nobody took it
    REFUSED = "refused"  # somebody said no


CERTAINLY_NOT = frozenset({Outcome.NOT_DONE, Outcome.REFUSED})
ENDED_BY_CANCEL = frozenset({"cancelled", "stopping"})


@dataclass
class Operation:
    """One call about one task. `status` and `allocation_id` are those of the record in the answer."""

    kind: Kind
    task_id: str
    request_id: str
    began: int
    ended: int = 0
    outcome: Outcome = Outcome.OPEN
    revision: int = 0
    status: str = ""
    allocation_id: int = 0
    reason: str = ""

    @property
    def is_promise(self) -> bool:
        """It was acknowledged."""
        return self.outcome is Outcome.DONE

    @override
    def __str__(self) -> str:
        told = f" -> {self.status} #{self.allocation_id} @{self.revision}" if self.status else ""
        why = f" ({self.reason})" if self.reason else ""
        return (
            f"[{self.began}..{self.ended}] {self.kind} {self.request_id}: {self.outcome}{why}{told}"
        )


@dataclass(frozen=True)
class Record:
    """Of a task record, what promises are about."""

    status: str
    allocation_id: int
    created_revision: int
    modified_revision: int
    saved: int = 0  # the number in its state
    last_outcome: tuple[int, str] | None = None  # allocation id, outcome


@dataclass(frozen=True)
class RunFact:
    """Of one run of a task, what promises are about."""

    allocation_id: int
    outcome: str | None  # None: it has not ended


@dataclass
class Ledger:
    """All operations by task, in the order in which they began."""

    operations: dict[str, list[Operation]] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)  # since somebody last looked and cleared it
    acknowledged: int = 0
    unknown: int = 0
    not_done: int = 0
    revision: int = 0  # the highest in any answer
    _now: int = 0

    def begin(self, kind: Kind, task_id: str, request_id: str) -> Operation:
        """Before it is sent."""
        self._now += 1
        made = Operation(kind, task_id, request_id, self._now)
        self.operations.setdefault(task_id, []).append(made)
        self.touched.add(task_id)
        return made

    def done(self, operation: Operation, revision: int, record: Record | None) -> None:
        """It was acknowledged."""
        self._end(operation, Outcome.DONE)
        self.acknowledged += 1
        self.revision = max(self.revision, revision)
        operation.revision = revision
        if record is not None:
            operation.status, operation.allocation_id = record.status, record.allocation_id

    def failed(self, operation: Operation, outcome: Outcome, reason: str) -> None:
        """It was not."""
        self._end(operation, outcome)
        operation.reason = reason
        self.unknown += outcome is Outcome.UNKNOWN
        self.not_done += outcome in CERTAINLY_NOT

    def _end(self, operation: Operation, outcome: Outcome) -> None:
        self._now += 1
        operation.ended, operation.outcome = self._now, outcome

    @property
    def now(self) -> int:
        """Whatever has ended has no greater number, whatever begins from now on has."""
        return self._now

    def unsettled(self) -> list[Operation]:
        """Touched ones of unknown outcome that no later call under the same request id has settled."""
        found = []
        for task_id in sorted(self.touched):
            told = self.operations[task_id]
            settled = {op.request_id for op in told if op.outcome is Outcome.DONE}
            found += [
                op for op in told if op.outcome is Outcome.UNKNOWN and op.request_id not in settled
            ]
        return found


def as_of(told: Sequence[Operation], begun: int, ended: int) -> list[Operation]:
    """What the operations on a task mean for a copy that was taken between these two instants.

    Those that had ended before mean what they meant. Those that began after it are certain to have left no trace; of
    all others nobody knows.
    """
    copied = []
    for op in told:
        if op.began > ended:
            copied.append(replace(op, outcome=Outcome.NOT_DONE))
        elif not op.ended or op.ended > begun:
            copied.append(replace(op, outcome=Outcome.UNKNOWN))
        else:
            copied.append(op)
    return copied


def contradictions(
    told: Sequence[Operation], found: Record | None, runs: Sequence[RunFact] = ()
) -> list[str]:
    """What the record and the runs of one task say against what its callers were told.

    All operations must have ended before the record was read. `runs`: all of the task, in any order.
    """
    made = [op for op in told if op.kind is Kind.CREATE and op.outcome is Outcome.DONE]
    maybe = [op for op in told if op.kind is Kind.CREATE and op.outcome not in CERTAINLY_NOT]
    removal = [op for op in told if op.kind is Kind.REMOVE and op.outcome not in CERTAINLY_NOT]
    if found is None:
        if made and not removal:
            return ["G1: it was acknowledged and is gone"]
        return []
    if any(op.outcome is Outcome.DONE for op in removal):
        return ["G1: its removal was acknowledged, and it is there"]
    if not maybe:
        return ["G14: every call that would have created it was said not to have been done"]
    return [*_of_record(told, found), *_of_cancel(told, found, runs), *_of_runs(found, runs)]


def _of_record(told: Sequence[Operation], found: Record) -> list[str]:
    wrong = []
    for op in told:
        if op.outcome is not Outcome.DONE:
            continue
        if op.kind is not Kind.REMOVE and op.allocation_id > found.allocation_id:
            wrong.append(f"G4: {op} told of a later allocation than {found.allocation_id}")
        if op.kind is Kind.CREATE and found.created_revision > op.revision:
            wrong.append(f"G3: {op} was answered before revision {found.created_revision} made it")
    return wrong


def _of_cancel(told: Sequence[Operation], found: Record, runs: Sequence[RunFact]) -> list[str]:
    wrong = []
    for op in told:
        if op.kind is not Kind.CANCEL or op.outcome is not Outcome.DONE:
            continue
        allowed = ENDED_BY_CANCEL if op.status in ENDED_BY_CANCEL else {op.status}
        if found.status not in allowed:
            wrong.append(f"G10: {op}, and now it is {found.status}")
        later = [run.allocation_id for run in runs if run.allocation_id > op.allocation_id]
        if later:
            wrong.append(f"G10: {op}, and later it ran as {later}")
    return wrong


def _of_runs(found: Record, runs: Sequence[RunFact]) -> list[str]:
    wrong = []
    ids = [run.allocation_id for run in runs]
    if len(set(ids)) < len(ids):
        wrong.append(f"N3: more than one outcome of one allocation: {sorted(ids)}")
    if ids and max(ids) > found.allocation_id:
        wrong.append(f"G4: a run #{max(ids)} beyond the record's #{found.allocation_id}")
    succeeded = [run.allocation_id for run in runs if run.outcome == "succeeded"]
    if len(succeeded) > 1 or (succeeded and found.status != "succeeded"):
        wrong.append(f"N3: it is {found.status} and succeeded as {succeeded}")
    known = {(run.allocation_id, run.outcome) for run in runs}
    if known and found.last_outcome is not None and found.last_outcome not in known:
        wrong.append(f"N3: the record ends with {found.last_outcome}, no run does")
    return wrong


def changed_outcomes(before: Mapping[int, str], runs: Iterable[RunFact]) -> list[str]:
    """Runs that had ended when they were read before, and have another outcome now, or none."""
    now = {run.allocation_id: run.outcome for run in runs}
    return [
        f"N3: #{number} was {outcome} and is {now.get(number, 'gone')}"
        for number, outcome in before.items()
        if now.get(number) != outcome
    ]


def shared_allocations(runs: Mapping[str, Sequence[RunFact]]) -> list[str]:
    """Allocation ids that runs of two tasks have (G4: one counter for the cluster)."""
    owner: dict[int, str] = {}
    wrong = []
    for task_id in sorted(runs):
        for number in sorted({run.allocation_id for run in runs[task_id]}):
            other = owner.setdefault(number, task_id)
            if other != task_id:
                wrong.append(f"G4: #{number} belongs to {other} and to {task_id}")
    return wrong
