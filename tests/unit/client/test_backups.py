"""Taking a backup over connections that break, fall silent or come back."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import grpc
import grpc.aio
import pytest

from coordinator.client import backups
from coordinator.client.backup_file import DamagedBackup, FrameWriter
from coordinator.client.backups import BackupTaker
from coordinator.client.errors import LimitReached, TimedOut, Unavailable
from coordinator.client.routing import Directory
from coordinator.wire.v1 import cluster_pb2 as wire
from tests.unit.client.test_backup_file import header


def whole() -> list[bytes]:
    writer = FrameWriter()
    return [writer.header(header()), writer.state(b"one"), writer.end()]


def failure(code: grpc.StatusCode) -> grpc.aio.AioRpcError:
    nothing = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(code, nothing, nothing, details="gone")


class Call:
    """What a member says: bytes, an error, or None for a silence without end."""

    def __init__(self, says: list[Any]) -> None:
        self._says = iter(says)
        self.cancelled = False

    async def read(self) -> Any:
        said = next(self._says, grpc.aio.EOF)
        if said is None:
            await asyncio.Event().wait()
        if isinstance(said, Exception):
            raise said
        return said if said is grpc.aio.EOF else wire.BackupResponse(data=said)

    def cancel(self) -> None:
        self.cancelled = True


class Caller:
    """Members that say what the test has written down, one list per connection."""

    def __init__(self, *connections: list[Any]) -> None:
        self.directory = Directory(["a:1", "b:2"])
        self.ends_at: float | None = None
        self.asked: list[str] = []
        self.calls: list[Call] = []
        self._connections = iter(connections)
        self.channels = self

    def of(self, address: str) -> Any:
        self.asked.append(address)
        return SimpleNamespace(stream=lambda _method, _request: self._open())

    def _open(self) -> Call:
        self.calls.append(Call(next(self._connections)))
        return self.calls[-1]


class Target:
    def __init__(self) -> None:
        self.data = b"left of something"

    def restart(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backups, "PAUSE_S", 0.001)


async def take(caller: Caller, target: Target, timeout_s: float = 0.05) -> backups.Saved:
    given: Any = caller
    return await BackupTaker(given, timeout_s, None).take(wire.BackupRequest(), target)


async def test_what_broke_off_is_begun_anew_with_another_member() -> None:
    lost = failure(grpc.StatusCode.UNAVAILABLE)
    caller, target = Caller([*whole()[:2], lost], [None], whole()), Target()
    saved = await take(caller, target)
    assert target.data == b"".join(whole())
    assert saved.size == len(target.data)
    assert caller.asked == ["a:1", "b:2", "a:1"]
    assert all(call.cancelled for call in caller.calls)


async def test_nobody_is_asked_for_ever() -> None:
    lost = failure(grpc.StatusCode.UNAVAILABLE)
    caller = Caller(*([[lost]] * backups.TRIES_MAX))
    with pytest.raises(Unavailable):
        await take(caller, Target())
    assert len(caller.asked) == backups.TRIES_MAX
    with pytest.raises(TimedOut, match="no word from"):
        await take(Caller(*([[None]] * backups.TRIES_MAX)), Target(), timeout_s=0.01)


async def test_a_refusal_is_final_and_the_users_limit_ends_it() -> None:
    caller = Caller([failure(grpc.StatusCode.RESOURCE_EXHAUSTED)])
    with pytest.raises(LimitReached):
        await take(caller, Target())
    late = Caller([None])
    late.ends_at = time.monotonic() + 0.01
    with pytest.raises(TimedOut):
        await take(late, Target(), timeout_s=30)
    assert len(late.asked) == 1


async def test_a_file_that_is_not_whole_is_none() -> None:
    with pytest.raises(DamagedBackup, match="cut short"):
        await take(Caller(whole()[:2]), Target())
    with pytest.raises(DamagedBackup):
        await take(Caller([*whole(), b"more"]), Target())
