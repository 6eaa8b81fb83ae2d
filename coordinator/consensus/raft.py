"""The door: one member of a Raft group, told things by its owner, asking things of it through `Ready`.

The owner calls, from one thread: `tick` at regular intervals, `step` with what arrives from other members and from
its own storage, the requests (`propose`, `read_index`, ...), and after any of them `ready` while `has_ready`. What a
`Ready` demands, and in which order, stands in `ready`.
"""

from __future__ import annotations

from collections.abc import Sequence

from coordinator.consensus import (
    changing,
    dispatch,
    election,
    following,
    handout,
    leading,
    membership,
    proposals,
    reading,
)
from coordinator.consensus.changes import conf_change_entry
from coordinator.consensus.config import Config, Dice, ReadOnly
from coordinator.consensus.core import Core
from coordinator.consensus.messages import (
    NO_MEMBER,
    ConfChange,
    ConfState,
    Entry,
    EntryKind,
    MemberId,
    Message,
)
from coordinator.consensus.ready import Ready, Role, Status
from coordinator.consensus.storage import Storage


class Raft:
    """One member. Everything it does shows in the next `Ready`."""

    def __init__(self, config: Config, storage: Storage, dice: Dice) -> None:
        self.core = Core(config, storage, dice)  # for tests and this room; owners use what follows
        self._handout = handout.Handout(self.core)

    # Being told

    def step(self, message: Message) -> None:
        """Take in a message of another member, or an answer of local storage.

        Raises `StepLocalMessage` and `PeerNotFound` for messages that nobody may send or answers of strangers,
        `ProposalDropped` for proposals handed to us in vain; after all of these nothing changed but perhaps the term.
        """
        dispatch.check_sender(self.core, message)
        dispatch.handle(self.core, message)

    def tick(self) -> None:
        """A tick of the owner's clock has passed."""
        if self.core.role is Role.LEADER:
            leading.tick(self.core)
        else:
            election.tick(self.core)

    def report_unreachable(self, member: MemberId) -> None:
        """The last message to a member was lost."""
        if self.core.role is Role.LEADER:
            leading.report_unreachable(self.core, member)

    def report_snapshot(self, member: MemberId, *, ok: bool) -> None:
        """A snapshot was delivered to a member, or could not be."""
        if self.core.role is Role.LEADER:
            leading.report_snapshot(self.core, member, ok=ok)

    # Being asked

    def propose(self, data: bytes) -> None:
        """Append an entry if leading, else hand it to the leader. Raises `ProposalDropped`."""
        self.propose_batch((data,))

    def propose_batch(self, datas: Sequence[bytes]) -> None:
        """Append several entries at once, in order: all or none. Raises `ProposalDropped`.

        On a leader their indexes are the next ones after `last_index`, in `term`.
        """
        if datas:
            entries = [Entry(0, 0, EntryKind.NORMAL, data) for data in datas]
            proposals.propose(self.core, entries, self.core.id)

    def propose_conf_change(self, change: ConfChange, *, one_step: bool = False) -> None:
        """Append a change of the configuration, or an empty entry where it may not be made now.

        `one_step`: the one-operation form. Raises `ProposalDropped`.
        """
        entry = conf_change_entry(change, one_step=one_step)
        proposals.propose(self.core, (entry,), self.core.id)

    def apply_conf_change(self, change: ConfChange) -> ConfState:
        """Bring a committed change into force while applying it; what is in force now.

        Raises `ConfigurationRefused` for a change that the configuration does not allow: nothing changed, and so it
        is on every member.
        """
        return changing.apply_conf_change(self.core, change)

    def read_index(self, context: bytes) -> bool:
        """Ask for a linearizable read: a `ReadState` with `context` tells from which applied index on to answer.

        The answer may never come (leader lost, messages lost): ask again under a fresh context. False: no leader is
        known and nothing was asked.
        """
        return reading.read_index(self.core, context)

    def transfer_leader(self, member: MemberId) -> None:
        """Ask the leader to hand leadership to a voter; it may fail silently."""
        if self.core.role is Role.LEADER:
            leading.transfer(self.core, member)
        else:
            following.ask_transfer(self.core, member)

    def campaign(self) -> None:
        """Start an election now, where that is allowed."""
        election.campaign(self.core)

    def forget_leader(self) -> None:
        """A follower no longer knows a leader, so it may vote for another in this term's lease."""
        is_follower = self.core.role is Role.FOLLOWER
        if is_follower and self.core.config.read_only is not ReadOnly.LEASE_BASED:
            self.core.leader_id = NO_MEMBER

    # Asking

    def has_ready(self) -> bool:
        """Whether `ready()` would ask for anything."""
        return self._handout.has_ready()

    def ready(self) -> Ready:
        """What there is to do; from now on it counts as given out."""
        return self._handout.take()

    def advance(self) -> None:
        """Simple mode only: all that the last `Ready` asked for is done."""
        for message in self._handout.take_steps():
            dispatch.handle(self.core, message)

    # Being looked at

    @property
    def id(self) -> MemberId:
        return self.core.id

    @property
    def term(self) -> int:
        return self.core.term

    @property
    def leader_id(self) -> MemberId:
        """Who leads, as far as is known here; `NO_MEMBER` if nobody."""
        return self.core.leader_id

    @property
    def role(self) -> Role:
        return self.core.role

    @property
    def is_leader(self) -> bool:
        return self.core.role is Role.LEADER

    @property
    def commit_index(self) -> int:
        return self.core.log.committed

    @property
    def applied_index(self) -> int:
        return self.core.log.applied

    @property
    def last_index(self) -> int:
        return self.core.log.last_index()

    @property
    def transferee(self) -> MemberId:
        """To whom leadership is being handed; `NO_MEMBER` if to nobody."""
        return self.core.transferee

    @property
    def has_committed_own_term(self) -> bool:
        """Whether an entry of the present term is committed (reads wait for it; so should membership changes)."""
        core = self.core
        return core.log.matches(core.term, core.log.committed)

    def configuration(self) -> ConfState:
        """The configuration in force."""
        return membership.to_conf_state(self.core.tracker.configuration)

    @property
    def voters(self) -> frozenset[int]:
        """Of the configuration in force, the incoming half of a joint one."""
        return self.core.tracker.configuration.voters

    def status(self) -> Status:
        """A picture of all of it. Not for the hot path."""
        core = self.core
        progress = core.tracker.progress if core.role is Role.LEADER else {}
        return Status(
            id=core.id,
            term=core.term,
            vote=core.vote,
            leader_id=core.leader_id,
            role=core.role,
            commit_index=core.log.committed,
            applied_index=core.log.applied,
            last_index=core.log.last_index(),
            transferee=core.transferee,
            conf=self.configuration(),
            progress={member: entry.view() for member, entry in progress.items()},
        )
