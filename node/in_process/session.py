"""A node's session with the coordinator, as `node.session` keeps it, without sockets: the product's frames over two pipes.

A connection that was cut is dead for good, as TCP's would be: both ends learn of it by silence, or when the cut is mended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from coordinator.api.checks import Schemas, check_registration
from coordinator.api.children import checked
from coordinator.api.node_words import frame_to_wire, registration, saying
from coordinator.client.node_values import FromLeader, Offer, Registration
from coordinator.client.node_wire import Outgoing, leader_frame, node_frames, register_frame
from coordinator.replica.effects import CloseNode
from coordinator.replica.inputs import NodeClosed, NodeSaid
from coordinator.replica.sayings import LeaderSaying
from node.agent_live import LiveNews
from node.in_process.coordinator import Coordinator
from node.in_process.pipe import Pipe
from node.inputs import Input, LeaderSaid, SessionClosed

HOP_S = 0.001
ANSWER_S = 2.0
KEEPALIVE_S = 10.0  # a server learns late that a silent peer is gone
PAUSE_S, SLOW_PAUSE_S = 0.2, 2.0
SLOW_REFUSALS = frozenset({"node_name_in_use", "wrong_cluster", "feature_level"})


@dataclass(slots=True)
class Link:
    """The road between a node and the coordinator, for as long as the node has its name."""

    is_cut: bool = False
    extra_s: float = 0.0

    def delay(self) -> float | None:
        return None if self.is_cut else HOP_S + self.extra_s


class Owner(Protocol):
    """The agent, as its session sees it."""

    is_alive: bool
    live: LiveNews
    link: Link

    @property
    def offers(self) -> Sequence[Offer]: ...

    def steady_ms(self) -> int: ...

    def feed(self, given: Input, /) -> None: ...


class Session:
    """Of one incarnation: stream after stream. `out` is what waits; change it and call `wake`."""

    def __init__(self, agent: Owner, coordinator: Coordinator, who: Registration) -> None:
        self.out = Outgoing()
        self._agent = agent
        self._coordinator = coordinator
        self._who = who
        self._loop = asyncio.get_running_loop()
        self._stream: Stream | None = None
        self._is_welcome = self._has_registered = self._is_writing = False
        self._cluster_id = ""
        self._silence_s = ANSWER_S
        self._heard_at = 0.0

    def start(self) -> None:
        """Open a stream, unless the road is cut: then nobody answers, and it is tried again."""
        agent = self._agent
        if not agent.is_alive:
            return
        if agent.link.is_cut:
            self._loop.call_later(PAUSE_S, self.start)
            return
        stream = self._stream = Stream(self, self._coordinator, agent.link)
        frame = register_frame(
            self._who, agent.offers, (), self._cluster_id, rejoin=self._has_registered
        )
        stream.up.put(frame)
        self._silence_s, self._heard_at = ANSWER_S, self._loop.time()
        self._loop.call_later(ANSWER_S, self._listen, stream)

    def wake(self) -> None:
        """Something waits in `out`; it goes with all that this turn of the loop still adds."""
        if not self._is_writing:
            self._is_writing = True
            self._loop.call_soon(self._write)

    def reconnect(self) -> None:
        """Give this stream up and open another."""
        if (stream := self._stream) is not None:
            stream.node_gone()
            self._ended(PAUSE_S)

    def end(self) -> None:
        """The process is gone: the kernel closes its sockets, behind what it has taken already."""
        if (stream := self._stream) is not None:
            self._write()
            self._stream = None
            stream.node_gone()

    def reset(self) -> None:
        """The road is open again: both ends of what was cut learn that it is dead."""
        if (stream := self._stream) is not None:
            stream.server_ends()
            self._ended(HOP_S)

    # -- frames ----------------------------------------------------------------------------------

    def _write(self) -> None:
        self._is_writing = False
        if not self._is_welcome or self._stream is None or not self.out:
            return
        out, self.out = self.out, Outgoing()
        out.now = self._agent.steady_ms()
        for frame in node_frames(out, self._agent.live.kept):
            self._stream.up.put(frame)

    def heard(self, stream: Stream, frame: FromLeader) -> None:
        """A frame of the leader."""
        if stream is not self._stream or not self._agent.is_alive:
            return
        self._heard_at = self._loop.time()
        values: Any = frame.welcome or frame.heartbeat
        if frame.welcome is not None:
            self._is_welcome = self._has_registered = True
            self._cluster_id = frame.welcome.cluster_id
        if values is not None:
            expected_ms = max(2.5 * values.heartbeat_ms, values.lease_ms // 3)
            self._silence_s = expected_ms / 1_000
        self._agent.feed(LeaderSaid(frame))
        if frame.close and stream is self._stream:
            self._ended(SLOW_PAUSE_S if frame.close in SLOW_REFUSALS else PAUSE_S)

    def _listen(self, stream: Stream) -> None:
        """A leader that says nothing for too long is not waited for."""
        if stream is not self._stream or not self._agent.is_alive:
            return
        left = self._heard_at + self._silence_s - self._loop.time()
        if left <= 0:
            self.reconnect()
        else:
            self._loop.call_later(left, self._listen, stream)

    def _ended(self, pause_s: float) -> None:
        self._stream = None
        self.out = Outgoing()
        was_welcome, self._is_welcome = self._is_welcome, False
        if was_welcome:
            self._loop.call_soon(self._agent.feed, SessionClosed())
        self._loop.call_later(pause_s, self.start)


class Stream:
    """Both ends of one connection."""

    def __init__(self, session: Session, coordinator: Coordinator, link: Link) -> None:
        self._session = session
        self._coordinator = coordinator
        self._loop = asyncio.get_running_loop()
        self._schemas = Schemas()
        self.number = 0
        self._is_open = True  # at the server
        self.up: Pipe[Any] = Pipe(self._loop, link.delay, self._at_server)
        self.down: Pipe[FromLeader] = Pipe(self._loop, link.delay, self._at_node)

    def node_gone(self) -> None:
        """The node's end is closed; where nothing gets through, the server's keepalive notices."""
        self.down.close()
        self.up.put(None)
        self._loop.call_later(KEEPALIVE_S, self.server_ends)

    def server_ends(self) -> None:
        """The server's end is closed."""
        self.up.close()
        if self._is_open:
            self._is_open = False
            if self.number:
                self._coordinator.feed(NodeClosed(self.number))

    def _at_server(self, frame: Any) -> None:
        if not self._is_open:
            return
        if frame is None:
            self.server_ends()
        elif frame.HasField("register"):
            check_registration(frame.register)
            said = registration(frame.register)
            self.number = self._coordinator.open_session(said, self._say, self._close)
        else:
            state = self._coordinator.replica.state
            said_by_node = checked(saying(frame), self._schemas, state)
            self._coordinator.feed(NodeSaid(self.number, said_by_node))

    def _say(self, said: LeaderSaying) -> None:
        self.down.put(leader_frame(frame_to_wire(said)))

    def _close(self, closing: CloseNode) -> None:
        term = self._coordinator.replica.term
        self.down.put(FromLeader(term, close=closing.reason, close_detail=closing.detail))
        self.server_ends()

    def _at_node(self, frame: FromLeader) -> None:
        self._session.heard(self, frame)
