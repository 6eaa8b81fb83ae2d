"""What a leader knows of each member's log, and how fast it may send to it.

*Probe*: the common part of the logs is not known yet, one message at a time. *Replicate*: it is; messages follow one
another up to a window. *Snapshot*: the member waits for one, nothing else is sent.
"""

from __future__ import annotations

from collections import deque
from enum import Enum

from coordinator.consensus.ready import ProgressView


class ProgressState(Enum):
    PROBE = "probe"
    REPLICATE = "replicate"
    SNAPSHOT = "snapshot"


class Progress:
    """One member as its leader sees it. Invariant: match < next, and entries up to next - 1 are sent."""

    __slots__ = (
        "_inflight",
        "_max_inflight",
        "flow_paused",
        "is_learner",
        "match",
        "next",
        "pending_snapshot",
        "recently_active",
        "sent_commit",
        "state",
    )

    def __init__(self, *, next_index: int, max_inflight: int, recently_active: bool) -> None:
        self.match = 0
        self.next = next_index
        self.state = ProgressState.PROBE
        self.is_learner = False
        self.recently_active = recently_active  # since the last check of the quorum
        self.flow_paused = False
        self.pending_snapshot = 0  # index of the snapshot under way
        self.sent_commit = 0  # the commit index it was last told, as far as it can have kept it
        self._inflight: deque[int] = deque()  # last index of each message with entries under way
        self._max_inflight = max_inflight

    @property
    def is_paused(self) -> bool:
        return self.flow_paused or self.state is ProgressState.SNAPSHOT

    @property
    def is_window_full(self) -> bool:
        return len(self._inflight) >= self._max_inflight

    def become_probe(self) -> None:
        """Go back to asking, after the snapshot that was sent, if any."""
        sent_up_to = max(self.match, self.pending_snapshot)
        self._enter(ProgressState.PROBE)
        self.next = sent_up_to + 1
        self.sent_commit = min(self.sent_commit, sent_up_to)

    def become_replicate(self) -> None:
        """The logs are known to agree up to `match`."""
        self._enter(ProgressState.REPLICATE)
        self.next = self.match + 1

    def become_snapshot(self, index: int) -> None:
        """A snapshot of this index is under way."""
        self._enter(ProgressState.SNAPSHOT)
        self.pending_snapshot = index
        self.next = index + 1
        self.sent_commit = index

    def _enter(self, state: ProgressState) -> None:
        self.state = state
        self.flow_paused = False
        self.pending_snapshot = 0
        self._inflight.clear()

    def accept(self, index: int) -> bool:
        """The member holds our log up to `index`. Whether that is news."""
        if index <= self.match:
            return False
        self.match = index
        self.next = max(self.next, index + 1)
        self.flow_paused = False
        return True

    def reject(self, asked: int, hint: int) -> bool:
        """The member refused entries after `asked`; the logs may agree at `hint`. False if that is old news."""
        if self.state is ProgressState.REPLICATE:
            if asked <= self.match:
                return False
            self.next = self.match + 1
        else:
            if asked != self.next - 1:
                return False
            self.next = max(min(asked, hint + 1), self.match + 1)
            self.flow_paused = False
        self.sent_commit = min(self.sent_commit, self.next - 1)
        return True

    def sent_entries(self, count: int) -> None:
        """A message with `count` entries left."""
        if self.state is ProgressState.REPLICATE:
            if count > 0:
                self.next += count
                self._inflight.append(self.next - 1)
            self.flow_paused = self.is_window_full
        elif count > 0:
            self.flow_paused = True

    def free_up_to(self, index: int) -> None:
        """Messages up to `index` have arrived: the window opens."""
        inflight = self._inflight
        while inflight and inflight[0] <= index:
            inflight.popleft()

    def wants_commit(self, commit: int) -> bool:
        """Whether telling `commit` now can move what the member has committed."""
        return commit > self.sent_commit and self.sent_commit < self.next - 1

    def view(self) -> ProgressView:
        return ProgressView(
            match=self.match,
            next=self.next,
            state=self.state.value,
            is_learner=self.is_learner,
            recently_active=self.recently_active,
            paused=self.is_paused,
            pending_snapshot=self.pending_snapshot,
            inflight=len(self._inflight),
            inflight_full=self.is_window_full,
        )
