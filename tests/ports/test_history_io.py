"""A member that got a snapshot asks another for the history beside it, on real sockets, until it has all (TM-69)."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from coordinator.model.schedules import Fate, FateWord
from coordinator.replica.effects import FateWrite, RunWrite
from coordinator.replica.inputs import KeepHistory
from coordinator.shell import history_io
from coordinator.shell.history_io import WANTED, HistoryIo
from coordinator.shell.logs import Log
from tests.ports.test_peer_links import Side, free_port

RUNS = [RunWrite(f"t{n}", n, 7, node="n1", ended_at=n, logs=b"l" * 300_000) for n in range(1, 6)]  # type: ignore[arg-type]
FATES = [FateWrite("s", n, 7, n, Fate(FateWord.MISSED, "misfire", n, n)) for n in (1, 2)]  # type: ignore[arg-type]


class Kept:
    """The history of one member; `broken`: so many times it breaks off in the middle."""

    def __init__(self, *, has_all: bool) -> None:
        self.runs: list[Any] = list(RUNS) if has_all else []
        self.fates: list[Any] = list(FATES) if has_all else []
        self.broken = 0
        self.asked = 0

    async def pages(self, upto: int) -> AsyncIterator[list[Any]]:
        self.asked += 1
        for row in self.runs:
            yield [row]
            if self.broken:
                self.broken -= 1
                raise RuntimeError("it breaks off")

    async def fate_pages(self, upto: int) -> AsyncIterator[list[Any]]:
        yield self.fates

    async def keep(self, told: KeepHistory) -> None:
        self.runs += told.runs
        self.fates += told.fates


class Said(io.StringIO):
    """What was logged; `until` waits for a word of it."""

    def __init__(self) -> None:
        super().__init__()
        self._news = asyncio.Event()

    @override
    def write(self, text: str) -> int:
        self._news.set()
        return super().write(text)

    async def until(self, word: str) -> None:
        async with asyncio.timeout(30):
            while word not in self.getvalue():
                self._news.clear()
                await self._news.wait()


class Pair:
    def __init__(self, root: Path, ports: list[int]) -> None:
        self.sides = [Side(1, ports), Side(2, ports)]
        self.kept = [Kept(has_all=False), Kept(has_all=True)]
        self.ios, self.said = [], [Said(), Said()]
        for side, kept, said in zip(self.sides, self.kept, self.said, strict=True):
            where = root / f"c{side.number}"
            where.mkdir()
            history: Any = kept
            self.ios.append(
                HistoryIo(where, history, side.links, side.standing, Log(said, "debug"))
            )
        self.wanted = root / "c1" / WANTED

    async def fetched(self) -> None:
        await self.said[0].until("history fetched")
        assert not self.wanted.exists()


@pytest.fixture
async def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pair]:
    monkeypatch.setattr(history_io, "PAUSES_S", (0.01,))
    made = Pair(tmp_path, [free_port(), free_port()])
    for side, one in zip(made.sides, made.ios, strict=True):
        await side.listen()
        side.service.history = lambda one=one: one  # type: ignore[misc]
    made.sides[0].links.connect(2, made.sides[1].address)
    yield made
    for side, one in zip(made.sides, made.ios, strict=True):
        await one.close()
        await side.links.close()
        await side.stop_listening()


async def test_all_of_it_comes_and_then_nothing_is_wanted_any_more(pair: Pair) -> None:
    asking = pair.ios[0]
    await asking.want()
    assert pair.wanted.exists()
    asking.fetch()
    await pair.fetched()
    mine, theirs = pair.kept
    assert [(run.task_id, run.logs, run.index) for run in mine.runs] == [
        (run.task_id, run.logs, 0) for run in theirs.runs
    ]
    assert [(fate.number, fate.fate) for fate in mine.fates] == [
        (fate.number, fate.fate) for fate in theirs.fates
    ]


async def test_one_that_broke_off_begins_anew(pair: Pair) -> None:
    pair.kept[1].broken = 2
    await pair.ios[0].want()
    pair.ios[0].fetch()
    await pair.fetched()
    assert pair.kept[1].asked == 3
    assert {run.task_id for run in pair.kept[0].runs} == {run.task_id for run in RUNS}


async def test_who_ended_meanwhile_goes_on_at_the_next_start(pair: Pair) -> None:
    pair.ios[0].start()
    assert pair.kept[1].asked == 0, "nothing was wanted"
    await pair.ios[0].want()
    pair.ios[0].start()
    await pair.fetched()
    assert pair.kept[1].asked == 1


async def test_one_that_lacks_some_itself_is_asked_when_nobody_else_is_there(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pair.ios[1].want()
    await pair.ios[0].want()
    pair.ios[0].fetch()
    await pair.fetched()
    assert "it is not complete here" in pair.said[0].getvalue()
    assert pair.kept[1].asked == 1


async def test_another_cluster_is_told_nothing(pair: Pair) -> None:
    side = pair.sides[0]
    side.identity = type(side.identity)("c1", "s1", 1, "another", 1)
    await pair.ios[0].want()
    pair.ios[0].fetch()
    await pair.said[0].until("another")
    assert pair.kept[1].asked == 0
    assert pair.wanted.exists()
