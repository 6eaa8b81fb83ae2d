"""The door of the handlers, with a counter beside it: what became of wishes, why sessions of nodes ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from typing_extensions import override

from coordinator.api.door import RoadFailed
from coordinator.client.metric_parts import OTHER, Counts, Names, Sheet
from coordinator.machine.outcome import Accepted, Outcome
from coordinator.model.state import ClusterState
from coordinator.replica.effects import CloseNode, Reply
from coordinator.replica.inputs import Asked, Create, Input, NodeClosed
from coordinator.replica.sayings import LeaderSaying, Registration
from coordinator.shell.door import ShellDoor

NOT_TAKEN = ("overloaded", "disk_full", "no_leader", "not_leader", "shutting_down", "not_begun")


class DoorCounts:
    """One per process."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self.answered = Counts()
        self.refused = Counts().begin_with("overloaded", "disk_full")
        self.resets = Counts()

    def reply(
        self, asked: Sequence[Asked], outcomes: Sequence[Outcome], state: ClusterState
    ) -> None:
        """Creations are counted by what was applied, whoever asked; here is what came of all other wishes for a task."""
        for one, outcome in zip(asked, outcomes, strict=False):
            if not isinstance(one.wish, Create) or one.dry_run:
                continue
            executor = one.wish.executor
            if not isinstance(outcome, Accepted):
                # a caller may name what it likes: only executors that exist have a line of their own
                is_known = executor in state.manifests or executor in state.of_executor
                label = self._names.label(executor) if is_known else OTHER
                self.answered[label, "refused"] += 1
            elif not outcome.created:
                self.answered[self._names.label(executor), "existing"] += 1

    def failed(self, kind: str) -> None:
        if kind in NOT_TAKEN:
            self.refused[(kind,)] += 1

    def put(self, sheet: Sheet) -> None:
        sheet.put_all("created_total", self.answered)
        sheet.put_all("raft_proposals_refused_total", self.refused)
        sheet.put_all("node_session_resets_total", self.resets)


class CountedDoor(ShellDoor):
    """As `ShellDoor`; `counts` is set before the first call."""

    counts: DoorCounts
    _open: set[int]  # sessions that nobody has ended yet

    def count_by(self, counts: DoorCounts) -> None:
        self.counts = counts
        self._open = set()

    @override
    async def submit(self, asked: Sequence[Asked], timeout_s: float) -> Reply:
        try:
            reply = await super().submit(asked, timeout_s)
        except RoadFailed as failed:
            self.counts.failed(failed.kind)
            raise
        self.counts.reply(asked, reply.outcomes, self.replica.state)
        return reply

    @override
    def open_session(
        self,
        registration: Registration,
        on_saying: Callable[[LeaderSaying], None],
        on_close: Callable[[CloseNode], None],
    ) -> int:
        def closed(effect: CloseNode) -> None:
            self._ended(effect.session, effect.reason)
            on_close(effect)

        number = super().open_session(registration, on_saying, closed)
        self._open.add(number)
        return number

    @override
    def feed(self, item: Input) -> None:
        if type(item) is NodeClosed:
            self._ended(item.session, "disconnected")
        super().feed(item)

    def _ended(self, session: int, reason: str) -> None:
        if session in self._open:
            self._open.discard(session)
            self.counts.resets[(reason,)] += 1
