"""Which plugins the next worker is spared, by what they did to those before it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from executors.registry import IMPORT_SECONDS_MAX
from node.agent_imports import IMPORT_S, PATIENCE_S, TAKES_LONG, Imports
from node.frames import LoadError, Loading, Ready


class Clock(asyncio.SelectorEventLoop):
    """Time passes when a test says so."""

    now = 0.0

    def time(self) -> float:
        return self.now

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.call_soon(self.stop)
        self.run_forever()


@pytest.fixture
def clock() -> Iterator[Clock]:
    loop = Clock()
    yield loop
    loop.close()


class Rig:
    """What an agent would be asked for: `killed` workers, and how many more were wanted."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.killed: list[int] = []
        self.wanted = 0
        self.imports = Imports(clock, self.killed.append, self.one_more)

    def one_more(self) -> None:
        self.wanted += 1

    def loading(self, worker: int, *sources: str) -> None:
        for source in sources:
            self.imports.loading(worker, Loading(source))

    def ready(self, worker: int, *errors: LoadError) -> bool:
        return self.imports.ready(worker, Ready(worker, (), errors))

    @property
    def skipped(self) -> dict[str, str]:
        return self.imports.skipped


@pytest.fixture
def rig(clock: Clock) -> Rig:
    return Rig(clock)


HUNG = LoadError("a", "it hung", True)
LATE = LoadError("a", TAKES_LONG)


def test_what_had_to_be_interrupted_is_skipped_with_its_own_words(rig: Rig) -> None:
    rig.loading(1, "a", "b")
    other = LoadError("b", "no such module")
    assert rig.ready(1, HUNG, other)
    assert rig.skipped == {"a": "it hung"}
    rig.loading(2, "b")
    assert rig.ready(2, LoadError("a", "it hung"), other)
    assert rig.skipped == {"a": "it hung"}


def test_another_worker_begins_without_a_plugin_that_takes_long(rig: Rig) -> None:
    rig.loading(1, "a")
    rig.clock.pass_time(PATIENCE_S + 0.1)
    assert (rig.skipped, rig.wanted) == ({"a": TAKES_LONG}, 1)
    assert rig.ready(2, LATE)
    assert rig.ready(1)  # it was only slow
    assert (rig.skipped, rig.killed) == ({}, [])
    assert not rig.ready(3, LATE)  # began before that was known: what it says is no news
    rig.loading(4, "a")
    rig.clock.pass_time(PATIENCE_S + 0.1)
    assert (rig.skipped, rig.wanted) == ({}, 1)  # it is known to come through


@pytest.mark.parametrize("error", [HUNG, LoadError("a", "RuntimeError: after a while")])
def test_a_plugin_that_takes_long_and_fails_is_suffered_once(rig: Rig, error: LoadError) -> None:
    rig.loading(1, "a")
    rig.clock.pass_time(PATIENCE_S + 0.1)
    rig.ready(2, LATE)
    assert rig.ready(1, error)
    assert rig.skipped == {"a": error.message}
    assert not rig.ready(3, LATE)
    assert rig.ready(4, LoadError("a", error.message))
    assert rig.skipped == {"a": error.message}


def test_what_cannot_be_interrupted_is_killed_and_skipped(rig: Rig) -> None:
    assert IMPORT_S > IMPORT_SECONDS_MAX > PATIENCE_S
    rig.loading(1, "a")
    rig.clock.pass_time(IMPORT_S - 1)
    rig.loading(1, "b")  # `a` is through
    rig.clock.pass_time(IMPORT_S - 1)
    assert rig.killed == []
    rig.clock.pass_time(2)
    assert rig.killed == [1]
    assert rig.imports.died(1, "signal 9")
    assert "could not be interrupted" in rig.skipped["b"]


def test_a_worker_that_is_through_is_not_killed(rig: Rig) -> None:
    rig.loading(1, "a")
    rig.ready(1)
    rig.clock.pass_time(2 * IMPORT_S)
    assert (rig.killed, rig.skipped, rig.wanted) == ([], {}, 0)


def test_one_death_may_be_anybodys_doing_two_in_a_row_are_the_plugins(rig: Rig) -> None:
    rig.loading(1, "a")
    assert not rig.imports.died(1, "signal 11")
    rig.loading(2, "a")
    assert rig.imports.died(2, "signal 11")
    assert rig.skipped == {"a": "its import ended the worker process: signal 11"}


def test_a_worker_that_dies_over_a_long_import_is_replaced_by_one_that_tries_it(rig: Rig) -> None:
    rig.loading(1, "a")
    rig.clock.pass_time(PATIENCE_S + 0.1)
    assert not rig.imports.died(1, "signal 9")
    assert (rig.skipped, rig.wanted) == ({}, 2)
    rig.loading(3, "a")
    assert rig.imports.died(3, "signal 9")


def test_a_worker_that_came_through_in_between_clears_the_plugin(rig: Rig) -> None:
    for worker in (1, 3):
        rig.loading(worker, "a")
        assert not rig.imports.died(worker, "signal 9")
        rig.loading(worker + 1, "a")
        rig.ready(worker + 1)
    assert not rig.imports.died(4, "signal 9")  # long after its imports
    assert rig.skipped == {}


def test_asked_to_it_has_everything_tried_again(rig: Rig) -> None:
    assert rig.imports.again() == []
    assert rig.wanted == 0
    skipped = rig.skipped
    rig.ready(1, HUNG)
    assert rig.imports.again() == ["a"]
    assert rig.wanted == 1
    assert rig.skipped == {}
    assert skipped is rig.skipped


def test_what_is_told_fits_on_a_command_line(rig: Rig) -> None:
    rig.ready(1, LoadError("a", "hung\0", True))
    assert rig.skipped == {"a": "hung "}
