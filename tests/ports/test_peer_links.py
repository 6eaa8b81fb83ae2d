"""The transport between members on real sockets: order, hello, refusal, absence, bounded queues, snapshots."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import grpc
import pytest

from coordinator.client.start_checks import PortTaken
from coordinator.codec.framing import unframed
from coordinator.codec.snapshots import load
from coordinator.consensus.messages import (
    Append,
    ConfState,
    Entry,
    EntryKind,
    Heartbeat,
    InstallSnapshot,
    Message,
    Snapshot,
    encode_message,
)
from coordinator.model.members import MemberRecord
from coordinator.model.state import ClusterState
from coordinator.replica.effects import StreamSnapshot
from coordinator.replica.inputs import FromPeer, Input, PeerUnreachable, SnapshotSent
from coordinator.shell.data_dir import Identity
from coordinator.shell.founding_record import founding_record
from coordinator.shell.grpc_server import Server
from coordinator.shell.logs import Log
from coordinator.shell.peer_door import PeerDoor
from coordinator.shell.peer_links import QUEUE_AWAY_MAX, QUEUE_MAX, PeerLink, PeerLinks
from coordinator.shell.peer_server import PeerService
from coordinator.shell.settings import load_settings
from coordinator.shell.snapshots_io import SnapshotsIo
from coordinator.shell.standing import Places, Standing
from coordinator.shell.store import Store
from coordinator.wire.v1.internal_pb2 import Introduction, PeerFrame
from coordinator.wire.v1.internal_pb2_grpc import add_PeerServicer_to_server
from tests.end_to_end.processes import free_ports


class Side:
    """One member: what it heard, its links, its server."""

    def __init__(self, number: int, ports: list[int], stream: str = "") -> None:
        self.number = number
        self.stream = stream
        self.address = f"127.0.0.1:{ports[number - 1]}"
        self.identity = Identity(f"c{number}", f"s{number}", 1, "the-cluster", number)
        self.state = ClusterState()
        for n, port in enumerate(ports, 1):
            self.state.put_member(MemberRecord(n, f"c{n}", f"127.0.0.1:{port}", f"s{n}"))
        self.heard: list[Input] = []
        self.news = asyncio.Event()
        self.lines = io.StringIO()
        self.log = Log(self.lines, "debug", member=f"c{number}")
        self.standing = Standing(
            lambda: self.identity, lambda: self.state, Places(self.address, [], "", stream)
        )
        self.told_removed = asyncio.Event()
        self.links = PeerLinks(self.standing, self.feed, self.log, self.told_removed.set)
        self.server: Server | None = None
        self.door: PeerDoor | None = None

    def was_removed(self, number: int) -> None:
        """It came and went."""
        self.state.put_member(MemberRecord(number, f"c{number}", "h:1", f"s{number}"))
        self.state.drop_member(number)

    def feed(self, item: Input) -> None:
        self.heard.append(item)
        self.news.set()

    @property
    def messages(self) -> list[Message]:
        return [m for item in self.heard if isinstance(item, FromPeer) for m in item.messages]

    @property
    def unreachable(self) -> int:
        return sum(isinstance(item, PeerUnreachable) for item in self.heard)

    async def listen(self) -> None:
        self.server = Server(self.address)
        service = self.service = PeerService(self.standing, self.feed, self.log)
        add_PeerServicer_to_server(service, self.server.grpc)
        await self.server.start()
        if self.stream:
            self.door = PeerDoor(self.stream, service, self.log)
            await self.door.start()

    async def stop_listening(self) -> None:
        if self.door is not None:
            self.door.stop()
        if self.server is not None:
            await self.server.stop(0)
            self.server = None

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                self.news.clear()
                await asyncio.wait([asyncio.ensure_future(self.news.wait())], timeout=0.02)


@pytest.fixture(params=["by call", "by stream"])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Side, Side]]:
    ports = free_ports(2)
    streams = ["", ""]
    if request.param == "by stream":
        streams = [f"127.0.0.1:{port}" for port in free_ports(2)]
    one, two = Side(1, ports, streams[0]), Side(2, ports, streams[1])
    yield one, two
    for side in (one, two):
        await side.links.close()
        await side.stop_listening()


def entries(index: int) -> tuple[Entry, ...]:
    return (Entry(5, index, EntryKind.NORMAL, b"x"),)


def beat(number: int, sender: int = 1) -> Heartbeat:
    return Heartbeat(sender, 2, 5, number)


async def test_messages_arrive_once_and_in_order(pair: tuple[Side, Side]) -> None:
    one, two = pair
    await two.listen()
    one.links.connect(2, two.address)
    sent = [beat(n) for n in range(500)]
    for message in sent[:50]:
        one.links.send(2, (message,))
    await two.until(lambda: len(two.messages) >= 50)
    for start in range(50, 500, 10):
        one.links.send(2, sent[start : start + 10])
        await asyncio.sleep(0)
    await two.until(lambda: len(two.messages) >= 500)
    assert two.messages == sent
    assert one.unreachable == 0


async def test_what_waits_travels_in_few_frames(pair: tuple[Side, Side]) -> None:
    one, two = pair
    await two.listen()
    one.links.connect(2, two.address)
    await two.until(lambda: one.links.connected() == [2])
    one.links.send(2, [beat(n) for n in range(200)])
    await two.until(lambda: len(two.messages) == 200)
    assert len(two.heard) == 1


async def test_a_large_entry_passes(pair: tuple[Side, Side]) -> None:
    one, two = pair
    await two.listen()
    one.links.connect(2, two.address)
    large = Append(1, 2, 5, 4, 9, 9, (Entry(5, 10, EntryKind.NORMAL, b"x" * 6_000_000),))
    one.links.send(2, (large, beat(1)))
    await two.until(lambda: len(two.messages) == 2)
    assert two.messages[0] == large


async def test_an_absent_peer_is_told_once_and_met_when_it_comes(pair: tuple[Side, Side]) -> None:
    one, two = pair
    one.links.connect(2, two.address)
    await one.until(lambda: one.unreachable == 1)
    for number in range(10 * QUEUE_AWAY_MAX):
        one.links.send(2, (beat(number),))
    await two.listen()
    await two.until(lambda: bool(two.messages))
    assert len(two.messages) <= QUEUE_AWAY_MAX
    assert two.messages[-1] == beat(10 * QUEUE_AWAY_MAX - 1)
    assert one.unreachable == 1
    await two.stop_listening()
    await one.until(lambda: one.unreachable == 2)
    assert one.links.connected() == []


@pytest.mark.parametrize("change", ["cluster", "storage", "stranger", "unfounded"])
async def test_who_is_no_member_is_not_heard(pair: tuple[Side, Side], change: str) -> None:
    one, two = pair
    if change == "cluster":
        one.identity = Identity("c1", "s1", 1, "another", 1)
    elif change == "storage":
        one.identity = Identity("c1", "emptied", 1, "the-cluster", 1)
    elif change == "stranger":
        one.identity = Identity("c7", "s1", 1, "the-cluster", 7)
        two.was_removed(7)
    else:
        two.identity = Identity("c2", "s2")
    await two.listen()
    one.links.connect(2, two.address)
    one.links.send(2, (beat(1),))
    await one.until(lambda: "refused by peer" in one.lines.getvalue())
    assert two.messages == []
    assert one.links.connected() == []


async def test_we_do_not_speak_to_an_emptied_member_either(pair: tuple[Side, Side]) -> None:
    one, two = pair
    two.identity = Identity("c2", "emptied", 1, "the-cluster", 2)
    await two.listen()
    one.links.connect(2, two.address)
    await one.until(lambda: "cluster replace" in one.lines.getvalue())
    assert two.messages == []


async def test_who_came_after_all_that_we_have_applied_is_heard(pair: tuple[Side, Side]) -> None:
    """A member that fell behind does not know the newcomer that leads by now."""
    one, two = pair
    one.identity = Identity("c7", "s7", 1, "the-cluster", 7)
    greeted: list[tuple[int, str]] = []
    await two.listen()
    two.service.on_greeting = lambda hello: greeted.append((hello.member_id, hello.address))
    one.links.connect(2, two.address)
    one.links.send(2, (beat(1, sender=7),))
    await two.until(lambda: two.messages == [beat(1, sender=7)])
    assert (7, one.address) in greeted


async def test_m4_a_member_that_was_removed_is_told_and_not_heard_any_more(
    pair: tuple[Side, Side],
) -> None:
    one, two = pair
    await two.listen()
    one.links.connect(2, two.address)
    one.links.send(2, (beat(1),))
    await two.until(lambda: two.messages == [beat(1)])
    assert not one.told_removed.is_set()
    two.state.drop_member(1)
    two.service.end_gone()
    if two.door is not None:
        two.door.end_gone()
    await asyncio.wait_for(one.told_removed.wait(), 30)
    one.links.send(2, (beat(2),))
    assert two.messages == [beat(1)]
    assert one.links.connected() == []


async def test_who_took_the_place_and_the_address_of_another_does_not_get_its_messages(
    pair: tuple[Side, Side],
) -> None:
    """c2 was replaced by c2 under another id, at the same address; a link to the old one is still there."""
    one, two = pair
    two.identity = Identity("c2", "s3", 1, "the-cluster", 3)
    for side in pair:
        side.state.put_member(MemberRecord(3, "c2", two.address, "s3", joined=7))
    await two.listen()
    one.links.connect(2, two.address)
    one.links.send(2, (beat(1),))
    await one.until(lambda: "member 3 answers here, not 2" in one.lines.getvalue())
    two.service.take(1, PeerFrame(messages=[encode_message(beat(1))]))
    assert "message to another" in two.lines.getvalue()
    assert two.messages == []


async def test_words_under_another_name_are_not_heard(pair: tuple[Side, Side]) -> None:
    one, two = pair
    await two.listen()
    one.links.connect(2, two.address)
    one.links.send(2, (beat(1, sender=9), beat(2)))
    await two.until(lambda: bool(two.messages))
    assert two.messages == [beat(2)]


async def test_a_full_queue_drops_the_oldest_appends_and_keeps_the_rest() -> None:
    side = Side(1, free_ports(2))
    link = PeerLink(2, side.state.members[2].address, side.standing, side.feed, side.log)
    link.connected = True
    appends = [Append(1, 2, 5, 4, n, 0, entries(n + 1)) for n in range(QUEUE_MAX)]
    link.send((beat(1),))
    link.send(appends)
    link.send((beat(2), beat(3)))
    assert len(link._queue) == QUEUE_MAX
    assert link._queue[0] == beat(1)
    assert link._queue[1] == appends[3]
    assert link._queue[-1] == beat(3)
    assert side.unreachable == 1
    await link.channel.close()


async def test_news_of_a_commit_waits_for_entries_that_say_so_too(
    pair: tuple[Side, Side],
) -> None:
    one, two = pair
    await two.listen()
    one.links.connect(2, two.address)
    await two.until(lambda: one.links.connected() == [2])
    older, newer = Append(1, 2, 5, 4, 9, 8), Append(1, 2, 5, 4, 9, 9)
    filled = Append(1, 2, 5, 4, 9, 9, entries(10))
    one.links.send(2, (older, newer, filled))
    await two.until(lambda: bool(two.messages))
    one.links.send(2, (newer, older))
    await two.until(lambda: len(two.messages) >= 2)
    assert two.messages == [filled, newer]


async def test_a_second_server_on_the_port_is_refused(pair: tuple[Side, Side]) -> None:
    one, _ = pair
    await one.listen()
    with pytest.raises(PortTaken) as raised:
        await Server(one.address).start()
    assert one.address in str(raised.value)


async def test_before_a_cluster_is_there_callers_are_told_to_wait(pair: tuple[Side, Side]) -> None:
    one, _ = pair
    await one.listen()
    async with grpc.aio.insecure_channel(one.address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await channel.unary_unary("/ptasks.v1.Tasks/Create")(b"")
        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
        assert "starting" in (raised.value.details() or "")


async def test_a_snapshot_passes_chunk_by_chunk(pair: tuple[Side, Side], tmp_path: Path) -> None:
    one, two = pair
    settings = load_settings(
        ["--name", "c1", "--data-dir", str(tmp_path / "c1"), "--listen", one.address], {}
    )
    store = Store.open(settings.data_dir, "c1")
    record = founding_record(settings, [Introduction(name="c1", storage_id="s1")])
    store.found("the-cluster", 1, Snapshot(7, 3, ConfState(voters=(1, 2)), record.snapshot))
    await two.listen()
    one.links.connect(2, two.address)
    io_ = SnapshotsIo(store, one.links, one.standing, one.feed, one.log)
    asked = InstallSnapshot(1, 2, 5, Snapshot(6, 3))  # older than what is stored by now
    io_.stream(StreamSnapshot(2, asked))
    await one.until(lambda: any(isinstance(item, SnapshotSent) for item in one.heard))
    assert SnapshotSent(2, True) in one.heard
    (message,) = two.messages
    assert isinstance(message, InstallSnapshot)
    assert (message.snapshot.index, message.snapshot.term, message.term) == (7, 3, 5)
    assert load(unframed(message.snapshot.data)).cluster_id == record.cluster_id
    await asyncio.to_thread(store.close)


async def test_a_snapshot_to_nobody_fails_and_is_told(
    pair: tuple[Side, Side], tmp_path: Path
) -> None:
    one, two = pair
    store = Store.open(tmp_path / "c1", "c1")
    one.links.connect(2, two.address)
    io_ = SnapshotsIo(store, one.links, one.standing, one.feed, one.log)
    io_.stream(StreamSnapshot(2, InstallSnapshot(1, 2, 5, Snapshot(6, 3))))
    await one.until(lambda: any(isinstance(item, SnapshotSent) for item in one.heard))
    assert SnapshotSent(2, False) in one.heard
    await asyncio.to_thread(store.close)
