"""Committed entries become state: the same on every member, from the same entries in order."""

from __future__ import annotations

from collections.abc import Callable

from coordinator.codec.envelope import decode_batch
from coordinator.codec.framing import unframed
from coordinator.codec.snapshots import freeze, load
from coordinator.consensus.changes import decode_conf_change
from coordinator.consensus.errors import ConfigurationRefused
from coordinator.consensus.messages import ConfState, Entry, EntryKind, MemberId
from coordinator.machine.apply import apply_batch
from coordinator.machine.commands import Batch
from coordinator.machine.failures import UpgradeNeeded
from coordinator.machine.outcome import Outcome
from coordinator.model.events import DigestAgreed, Event
from coordinator.model.instants import Millis
from coordinator.model.state import ClusterState
from coordinator.replica.config import Recovered, ReplicaConfig
from coordinator.replica.digests import Digests
from coordinator.replica.effects import Applied, Effect, Note, TakeSnapshot
from coordinator.replica.road import Road
from coordinator.replica.run_rows import rows_of

SNAPSHOT_AGAIN_MS: Millis = 10_000  # a full disk, mostly: at once it would fail as well


class Applier:
    """Owns the state. `own_batch` gives the batch of an entry that this leader proposed itself."""

    def __init__(
        self,
        config: ReplicaConfig,
        recovered: Recovered,
        road: Road,
        emit: Callable[[Effect], None],
        digests: Digests,
    ) -> None:
        self._config = config
        self._road = road
        self._emit = emit
        self._digests = digests
        self.state: ClusterState = recovered.state
        self.snapshot_index = recovered.snapshot.index
        self._snapshot_term = 0
        self._bytes_since = 0
        self._taking = 0  # index of the snapshot under way
        self._not_before: Millis = 0  # on the steady clock, after one that failed
        self._level_kept = recovered.state.feature_level  # of the last snapshot
        self._check_level()

    def apply(self, entry: Entry, own_batch: Batch | None) -> tuple[list[Outcome], list[Event]]:
        """One committed entry. Raises what stops the member: unknown commands, broken invariants."""
        outcomes: list[Outcome] = []
        if entry.kind is not EntryKind.NORMAL:
            self._change_configuration(entry)
        elif entry.data:
            batch = own_batch if own_batch is not None else decode_batch(entry.data)
            outcomes = apply_batch(self.state, entry.index, batch)
            self._check_level()
        else:
            self.state.begin_entry(entry.index, self.state.at)
        self._last_term = entry.term
        self._bytes_since += len(entry.data)
        self._digests.applied(self.state, outcomes)
        events = self.state.take_events()
        if events:
            self._compare(events)
            self._road.write_rows(rows_of(events, self.state))
            self._emit(Applied(entry.index, self.state.at, tuple(events)))
        return outcomes, events

    def _compare(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, DigestAgreed):
                self._digests.agreed(event.index, event.digest)

    def replace(self, data: bytes, index: int) -> None:
        """A leader's snapshot takes the place of everything here."""
        self.state = load(unframed(data))
        self.state.take_events()
        self._check_level()
        self._level_kept = self.state.feature_level
        self._digests.begin_anew()
        self.snapshot_index = index
        self._bytes_since = 0
        self._taking = 0

    def maybe_snapshot(self, steady: Millis) -> None:
        """Ask for a snapshot when enough was applied since the last, or somebody came in; one at a time."""
        revision = self.state.revision
        grown = revision - self.snapshot_index >= self._config.snapshot_every_entries
        heavy = self._bytes_since >= self._config.snapshot_every_bytes
        # An older release is to refuse the directory, which says the level by its snapshot.
        risen = self.state.feature_level > self._level_kept
        needed = grown or heavy or risen or self._road.log.newcomers_since > self.snapshot_index
        if self._taking or steady < self._not_before or not needed:
            return
        self._taking, self._snapshot_term = revision, self._last_term
        self._level_taken = self.state.feature_level
        self._bytes_taken = self._bytes_since
        conf = self._road.raft.configuration()
        self._conf = conf
        self._emit(TakeSnapshot(revision, self._snapshot_term, conf, freeze(self.state)))

    def snapshot_taken(self, index: int, steady: Millis, *, ok: bool) -> None:
        """One that failed is tried again after a while, not after so many entries: a newcomer waits for it, and in
        a quiet cluster there may never be another entry.
        """
        if index != self._taking:
            return
        self._taking = 0
        if not ok:
            self._not_before = steady + SNAPSHOT_AGAIN_MS
        else:
            self.snapshot_index = index
            self._level_kept = self._level_taken
            self._bytes_since -= self._bytes_taken
            self._road.snapshot_taken(
                index, self._snapshot_term, self._conf, self._config.log_entries_kept
            )

    def _check_level(self) -> None:
        """What an entry means from here on, this build may not know: it halts, and nothing is told (U1)."""
        level, supports = self.state.feature_level, self._config.build.supports
        if level > supports:
            raise UpgradeNeeded(
                f"feature level {level} is in force, and this release supports {supports}: "
                "start this member with the release that the others run"
            )

    def _change_configuration(self, entry: Entry) -> None:
        self.state.begin_entry(entry.index, self.state.at)
        raft = self._road.raft
        before = _everybody(raft.configuration())
        try:
            after = _everybody(raft.apply_conf_change(decode_conf_change(entry)))
        except ConfigurationRefused:
            return  # refused alike on every member
        if after - before:
            self._road.log.newcomers_since = entry.index
        if raft.id in before - after:
            # It stays until another member says that it is none any more (M4): those that do not know yet that this
            # entry is committed may need its vote to elect whoever tells them.
            self._emit(Note("info", "out of the configuration", {"index": entry.index}))

    _last_term = 0
    _level_taken = 0
    _bytes_taken = 0


def _everybody(conf: ConfState) -> set[MemberId]:
    return {*conf.voters, *conf.voters_outgoing, *conf.learners, *conf.learners_next}
