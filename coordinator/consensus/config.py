"""How a member is set up. Ticks are the owner's: the core counts them and never asks for the time."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

import msgspec

from coordinator.consensus.messages import MemberId
from coordinator.consensus.sizes import NO_LIMIT

Dice = Callable[[int], int]  # dice(n) gives a number from 0 to n - 1


class ReadOnly(Enum):
    """How reads are confirmed. Reads take a quorum round in either mode: a lease is never relied upon.

    `LEASE_BASED` only says that others may rely on one, so that a leader is not forgotten on request.
    """

    SAFE = "safe"
    LEASE_BASED = "lease-based"


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one member. Sizes in bytes, times in ticks."""

    id: MemberId
    election_tick: int = (
        10  # an election starts after election_tick to 2 * election_tick - 1 silent ticks
    )
    heartbeat_tick: int = 1
    pre_vote: bool = True
    check_quorum: bool = True
    max_size_per_message: int = NO_LIMIT  # of the entries in one Append; at least one entry is sent
    max_inflight: int = 256  # Appends with entries under way to one peer
    max_uncommitted_bytes: int = NO_LIMIT  # payload appended by this leader and not yet applied
    max_committed_bytes_per_ready: int = NO_LIMIT  # given out and not yet applied
    async_storage_writes: bool = False
    step_down_on_removal: bool = False
    disable_conf_change_validation: bool = False
    read_only: ReadOnly = ReadOnly.SAFE
    applied: int = 0  # after a restart: the index up to which the owner has applied

    def __post_init__(self) -> None:
        if self.id <= 0:
            raise ValueError(f"member ids are positive, not {self.id}")
        if self.heartbeat_tick <= 0:
            raise ValueError("heartbeat tick must be greater than 0")
        if self.election_tick <= self.heartbeat_tick:
            raise ValueError("election tick must be greater than heartbeat tick")
        if self.max_inflight <= 0:
            raise ValueError("max inflight messages must be greater than 0")
        if self.read_only is ReadOnly.LEASE_BASED and not self.check_quorum:
            raise ValueError(
                "CheckQuorum must be enabled when ReadOnlyOption is ReadOnlyLeaseBased"
            )
