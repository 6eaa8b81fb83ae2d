"""How a replica is set up, and what its disk remembered."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from coordinator.consensus.messages import Entry, HardState, Snapshot
from coordinator.machine.features import THIS_BUILD, Build
from coordinator.model.limits import (
    DIGEST_EVERY_ENTRIES,
    LOG_ENTRIES_KEPT,
    SNAPSHOT_EVERY_BYTES,
    SNAPSHOT_EVERY_ENTRIES,
    UNCOMMITTED_BYTES_MAX,
)
from coordinator.model.state import ClusterState

Dice = Callable[[int], int]  # dice(n) gives 0 <= x < n

TICK_MS = 50


class ReplicaConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Ticks are 50 ms: heartbeats every 100 ms, elections after 500 to 950 ms of silence."""

    member_id: int
    election_tick: int = 10
    heartbeat_tick: int = 2
    max_message_bytes: int = 1024 * 1024
    max_inflight: int = 256
    max_uncommitted_bytes: int = UNCOMMITTED_BYTES_MAX
    max_committed_bytes: int = 4 * 1024 * 1024
    snapshot_every_entries: int = SNAPSHOT_EVERY_ENTRIES
    snapshot_every_bytes: int = SNAPSHOT_EVERY_BYTES
    log_entries_kept: int = LOG_ENTRIES_KEPT
    digest_every_entries: int = DIGEST_EVERY_ENTRIES
    batch_requests: int = 1_000
    batch_bytes: int = 1024 * 1024
    build: Build = THIS_BUILD  # what it can follow and propose; tests make those of other releases
    expects_plugins: bool = False  # wishes that may need their code wait for PluginsKnown


class Recovered(msgspec.Struct, frozen=True):
    """The disk at start: the state as of the snapshot, and the log around it.

    `entries` may reach back before the snapshot; `base` is (index, term) before the first of them.
    """

    state: ClusterState
    hard_state: HardState
    snapshot: Snapshot  # metadata; its data is in `state` already
    base: tuple[int, int]
    entries: tuple[Entry, ...]
