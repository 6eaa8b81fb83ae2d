"""The state of one member, and the roles it takes.

`Core` is what all subjects (`election`, `replication`, ...) work on; they are functions over it, so that each fits
on a page. Nothing outside this room touches it: the door is `raft.Raft`.
"""

from __future__ import annotations

from coordinator.consensus import membership
from coordinator.consensus.config import Config, Dice
from coordinator.consensus.errors import ConsensusBroken
from coordinator.consensus.log import RaftLog
from coordinator.consensus.messages import NO_MEMBER, HardState, MemberId, Message
from coordinator.consensus.reads import ReadRounds
from coordinator.consensus.ready import ReadState, Role, SoftState
from coordinator.consensus.storage import Storage
from coordinator.consensus.tracker import Tracker


class Core:
    """One member of the group."""

    def __init__(self, config: Config, storage: Storage, dice: Dice) -> None:
        self.config = config
        self.id = config.id
        self._dice = dice
        self.log = RaftLog(storage, config.max_committed_bytes_per_ready)
        self.tracker = Tracker(config.max_inflight)
        self.reads = ReadRounds()
        self.now: list[Message] = []  # may leave at once
        self.after: list[Message] = []  # may leave when all that was asked to be stored is
        self.read_states: list[ReadState] = []
        self.role = Role.FOLLOWER
        self.leader_id: MemberId = NO_MEMBER
        self.vote: MemberId = NO_MEMBER
        self.transferee: MemberId = NO_MEMBER  # to whom leadership is being handed
        self.pending_conf_index = 0  # up to here there may be a conf change that is not applied
        self.uncommitted_bytes = 0  # payload this leader appended and has not applied
        hard_state, conf_state = storage.initial_state()
        self.tracker.replace(membership.from_conf_state(conf_state), self.log.last_index())
        self.term = hard_state.term
        self._load(hard_state)
        if config.applied > 0:
            self.log.applied_to(config.applied)
        self.become_follower(self.term, NO_MEMBER)

    def _load(self, stored: HardState) -> None:
        # The commit index may be stored late; whatever was applied was committed.
        committed = max(stored.commit, self.log.committed, self.config.applied)
        if committed > self.log.last_index():
            raise ConsensusBroken(
                f"committed {committed} is beyond the last entry {self.log.last_index()}"
            )
        self.log.committed = committed
        self.vote = stored.vote

    # What others see

    def hard_state(self) -> HardState:
        return HardState(self.term, self.vote, self.log.committed)

    def soft_state(self) -> SoftState:
        return SoftState(self.leader_id, self.role)

    @property
    def is_promotable(self) -> bool:
        """Whether it may lead: a voter by its own configuration, with no snapshot still to be stored."""
        return (
            self.id in self.tracker.configuration.all_voters and self.log.unstable.snapshot is None
        )

    # Roles

    def become_follower(self, term: int, leader_id: MemberId) -> None:
        self._reset(term)
        self.leader_id = leader_id
        self.role = Role.FOLLOWER

    def become_pre_candidate(self) -> None:
        """Ask whether an election could be won. Term, vote, timers and progress stay."""
        self.tracker.votes = {}
        self.leader_id = NO_MEMBER
        self.role = Role.PRE_CANDIDATE

    def become_candidate(self) -> None:
        self._reset(self.term + 1)
        self.vote = self.id
        self.role = Role.CANDIDATE

    def become_leader(self) -> None:
        self._reset(self.term)
        self.leader_id = self.id
        self.role = Role.LEADER
        mine = self.tracker.progress[self.id]
        mine.become_replicate()
        mine.recently_active = True
        self.pending_conf_index = self.log.last_index()

    def _reset(self, term: int) -> None:
        if term != self.term:
            self.term = term
            self.vote = NO_MEMBER
        self.leader_id = NO_MEMBER
        self.transferee = NO_MEMBER
        self.election_elapsed = 0
        self.heartbeat_elapsed = 0
        election_tick = self.config.election_tick
        self.randomized_timeout = election_tick + self._dice(election_tick)
        self.tracker.reset(self.id, self.log.last_index())
        self.reads = ReadRounds()
        self.pending_conf_index = 0
        self.uncommitted_bytes = 0

    def reduce_uncommitted(self, size: int) -> None:
        """Payload of this size is applied; entries of earlier leaders were never counted."""
        self.uncommitted_bytes = max(0, self.uncommitted_bytes - size)
