"""What cannot be killed is waited for, said, and no proof of anything; but it stalls nobody for ever (N5, N6)."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from node.burial import kill
from node.orphans import Orphans
from node.supervisor import Supervisor
from node.worker_pool import PoolConfig, WorkerPool

NOBODY = 999_999_999  # no process has this number


class Tree:
    """The supervisor's children, some of which no signal reaches."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.orphans: list[int] = []
        self.stubborn: set[int] = set()
        self.killed: list[int] = []
        monkeypatch.setattr("node.orphans.children_of", lambda _: tuple(self.orphans))
        monkeypatch.setattr("node.orphans.kill", self._kill)

    def _kill(self, pid: int) -> None:
        self.killed.append(pid)
        if pid not in self.stubborn:
            kill(pid)

    def orphan(self, *, stubborn: bool) -> int:
        child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
        self.children = [*getattr(self, "children", []), child]
        self.orphans.append(child.pid)
        if stubborn:
            self.stubborn.add(child.pid)
        return child.pid

    def close(self) -> None:
        for child in getattr(self, "children", []):
            child.kill()
            child.wait()


@pytest.fixture
def tree(monkeypatch: pytest.MonkeyPatch) -> Iterator[Tree]:
    made = Tree(monkeypatch)
    yield made
    made.close()


def test_an_orphan_is_killed_until_it_is_dead(tree: Tree) -> None:
    orphans = Orphans(NOBODY, 10)
    pid = tree.orphan(stubborn=False)
    while orphans.kill():
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert tree.killed[0] == pid
    assert orphans.stubborn == ()


def test_one_that_will_not_die_is_waited_for_once_and_hides_no_other(tree: Tree) -> None:
    now = 0.0
    orphans = Orphans(NOBODY, 10, lambda: now)
    first = tree.orphan(stubborn=True)
    assert orphans.kill()
    now = 9.9
    assert orphans.kill()
    now = 10
    assert not orphans.kill()
    assert orphans.stubborn == (first,)
    second = tree.orphan(stubborn=True)
    assert orphans.kill()
    now = 20
    assert not orphans.kill()
    assert orphans.stubborn == tuple(sorted((first, second)))
    tree.orphans.remove(first)
    assert not orphans.kill()
    assert orphans.stubborn == (second,)


class Lines:
    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []

    def write(self, _level: str, event: str, **fields: object) -> None:
        self.lines.append((event, fields))


def a_supervisor(orphans: Orphans) -> tuple[Supervisor, Lines]:
    supervisor, log = Supervisor.__new__(Supervisor), Lines()
    supervisor._stops = 0
    supervisor._orphans = orphans
    supervisor._log = log  # type: ignore[assignment]
    nothing: Any = SimpleNamespace(clear=lambda _: True, path=None, identity=None)
    nothing.identity = SimpleNamespace(node_uid="no such node")
    supervisor._enclosure = supervisor._data_dir = nothing
    return supervisor, log


def test_n6_a_supervisor_goes_on_without_a_proof(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.supervisor._reap_all", lambda: None)
    supervisor, log = a_supervisor(Orphans(NOBODY, 0.05))
    pid = tree.orphan(stubborn=True)
    assert not supervisor._clear_up(first=False)
    assert [(event, fields["pids"]) for event, fields in log.lines] == [
        ("processes that cannot be killed", (pid,))
    ]
    assert len(tree.killed) < 40
    tree.orphans.clear()
    assert supervisor._clear_up(first=False)


def test_a_stop_ends_the_wait_for_what_will_not_die(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor, _ = a_supervisor(Orphans(NOBODY, 1_000))
    supervisor._stops = 1  # an earlier one, that the agent has heeded
    tree.orphan(stubborn=True)

    def stopped() -> None:
        supervisor._stops += len(tree.killed) >= 3

    monkeypatch.setattr("node.supervisor._reap_all", stopped)
    assert not supervisor._clear_up(first=False)
    assert len(tree.killed) >= 3


async def test_a_worker_is_reported_dead_though_an_orphan_will_not_die(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.worker_pool.LEFTOVERS_S", 0.2)
    ends_at_once = [sys.executable, "-S", "-c", ""]
    monkeypatch.setattr(WorkerPool, "_command", lambda _self, _fd: ends_at_once)
    loop = asyncio.get_running_loop()
    died: asyncio.Queue[tuple[int, str]] = asyncio.Queue()
    pool = WorkerPool(
        PoolConfig((), {}, orphans_go_to=NOBODY),
        loop,
        lambda *_: None,
        lambda number, detail: died.put_nowait((number, detail)),
    )
    pid = tree.orphan(stubborn=True)
    pool.open(lambda: 1_000)
    began = loop.time()
    for number in (1, 2):
        pool.start(number)
        told, detail = await asyncio.wait_for(died.get(), 20)
        assert told == number
        assert f"cannot be killed: {pid} (" in detail
    assert loop.time() - began >= 0.2
    tree.orphans.clear()
    pool.start(3)
    assert await asyncio.wait_for(died.get(), 20) == (3, "exit code 0")
