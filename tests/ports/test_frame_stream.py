"""The framed stream between members on real sockets: who may speak there, and what happens when it is not there."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.shell import peer_door, peer_roads
from coordinator.shell.frame_stream import HEAD, BadFrame, FrameBuffer
from coordinator.shell.grpc_server import PortTaken
from coordinator.shell.peer_door import PeerDoor
from coordinator.shell.peer_server import PeerService
from coordinator.shell.standing import Places, Standing
from coordinator.wire.v1.internal_pb2 import Introduction, PeerFrame, PeerReply
from tests.end_to_end.processes import free_ports
from tests.ports.test_peer_links import Side, beat


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Side, Side]]:
    ports = free_ports(2)
    streams = [f"127.0.0.1:{port}" for port in free_ports(2)]
    one, two = Side(1, ports, streams[0]), Side(2, ports, streams[1])
    yield one, two
    for side in (one, two):
        await side.links.close()
        await side.stop_listening()


def framed(frame: bytes) -> bytes:
    return HEAD.pack(len(frame)) + frame


async def opened(side: Side) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = side.stream.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def read_reply(reader: asyncio.StreamReader) -> PeerReply:
    (size,) = HEAD.unpack(await reader.readexactly(HEAD.size))
    return PeerReply.FromString(await reader.readexactly(size))


@given(
    frames=st.lists(st.binary(min_size=1, max_size=300), max_size=20),
    cuts=st.lists(st.integers(1, 64)),
)
def test_frames_come_out_as_they_went_in_however_they_are_cut(
    frames: list[bytes], cuts: list[int]
) -> None:
    data, buffer, found = b"".join(framed(frame) for frame in frames), FrameBuffer(), []
    for cut in cuts:
        found += buffer.feed(data[:cut])
        data = data[cut:]
    found += buffer.feed(data)
    assert found == frames


@pytest.mark.parametrize("size", [0, 17, 2**32 - 1])
def test_a_length_that_no_frame_has_is_told_at_once(size: int) -> None:
    with pytest.raises(BadFrame, match=str(size)):
        FrameBuffer(bytes_max=16).feed(HEAD.pack(size))


async def test_members_meet_on_the_stream_where_one_is_offered(pair: tuple[Side, Side]) -> None:
    one, two = pair
    await two.listen()
    one.links.connect(2, two.address)
    one.links.send(2, (beat(1),))
    await two.until(lambda: two.messages == [beat(1)])
    assert '"by": "StreamRoad"' in one.lines.getvalue()


async def test_without_the_stream_the_call_carries_the_frames(pair: tuple[Side, Side]) -> None:
    one, two = pair
    await two.listen()
    assert two.door is not None
    two.door.stop()
    one.links.connect(2, two.address)
    one.links.send(2, (beat(1),))
    await two.until(lambda: two.messages == [beat(1)])
    assert "no framed stream, gRPC instead" in one.lines.getvalue()
    assert '"by": "CallRoad"' in one.lines.getvalue()


async def test_a_stream_that_breaks_is_opened_anew(pair: tuple[Side, Side]) -> None:
    one, two = pair
    await two.listen()
    one.links.connect(2, two.address)
    await one.until(lambda: one.links.connected() == [2])
    assert two.door is not None
    for stream in tuple(two.door._callers):
        stream.abort()
    await one.until(lambda: one.unreachable == 1)
    await one.until(lambda: one.links.connected() == [2])
    one.links.send(2, (beat(7),))
    await two.until(lambda: two.messages == [beat(7)])


async def test_a_peer_that_is_stopped_is_noticed(
    pair: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer_roads, "PING_EVERY_S", 0.02)
    one, two = pair
    await two.listen()
    one.links.connect(2, two.address)
    await one.until(lambda: one.links.connected() == [2])
    await asyncio.sleep(0.3)  # many pings, all of them answered
    assert one.unreachable == 0
    assert two.door is not None
    for stream in two.door._callers:
        stream._on_frame = lambda *_: None
    await one.until(lambda: one.unreachable == 1)


async def test_an_address_that_is_not_loopback_is_not_dialled(pair: tuple[Side, Side]) -> None:
    one, two = pair
    places = Places(two.address, [], "", "192.0.2.1:7301")
    two.standing = Standing(lambda: two.identity, lambda: two.state, places)
    await two.listen()
    one.links.connect(2, two.address)
    one.links.send(2, (beat(1),))
    await two.until(lambda: two.messages == [beat(1)])
    assert '"by": "CallRoad"' in one.lines.getvalue()


@pytest.mark.parametrize("change", ["cluster", "storage", "stranger"])
async def test_who_is_no_member_is_told_so_and_shown_out(
    pair: tuple[Side, Side], change: str
) -> None:
    _, two = pair
    await two.listen()
    who = Introduction(
        name="c1", cluster_id="the-cluster", storage_id="s1", member_id=1, mode="dev"
    )
    match change:
        case "cluster":
            who.cluster_id = "another"
        case "storage":
            who.storage_id = "emptied"
        case "stranger":
            who.name, who.member_id = "c7", 7
            two.was_removed(7)
    reader, writer = await opened(two)
    writer.write(framed(PeerFrame(hello=who).SerializeToString()))
    reply = await read_reply(reader)
    assert reply.refused
    writer.write(framed(PeerFrame(messages=[b"x"]).SerializeToString()))
    assert await reader.read() == b""
    assert two.heard == []
    writer.close()


async def test_who_says_nonsense_is_shown_out(
    pair: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer_door, "HELLO_WITHIN_S", 3_600)  # it is not for want of a hello
    _, two = pair
    await two.listen()
    for nonsense in (b"GET / HTTP/1.1\r\n\r\n", framed(b"\xff\xff\xff\xff"), framed(b"")):
        reader, writer = await opened(two)
        writer.write(nonsense)
        with contextlib.suppress(ConnectionResetError):
            async with asyncio.timeout(30):
                assert await reader.read() == b""
        writer.close()
    assert two.heard == []


async def test_who_says_nothing_is_shown_out(
    pair: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer_door, "HELLO_WITHIN_S", 0.05)
    _, two = pair
    await two.listen()
    reader, writer = await opened(two)
    assert await reader.read() == b""
    writer.close()


async def test_a_taken_port_is_named_with_its_flag(pair: tuple[Side, Side]) -> None:
    one, _ = pair
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        address = f"127.0.0.1:{holder.getsockname()[1]}"
        door = PeerDoor(address, PeerService(one.standing, one.feed, one.log), one.log)
        with pytest.raises(PortTaken, match=f"--peer-listen: {address}"):
            await door.start()
