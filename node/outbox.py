"""Reports that wait for the leader's answer, in order per run (PT-61). Pure.

A report stays until it has a definite answer, over any number of sessions, and keeps its number. Of one run at most one
state write is under way at a time, so that a refused one can never be overtaken by the next. The end of a run is
never held up: it takes the newest unanswered state along and is applied with it as one (PT-6).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from msgspec.structs import replace

from coordinator.client.node_values import NewChild, NewPoke, Report, RunEnd, RunState

# Answers that decide nothing: the same report is sent again later.
TRANSIENT = frozenset(
    {
        "unavailable",
        "outcome_unknown",
        "not_leader",
        "no_leader",
        "no_quorum",
        "overloaded",
        "disk_full",
        "shutting_down",
    }
)


MADE_SLACK = 1_000  # times kept of reports that are answered already


class Outbox:
    """All unanswered reports of this incarnation. `take` gives those that may be sent now."""

    def __init__(self, now: Callable[[], int] = lambda: 0) -> None:
        self._now = now
        self._last_number = 0
        self._made: deque[tuple[int, int]] = deque()  # (number, when); of answered ones, too
        self._unanswered: dict[int, Report] = {}  # by number, which is the order they were made in
        self._ready: list[Report] = []
        self._writing: dict[int, int] = {}  # allocation id -> number of the state write under way
        self._behind: dict[int, deque[Report]] = {}  # state writes that wait for the one under way
        self._ending: set[int] = set()  # runs whose end is in here
        self._postponed: list[Report] = []

    def __len__(self) -> int:
        return len(self._unanswered)

    @property
    def oldest_at(self) -> int | None:
        """When the oldest report was made that has no answer; None if all have one."""
        made = self._made
        while made and made[0][0] not in self._unanswered:
            made.popleft()
        return made[0][1] if made else None

    def add_start(self, task_id: str, allocation_id: int, started_at: int) -> None:
        """User code of the run began."""
        self._ready.append(self._new(Report(0, task_id, allocation_id, started_at=started_at)))

    def add_state(
        self, task_id: str, allocation_id: int, state: RunState, started_at: int | None
    ) -> None:
        """A state write; it waits for an earlier one of the run."""
        report = self._new(Report(0, task_id, allocation_id, state=state, started_at=started_at))
        if allocation_id in self._writing:
            self._behind.setdefault(allocation_id, deque()).append(report)
        else:
            self._writing[allocation_id] = report.number
            self._ready.append(report)

    def add_child(
        self, task_id: str, allocation_id: int, child: NewChild, started_at: int | None
    ) -> None:
        """A task that the run starts under its own."""
        self._ready.append(
            self._new(Report(0, task_id, allocation_id, child=child, started_at=started_at))
        )

    def add_poke(
        self, task_id: str, allocation_id: int, poke: NewPoke, started_at: int | None
    ) -> None:
        """The run asks for another look at tasks without a node."""
        self._ready.append(
            self._new(Report(0, task_id, allocation_id, poke=poke, started_at=started_at))
        )

    def add_stopping(
        self, task_id: str, allocation_id: int, reason: str, started_at: int | None
    ) -> None:
        """The run was asked to end, by this node."""
        self._ready.append(
            self._new(Report(0, task_id, allocation_id, stopping=reason, started_at=started_at))
        )

    def add_end(
        self, task_id: str, allocation_id: int, ended: RunEnd, started_at: int | None
    ) -> None:
        """The end of a run, with the newest state of it that is not yet answered."""
        state = self._newest_state(allocation_id) if allocation_id in self._writing else None
        for report in self._behind.pop(allocation_id, ()):
            del self._unanswered[report.number]
        self._ending.add(allocation_id)
        self._ready.append(
            self._new(
                Report(0, task_id, allocation_id, state=state, ended=ended, started_at=started_at)
            )
        )

    def _new(self, draft: Report) -> Report:
        """The report under its number."""
        self._last_number += 1
        report = self._unanswered[self._last_number] = replace(draft, number=self._last_number)
        self._made.append((self._last_number, self._now()))
        if len(self._made) > 2 * len(self._unanswered) + MADE_SLACK:
            self._made = deque(one for one in self._made if one[0] in self._unanswered)
        return report

    def _newest_state(self, allocation_id: int) -> RunState | None:
        behind = self._behind.get(allocation_id)
        if behind:
            return behind[-1].state
        writing = self._unanswered.get(self._writing[allocation_id])
        return writing.state if writing is not None else None

    def take(self) -> tuple[Report, ...]:
        """What may be sent now, each once per session, in order per run."""
        taken = tuple(self._ready)
        self._ready.clear()
        return taken

    @property
    def has_ready(self) -> bool:
        return bool(self._ready)

    def reopen(self) -> None:
        """A new session: everything unanswered is sent again, with its old number.

        A state whose run has ended since is left out: the end carries it.
        """
        self._postponed.clear()
        for number, report in list(self._unanswered.items()):
            if report.ended is None and report.state and report.allocation_id in self._ending:
                del self._unanswered[number]
                self._writing.pop(report.allocation_id, None)
        waiting = {report.number for queue in self._behind.values() for report in queue}
        self._ready = [r for number, r in self._unanswered.items() if number not in waiting]

    def answered(self, number: int) -> Report | None:
        """Take out the report that got a definite answer; None if it is not (or no longer) in here."""
        report = self._unanswered.pop(number, None)
        if report is None:
            return None
        allocation_id = report.allocation_id
        if report.ended is not None:
            self._ending.discard(allocation_id)
            self._writing.pop(allocation_id, None)
        elif report.state is not None and self._writing.get(allocation_id) == number:
            self._next_state(allocation_id)
        return report

    def _next_state(self, allocation_id: int) -> None:
        behind = self._behind.get(allocation_id)
        if not behind:
            del self._writing[allocation_id]
            return
        report = behind.popleft()
        if not behind:
            del self._behind[allocation_id]
        self._writing[allocation_id] = report.number
        self._ready.append(report)

    def postpone(self, number: int) -> bool:
        """The answer decided nothing: keep the report for `retry`. False if it is not in here."""
        report = self._unanswered.get(number)
        if report is None:
            return False
        self._postponed.append(report)
        return True

    def retry(self) -> None:
        """Send what was postponed again; what the end of its run has made superfluous is let go."""
        postponed, self._postponed = self._postponed, []
        for report in postponed:
            if report.number not in self._unanswered:
                continue
            if report.ended is None and report.allocation_id in self._ending:
                del self._unanswered[report.number]
            else:
                self._ready.append(report)

    def drop_states(self, allocation_id: int) -> None:
        """The run is superseded: what it still wanted to write is of no use."""
        for report in self._behind.pop(allocation_id, ()):
            del self._unanswered[report.number]
