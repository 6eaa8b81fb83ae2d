"""Which plugins the next worker is spared, by what they did to those before it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from executors.registry import IMPORT_SECONDS_MAX
from node.agent_imports import IMPORT_SECONDS, Imports
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


@pytest.fixture
def killed() -> list[int]:
    return []


@pytest.fixture
def imports(clock: Clock, killed: list[int]) -> Imports:
    return Imports(clock, killed.append)


def ready(*errors: LoadError) -> Ready:
    return Ready(1, (), errors)


def test_what_had_to_be_interrupted_is_skipped_with_its_own_words(imports: Imports) -> None:
    imports.loading(1, Loading("a"))
    imports.ready(1, ready(LoadError("a", "it hung", True), LoadError("b", "no such module")))
    assert imports.skipped == {"a": "it hung"}
    imports.ready(2, ready(LoadError("a", "it hung"), LoadError("b", "no such module")))
    assert imports.skipped == {"a": "it hung"}


def test_what_cannot_be_interrupted_is_killed_and_skipped(
    imports: Imports, clock: Clock, killed: list[int]
) -> None:
    assert IMPORT_SECONDS > IMPORT_SECONDS_MAX
    imports.loading(1, Loading("a"))
    clock.pass_time(IMPORT_SECONDS - 1)
    imports.loading(1, Loading("b"))  # `a` is through
    clock.pass_time(IMPORT_SECONDS - 1)
    assert killed == []
    clock.pass_time(2)
    assert killed == [1]
    assert list(imports.skipped) == ["b"]
    assert imports.died(1, "signal 9")
    assert "could not be interrupted" in imports.skipped["b"]


def test_a_worker_that_is_through_is_not_killed(
    imports: Imports, clock: Clock, killed: list[int]
) -> None:
    imports.loading(1, Loading("a"))
    imports.ready(1, ready())
    clock.pass_time(2 * IMPORT_SECONDS)
    assert (killed, imports.skipped) == ([], {})


def test_one_death_may_be_anybodys_doing_two_in_a_row_are_the_plugins(imports: Imports) -> None:
    imports.loading(1, Loading("a"))
    assert not imports.died(1, "signal 11")
    imports.loading(2, Loading("a"))
    assert imports.died(2, "signal 11")
    assert imports.skipped == {"a": "its import ended the worker process: signal 11"}


def test_a_worker_that_came_through_in_between_clears_the_plugin(imports: Imports) -> None:
    for worker in (1, 3):
        imports.loading(worker, Loading("a"))
        assert not imports.died(worker, "signal 9")
        imports.loading(worker + 1, Loading("a"))
        imports.ready(worker + 1, ready())
    assert not imports.died(4, "signal 9")  # long after its imports
    assert imports.skipped == {}


def test_told_to_forget_everything_is_tried_again(imports: Imports) -> None:
    skipped = imports.skipped
    imports.ready(1, ready(LoadError("a", "it hung", True)))
    imports.forget()
    assert imports.skipped == {}
    assert skipped is imports.skipped
