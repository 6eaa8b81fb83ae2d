"""A node's session with the leader, as `node.session` keeps it, over simulated streams and the real wire.

Frames pass through the product's own translation on both sides. What differs from production is only that nothing
awaits: steps are events.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from coordinator.api.checks import check_registration
from coordinator.api.node_words import frame_to_wire, registration, saying
from coordinator.client.node_values import FromLeader, Registration
from coordinator.client.node_wire import (
    NO_LOG,
    KeptLog,
    Outgoing,
    leader_frame,
    node_frames,
    register_frame,
)
from coordinator.replica.effects import CloseNode
from coordinator.replica.inputs import NodeClosed, NodeOpened, NodeSaid
from coordinator.replica.sayings import LeaderSaying
from coordinator.wire.v1 import internal_pb2 as wire
from node import effects as ne
from node.inputs import LeaderSaid, SessionClosed
from tests.simulation.executors import CATALOGUE
from tests.simulation.timeline import MS, SECOND

if TYPE_CHECKING:
    from tests.simulation.agent import AgentLife
    from tests.simulation.member import MemberLife
    from tests.simulation.network import Pipe

ANSWER = 2 * SECOND
SLOW_REFUSALS = frozenset({"node_name_in_use", "wrong_cluster", "feature_level"})
KEEPALIVE = 10 * SECOND  # a server learns late that a silent peer is gone
OFFERS = tuple(each.offer() for each in CATALOGUE)


class NodeSession:
    """Session after session, for as long as the agent lives."""

    def __init__(self, agent: AgentLife, who: Registration) -> None:
        self._agent = agent
        self._who = who
        self._timeline = agent.timeline
        self._dice = agent.place.dice.split(f"{agent.incarnation}/session")
        self._out = Outgoing()
        self._writing = False
        self._stream: Stream | None = None
        self._welcome = False
        self._registered = False
        self._silence = ANSWER
        self._heard_at = 0
        self._failures = 0
        self._silent: set[int] = set()
        self._next = self._dice.below(len(self._members))
        self._cluster_id = ""

    @property
    def _members(self) -> tuple[int, ...]:
        """Whom it may ask: a welcome names those that came later."""
        return self._agent.place.world.numbers

    # -- what the core asks for -------------------------------------------------------------------

    def do(self, effect: ne.Effect) -> None:
        match effect:
            case ne.SendHeartbeat():
                self._out.heartbeat = effect.heartbeat
                self._agent.place.world.leases.sent(self._agent, effect.heartbeat)
            case ne.SendReports():
                self._out.reports.extend(effect.reports)
            case ne.AskDrain():
                self._out.drain = True
            case ne.SayGoodbye():
                self._out.goodbye = True
            case ne.Reconnect():
                self._give_up()
                return
            case _:
                return
        self._wake()

    def _wake(self) -> None:
        if not self._writing:
            self._writing = True
            self._timeline.after(0, f"{self._agent.place.name} writes", self._write, self._agent)

    def _write(self) -> None:
        self._writing = False
        if not self._welcome or self._stream is None or not self._out:
            return
        out, self._out = self._out, Outgoing()
        out.now = self._agent.place.clock.steady_ms()
        for frame in node_frames(out, _no_logs):
            self._stream.up.put(frame)

    def finish(self) -> None:
        """The last words leave before the process does."""
        self._write()
        if self._stream is not None:
            self._stream.half_close()
            self._stream = None

    def broken_off(self) -> None:
        """Something between the two resets the connection."""
        if self._stream is not None:
            self._stream.reset()

    def cut_off(self) -> None:
        """The process is dead: the kernel closes its sockets."""
        if self._stream is not None:
            self._stream.node_gone()
            self._stream = None

    # -- one session after the other --------------------------------------------------------------

    def start(self) -> None:
        self._connect(0)

    def _connect(self, hint: int) -> None:
        target = hint or self._members[self._next % len(self._members)]
        world = self._agent.place.world
        life = world.coordinators[target].life
        frame = register_frame(self._who, OFFERS, (), self._cluster_id, rejoin=self._registered)
        self._silence, self._heard_at = ANSWER, self._timeline.now
        name = self._agent.place.name
        if life is None or not world.network.is_open(name, f"c{target}"):
            wait = MS if life is None else ANSWER
            self._later(wait, "no answer", lambda: self._broken(target, None))
            return
        self._stream = Stream(self, life)
        self._stream.up.put(frame)
        self._watch(self._stream)

    def _later(self, delay: int, what: str, call: Callable[[], None]) -> None:
        label = f"{self._agent.place.name} {what}"
        self._timeline.after(delay, label, call, self._agent)

    def _watch(self, stream: Stream) -> None:
        """A leader that says nothing for too long is not waited for."""
        if stream is not self._stream:
            return
        left = self._heard_at + self._silence - self._timeline.now
        if left <= 0:
            self._give_up()
        else:
            self._later(left, "listens", lambda: self._watch(stream))

    def _give_up(self) -> None:
        stream = self._stream
        if stream is not None:
            stream.node_gone()
            self._broken(stream.target, None)

    def broken(self, stream: Stream) -> None:
        """The stream ended without a word."""
        if stream is self._stream:
            self._broken(stream.target, None)

    def _broken(self, target: int, last: FromLeader | None) -> None:
        self._stream = None
        was_welcome, self._welcome = self._welcome, False
        self._out = Outgoing()
        if was_welcome:
            self._agent.feed(SessionClosed())
        if not self._agent.alive:
            return
        pause, hint = self._after(target, last)
        self._later(pause, "connects", lambda: self._connect(hint))

    def _after(self, target: int, last: FromLeader | None) -> tuple[int, int]:
        if target == self._members[self._next % len(self._members)]:
            self._next += 1
        self._failures += 1
        if last is None:
            self._silent.add(target)
            return self._pause(), 0
        self._silent.discard(target)
        if last.close in SLOW_REFUSALS:
            return self._dice.between(1_600 * MS, 2_400 * MS), 0
        leader = self._agent.place.world.number_at(last.leader_address)
        if leader in self._silent:
            leader = 0
        if leader and leader != target and self._failures <= 2:
            return 0, leader
        return self._pause(), leader

    def _pause(self) -> int:
        rounds = 1 + self._failures // len(self._members)
        longest = min(SECOND, 50 * MS * 2 ** min(rounds, 6))
        return self._dice.between(50 * MS, longest)

    # -- frames -----------------------------------------------------------------------------------

    def heard(self, stream: Stream, sent: wire.LeaderFrame) -> None:
        if stream is not self._stream:
            return
        frame = leader_frame(sent)
        self._heard_at = self._timeline.now
        if frame.welcome is not None:
            self._welcome = self._registered = True
            self._failures = 0
            self._silent.clear()
            self._cluster_id = frame.welcome.cluster_id
            self._expect(frame.welcome)
        elif frame.heartbeat is not None:
            self._expect(frame.heartbeat)
        self._agent.place.world.leases.heard(self._agent, frame)
        self._agent.feed(LeaderSaid(frame))
        if frame.close and self._agent.alive and stream is self._stream:
            stream.up.close()
            self._broken(stream.target, frame)

    def _expect(self, values: Any) -> None:
        self._silence = max(int(2.5 * values.heartbeat_ms), values.lease_ms // 3) * MS


class Stream:
    """One two-way stream between a node and a coordinator, both ends of it."""

    def __init__(self, node: NodeSession, server: MemberLife) -> None:
        self._node, self._server = node, server
        self.target = server.number
        agent = node._agent
        self._agent = agent
        self._timeline = agent.timeline
        network = agent.place.world.network
        here, there = agent.place.name, server.name
        self.up: Pipe = network.stream(here, there, f"{here}>{there} frame", self._to_server)
        self.down: Pipe = network.stream(there, here, f"{there}>{here} frame", self._to_node)
        self._number = 0
        self._server_open = True
        if agent.place.world.faults.befalls_a_new_stream():
            self.up.stall(self._timeline.now + agent.place.dice.often_short(SECOND, 8 * SECOND))
        agent.place.world.streams.append(self)

    # -- at the server ----------------------------------------------------------------------------

    def _to_server(self, frame: wire.NodeFrame | None) -> None:
        """Frames wait in the socket while the process is stopped."""
        label = f"{self._server.name} reads {self._agent.place.name}"
        self._timeline.soon(label, lambda: self._read(frame), self._server)

    def _read(self, frame: wire.NodeFrame | None) -> None:
        if not self._server_open:
            return
        if frame is None:
            self._end_at_server()
        elif frame.HasField("register"):
            check_registration(frame.register)
            pump = self._server.pump
            self._number = pump.open_session(self._say, self._close)
            pump.feed(NodeOpened(self._number, registration(frame.register)))
        else:
            self._server.pump.feed(NodeSaid(self._number, saying(frame)))

    def _say(self, said: LeaderSaying) -> None:
        world = self._agent.place.world
        world.leases.answered(self._server, self._agent, said)
        self.down.put(frame_to_wire(said))

    def _close(self, closing: CloseNode) -> None:
        replica = self._server.replica
        leader = replica.state.members.get(replica.leader_id)
        self.down.put(
            wire.LeaderFrame(
                term=replica.term,
                close=closing.reason,
                close_detail=closing.detail,
                leader_address=leader.address if leader is not None else "",
            )
        )
        self._end_at_server()

    def _end_at_server(self) -> None:
        self.up.close()
        if self._server_open:
            self._server_open = False
            if self._number:
                self._server.pump.end_session(NodeClosed(self._number))

    def server_gone(self) -> None:
        """Its process died: a reset, unless the road is cut; then silence."""
        self._server_open = False
        self.up.close()
        if self._agent.place.world.network.is_open(self._server.name, self._agent.place.name):
            self.reset()
        else:
            self.down.close()

    # -- at the node ------------------------------------------------------------------------------

    def _to_node(self, frame: wire.LeaderFrame) -> None:
        label = f"{self._agent.place.name} reads {self._server.name}"
        self._timeline.soon(label, lambda: self._node.heard(self, frame), self._agent)

    def node_gone(self) -> None:
        """This end is closed. What the kernel has taken still arrives, and then the end; where the road is cut for
        long, the server's keepalive ends it.
        """
        self.down.close()
        self.up.put(None)
        label = f"{self._server.name} loses {self._agent.place.name}"
        self._timeline.after(KEEPALIVE, label, self._end_at_server, self._server)

    def half_close(self) -> None:
        """Nothing follows what was sent."""
        self.up.put(None)

    def reset(self) -> None:
        """Broken on the way: both ends learn of it."""
        self.node_gone()
        self.up.close()
        self._timeline.after(MS, f"{self._server.name} resets", self._end_at_server, self._server)
        label = f"{self._agent.place.name} loses {self._server.name}"
        node = self._node
        self._timeline.after(MS, label, lambda: node.broken(self), self._agent)


def _no_logs(_: int) -> KeptLog:
    return NO_LOG
