"""The pytest plugin (entry point `pytest11`): fixtures `executor_harness` and `cluster`, and the mark `ptasks_chaos`.

`cluster` is made of coordinator and node, of which the SDK knows nothing else: this module is the one way to it.

Coroutine tests that use our fixtures need no other plugin; where pytest-asyncio or anyio runs them, that is fine too.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from executors.testing.harness import HarnessFactory
    from node.in_process import ClusterFactory

FIXTURES = ("executor_harness", "cluster")
MINE = "is_ptasks_fixture"  # a test may have a fixture of its own under one of our names
MARK = "ptasks_chaos"


def pytest_configure(config: pytest.Config) -> None:
    """Makes the mark known."""
    config.addinivalue_line(
        "markers",
        f"{MARK}(kill=0.1, seeds=range(20)): repeat the test with crashes after state writes, at seeded points",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per seed; its name holds the seed, so a failing one can be asked for again."""
    mark = metafunc.definition.get_closest_marker(MARK)
    if mark is not None and "executor_harness" in metafunc.fixturenames:
        kill, seeds = mark.kwargs.get("kill", 0.1), mark.kwargs.get("seeds", range(20))
        pairs = [(kill, seed) for seed in seeds]
        metafunc.parametrize(
            "executor_harness", pairs, indirect=True, ids=[f"seed{seed}" for seed in seeds]
        )


@pytest.fixture
def executor_harness(request: pytest.FixtureRequest) -> Iterator[HarnessFactory]:
    """`executor_harness(MyExecutor)`: runs it in this process, by a virtual clock, without a cluster."""
    from executors.testing.chaos import Chaos
    from executors.testing.harness import HarnessFactory

    pair = getattr(request, "param", None)
    factory = HarnessFactory(None if pair is None else Chaos(*pair))
    yield factory
    factory.close()


@pytest.fixture
def cluster() -> Iterator[ClusterFactory]:
    """`await cluster(MyExecutor, nodes=3, seed=7)`: a whole cluster in this process, by a virtual clock."""
    from node.in_process import ClusterFactory

    factory = ClusterFactory()
    yield factory
    factory.close()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> object | None:
    """Runs a coroutine test with one of our fixtures that no other plugin has made its own."""
    given: dict[str, Any] = pyfuncitem.funcargs
    ours = [given[name] for name in FIXTURES if getattr(given.get(name), MINE, False)]
    if not ours or not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: given[name] for name in names if name in given}

    async def test() -> None:
        try:
            await pyfuncitem.obj(**arguments)
        finally:
            for one in ours:
                one.close()

    asyncio.run(test())
    return True
