"""The rules of consensus, looked at from outside after every turn of every member (spec 2.1, 2.3).

Everything here is bookkeeping over what members did; nothing asks the core for its opinion of itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from zlib import crc32

from coordinator.consensus.errors import Compacted
from coordinator.consensus.messages import (
    NO_MEMBER,
    AppendAccepted,
    ConfState,
    Message,
    RequestVote,
    VoteReply,
)
from coordinator.replica.effects import Persist
from coordinator.replica.inputs import FromPeer, Input
from tests.simulation.checkers import votes
from tests.simulation.checkers.acknowledgements import Acknowledgements
from tests.simulation.disk import Disk
from tests.simulation.laws import Broken

if TYPE_CHECKING:
    from tests.simulation.member import MemberLife


class Seen:
    """What was seen of one life so far."""

    def __init__(self, life: MemberLife) -> None:
        raft = life.replica.raft
        self.term, self.vote = raft.term, raft.core.vote
        self.commit, self.applied = raft.commit_index, life.replica.state.revision
        self.leads = False
        self.matches: dict[int, int] = {}
        self.conf = raft.configuration()
        self.tail: dict[int, int] = {}  # index -> term, as asked to be written


class ConsensusLaws:
    """One per world."""

    def __init__(self) -> None:
        self.leaders: dict[int, int] = {}  # term -> member
        self.led_since: dict[int, int] = {}  # term -> true time
        self._votes: dict[tuple[int, int], int] = {}  # (member, term) -> for whom
        self._entries: dict[tuple[int, int], tuple[int, int]] = {}  # (index, term) -> (crc, kind)
        self._before: dict[tuple[int, int], int] = {}  # (index, term) -> term of the entry before
        self.committed: dict[int, int] = {}  # index -> term
        self.last_committed = 0
        self._seen: dict[MemberLife, Seen] = {}
        self._lives: dict[int, MemberLife] = {}
        self.disks: dict[int, Disk] = {}
        self._told = Acknowledgements()
        self._heard: dict[tuple[int, int], int] = {}  # (member, term) -> who got its vote

    def born(self, life: MemberLife) -> None:
        self._seen[life] = Seen(life)
        self._lives[life.number] = life

    def died(self, life: MemberLife) -> None:
        self._seen.pop(life, None)
        if self._lives.get(life.number) is life:
            del self._lives[life.number]

    # -- after a turn -----------------------------------------------------------------------------

    def after_turn(self, life: MemberLife, inputs: Sequence[Input]) -> None:
        for given in inputs:
            if type(given) is FromPeer:
                self._hear(life, given.messages)
        seen, core = self._seen[life], life.replica.raft.core
        term, vote, commit = core.term, core.vote, core.log.committed
        if term != seen.term or vote != seen.vote:
            self._check_term(life, seen, term, vote)
        leads = life.replica.raft.is_leader
        if not leads:
            seen.matches.clear()
        if leads and not (seen.leads and seen.term == term):
            self._check_leader(life, term, seen.conf)
        if commit != seen.commit:
            self._check_commit(life, seen, commit, leads=leads)
            seen.conf = life.replica.raft.configuration()
        if leads:
            self._check_matches(life, seen)
        seen.term, seen.vote, seen.commit, seen.leads = term, vote, commit, leads

    def _hear(self, life: MemberLife, messages: tuple[Message, ...]) -> None:
        for message in messages:
            if type(message) is VoteReply and message.granted and not message.pre_vote:
                self._heard[message.sender, message.term] = life.number

    def _check_matches(self, life: MemberLife, seen: Seen) -> None:
        """What a leader believes of others' logs is so, unless they have gone over to a later term; and they have
        said so in this one (C7).
        """
        core = life.replica.raft.core
        for number, progress in core.tracker.progress.items():
            match = progress.match
            if match == seen.matches.get(number, 0) or number == life.number:
                continue
            seen.matches[number] = match
            unheard = self._told.objection(core.term, life.number, number, match)
            if unheard:
                raise Broken("C7 only replies of the term count", unheard)
            disk, log = self.disks[number], core.log
            same_term = disk.facts.hard_state.term == core.term
            if same_term and match >= log.first_index() and not disk.holds(match, log.term(match)):
                text = f"{life.name} believes that c{number} holds {match} of {log.term(match)}"
                raise Broken("C7 what a leader believes of others is so", text)

    def leads_in_truth(self, life: MemberLife, what: str) -> None:
        """Whatever a leader says or accepts, it has applied an entry of its own term before (R3, L5)."""
        raft, revision = life.replica.raft, life.replica.state.revision
        if raft.is_leader and raft.core.log.term(revision) != raft.term:
            raise Broken("R3 an entry of the own term comes first", f"{life.name}: {what}")

    def _check_term(self, life: MemberLife, seen: Seen, term: int, vote: int) -> None:
        if term < seen.term:
            raise Broken("C2 terms never fall", f"{life.name}: {seen.term} -> {term}")
        if term == seen.term and seen.vote != NO_MEMBER:
            raise Broken("C2 one vote per term", f"{life.name} in {term}: {seen.vote} -> {vote}")
        seen.leads = seen.leads and term == seen.term

    def _check_leader(self, life: MemberLife, term: int, before_turn: ConfState) -> None:
        before = self.leaders.setdefault(term, life.number)
        self.led_since.setdefault(term, life.timeline.now)
        if before != life.number:
            raise Broken("one leader per term", f"term {term}: c{before} and {life.name}")
        self._chosen(life.number, term, (before_turn, life.replica.raft.configuration()))
        log = life.replica.raft.core.log
        for index in range(self.last_committed, max(0, self.last_committed - 400), -1):
            if index not in self.committed:
                continue
            try:
                found = log.term(index) if index <= log.last_index() else -1
            except Compacted:
                break
            if found != self.committed[index]:
                text = f"{life.name} leads {term} with {found} at {index}, committed was {self.committed[index]}"
                raise Broken("leader completeness", text)

    def _chosen(self, leader: int, term: int, confs: tuple[ConfState, ConfState]) -> None:
        """Under the configuration in force before the turn, or the one that came into force in it."""
        why = ""
        for conf in confs:
            why = votes.objection(self._heard, term, leader, (conf.voters, conf.voters_outgoing))
            if not why:
                return
        raise Broken("C3 a leader has the votes of a majority", why)

    def _check_commit(self, life: MemberLife, seen: Seen, commit: int, *, leads: bool) -> None:
        if commit < seen.commit:
            raise Broken("commit never falls", f"{life.name}: {seen.commit} -> {commit}")
        log = life.replica.raft.core.log
        term_now = life.replica.raft.term
        for index in range(seen.commit + 1, commit + 1):
            try:
                term = log.term(index)
            except Compacted:
                continue
            known = self.committed.get(index)
            if known is None:
                self._newly_committed(life, seen, index, term)
            elif known != term:
                text = f"{life.name} has {term} at {index}, committed was {known}"
                raise Broken("state machine safety", text)
            if index == commit and leads and term != term_now:
                text = f"{life.name} leads {term_now} and commits {index} of {term}"
                raise Broken("C5 only entries of one's own term are counted", text)

    def _newly_committed(self, life: MemberLife, seen: Seen, index: int, term: int) -> None:
        """Under the configuration in force before the turn, or the one that came into force in it."""
        self.committed[index] = term
        self.last_committed = max(self.last_committed, index)
        conf = life.replica.raft.configuration()
        if not (self._is_held(seen.conf, index, term) or self._is_held(conf, index, term)):
            have = [number for number, disk in self.disks.items() if disk.holds(index, term)]
            text = f"{life.name} commits {index} of {term}; on disk at {have} of {conf}"
            raise Broken("C7 committed means on a majority of disks", text)

    def _is_held(self, conf: ConfState, index: int, term: int) -> bool:
        """On disk at a majority of either half."""
        for voters in (conf.voters, conf.voters_outgoing):
            have = sum(self.disks[number].holds(index, term) for number in voters)
            if voters and have < len(voters) // 2 + 1:
                return False
        return True

    # -- before effects ---------------------------------------------------------------------------

    def persisting(self, life: MemberLife, effect: Persist) -> None:
        """Log matching: the same place and term is the same entry after the same entry."""
        tail = self._seen[life].tail
        if effect.snapshot is not None:  # the log begins anew after it
            tail.clear()
            tail[effect.snapshot.index] = effect.snapshot.term
        for entry in effect.entries:
            key = (entry.index, entry.term)
            content = (crc32(entry.data), int(entry.kind))
            if self._entries.setdefault(key, content) != content:
                raise Broken("log matching", f"{life.name} has another entry at {key}")
            before = tail.get(entry.index - 1)
            if before is not None and self._before.setdefault(key, before) != before:
                text = f"{life.name} has {key} after term {before}, not {self._before[key]}"
                raise Broken("log matching", text)
            tail[entry.index] = entry.term
            known = self.committed.get(entry.index)
            if (
                known is not None
                and known != entry.term
                and life.replica.state.revision >= entry.index
            ):
                raise Broken("C6 no applied entry is replaced", f"{life.name} at {entry.index}")

    def sending(self, life: MemberLife, messages: tuple[Message, ...]) -> None:
        """Nothing is promised to another member before it is on disk (C1)."""
        disk = self.disks[life.number]
        for message in messages:
            match message:
                case VoteReply(granted=True, pre_vote=False):
                    self._vote(life, message.term, message.to, disk)
                case RequestVote(pre_vote=False):
                    self._vote(life, message.term, life.number, disk)
                    self._candidacy(life, message, disk)
                case AppendAccepted():
                    self._acknowledge(life, message, disk)
                    self._told.said(message.term, life.number, message.to, message.match_index)
                case _:
                    pass

    def _vote(self, life: MemberLife, term: int, candidate: int, disk: Disk) -> None:
        kept = disk.facts.hard_state
        if (kept.term, kept.vote) != (term, candidate) and kept.term <= term:
            text = f"{life.name} votes for c{candidate} in {term}, on disk is {kept}"
            raise Broken("C1 votes are on disk first", text)
        before = self._votes.setdefault((life.number, term), candidate)
        if before != candidate:
            text = f"{life.name} in term {term}: for c{before} and for c{candidate}"
            raise Broken("C2 one vote per term", text)

    def _candidacy(self, life: MemberLife, asks: RequestVote, disk: Disk) -> None:
        """A candidate speaks of a log that it cannot lose: else a second life of it could win by the votes of the
        first, in the same term, with a shorter one.
        """
        last = (disk.facts.last_term, disk.facts.last_index)
        if last < (asks.last_term, asks.last_index):
            text = f"{life.name} stands with {asks.last_term, asks.last_index}, on disk is {last}"
            raise Broken("C1 entries are on disk first", text)

    def _acknowledge(self, life: MemberLife, said: AppendAccepted, disk: Disk) -> None:
        snapshot = disk.snapshot.index
        last = disk.rows[-1][0] if disk.rows else snapshot
        if said.match_index > max(last, snapshot):
            text = f"{life.name} acknowledges {said.match_index}, its disk ends at {last}"
            raise Broken("C1 entries are on disk first", text)
        self._compared(life, said, disk)
        if disk.facts.hard_state.term < said.term:
            text = f"{life.name} acknowledges in {said.term}, on disk is {disk.facts.hard_state}"
            raise Broken("C1 the term is on disk first", text)

    def _compared(self, life: MemberLife, said: AppendAccepted, disk: Disk) -> None:
        """What it acknowledges is what the leader of that term has there (C7)."""
        index, leader = said.match_index, self._lives.get(self.leaders.get(said.term, NO_MEMBER))
        if leader is None or not leader.replica.raft.is_leader or index <= disk.snapshot.index:
            return
        if leader.replica.term != said.term:
            return
        log = leader.replica.raft.core.log
        if log.first_index() <= index <= log.last_index() and not disk.holds(
            index, log.term(index)
        ):
            text = f"{life.name} acknowledges {index}; {leader.name} has {log.term(index)} there"
            raise Broken("C7 only what was compared is acknowledged", text)
