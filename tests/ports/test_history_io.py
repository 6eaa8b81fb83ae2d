"""A member that got a snapshot asks another for the history beside it, on real sockets, until it has all (TM-69)."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from itertools import chain, repeat
from pathlib import Path
from typing import Any, cast

import pytest
from typing_extensions import override

from coordinator.model.schedules import Fate, FateWord
from coordinator.replica.effects import FateWrite, RunWrite
from coordinator.replica.inputs import KeepHistory
from coordinator.shell import history, history_io
from coordinator.shell.history import History, Writes
from coordinator.shell.history_io import ROUNDS_BEFORE_ANY, WANTED, HistoryIo
from coordinator.shell.logs import Log
from coordinator.wire.v1.internal_pb2 import HistoryPiece, HistoryRequest
from tests.end_to_end.processes import free_ports
from tests.ports.store_kit import event
from tests.ports.test_peer_links import Side

RUNS = [RunWrite(f"t{n}", n, 7, node="n1", ended_at=n, logs=b"l" * 300_000) for n in range(1, 6)]  # type: ignore[arg-type]
FATES = [FateWrite("s", n, 7, n, Fate(FateWord.MISSED, "misfire", n, n)) for n in (1, 2)]  # type: ignore[arg-type]
EVENTS = [event(n) for n in (1, 2)]

AT = 7  # the index of the snapshot


class Teller(HistoryIo):
    """Knows what it was asked."""

    requests: list[HistoryRequest]

    @override
    def pieces(self, request: HistoryRequest) -> AsyncIterator[HistoryPiece]:
        self.requests.append(request)
        return super().pieces(request)


class Kept:
    """The history of one member at a `revision`; `broken`: so many times it breaks off in the middle.

    `going` is cleared where it is to stop after its first row.
    """

    def __init__(self, *, has_all: bool) -> None:
        self.runs: list[Any] = list(RUNS) if has_all else []
        self.fates: list[Any] = list(FATES) if has_all else []
        self.audit: list[Any] = list(EVENTS) if has_all else []
        self.broken = 0
        self.asked = 0
        self.revision = AT if has_all else 0
        self.going = asyncio.Event()
        self.going.set()
        self.stopped = asyncio.Event()
        self.write_s = 0.0  # how long its disk takes for events

    async def pages(self, upto: int) -> AsyncIterator[list[Any]]:
        self.asked += 1
        for row in self.runs:
            yield [row]
            if not self.going.is_set():
                self.stopped.set()
                await self.going.wait()
            if self.broken:
                self.broken -= 1
                raise RuntimeError("it breaks off")

    async def fate_pages(self, upto: int) -> AsyncIterator[list[Any]]:
        yield self.fates

    async def audit_pages(self, upto: int) -> AsyncIterator[list[Any]]:
        yield self.audit

    async def keep(self, told: KeepHistory) -> None:
        await asyncio.sleep(self.write_s if told.audit else 0)
        self.runs += told.runs
        self.fates += told.fates
        self.audit += told.audit


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
        self.said = [Said(), Said()]
        self._root = root
        for number in (1, 2):
            (root / f"c{number}").mkdir()
        self.ios = [self.made(0), self.made(1)]
        self.wanted = root / "c1" / WANTED

    def made(self, which: int, revision: Callable[[], int] | None = None) -> Teller:
        """As a process makes it that begins."""
        side, kept, log = self.sides[which], self.kept[which], Log(self.said[which], "debug")
        where, history = self._root / f"c{side.number}", cast("History", kept)
        at = revision or (lambda: kept.revision)
        made = Teller(where, history, at, side.links, side.standing, log)
        made.requests = []
        return made

    async def got_snapshot(self, at: int = AT) -> None:
        """The first member, from its announcement to the state that it becomes."""
        await self.ios[0].want(at)
        self.kept[0].revision = at
        self.ios[0].fetch()

    async def fetched(self) -> None:
        await self.said[0].until("history fetched")
        assert not self.wanted.exists()


@pytest.fixture
async def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pair]:
    monkeypatch.setattr(history_io, "PAUSES_S", (0.01,))
    made = Pair(tmp_path, free_ports(2))
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
    await pair.got_snapshot()
    assert pair.wanted.exists()
    await pair.fetched()
    mine, theirs = pair.kept
    assert [(run.task_id, run.logs, run.index) for run in mine.runs] == [
        (run.task_id, run.logs, 0) for run in theirs.runs
    ]
    assert mine.audit == theirs.audit == EVENTS
    assert [(fate.number, fate.fate) for fate in mine.fates] == [
        (fate.number, fate.fate) for fate in theirs.fates
    ]


async def test_one_that_broke_off_begins_anew(pair: Pair) -> None:
    pair.kept[1].broken = 2
    await pair.got_snapshot()
    await pair.fetched()
    assert pair.kept[1].asked == 3
    assert {run.task_id for run in pair.kept[0].runs} == {run.task_id for run in RUNS}


async def test_who_ended_meanwhile_goes_on_at_the_next_start(pair: Pair) -> None:
    pair.ios[0].start()
    assert pair.kept[1].asked == 0, "nothing was wanted"
    await pair.got_snapshot()
    await pair.ios[0].close()
    pair.ios[0] = pair.made(0)
    pair.ios[0].start()
    await pair.fetched()
    assert {run.task_id for run in pair.kept[0].runs} == {run.task_id for run in RUNS}


async def test_one_that_lacks_some_itself_is_asked_when_nobody_else_is_there(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pair.ios[1].want(AT + 1)
    await pair.got_snapshot()
    await pair.fetched()
    assert "it is not complete here" in pair.said[0].getvalue()
    assert pair.kept[1].asked == 1


async def test_another_cluster_is_told_nothing(pair: Pair) -> None:
    side = pair.sides[0]
    side.identity = type(side.identity)("c1", "s1", 1, "another", 1)
    await pair.got_snapshot()
    await pair.said[0].until("another")
    assert pair.kept[1].asked == 0
    assert pair.wanted.exists()


async def test_what_a_snapshot_covers_that_comes_meanwhile_is_wanted_still(pair: Pair) -> None:
    """As if the process ended before the second snapshot was installed, or right behind it: the file says it."""
    pair.kept[1].going.clear()
    await pair.got_snapshot()
    await pair.kept[1].stopped.wait()
    await pair.ios[0].want(AT + 2)
    pair.kept[1].going.set()
    await pair.said[0].until("the snapshot is not here yet")
    assert pair.wanted.exists()
    pair.kept[0].revision = pair.kept[1].revision = AT + 2
    await pair.fetched()
    assert pair.kept[1].asked == 2


async def test_a_wait_for_the_snapshot_is_no_reason_to_be_content_with_less(pair: Pair) -> None:
    """A full disk may hold it up; who lacks some itself is asked for all of it first even so."""
    looks = chain(repeat(0, 4 * ROUNDS_BEFORE_ANY), repeat(AT))
    pair.ios[0] = pair.made(0, lambda: next(looks))
    await pair.ios[1].want(AT + 1)
    await pair.ios[0].want(AT)
    await pair.fetched()
    content_with_less = [request.incomplete for request in pair.ios[1].requests]
    assert content_with_less == [False] * ROUNDS_BEFORE_ANY + [True]


async def test_an_older_snapshot_that_comes_later_takes_nothing_back(pair: Pair) -> None:
    pair.kept[1].revision = AT + 2
    await pair.ios[0].want(AT + 2)
    await pair.got_snapshot(AT + 1)
    await pair.said[0].until("the snapshot is not here yet")
    pair.kept[0].revision = AT + 2
    await pair.fetched()
    assert [request.revision for request in pair.ios[1].requests] == [AT + 2]


async def test_who_begins_again_wants_it_up_to_its_own_state(pair: Pair) -> None:
    pair.wanted.touch()
    pair.kept[0].revision = AT
    pair.ios[0].start()
    await pair.fetched()
    assert [request.revision for request in pair.ios[1].requests] == [AT]


async def test_a_snapshot_after_all_was_fetched_is_asked_for_as_well(pair: Pair) -> None:
    await pair.got_snapshot()
    await pair.fetched()
    pair.kept[1].going.clear()
    pair.kept[1].revision = AT + 1
    await pair.got_snapshot(AT + 1)
    async with asyncio.timeout(30):
        await pair.kept[1].stopped.wait()
    assert pair.wanted.exists()


async def test_one_that_never_applies_as_much_will_do_in_the_end(pair: Pair) -> None:
    pair.kept[1].revision = AT - 1
    await pair.got_snapshot()
    await pair.fetched()
    assert pair.ios[1].requests[-1].incomplete


async def test_a_disk_of_our_own_that_takes_its_time_is_no_silence(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_io, "SILENCE_S", 0.3)
    pair.kept[0].write_s = 0.6
    await pair.got_snapshot()
    await pair.fetched()


async def test_a_snapshot_that_our_own_entries_overtook_leaves_nothing_wanted(pair: Pair) -> None:
    pair.kept[0].revision = AT
    await pair.ios[0].want(AT)
    assert not pair.wanted.exists()


async def test_one_that_has_not_applied_as_much_is_asked_again_later(pair: Pair) -> None:
    pair.kept[1].revision = AT - 1
    await pair.got_snapshot()
    await pair.said[0].until("it is not known here yet")
    assert pair.kept[1].asked == 0
    assert pair.wanted.exists()
    pair.kept[1].revision = AT
    await pair.fetched()


async def test_a_link_that_is_closed_meanwhile_is_no_end_of_it(pair: Pair) -> None:
    """The member that is asked moves to another address, say."""
    pair.kept[1].going.clear()
    await pair.got_snapshot()
    await pair.kept[1].stopped.wait()
    pair.sides[0].links.disconnect(2)
    await pair.said[0].until("the way was closed")
    assert pair.wanted.exists()
    pair.kept[1].going.set()
    pair.sides[0].links.connect(2, pair.sides[1].address)
    await pair.fetched()
    assert {run.task_id for run in pair.kept[0].runs} == {run.task_id for run in RUNS}


class Idle:
    """A pump whose turns are over at once."""

    async def fed(self, item: object) -> None: ...


async def test_what_was_told_is_kept_when_it_is_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """However full that is: readers give up sooner, but until then the file says that history is missing."""
    monkeypatch.setattr(history, "WRITTEN_TIMEOUT_S", 0.0)
    writes = Writes()
    writes.submitted(1)
    kept: Any = History(cast("Any", None), cast("Any", Idle()), writes)
    keeping = asyncio.create_task(kept.keep(KeepHistory()))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not keeping.done()
    writes.written(1)
    await keeping
