"""A founded coordinator at work: replica, pump, links, plugins and doors, put together and taken apart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from coordinator.api.door import MemberFacts, Told
from coordinator.api.server import add_services
from coordinator.codec.framing import unframed
from coordinator.codec.snapshots import load
from coordinator.consensus.messages import Entry, Snapshot
from coordinator.model.events import MembersChanged
from coordinator.model.state import ClusterState
from coordinator.replica.config import Recovered, ReplicaConfig
from coordinator.replica.effects import (
    Applied,
    LeadershipChanged,
    Note,
    Persist,
    SendPeer,
    StateReplaced,
)
from coordinator.replica.inputs import Campaign, DiskLow, Input, StopLeading
from coordinator.replica.replica import Replica
from coordinator.shell import store_port
from coordinator.shell.background import Background
from coordinator.shell.clock import make_dice, read_clock
from coordinator.shell.digests_io import DigestsIo
from coordinator.shell.door import ShellDoor
from coordinator.shell.door_counts import CountedDoor
from coordinator.shell.grpc_server import Server
from coordinator.shell.history import History, Writes
from coordinator.shell.history_io import HistoryIo
from coordinator.shell.logs import Log
from coordinator.shell.member_facts import OwnFacts
from coordinator.shell.metrics import Metrics
from coordinator.shell.metrics_turns import TimedReplica
from coordinator.shell.neighbours import Neighbours
from coordinator.shell.options import ServerSettings
from coordinator.shell.peer_links import PeerLinks
from coordinator.shell.plugins import Plugins, are_expected
from coordinator.shell.pump import Hands, Pump
from coordinator.shell.snapshots_io import SnapshotsIo
from coordinator.shell.standing import Standing
from coordinator.shell.store_port import StoreFailure, StorePort

HAND_OVER_S = 2.0
HOUSEKEEPING_S = 1.0


class Ends(NamedTuple):
    """How it may end from within."""

    halt: Callable[[int, str], None]  # at once
    leave: Callable[[], None]  # this member was removed from its cluster


class Member:
    """Everything that needs a cluster. Made on the loop; `start`, then `stop` once."""

    def __init__(
        self,
        settings: ServerSettings,
        store: StorePort,
        server: Server,
        log: Log,
        ends: Ends,
        metrics: Metrics | None = None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._server = server
        self._log = log
        self._metrics = metrics
        self.replica = build_replica(settings, store)
        self._leadership = LeadershipChanged(0, 0, False)
        self._leadership_moved = asyncio.Event()
        self._disk_low = False
        self._says: set[asyncio.Task[None]] = set()
        self._background = Background(log, ends.halt)
        self.standing = Standing(
            lambda: store.identity, lambda: self.replica.state, settings.places
        )
        self.links = PeerLinks(self.standing, self.feed, log, ends.leave)
        self._plugins = Plugins(settings.executors, self.feed, log)
        self._snapshots = SnapshotsIo(store, self.links, self.standing, self._snapshot_fared, log)
        self._digests = DigestsIo(self.links, self.standing, self.feed, log)
        self._facts = self._make_facts()
        self.writes = Writes()
        loop = asyncio.get_running_loop()
        self._timed = None if metrics is None else TimedReplica(self.replica, metrics.turns)
        steps = self._timed or self.replica
        self.pump = Pump(steps, self._hands(ends), read_clock, loop)
        history = History(store, self.pump, self.writes)
        where, at = settings.data_dir, lambda: self.replica.state.revision
        self.history_io = HistoryIo(where, history, at, self.links, self.standing, log)
        self.door = self._make_door(history)
        own = store.identity.member_id or 0
        self.neighbours = Neighbours(own, self.door, self.links, self.standing, log)

    def _make_facts(self) -> OwnFacts:
        return OwnFacts(
            self._settings,
            self._store,
            lambda: self._plugins.known,
            self.replica,
            lambda: len(self.links.connected()),
        )

    def _hands(self, ends: Ends) -> Hands:
        return Hands(
            persist=self._persist,
            send=self._send,
            stream_snapshot=self._snapshots.stream,
            take_snapshot=self._snapshots.take,
            take_digest=self._digests.take,
            say_digest=self._digests.say,
            ask_plugin=self._plugins.ask,
            note=self._note,
            halt=ends.halt,
        )

    def _make_door(self, history: History) -> ShellDoor:
        peers, facts = dict(self._settings.peers), self._facts.read
        said = (self.replica, self.pump, history, peers, facts, self.links.connected)
        if self._metrics is None:
            return ShellDoor(*said)
        door = CountedDoor(*said)
        door.count_by(self._metrics.doors)
        return door

    def feed(self, item: Input) -> None:
        """To the replica's next turn."""
        self.pump.feed(item)

    def start(self) -> None:
        """Open all doors."""
        self.pump.subscribe(self._facts.listen)
        self.pump.subscribe(self._on_effect)
        hub = add_services(self._server.services, self.door)
        if self._metrics is not None:
            self._metrics.attach(self.replica, self._store.stats, hub)
            self._plugins.on_answer = self._metrics.hook_answered
            self.pump.subscribe(self._metrics.listen)
        loop = asyncio.get_running_loop()
        self._store.start(loop, self._on_written, self._on_store_failed)
        self.neighbours.follow()
        self.pump.start()
        if len(self.replica.state.members) == 1:
            self.pump.feed(Campaign())  # nobody else could be the leader
        self.history_io.start()
        self._server.waiting.reason = None
        self._background.start(self._plugins.run(), "plugins")
        self._background.start(self._keep_house(), "housekeeping")
        identity, state = self._store.identity, self.replica.state
        self._log.info("serving", cluster_id=identity.cluster_id, revision=state.revision)

    async def hand_over(self) -> None:
        """Take no more wishes, and let another lead if there is one."""
        self.pump.feed(StopLeading())
        deadline = asyncio.get_running_loop().time() + HAND_OVER_S
        while self._leadership.is_leader and len(self.replica.state.members) > 1:
            self._leadership_moved.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._leadership_moved.wait()
            except TimeoutError:
                self._log.warning("leadership not handed over", within_s=HAND_OVER_S)
                return

    async def stop(self) -> None:
        """End the loop and what it started. The store stays open."""
        await self._background.stop()
        await self.history_io.close()
        self.pump.stop()
        await self.neighbours.close()
        await self._snapshots.close()
        await self._digests.close()
        await self.links.close()

    def facts(self) -> MemberFacts:
        return self._facts.read()

    # -- effects --------------------------------------------------------------------------------

    def _persist(self, effect: Persist) -> None:
        if self._timed is not None:
            self._timed.persisted(effect)
        self.writes.submitted(effect.write)
        self._store.submit(effect.write, effect)

    def _send(self, effect: SendPeer) -> None:
        self.links.send(effect.member, effect.messages)

    def _note(self, effect: Note) -> None:
        self._log.line(effect.level, effect.event, term=self._leadership.term, **effect.fields)

    def _snapshot_fared(self, item: Input) -> None:
        if self._metrics is not None:
            self._metrics.snapshot_fared(item)
        self.feed(item)

    def _on_written(self, writes: list[int]) -> None:
        self.pump.on_written(writes)
        self.writes.written(writes[-1])

    def _on_store_failed(self, failure: StoreFailure) -> None:
        self._facts.on_store_failed(failure)
        self._log.error("storage trouble", kind=failure.kind.value, detail=failure.detail)
        self.pump.on_store_failed(failure)

    def _on_effect(self, effect: Told) -> None:
        if isinstance(effect, StateReplaced) or (
            isinstance(effect, Applied)
            and any(isinstance(e, MembersChanged) for e in effect.events)
        ):
            self.neighbours.changed()
        if isinstance(effect, StateReplaced):
            self.history_io.fetch()
        if not isinstance(effect, LeadershipChanged):
            return
        self._leadership = effect
        self.history_io.led_by(effect.leader)
        self._leadership_moved.set()
        self._log.info("leadership", leader=effect.leader, leads=effect.is_leader, term=effect.term)
        task = asyncio.create_task(
            self._server.say_leadership(known=bool(effect.leader), own=effect.is_leader)
        )
        self._says.add(task)
        task.add_done_callback(self._says.discard)

    # -- housekeeping ---------------------------------------------------------------------------

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            low = self._store.stats().low_space
            if low != self._disk_low:
                self._disk_low = low
                self.feed(DiskLow(low))


def build_replica(settings: ServerSettings, store: StorePort) -> Replica:
    """The replica as its disk left it."""
    config = ReplicaConfig(
        member_id=store.identity.member_id or 0,
        snapshot_every_entries=settings.snapshot_every,
        snapshot_every_bytes=settings.snapshot_bytes,
        log_entries_kept=settings.keep_entries,
        expects_plugins=are_expected(settings.executors),
        build=settings.build,
    )
    return Replica(config, recovered_from(store.recovered), make_dice().randrange)


def recovered_from(kept: store_port.Recovered) -> Recovered:
    """The same with the state decoded. What lies before the first entry is known only by the entry itself or by
    the snapshot, so an entry the snapshot covers gives its place for it."""
    snapshot = kept.snapshot or Snapshot(0, 0)
    state = load(unframed(snapshot.data)) if snapshot.data else ClusterState()
    base = (snapshot.index, snapshot.term)
    entries: tuple[Entry, ...] = kept.entries
    if entries and entries[0].index <= snapshot.index:
        base = (entries[0].index, entries[0].term)
        entries = entries[1:]
    mark = Snapshot(snapshot.index, snapshot.term, snapshot.conf)
    return Recovered(state, kept.hard_state, mark, base, entries)
