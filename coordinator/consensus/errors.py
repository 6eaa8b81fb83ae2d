"""What can go wrong, and whose fault it is.

`Dropped` and the two refusals of `step` are failures of the road: nothing was done. `ConsensusBroken` is a bug or a
damaged disk: the process has to stop.
"""

from __future__ import annotations

from enum import Enum


class ConsensusError(Exception):
    """The root of all errors of this room."""


class DropReason(Enum):
    """Why a proposal went nowhere."""

    NO_LEADER = "no leader is known"
    NOT_MEMBER = "the leader is no longer a member"
    TRANSFERRING = "leadership is being handed over"
    LOG_FULL = "the uncommitted log exceeds its bound"


class ProposalDropped(ConsensusError):
    """The proposal was not appended, nor sent to anybody. It may be made again."""

    def __init__(self, reason: DropReason) -> None:
        super().__init__(f"proposal dropped: {reason.value}")
        self.reason = reason


class StepLocalMessage(ConsensusError):
    """A message that only local storage may send came from somebody else."""


class PeerNotFound(ConsensusError):
    """A reply came from somebody who is not in the configuration."""


class ConfigurationRefused(ConsensusError):
    """A change of the configuration that its present form does not allow. Nothing changed."""


class Compacted(ConsensusError):
    """The index lies before the first entry that storage keeps."""


class Unavailable(ConsensusError):
    """The index lies beyond the last entry."""


class SnapshotOutOfDate(ConsensusError):
    """Storage holds a newer snapshot already."""


class ConsensusBroken(ConsensusError):
    """An invariant does not hold. The process must not go on."""


class CommitBeyondLog(ConsensusBroken):
    """The leader presumes entries that this member once acknowledged and no longer has: its disk lost them."""
