"""What every state must be, and what may happen to a task: looked at once per revision (spec 2.5, 2.12, design 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

import msgspec

from coordinator.codec.snapshots import digest
from coordinator.machine.failures import InvariantBroken
from coordinator.machine.invariants import check
from coordinator.model.events import Event, NodeChanged, RunEnded, TaskChanged
from coordinator.model.tasks import Desired, Status, Task
from coordinator.replica.effects import Applied
from tests.simulation.checkers import families
from tests.simulation.laws import Broken

if TYPE_CHECKING:
    from tests.simulation.member import MemberLife

CHECK_EVERY = 10  # revisions; the whole state is walked
DIGEST_EVERY = 50
_encode = msgspec.msgpack.Encoder().encode


class StateLaws:
    """The one history that all members agree on: events by revision, as the first of them applied it."""

    def __init__(self) -> None:
        self.events: dict[int, tuple[Event, ...]] = {}
        self.stamps: dict[int, int] = {}  # `at` of each revision with events
        self.digests: dict[int, tuple[str, str]] = {}  # revision -> (digest, whose)
        self.allocations: dict[int, str] = {}  # every allocation id ever given -> task id
        self.last_allocation = 0
        self._crcs: dict[int, int] = {}
        self._ended: set[int] = set()
        self._counters: dict[str, int] = {}
        self._next_check = 0
        self.checked = 0
        self.newest = 0

    def applied(self, life: MemberLife, effect: Applied) -> None:
        """An entry had effects on this member."""
        crc = crc32(_encode(effect.events), effect.at & 0xFFFFFFFF)
        known = self._crcs.setdefault(effect.revision, crc)
        if known != crc:
            raise Broken("I1 one state on all members", f"{life.name} at {effect.revision}")
        if effect.revision > self.newest:
            self.newest = effect.revision
            self.events[effect.revision] = effect.events
            self.stamps[effect.revision] = effect.at
            for event in effect.events:
                self._look_at(event)

    def after_turn(self, life: MemberLife) -> None:
        state = life.replica.state
        if state.revision >= self._next_check:
            self._next_check = state.revision + CHECK_EVERY
            self.checked += 1
            try:
                check(state)
            except InvariantBroken as broken:
                raise Broken(
                    "machine.check", f"{life.name} at {state.revision}: {broken}"
                ) from None
            for objection in families.objections(state):
                raise Broken("PT-78 a parent takes its children along", objection)
        if state.revision % DIGEST_EVERY == 0 and state.revision:
            self.compare(life)

    def compare(self, life: MemberLife) -> None:
        """The digest of its state is that of every other member at this revision (G12)."""
        state = life.replica.state
        known = self.digests.get(state.revision)
        if known is not None and known[1] == life.name:
            return
        found = digest(state)
        if known is None:
            self.digests[state.revision] = (found, life.name)
        elif known[0] != found:
            text = f"{life.name} and {known[1]} at {state.revision}: {found} and {known[0]}"
            raise Broken("G12 equal digests", text)

    # -- what may happen --------------------------------------------------------------------------

    def _look_at(self, event: Event) -> None:
        match event:
            case TaskChanged():
                if event.old is not None and event.new is not None:
                    self._changed(event.old, event.new)
                if event.new is not None:
                    self._allocated(event.old, event.new)
            case RunEnded():
                if event.allocation_id in self._ended:
                    text = f"{event.task_id}#{event.allocation_id} has two outcomes"
                    raise Broken("N3 one outcome per run", text)
                self._ended.add(event.allocation_id)
            case NodeChanged(name, old, new):
                if new is not None and (old is None or old.incarnation != new.incarnation):
                    if new.counter <= self._counters.get(new.uid, 0):
                        raise Broken("N1 incarnations only grow", f"{name}: {new.incarnation}")
                    self._counters[new.uid] = new.counter
            case _:
                pass

    def _changed(self, old: Task, new: Task) -> None:
        name = f"{old.id}#{old.allocation_id}"
        ends_differ = (new.status, new.last_outcome) != (old.status, old.last_outcome)
        if old.is_terminal and ends_differ and not runs_again(old, new):
            raise Broken("N3 an end is final", f"{name}: {old.status} -> {new.status}")
        if old.desired is Desired.CANCELLED:
            if new.desired is not Desired.CANCELLED:
                raise Broken("G10 a cancel is final", f"{name}: {new.desired}")
            if new.has_node and new.allocation_id != old.allocation_id:
                raise Broken("G10 a cancel is final", f"{name} placed again as {new.allocation_id}")
        if new.allocation_id < old.allocation_id:
            raise Broken("G4 allocation ids grow", f"{name}: {new.allocation_id}")
        moved = new.assignment.node != old.assignment.node and new.assignment.node is not None
        if moved and new.allocation_id == old.allocation_id:
            raise Broken("G4 a new placement has a new id", name)
        writer = new.state_allocation_id
        if writer not in (0, old.state_allocation_id, old.allocation_id):
            text = f"{name}: state written under {writer}"
            raise Broken("G5 only the current allocation writes", text)

    def _allocated(self, old: Task | None, new: Task) -> None:
        if old is not None and old.allocation_id == new.allocation_id:
            return
        if new.allocation_id <= self.last_allocation:
            text = f"{new.id} got {new.allocation_id} after {self.last_allocation} was given"
            raise Broken("G4 allocation ids grow", text)
        self.last_allocation = new.allocation_id
        self.allocations[new.allocation_id] = new.id


def runs_again(old: Task, new: Task) -> bool:
    """A caller had it run once more after an end that was no cancel (TM-56); whether one asked, `durability` looks."""
    afresh = new.status is Status.UNASSIGNED and new.cause == "retry" and new.attempts == 0
    return old.status is not Status.CANCELLED and afresh and new.last_outcome == old.last_outcome
