"""The configuration in force with what is known of each of its members: progress and votes."""

from __future__ import annotations

from coordinator.consensus import quorum
from coordinator.consensus.membership import Changed, Configuration
from coordinator.consensus.messages import MemberId
from coordinator.consensus.progress import Progress


class Tracker:
    """Counts for the configuration: what is committed, who won, who is active."""

    def __init__(self, max_inflight: int) -> None:
        self.configuration = Configuration()
        self.progress: dict[MemberId, Progress] = {}  # in ascending order of ids
        self.votes: dict[MemberId, bool] = {}
        self._max_inflight = max_inflight

    def adopt(self, changed: Changed, last_index: int) -> None:
        """Take over a configuration. Newcomers are probed with the last entry and count as active."""
        configuration, renewed = changed
        progress = {}
        for member in sorted(configuration.members):
            entry = None if member in renewed else self.progress.get(member)
            if entry is None:
                entry = Progress(
                    next_index=max(last_index, 1),
                    max_inflight=self._max_inflight,
                    recently_active=True,
                )
            entry.is_learner = member in configuration.learners
            progress[member] = entry
        self.configuration, self.progress = configuration, progress

    def replace(self, configuration: Configuration, last_index: int) -> None:
        """Take over a configuration and forget all that was known of its members."""
        self.progress = {}
        self.votes = {}
        self.adopt(Changed(configuration, frozenset()), last_index)

    def reset(self, me: MemberId, last_index: int) -> None:
        """Begin a term, or a role: nothing is known of the others."""
        self.votes = {}
        for member, old in self.progress.items():
            fresh = Progress(
                next_index=last_index + 1, max_inflight=self._max_inflight, recently_active=False
            )
            fresh.is_learner = old.is_learner
            if member == me:
                fresh.match = last_index
            self.progress[member] = fresh

    def match_of(self, member: MemberId) -> int:
        return self.progress[member].match

    def committed_index(self) -> int:
        """The largest index that a quorum holds."""
        configuration = self.configuration
        return quorum.joint_index(configuration.voters, configuration.outgoing, self.match_of)

    def record_vote(self, member: MemberId, *, granted: bool) -> quorum.VoteResult:
        """Count the first answer of each member; what the votes mean now."""
        self.votes.setdefault(member, granted)
        configuration = self.configuration
        return quorum.joint_vote(configuration.voters, configuration.outgoing, self.votes)

    def is_quorum_active(self) -> bool:
        """Whether voters heard of since the last check are a quorum."""
        active = {member: entry.recently_active for member, entry in self.progress.items()}
        configuration = self.configuration
        result = quorum.joint_vote(configuration.voters, configuration.outgoing, active)
        return result is quorum.VoteResult.WON

    def forget_activity(self, me: MemberId) -> None:
        """Begin the next interval of the quorum check."""
        for member, entry in self.progress.items():
            if member != me:
                entry.recently_active = False
