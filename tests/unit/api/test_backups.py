"""`Backup`: one revision of everything, while work goes on."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from coordinator.api import backups
from coordinator.client.backup_file import FrameReader, Header, Kind, Totals
from coordinator.codec.history import RunRecord, decode_audit, decode_runs
from coordinator.codec.snapshots import digest, load
from coordinator.model.state import ClusterState
from coordinator.wire.v1 import cluster_pb2 as wire
from coordinator.wire.v1 import tasks_pb2
from tests.unit.api.house import Doors, Said, doors, until


class Taken:
    """A file that came in as a whole."""

    def __init__(self, pieces: list[wire.BackupResponse]) -> None:
        reader = FrameReader()
        frames = [one for piece in pieces for one in reader.feed(piece.data)]
        self.header: Header
        self.totals: Totals
        self.header, self.totals = reader.finish()
        self.answer = pieces[0].answer
        self.state: ClusterState = load(data for kind, data in frames if kind is Kind.STATE)
        self.runs: list[RunRecord] = [
            run for kind, data in frames if kind is Kind.HISTORY for run in decode_runs(data)
        ]
        self.events = [
            event.number
            for kind, data in frames
            if kind is Kind.AUDIT
            for event in decode_audit(data)
        ]


async def take(at: Doors, **asked: Any) -> Taken:
    stale = tasks_pb2.ReadOptions(stale=asked.pop("stale", False))
    call = at.cluster.Backup(wire.BackupRequest(read=stale, **asked), timeout=20)
    return Taken([piece async for piece in call])


async def refusal(at: Doors, **asked: Any) -> Said:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await take(at, **asked)
    return Said(error.value)


async def test_b1_the_file_holds_the_state_at_one_revision_and_the_runs_up_to_it() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("over")
        await node.end("over", result=b'"r"')
        await at.create("waits", paused=True)
        taken = await take(at)
        state = at.house.replica.state
        assert digest(taken.state) == digest(state)
        assert taken.answer.revision == taken.header.revision == state.revision
        assert (taken.header.cluster_id, taken.header.member) == ("test", "c1")
        assert taken.header.last_allocation_id == state.last_allocation_id
        assert (taken.header.is_stale, taken.header.is_sealed) == (False, False)
        assert [(run.task_id, run.outcome) for run in taken.runs] == [("over", "succeeded")]


async def test_what_comes_after_the_first_word_is_not_in_the_file() -> None:
    async with doors() as at:
        await at.node()
        await at.create("before", paused=True)
        await at.settings(retry__first="8s")
        file = at.cluster.Backup(wire.BackupRequest(), timeout=20)
        pieces = [await file.read()]  # the picture is taken by now
        await at.create("after", paused=True)
        await at.settings(retry__first="9s")
        while (piece := await file.read()) is not grpc.aio.EOF:
            pieces.append(piece)
        taken = Taken(pieces)
        assert list(taken.state.tasks) == ["before"]
        assert (taken.state.audited, taken.events) == (1, [1])


async def test_without_history_and_to_be_sealed_the_header_says_so() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("over")
        await node.end("over")
        call = at.cluster.Backup(wire.BackupRequest(without_history=True, sealed=True), timeout=20)
        reader = FrameReader()
        kinds = [kind async for piece in call for kind, _ in reader.feed(piece.data)]
        assert Kind.HISTORY not in kinds
        assert reader.header is not None
        assert (reader.header.has_history, reader.header.is_sealed) == (False, True)


async def test_without_a_leader_only_a_stale_one_is_to_be_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("coordinator.api.road.STREAM_LEADER_S", 0.2)
    async with doors(3, lead=False) as at:
        said = await refusal(at)
        assert (said.code, said.reason) == (grpc.StatusCode.UNAVAILABLE, "unavailable")
        taken = await take(at, stale=True)
        assert taken.header.is_stale
        assert taken.answer.stale


async def test_a_follower_passes_on_what_the_leader_says(monkeypatch: pytest.MonkeyPatch) -> None:
    async with doors() as leader, doors(3, lead=False) as follower:
        await leader.node()
        await leader.create("a", paused=True)
        road = "coordinator.api.road.Road.channel_to_leader"
        async with grpc.aio.insecure_channel(leader.address) as channel:
            here = follower.house.replica
            monkeypatch.setattr(road, lambda self: channel if self.door.replica is here else None)
            taken = await take(follower)
            assert "a" in taken.state.tasks
            monkeypatch.setattr(backups, "AT_ONCE", 0)
            said = await refusal(follower)
            assert said.reason == "overloaded"


async def test_whoever_does_not_take_what_was_asked_for_is_let_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backups, "TAKEN_WITHIN_S", 0.2)
    async with doors() as at:
        service = backups.Backups(at.house, _road(at))
        slow = SlowCaller()
        with pytest.raises(Aborted, match="timed_out"):
            await service.send(wire.BackupRequest(read=tasks_pb2.ReadOptions(stale=True)), slow)  # type: ignore[arg-type]
        await until(lambda: service._under_way == 0)


async def test_only_so_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backups, "AT_ONCE", 1)
    async with doors() as at:
        service = backups.Backups(at.house, _road(at))
        stale = wire.BackupRequest(read=tasks_pb2.ReadOptions(stale=True))
        first = asyncio.create_task(service.send(stale, SlowCaller()))  # type: ignore[arg-type]
        await until(lambda: service._under_way == 1)
        with pytest.raises(Aborted, match="overloaded"):
            await service.send(stale, SlowCaller())  # type: ignore[arg-type]
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await until(lambda: service._under_way == 0)


class Aborted(Exception):
    pass


class SlowCaller:
    """A context whose connection has no room, ever."""

    async def write(self, _: object) -> None:
        await asyncio.Event().wait()

    async def abort(self, _code: object, message: str, _details: object) -> None:
        raise Aborted(message)


def _road(at: Doors) -> Any:
    from coordinator.api.road import Road

    return Road(at.house)
