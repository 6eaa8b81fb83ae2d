"""A fake coordinator and a `taskctl` that talks to it: through the real `main`, in this process."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from coordinator.cli.main import main
from tests.unit.api.house import Doors
from tests.unit.cli.fake_cluster_service import FakeServer
from tests.unit.cli.fake_server import FakeCluster


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Taskctl = Callable[..., Ran]
Typed = Callable[..., Awaitable[Ran]]


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as running:
        yield running


@pytest.fixture
def cluster(server: FakeServer) -> FakeCluster:
    return server.state


@pytest.fixture(autouse=True)
def own_config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No test reads or writes the contexts and caches of whoever runs it."""
    path = tmp_path / "config.toml"
    monkeypatch.setenv("TASKCTL_CONFIG", str(path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return path


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Taskctl:
    """taskctl without an address: what the arguments and the environment say holds."""

    def run(*args: str, stdin: str = "") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        code = main(list(args))
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run


@pytest.fixture
def taskctl(server: FakeServer, bare: Taskctl, monkeypatch: pytest.MonkeyPatch) -> Taskctl:
    monkeypatch.setenv("TASKCTL_ADDR", server.state.address)
    return bare


@pytest.fixture
def typed(bare: Taskctl) -> Typed:
    """taskctl beside a coordinator that keeps the real law, in the same process."""

    async def run(at: Doors, *args: str) -> Ran:
        return await asyncio.to_thread(bare, *args, "--addr", at.address, "--timeout", "20s")

    return run
