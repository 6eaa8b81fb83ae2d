"""Whether the replicas are one and the same, asked again and again while they work (G12, I3).

At every thousandth entry each member takes a digest: of all outcomes since the last one and, computed beside the loop
from a picture of the state, of all that a snapshot would hold. Members tell the leader theirs; when a majority of voters
agrees with its own it proposes the digest as an entry, and whoever differs from that stops itself. A leader that differs
from a majority stops itself, so one whose memory has gone bad stops nobody else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import msgspec

from coordinator.codec.snapshots import DIGEST_BYTES, freeze
from coordinator.consensus.messages import NO_MEMBER
from coordinator.consensus.raft import Raft
from coordinator.machine.commands import CheckDigest, Request
from coordinator.machine.outcome import Outcome
from coordinator.model.state import ClusterState
from coordinator.replica import inputs as i
from coordinator.replica.effects import Effect, Halt, Note, SayDigest, TakeDigest
from coordinator.replica.proposals import Answer, Proposal, Proposals

EXIT_DIFFERS = 70
SWEPT_EACH_TIME = (
    10_000  # records; where there are more, all are swept every second time, third time, ...
)
KEPT = 4  # digests, of the last such entries

_encoder = msgspec.msgpack.Encoder()


class Digests:
    """One per replica. `proposals` gives those of the term that this member leads, None while it does not."""

    def __init__(
        self,
        every: int,
        raft: Raft,
        proposals: Callable[[], Proposals | None],
        emit: Callable[[Effect], None],
    ) -> None:
        self._every = every
        self._raft = raft
        self._proposals = proposals
        self._emit = emit
        self._chain = blake2b(digest_size=DIGEST_BYTES)
        self._is_whole = False  # all outcomes since the last digest are in the chain
        self._chains: dict[int, bytes] = {}  # of digests that are being computed
        self._own: dict[int, str] = {}
        self._said: dict[int, dict[int, str]] = {}  # index -> member -> digest
        self._agreed: dict[int, str] = {}
        self._proposed = 0
        self.differing = 0  # digests of members that differed from a majority's

    def table(self) -> dict[type, Callable[[Any], None]]:
        """Who takes which input."""
        return {i.DigestTaken: self._taken, i.DigestSaid: self._heard}

    def applied(self, state: ClusterState, outcomes: list[Outcome]) -> None:
        """An entry was applied."""
        if outcomes:
            self._chain.update(_encoder.encode(outcomes))
        if state.revision % self._every == 0:
            self._close(state)

    def begin_anew(self) -> None:
        """The state was replaced: what led to it is not known here."""
        self._is_whole = False

    def agreed(self, index: int, digest: str) -> None:
        """The entry that says what a majority has at `index` was applied."""
        _put(self._agreed, index, digest)
        self.differing += sum(1 for said in self._said.get(index, {}).values() if said != digest)
        self._compare(index)

    # -- one's own --------------------------------------------------------------------------------

    def _close(self, state: ClusterState) -> None:
        index, chain, is_whole = state.revision, self._chain.digest(), self._is_whole
        self._chain = blake2b(digest_size=DIGEST_BYTES)
        self._is_whole = True
        if not is_whole:
            return
        _put(self._chains, index, chain)
        records = len(state.tasks) + len(state.nodes)
        times = -(-records // SWEPT_EACH_TIME)
        if times <= 1 or index // self._every % times == 0:
            self._emit(TakeDigest(index, freeze(state)))
        else:
            self._taken(i.DigestTaken(index, ""))

    def _taken(self, taken: i.DigestTaken) -> None:
        chain = self._chains.pop(taken.index, None)
        if chain is None:
            return
        own = blake2b(chain + taken.digest.encode(), digest_size=DIGEST_BYTES).hexdigest()
        _put(self._own, taken.index, own)
        self._compare(taken.index)
        leader = self._raft.leader_id
        if self._raft.is_leader:
            self._settle(taken.index)
        elif leader != NO_MEMBER:
            self._emit(SayDigest(leader, taken.index, own))

    def _compare(self, index: int) -> None:
        own, agreed = self._own.get(index), self._agreed.get(index)
        if own is None or agreed is None:
            return
        if own == agreed:
            self._emit(Note("debug", "replica agrees", {"index": index, "digest": own}))
        else:
            self._differs(index, own, agreed)

    def _differs(self, index: int, own: str, theirs: str) -> None:
        self.differing += 1
        text = f"this replica differs: digest {own} at entry {index}, a majority has {theirs}"
        self._emit(Halt(EXIT_DIFFERS, text))

    # -- the leader's part ------------------------------------------------------------------------

    def _heard(self, said: i.DigestSaid) -> None:
        _put(self._said, said.index, {**self._said.get(said.index, {}), said.member: said.digest})
        self.differing += self._agreed.get(said.index, said.digest) != said.digest
        self._settle(said.index)

    def _settle(self, index: int) -> None:
        """Propose what a majority has, if it is ours as well."""
        own, proposals = self._own.get(index), self._proposals()
        if own is None or proposals is None or index <= self._proposed:
            return
        voters = self._raft.voters
        said = {**self._said.get(index, {}), self._raft.id: own}
        counts = Counter(said[voter] for voter in voters if voter in said)
        majority = len(voters) // 2 + 1
        if counts[own] >= majority:
            self._proposed = index
            proposals.add(Proposal(Request(CheckDigest(index, own)), _nobody_waits))
            return
        for digest, count in counts.items():
            if count >= majority:
                self._differs(index, own, digest)


def _put(book: dict[int, Any], index: int, value: Any) -> None:
    """Keep it, and of the others the newest."""
    book[index] = value
    for old in sorted(book)[:-KEPT]:
        del book[old]


def _nobody_waits(_: Answer) -> None:
    """Lost with its term or not: the next thousand entries bring another."""
