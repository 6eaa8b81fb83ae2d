"""A coordinator: the product's pump and replica on an imagined machine. It dies between any two effects.

`Coordinator` is the place (name, machine, disk); `MemberLife` is one process on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from typing_extensions import override

from coordinator.api.hub import Hub
from coordinator.codec.snapshots import digest_of
from coordinator.consensus.messages import InstallSnapshot, Message
from coordinator.machine.features import THIS_BUILD
from coordinator.model.instants import Now
from coordinator.replica import effects as e
from coordinator.replica import inputs as i
from coordinator.replica.config import Recovered, ReplicaConfig
from coordinator.replica.replica import Replica
from coordinator.shell.member import recovered_from
from coordinator.shell.pump import Hands, Pump
from coordinator.shell.store_port import Damaged, StoreFailure, Trouble
from tests.simulation.clocks import Clock
from tests.simulation.disk import Disk, Writing, taken
from tests.simulation.greetings import greet
from tests.simulation.laws import Broken, ProcessEnded
from tests.simulation.timeline import MS, SECOND, Life, Loop

if TYPE_CHECKING:
    from tests.simulation.world import World

Answered = Callable[[Any], None]
RETRY_FULL = SECOND
DIGEST_EVERY, DIGEST_TOOK = 20, 30 * MS  # entries; the product takes one in a thousand


class Coordinator:
    """A place for one member. `life` is None while no process runs there."""

    def __init__(self, world: World, number: int, disk: Disk, clock: Clock) -> None:
        self.world, self.number, self.disk, self.clock = world, number, disk, clock
        self.name = f"c{number}"
        self.dice = world.dice.split(self.name)
        self.life: MemberLife | None = None
        self.gone = ""  # why nothing can be started here any more
        self.slow_until = self.full_until = 0
        self.fail_next = False
        self.build = THIS_BUILD  # that its next process is of
        self.lives = 0

    def start(self) -> None:
        """Open the directory and serve, or say why not."""
        if self.life is not None or self.gone:
            return
        if self.disk.storage_id != self.world.storage_ids[self.number]:
            self.gone = "wiped"  # the cluster knows another storage id under this name (D11)
            return
        try:
            kept = self.disk.open()
        except Damaged as damage:
            self.gone = "damaged"
            self.world.timeline.say(f"{self.name} is damaged: {damage}")
            return
        self.world.laws.opened(self)
        self.lives += 1
        self.life = MemberLife(self, recovered_from(kept))
        self.life.pump.start()

    def kill(self, *, keep_flight: bool = False) -> None:
        """SIGKILL, or the power goes: the transaction in flight is lost whole or kept whole."""
        life, self.life = self.life, None
        if life is None:
            return
        life.alive = False
        if keep_flight and life.writing.batch is not None and not life.writing.is_full:
            self.disk.write(life.writing.batch)
        self.world.member_died(life)
        leading = life.replica.leading
        if leading is not None:  # the collector does not look into proposals, which lead back to it
            leading.proposals._queue.clear()
            leading.proposals._under_way.clear()


class _Seen:
    """The replica as the pump sees it, with somebody looking on."""

    def __init__(self, life: MemberLife) -> None:
        self._life = life

    @property
    def is_busy(self) -> bool:
        return self._life.replica.is_busy

    def handle(self, inputs: Sequence[i.Input], now: Now) -> list[e.Effect]:
        life = self._life
        effects = life.replica.handle(inputs, now)
        life.place.world.laws.after_turn(life, inputs, effects)
        return effects


class _Door:
    """What the hub of watches asks of a server."""

    def __init__(self, life: MemberLife) -> None:
        self.replica = life.replica
        self.subscribe = life.pump.subscribe


class MemberLife(Life):
    """One process of a coordinator."""

    def __init__(self, place: Coordinator, recovered: Recovered) -> None:
        super().__init__()
        self.place = place
        self.number, self.name = place.number, place.name
        world, dials = place.world, place.world.dials
        self.timeline = world.timeline
        config = ReplicaConfig(
            member_id=place.number,
            build=place.build,
            max_message_bytes=dials.message_bytes,
            max_inflight=dials.inflight,
            max_uncommitted_bytes=dials.uncommitted_bytes,
            snapshot_every_entries=dials.snapshot_every,
            log_entries_kept=dials.log_kept,
            batch_requests=dials.batch,
            digest_every_entries=DIGEST_EVERY,
        )
        roll = place.dice.split(f"life{place.lives}").below
        # Equal time-outs can split votes for ever: a fault like others, and like others it ends before the last minute.
        dice = (lambda n: 0 if not world.closing else roll(n)) if dials.equal_timeouts else roll
        self.replica = Replica(config, recovered, dice)
        self.writing = Writing()
        self.die_after = -1  # so many more effects
        self.tickets: dict[int, Answered] = {}
        self.last_ticket = 0
        loop: Any = Loop(self.timeline, self, f"{self.name} turn")
        self.pump = _Pump(_Seen(self), self._hands(), place.clock.read, loop)
        self.pump.life = self
        self.hub = Hub(_Door(self))  # type: ignore[arg-type]
        world.laws.born(self)
        if len(self.replica.state.members) == 1:
            self.pump.feed(i.Campaign())
        self.pump.feed(i.PluginsKnown(world.plugins_known))
        greet(self)

    def _hands(self) -> Hands:
        return Hands(
            persist=self._persist,
            send=self._send,
            stream_snapshot=self._stream_snapshot,
            take_snapshot=self._take_snapshot,
            ask_plugin=self._ask_plugin,
            note=self._note,
            halt=self._halt,
            take_digest=self._take_digest,
            say_digest=self._say_digest,
        )

    # -- calls ------------------------------------------------------------------------------------

    def submit(self, asked: tuple[i.Asked, ...], answered: Answered) -> int:
        self.last_ticket += 1
        self.tickets[self.last_ticket] = answered
        self.pump.feed(i.Submit(self.last_ticket, asked))
        return self.last_ticket

    def barrier(self, answered: Answered) -> int:
        self.last_ticket += 1
        self.tickets[self.last_ticket] = answered
        self.pump.feed(i.ReadBarrier(self.last_ticket))
        return self.last_ticket

    def answer(self, effect: e.Reply | e.Fail | e.ReadReady) -> None:
        if isinstance(effect, e.ReadReady):
            self.place.world.laws.consensus.leads_in_truth(self, "answers a read")
        answered = self.tickets.pop(effect.ticket, None)
        if answered is not None:
            answered(effect)

    # -- effects ----------------------------------------------------------------------------------

    def point(self) -> None:
        """Between two effects: here the process may be killed."""
        if self.die_after == 0:
            self.place.kill(keep_flight=self.place.dice.percent(50))
            raise ProcessEnded
        self.die_after -= 1

    def _send(self, effect: e.SendPeer) -> None:
        self.point()
        world = self.place.world
        world.laws.sending(self, effect.member, effect.messages)
        to = f"c{effect.member}"
        label = f"{self.name}>{to} {type(effect.messages[-1]).__name__}"
        item = i.FromPeer(effect.messages, self.place.clock.read().wall)

        def arrive() -> None:
            world.to_member(effect.member, item)

        went = world.network.send(self.name, to, label, arrive)
        if not went and self.place.dice.percent(5):
            self.pump.feed(i.PeerUnreachable(effect.member))

    def _ask_plugin(self, effect: e.AskPlugin) -> None:
        self.point()
        self.place.world.plugins.ask(self, effect)

    def _note(self, effect: e.Note) -> None:
        if effect.event == "bug":
            raise effect.fields["exc_info"]
        self.timeline.say(f"{self.name} {effect.event} {effect.fields}")

    def _halt(self, exit_code: int, reason: str) -> None:
        self.timeline.say(f"{self.name} halts: {exit_code} {reason}")
        self.place.world.laws.halted(self, exit_code, reason)
        self.place.kill(keep_flight=False)
        raise ProcessEnded

    def leave(self) -> None:
        """Removed from the cluster: the directory is marked and never opens again (M4)."""
        if self.alive:
            self.place.gone = "removed"
            self.place.kill()

    # -- the disk ---------------------------------------------------------------------------------

    def _persist(self, effect: e.Persist) -> None:
        self.point()
        self.place.world.laws.persisting(self, effect)
        self.writing.waiting.append(effect)
        self._begin_transaction()

    def _begin_transaction(self) -> None:
        if self.writing.batch is None and self.writing.next_batch() is not None:
            self._in_a_while()

    def _in_a_while(self) -> None:
        slow = self.timeline.now < self.place.slow_until
        took = self.place.dice.between(500 * MS, 2 * SECOND) if slow else self._quick()
        self.timeline.after(took, f"{self.name} fsync", self._commit, self)

    def _quick(self) -> int:
        return self.place.dice.between(150, 3_000)

    def _commit(self) -> None:
        place, writing = self.place, self.writing
        if place.fail_next:
            place.fail_next = False
            self._fsync_failed()
            return
        if self.timeline.now < place.full_until:
            if not writing.is_full:
                writing.is_full = True
                self.pump.on_store_failed(StoreFailure(Trouble.DISK_FULL, "the disk is full"))
            self.timeline.after(RETRY_FULL, f"{self.name} full", self._try_again, self)
            return
        batch = writing.batch
        assert batch is not None
        place.disk.write(batch)
        writing.batch = None
        self._told(batch.ids)
        if writing.is_full:
            writing.is_full = False
            self.pump.on_store_failed(StoreFailure(Trouble.RECOVERED, "there is space again"))
        self._begin_transaction()

    def _try_again(self) -> None:
        self.writing.next_batch()
        self._commit()

    def _told(self, ids: list[int]) -> None:
        """The transaction has returned; in some worlds its answer dawdles."""
        if self.place.world.dials.late_answers and self.place.dice.percent(10):
            late = self.place.dice.often_short(100, 300 * MS)
            self.timeline.after(
                late, f"{self.name} stored late", lambda: self.pump.on_written(ids), self
            )
        else:
            self.pump.on_written(ids)

    def _fsync_failed(self) -> None:
        """The kernel has thrown the pages away, or not; the next call would say that all is well (D8)."""
        batch, self.writing.batch = self.writing.batch, None
        if batch is not None and self.place.dice.percent(30):
            self.place.disk.write(batch)
        self.place.world.laws.fsync_failed(self)
        self.pump.on_store_failed(StoreFailure(Trouble.IO, "fsync failed"))
        self._begin_transaction()

    # -- digests ----------------------------------------------------------------------------------

    def _take_digest(self, effect: e.TakeDigest) -> None:
        """From a picture, beside the loop: the log goes on meanwhile."""
        self.point()
        taken_later = i.DigestTaken(effect.index, digest_of(effect.frozen))
        label = f"{self.name} digest"
        self.timeline.after(DIGEST_TOOK, label, lambda: self.pump.feed(taken_later), self)

    def _say_digest(self, effect: e.SayDigest) -> None:
        self.point()
        world, to = self.place.world, f"c{effect.member}"
        said = i.DigestSaid(self.number, effect.index, effect.digest)
        world.tally["digests/said"] += 1
        world.network.send(
            self.name,
            to,
            f"{self.name}>{to} digest",
            lambda: world.to_member(effect.member, said),
            once=True,
        )

    # -- snapshots --------------------------------------------------------------------------------

    def _take_snapshot(self, effect: e.TakeSnapshot) -> None:
        self.point()
        took = self.place.dice.often_short(MS, 800 * MS)
        self.timeline.after(
            took, f"{self.name} snapshot", lambda: self._snapshot_done(effect), self
        )

    def _snapshot_done(self, effect: e.TakeSnapshot) -> None:
        place = self.place
        done = self.timeline.now >= place.full_until
        done = done and place.disk.snapshot.index < effect.index
        if done:
            place.disk.keep_snapshot(taken(effect), place.world.dials.log_kept)
        self.pump.feed(i.SnapshotTaken(effect.index, ok=done))

    def _stream_snapshot(self, effect: e.StreamSnapshot) -> None:
        """The newest that is stored, which may be newer than the one asked for."""
        self.point()
        world, to = self.place.world, f"c{effect.member}"
        stored = self.place.disk.snapshot
        message: Message = msgspec.structs.replace(effect.message, snapshot=stored)
        assert isinstance(message, InstallSnapshot)

        def arrived() -> None:
            taken_in = world.to_member(effect.member, i.FromPeer((message,)))
            back = f"{to}>{self.name} snapshot"
            if not world.network.send(to, self.name, back, lambda: said(taken_in), once=True):
                broken()

        def said(ok: bool) -> None:
            if self.alive:
                self.pump.feed(i.SnapshotSent(effect.member, ok=ok))

        def broken() -> None:
            """The connection is gone, and the sender learns it after a while."""
            label = f"{self.name} no snapshot"
            self.timeline.after(3 * SECOND, label, lambda: said(False), self)

        world.tally["snapshot/streamed"] += 1
        if not world.network.send(self.name, to, f"{self.name}>{to} snapshot", arrived, once=True):
            broken()


class _Pump(Pump):
    """The product's pump; answers go to callers without futures."""

    life: MemberLife

    @override
    def _table(self, hands: Hands) -> dict[type, Callable[[Any], None]]:
        table = super()._table(hands)
        for kind in (e.Reply, e.Fail, e.ReadReady):
            table[kind] = self._answer
        table[e.ToNode] = self._point_to_node
        return table

    def _answer(self, effect: Any) -> None:
        self.life.point()
        self.life.answer(effect)

    def _point_to_node(self, effect: e.ToNode) -> None:
        self.life.point()
        self._to_node(effect)

    @override
    def _turn(self) -> None:
        try:
            super()._turn()
        except ProcessEnded:
            return

    @override
    def _on_bug(self, bug: Exception) -> None:
        raise Broken("bug", f"{self.life.name}: {type(bug).__name__}: {bug}") from bug
