"""The leader's wanted set and the comparison with what is here. Pure.

No session, or one that has not delivered its full set yet, means "nothing new", never "nothing wanted" (PT-53).
"""

from __future__ import annotations

from collections.abc import Iterable

from coordinator.client import node_values as values
from coordinator.client.node_values import WantedRun
from node.core_runs import LocalRun, Runs
from node.core_starts import Starts
from node.core_stops import Stops
from node.core_table import RECONCILE, Act, Local, Wanted


class WantedSet:
    """What this session's leader wants of us, by task."""

    def __init__(self) -> None:
        self._runs: dict[str, WantedRun] = {}
        self._revision: int | None = None  # None: the full set has not come yet
        self._parts: list[WantedRun] = []  # of a full set that is still coming

    def session_opened(self) -> None:
        """What the last session said stays in force until the full set of this one is here."""
        self._revision = None
        self._parts = []

    def take(self, news: values.Wanted) -> tuple[str, ...] | None:
        """The ids of all tasks that may have changed; None if changes are missing, so that the full set is needed."""
        if news.full:
            self._parts += news.runs
            if news.more:
                return ()
            before, self._runs = self._runs, {run.task_id: run for run in self._parts}
            self._revision, self._parts = news.revision, []
            return tuple(dict.fromkeys((*before, *self._runs)))
        if self._revision is None or news.previous != self._revision:
            return None
        self._revision = news.revision
        for task_id in news.gone:
            self._runs.pop(task_id, None)
        for run in news.runs:
            self._runs[run.task_id] = run
        return (*news.gone, *(run.task_id for run in news.runs))

    def of_task(self, task_id: str) -> WantedRun | None:
        return self._runs.get(task_id)


class Reconciler:
    """Applies the table to one task after the other."""

    def __init__(self, runs: Runs, starts: Starts, stops: Stops) -> None:
        self._runs = runs
        self._starts = starts
        self._stops = stops

    def settle_task(self, task_id: str, wanted: WantedRun | None) -> None:
        """Bring all runs of a task in line with what is wanted of it."""
        named = wanted.allocation_id if wanted is not None else None
        for run in self._runs.of_task(task_id):
            if run.allocation_id != named:
                self._act(RECONCILE[Wanted.NOTHING, run.state], run, "not_wanted")
        if wanted is None:
            return
        local = self._runs.by_id.get(wanted.allocation_id)
        state = Local.ABSENT if local is None else local.state
        if local is not None and state is Local.WAITING:
            local.wanted = wanted  # not started yet: the record may have been edited
        act = RECONCILE[Wanted.STOP if wanted.stop else Wanted.RUN, state]
        if act is Act.START:
            self._starts.want(wanted)
        elif act is Act.CONFIRM:
            self._confirm(wanted, local)
        elif local is not None:
            self._act(act, local, wanted.stop_reason)

    def forget_unnamed(self, settled: Iterable[LocalRun], wanted: WantedSet) -> None:
        """A settled run is remembered only as long as the leader's set names it: so it is never started again."""
        for run in settled:
            named = wanted.of_task(run.wanted.task_id)
            if named is None or named.allocation_id != run.allocation_id:
                self._runs.forget(run)

    def _act(self, act: Act, run: LocalRun, reason: str) -> None:
        match act:
            case Act.STOP | Act.STRENGTHEN:
                self._stops.stop(run, reason)
            case Act.FORGET:
                self._starts.drop(run)
                self._runs.forget(run)
            case Act.NOTHING | Act.REPORT | Act.START | Act.CONFIRM:
                pass  # the outbox sends what it holds until it is answered; a start and a confirmation need no run

    def _confirm(self, wanted: WantedRun, local: LocalRun | None) -> None:
        if local is not None:
            self._starts.drop(local)
            self._runs.forget(local)
        self._stops.confirm(self._runs.add(wanted), wanted.stop_reason)
