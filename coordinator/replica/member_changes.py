"""What a leader owes to a wish for other members: the consensus configuration follows it, one entry at a time.

A newcomer introduces itself, learns, is promoted when it has caught up (M1); who is replaced goes in the very entry
that promotes (a joint change), so no majority ever counts one too many. A leader that is to go hands over first, and
the next one goes on from the wish, which is in the state (M4). Leadership begins with an entry of its own term applied,
so nothing is proposed before (M3).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import msgspec

from coordinator.consensus.errors import ProposalDropped
from coordinator.consensus.messages import (
    NO_MEMBER,
    ConfChange,
    ConfChangeOp,
    ConfChangeSingle,
    ConfState,
    MemberId,
)
from coordinator.consensus.raft import Raft
from coordinator.machine.commands import FinishMemberChange, RemoveMember, Request
from coordinator.machine.outcome import Refusal, Refused, Unlogged
from coordinator.model.state import ClusterState
from coordinator.replica.proposals import Answer, Proposal, Proposals
from coordinator.replica.roster import Roster

CAUGHT_UP_ENTRIES = 100  # a learner no further behind the commit index may vote


class Stage(StrEnum):
    """What a change under way waits for."""

    NOT_STARTED = "not_started"  # the newcomer has not introduced itself
    CATCHING_UP = "catching_up"
    UNHEALTHY = "unhealthy"  # too few of the voters to be were heard of
    HANDING_OVER = "handing_over"  # the leader is the one that goes
    CHANGING = "changing"  # an entry is under way


class Step(msgspec.Struct, frozen=True):
    """The next thing to do: change the configuration, hand over, finish the wish, or (none of them) wait."""

    stage: Stage
    change: ConfChange | None = None
    gone: tuple[int, ...] | None = None  # the end: these are no part of the configuration any more


class Known(msgspec.Struct, frozen=True):
    """What the leader knows beside the state."""

    me: MemberId
    conf: ConfState
    is_well: Callable[[int], bool]
    caught_up: bool  # the newcomer


def next_step(state: ClusterState, known: Known) -> Step | None:
    """None if nothing is wished for, or an earlier step is not over."""
    wish, conf = state.member_change, known.conf
    if wish is None:
        return None
    if conf.voters_outgoing:
        return Step(Stage.CHANGING)  # the core leaves the joint configuration by itself
    if wish.joining and wish.joining not in conf.voters:
        return _bring_in(state, known, wish.joining, wish.leaving)
    if wish.leaving in (*conf.voters, *conf.learners):
        return _take_out(known, wish.leaving)
    members = (*conf.voters, *conf.learners)
    gone = tuple(number for number in sorted(state.members) if number not in members)
    return Step(Stage.CHANGING, gone=gone)


def _bring_in(state: ClusterState, known: Known, joining: int, leaving: int) -> Step:
    if joining not in known.conf.learners:
        if not state.members[joining].storage_id:
            return Step(Stage.NOT_STARTED)
        return Step(Stage.CHANGING, _change((ConfChangeOp.ADD_LEARNER, joining)))
    if not known.caught_up:
        return Step(Stage.CATCHING_UP)
    voters = set(known.conf.voters)
    if leaving == known.me and len(voters) > 1:
        return Step(Stage.HANDING_OVER)
    operations = [(ConfChangeOp.ADD_VOTER, joining)]
    if leaving in voters and leaving != known.me:
        operations.append((ConfChangeOp.REMOVE, leaving))
        voters.discard(leaving)
    if not has_majority({*voters, joining}, known.is_well):
        return Step(Stage.UNHEALTHY)
    return Step(Stage.CHANGING, _change(*operations))


def _take_out(known: Known, leaving: int) -> Step:
    if leaving == known.me:
        return Step(Stage.HANDING_OVER)
    voters = set(known.conf.voters)
    if leaving in voters and not has_majority(voters - {leaving}, known.is_well):
        return Step(Stage.UNHEALTHY)
    return Step(Stage.CHANGING, _change((ConfChangeOp.REMOVE, leaving)))


def has_majority(voters: set[int], is_well: Callable[[int], bool]) -> bool:
    """Whether enough of them are well to decide anything (M2)."""
    return sum(map(is_well, voters)) >= len(voters) // 2 + 1


def _change(*operations: tuple[ConfChangeOp, int]) -> ConfChange:
    return ConfChange(tuple(ConfChangeSingle(op, MemberId(number)) for op, number in operations))


class MemberChanges:
    """One term's part in it. `tick` does the next step; a step's entry is waited for before the one after."""

    def __init__(
        self,
        state: ClusterState,
        raft: Raft,
        proposals: Proposals,
        roster: Roster,
        hand_over: Callable[[int], None],
    ) -> None:
        self._state = state
        self._raft = raft
        self._proposals = proposals
        self._roster = roster
        self._hand_over = hand_over
        self._entry = 0  # index of the last change of configuration proposed
        self._finishing = False

    def stage(self) -> Stage | None:
        """What the change under way waits for; None when there is none."""
        step = self._step()
        return step.stage if step is not None else None

    def tick(self) -> None:
        """Do what comes next, unless the last step is still under way."""
        if self._state.member_change is None or self._is_busy:
            return
        step = self._step()
        if step is None:
            return
        if step.change is not None:
            self._propose(step.change)
        elif step.gone is not None:
            self._finish(step.gone)
        elif step.stage is Stage.HANDING_OVER and self._raft.transferee == NO_MEMBER:
            self._hand_over(NO_MEMBER)

    def objection(self, wish: RemoveMember) -> Refused | None:
        """Why the wish would be unwise now, where the law would take it (M2).

        A newcomer votes only once it is well, so bringing one in leaves the others' majority what it is: that it
        still holds is looked at when it is promoted.
        """
        voters = set(self._raft.configuration().voters)
        change = self._state.member_change
        is_coming = change is not None and change.joining == wish.id
        if is_coming and (wish.id in voters or self._is_busy):
            return Unlogged(Refusal.CHANGE_PENDING, "it is about to vote; repeat it in a moment")
        after = voters - {wish.id}
        if wish.id not in voters or has_majority(after, self._roster.is_well):
            return None
        silent = [self._name(one) for one in sorted(after) if not self._roster.is_well(one)]
        detail = (
            f"{len(after) // 2 + 1} of the {len(after)} voters left would be needed, and not heard of "
            f"for a second: {', '.join(silent)}"
        )
        return Unlogged(Refusal.WOULD_LOSE_QUORUM, detail)

    def _name(self, number: int) -> str:
        record = self._state.members.get(number)
        return record.name if record is not None else str(number)

    @property
    def _is_busy(self) -> bool:
        return self._finishing or self._raft.applied_index < self._entry

    def _step(self) -> Step | None:
        wish, raft = self._state.member_change, self._raft
        if wish is None:
            return None
        view = raft.status().progress.get(MemberId(wish.joining))
        is_near = view is not None and view.match + CAUGHT_UP_ENTRIES >= raft.commit_index
        follows = view is not None and view.state == "replicate"
        caught_up = is_near and follows and self._roster.is_well(wish.joining)
        return next_step(
            self._state, Known(raft.id, raft.configuration(), self._roster.is_well, caught_up)
        )

    def _propose(self, change: ConfChange) -> None:
        if not self._raft.has_committed_own_term:
            return  # M3; leadership begins later than that
        try:
            self._raft.propose_conf_change(change)
        except ProposalDropped:
            return  # leadership is being handed over, or the log is full: at the next tick
        self._entry = self._raft.last_index

    def _finish(self, gone: tuple[int, ...]) -> None:
        wish = self._state.member_change
        if wish is None:
            return
        self._finishing = True
        command = FinishMemberChange(wish.revision, gone)
        self._proposals.add(Proposal(Request(command), self._finished))

    def _finished(self, _: Answer) -> None:
        self._finishing = False
