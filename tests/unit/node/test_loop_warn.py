"""A worker whose event loop is late: who is told what, and when (TM-65)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from node import worker_watch
from node.agent_live import LiveNews
from node.agent_worker_news import WorkerNews
from node.core_runs import Runs
from node.frames import LoopLag
from node.inputs import Input, WorkerLagged
from node.worker_watch import LoopWatch


class Told:
    """A pipe, a loop that answers when the test wants, and a log."""

    def __init__(self) -> None:
        self.frames: list[LoopLag] = []
        self.lines: list[tuple[str, dict[str, Any]]] = []
        self.rescues = 0

    def send(self, frame: LoopLag) -> None:
        self.frames.append(frame)

    def rescue(self) -> None:
        self.rescues += 1

    def call_soon_threadsafe(self, _: Any) -> None:
        """It will."""

    def write(self, level: str, event: str, **fields: Any) -> None:
        self.lines.append((level, {"event": event, **fields}))


class Watched:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, warn_ms: int) -> None:
        self.told, self.now = Told(), 0.0
        monkeypatch.setattr(worker_watch.time, "monotonic", lambda: self.now)
        told: Any = self.told
        self.watch = LoopWatch(told, told, lambda: 7, lambda: ("demo.block", "e"), warn_ms)

    def blocked(self, *looks_ms: int, answer_ms: int) -> list[tuple[int, bool]]:
        self.told.frames.clear()
        self.now = 0.0
        self.watch._look()
        for ms in looks_ms:
            self.now = ms / 1_000
            self.watch._look()
        self.now = answer_ms / 1_000
        self.watch._on_answer()
        return [(frame.lag_ms, frame.over) for frame in self.told.frames]


def test_tm_65_a_block_is_told_when_it_is_noticed_when_it_is_long_and_when_it_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = Watched(monkeypatch, 5_000)
    assert one.blocked(125, answer_ms=130) == []
    found = one.blocked(250, 375, 4_875, 5_000, 5_125, answer_ms=5_200)
    assert found == [(250, False), (5_000, False), (5_200, True)]
    assert one.told.frames[0] == LoopLag(250, 7, ("demo.block", "e"))
    assert one.told.rescues == 5


def test_tm_65_a_shorter_limit_is_told_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Watched(monkeypatch, 1_000)
    found = one.blocked(250, 1_000, 1_125, 5_000, answer_ms=5_200)
    assert found == [(250, False), (1_000, False), (5_000, False), (5_200, True)]
    least = Watched(monkeypatch, 10)
    assert least.blocked(answer_ms=10) == []
    assert least.blocked(answer_ms=20) == [(20, True)]
    assert least.told.frames[0].blocking is None  # nobody looked while it lasted


@pytest.mark.parametrize("lag_ms, level", [(250, "info"), (2_000, "info"), (2_001, "warning")])
def test_tm_65_the_warning_names_the_executors_that_run_there(lag_ms: int, level: str) -> None:
    told: Any = Told()
    fed: list[Input] = []
    news = WorkerNews(Runs(), LiveNews(), told, fed.append, lambda *_: None)
    news.loop_warn_ms = 2_000
    news.said(3, [LoopLag(lag_ms, 7, ("demo.block", "e"))])
    assert told.lines == [
        (
            level,
            {
                "event": "event loop of a worker is blocked",
                "worker": 3,
                "lag_ms": lag_ms,
                "allocation_id": 7,
                "executors": ("demo.block", "e"),
            },
        )
    ]
    assert fed == [WorkerLagged(3, lag_ms, ("demo.block", "e"))]


def test_the_watch_is_a_thread_that_sleeps_while_nothing_runs() -> None:
    loop = asyncio.new_event_loop()
    told: Any = Told()
    watch = LoopWatch(loop, told, lambda: None, tuple)
    assert watch.daemon
    assert not watch._busy.is_set()
    loop.close()
