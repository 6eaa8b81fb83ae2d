"""Outgoing halves of what members say to one another: one stream and one bounded queue for each peer.

A link never makes the pump wait: it takes what fits and drops what does not, oldest appends first; consensus repeats
what matters. It says once that its peer cannot be reached, and again only after it could.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence

import grpc.aio

from coordinator.consensus.messages import Append, Message, encode_message
from coordinator.replica.inputs import Input, PeerUnreachable
from coordinator.shell.clock import read_clock
from coordinator.shell.logs import Log
from coordinator.shell.peer_channel import open_channel
from coordinator.shell.peer_roads import UNREACHABLE, Meeting, Refused, Road, open_road
from coordinator.shell.standing import Standing
from coordinator.wire.v1.internal_pb2 import PeerFrame

QUEUE_MAX = 4_096  # messages to a peer that is connected and slow
QUEUE_AWAY_MAX = 64  # messages to a peer that is away
FRAME_BYTES = 1024 * 1024  # a frame is closed once it holds this much
NEWS_WAIT_S = 0.01
RETRY_S = (0.05, 0.5)
RETRY_REFUSED_S = (0.1, 5.0)  # growing: who has just been founded is no longer refused


class PeerLink:
    """The stream to one peer. `run` is its one loop task."""

    def __init__(
        self,
        member: int,
        address: str,
        standing: Standing,
        feed: Callable[[Input], None],
        log: Log,
        on_removed: Callable[[], None] = lambda: None,
    ) -> None:
        self.member = member
        self.address = address
        self.connected = False
        self._standing = standing
        self._feed = feed
        self._log = log
        self._on_removed = on_removed
        self._queue: deque[Message] = deque()
        self._something = asyncio.Event()
        self._news: Append | None = None
        self._news_timer: asyncio.TimerHandle | None = None
        self._told = False  # that the peer is unreachable
        self._channel = open_channel(address)
        self._road: Road | None = None

    @property
    def channel(self) -> grpc.aio.Channel:
        """Also for snapshots, which travel beside the stream."""
        return self._channel

    def send(self, messages: Sequence[Message]) -> None:
        """Queue for the next frame; returns at once."""
        for message in messages:
            if isinstance(message, Append):
                self._hold_back(message)
            else:
                self._queue.append(message)
        if not self._queue:
            return
        room = QUEUE_MAX if self.connected else QUEUE_AWAY_MAX
        if len(self._queue) > room:
            self._drop(len(self._queue) - room)
            self._tell()
        self._set_off()

    async def run(self) -> None:
        """Keep a stream open until cancelled."""
        delay = RETRY_S[0]
        try:
            while True:
                try:
                    await self._exchange()
                    delay = RETRY_S[0]
                except Refused as refusal:
                    self._refused(refusal)
                    delay = min(max(delay, RETRY_REFUSED_S[0]) * 2, RETRY_REFUSED_S[1])
                except UNREACHABLE as error:
                    delay = RETRY_S[0] if self.connected else min(delay * 2, RETRY_S[1])
                    self._log.debug("peer away", peer=self.address, error=_short(error))
                self.connected = False
                self._tell()
                await asyncio.sleep(delay * random.uniform(0.5, 1.0))
        finally:
            await self._channel.close()

    def _refused(self, refusal: Refused) -> None:
        self._log.warning("refused by peer", peer=self.address, reason=str(refusal))
        if refusal.removed:
            self._on_removed()

    # -- one stream -----------------------------------------------------------------------------

    async def _exchange(self) -> None:
        """From hello to the end of the stream."""
        meeting = Meeting(self._standing, self.member)
        road = await open_road(self._channel, meeting, self._something.set, self._log)
        try:
            self.connected, self._told = True, False
            self._log.info("peer connected", peer=self.address, by=type(road).__name__)
            self._road = road
            await self._write_frames(road)
        finally:
            self._road = None
            road.close()

    async def _write_frames(self, road: Road) -> None:
        while True:
            await self._something.wait()
            if road.is_over:
                return
            self._something.clear()
            while self._queue:
                await road.write(self._next_frame())

    def _set_off(self) -> None:
        """What waits leaves at once where the road takes it, else with the next turn of the writer."""
        road = self._road
        while road is not None and road.takes_now and self._queue:
            road.put(self._next_frame())
        if self._queue:
            self._something.set()

    def _next_frame(self) -> PeerFrame:
        """All that waits, up to a size."""
        queue, taken, size = self._queue, [], 0
        while queue and size < FRAME_BYTES:
            encoded = encode_message(queue.popleft())
            size += len(encoded)
            taken.append(encoded)
        return PeerFrame(messages=taken, sent_wall_at=read_clock().wall)

    # -- mere news of a commit ------------------------------------------------------------------

    def _hold_back(self, append: Append) -> None:
        """An append without entries says how far all is committed. It waits a little, for the next one with entries
        says so, too: half of all frames of a lone caller were such news, each with its answer.
        """
        held, self._news = self._news, None
        if append.entries:
            self._queue.append(append)
        elif held is None or (held.term, held.commit) <= (append.term, append.commit):
            self._news = append
            if self._news_timer is None:
                loop = asyncio.get_running_loop()
                self._news_timer = loop.call_later(NEWS_WAIT_S, self._release_news)
        else:
            self._news = held

    def _release_news(self) -> None:
        news, self._news, self._news_timer = self._news, None, None
        if news is not None:
            self._queue.append(news)
            self._set_off()

    # -- trouble --------------------------------------------------------------------------------

    def _drop(self, count: int) -> None:
        """The oldest appends first: consensus asks for them again; then whatever is oldest."""
        kept: deque[Message] = deque()
        for message in self._queue:
            if count and isinstance(message, Append):
                count -= 1
            else:
                kept.append(message)
        for _ in range(count):
            kept.popleft()
        self._queue = kept

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            self._feed(PeerUnreachable(self.member))


class PeerLinks:
    """Links to all other members."""

    def __init__(
        self,
        standing: Standing,
        feed: Callable[[Input], None],
        log: Log,
        on_removed: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_removed`: a member said that we are none any more."""
        self._standing = standing
        self._feed = feed
        self._log = log
        self._on_removed = on_removed
        self._links: dict[int, PeerLink] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def connect(self, member: int, address: str) -> None:
        """Open a link, or replace one whose address has changed."""
        known = self._links.get(member)
        if known is not None and known.address == address:
            return
        self.disconnect(member)
        link = PeerLink(member, address, self._standing, self._feed, self._log, self._on_removed)
        self._links[member] = link
        self._tasks[member] = asyncio.create_task(link.run(), name=f"link to {address}")

    def disconnect(self, member: int) -> None:
        """A member that is no more."""
        self._links.pop(member, None)
        task = self._tasks.pop(member, None)
        if task is not None:
            task.cancel()

    def get(self, member: int) -> PeerLink | None:
        return self._links.get(member)

    def send(self, member: int, messages: Sequence[Message]) -> None:
        """To nobody, if the member is unknown."""
        link = self._links.get(member)
        if link is not None:
            link.send(messages)

    def members(self) -> list[int]:
        return list(self._links)

    def connected(self) -> list[int]:
        """Members whose stream is open."""
        return [member for member, link in self._links.items() if link.connected]

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        for member in list(self._links):
            self.disconnect(member)
        await asyncio.gather(*tasks, return_exceptions=True)


def _short(error: BaseException) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name}: {error.details()}"
    return str(error) or type(error).__name__
