"""Request ids: whoever asks again under the same one gets the first answer, and nothing happens twice (G3)."""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.machine.outcome import Accepted
from tests.simulation.history import History


def objections(history: History) -> Iterator[str]:
    """Repetitions that were answered differently."""
    for operation, again in history.repeats:
        first = operation.result
        if not isinstance(first, Accepted):
            continue
        if not isinstance(again, Accepted):
            yield f"{operation}: again, the answer was {again}"
        elif (again.task_id, again.allocation_id) != (first.task_id, first.allocation_id):
            yield f"{operation}: again, it was {again.task_id}#{again.allocation_id}"
        elif again.created != first.created:
            yield f"{operation}: again, created was {again.created}"
