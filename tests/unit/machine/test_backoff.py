from __future__ import annotations

import pytest

from coordinator.machine.backoff import longest_wait
from coordinator.model.instants import HOUR, MINUTE, SECOND
from coordinator.model.tasks import DEFAULT_BACKOFF, Backoff


@pytest.mark.parametrize(
    "failures, wait",
    [(1, 30 * SECOND), (2, 5 * MINUTE), (3, 10 * MINUTE), (5, 40 * MINUTE), (6, HOUR), (999, HOUR)],
)
def test_the_default_doubles_to_an_hour(failures: int, wait: int) -> None:
    assert longest_wait(DEFAULT_BACKOFF, failures) == wait


def test_fixed_is_fixed() -> None:
    assert longest_wait(Backoff(kind="fixed", first_ms=5), 9) == 5
