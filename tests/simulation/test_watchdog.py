"""A leader that never ends its turn is found, and says where it is; one that takes its time is not."""

from __future__ import annotations

import threading
from itertools import count

import pytest

from tests.simulation import runs, watchdog
from tests.simulation.dials import draw
from tests.simulation.watchdog import Stuck, watched
from tests.simulation.world import World


def _busy(turns: int) -> None:
    for _ in range(turns):
        sum(range(10_000))


def test_a_step_that_never_ends_is_a_failure_of_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    def for_ever(world: World, until: int) -> None:
        world.timeline.step = 4711
        while True:
            _busy(1)

    monkeypatch.setattr(World, "run", for_ever)
    monkeypatch.setattr(watchdog.watched.__wrapped__, "__defaults__", (0.05,))
    result = runs.run(1, draw(1).only(()))
    assert (result.law, result.step) == ("bug", 4711)
    assert "step 4711 has taken more than 0.05 s" in result.what
    assert "for_ever" in result.detail


def test_steps_that_move_on_are_left_alone() -> None:
    steps = count()
    with watched(lambda: next(steps), 0.01):
        _busy(500)
    assert next(steps) > 0


def test_nothing_is_raised_after_the_end_and_nothing_in_another_thread() -> None:
    with watched(lambda: 1, 0.02):
        pass
    _busy(500)
    raised: list[Stuck] = []

    def elsewhere() -> None:
        try:
            with watched(lambda: 1, 0.01):
                _busy(500)
        except Stuck as stuck:
            raised.append(stuck)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert not raised
