"""A request id that gets two answers has to be convicted."""

from __future__ import annotations

import pytest

from coordinator.machine.outcome import Accepted, Outcome, Refusal, Refused
from coordinator.model.ids import AllocationId, TaskId
from tests.simulation.checkers.requests import objections
from tests.simulation.history import History, Operation

FIRST = Accepted(TaskId("t"), AllocationId(7), created=True)


def history(again: Outcome) -> History:
    operation = Operation("k1", "create", "t", None, 0, "k1/0", 5, "ok", FIRST)
    return History([operation], [(operation, again)])


def test_the_same_answer_is_fine() -> None:
    assert not list(objections(history(FIRST)))


@pytest.mark.parametrize(
    "again",
    [
        Accepted(TaskId("t"), AllocationId(8), created=True),
        Accepted(TaskId("u"), AllocationId(7), created=True),
        Accepted(TaskId("t"), AllocationId(7), created=False),
        Refused(Refusal.ALREADY_EXISTS),
    ],
)
def test_g3_another_answer_is_found(again: Outcome) -> None:
    assert list(objections(history(again)))
