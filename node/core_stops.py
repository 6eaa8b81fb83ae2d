"""Ending runs: the request, the time limit, and what follows when the code takes no notice (PT-58, TM-41). Pure."""

from __future__ import annotations

from coordinator.client.node_values import RunEnd
from node.core_desk import Desk
from node.core_fleet import Fleet
from node.core_outcome import handed_back, killed_end, never_here, reported_end
from node.core_reports import Reports
from node.core_runs import LocalRun, Runs
from node.core_table import Local, is_stronger
from node.frames import Stop


class Stops:
    """Every way a run comes to its end on this node."""

    def __init__(self, desk: Desk, runs: Runs, fleet: Fleet) -> None:
        self._desk = desk
        self._runs = runs
        self._fleet = fleet
        self.reports: Reports  # set by NodeCore: the two need each other
        self.freed = False  # a slot became free since NodeCore last looked

    # --- asking ------------------------------------------------------------------------------------------------------

    def stop(self, run: LocalRun, reason: str, grace_ms: int | None = None) -> None:
        """Ask a run in a worker to end; a stronger reason replaces a weaker one, never the reverse."""
        if run.worker is None:
            return
        if run.state is Local.STOPPING:
            if is_stronger(reason, run.stop_reason):
                run.stop_reason = reason
                self._desk.tell(run.worker, Stop(run.allocation_id, reason, grace_ms))
            return
        self._desk.tell(run.worker, Stop(run.allocation_id, reason, grace_ms))
        self._stopping(run, reason, grace_ms)

    def _stopping(self, run: LocalRun, reason: str, grace_ms: int | None) -> None:
        if run.state is Local.STARTING:
            self._runs.starting -= 1
        run.state = Local.STOPPING
        run.stop_reason = reason
        self._desk.timers.cancel(run.limit_timer)
        run.limit_timer = 0
        grace = run.wanted.cancel_grace_ms if grace_ms is None else grace_ms
        run.grace_timer = self._desk.after(grace, self._grace_over, run.allocation_id)

    def stopping_by_itself(self, run: LocalRun, reason: str, grace_ms: int) -> None:
        """The worker says that it has told the run to end; of a time limit this is the first we hear."""
        if run.worker is None:
            return
        if run.state is not Local.STOPPING:
            self._stopping(run, reason, grace_ms)
        elif is_stronger(reason, run.stop_reason):
            run.stop_reason = reason
        else:
            return
        self._say_timeout(run)

    def watch_limit(self, run: LocalRun) -> None:
        """Count the time limit here too: a worker whose code holds the GIL cannot."""
        if run.wanted.timeout_ms:
            run.limit_timer = self._desk.after(
                run.wanted.timeout_ms, self._limit_reached, run.allocation_id
            )

    def _limit_reached(self, allocation_id: int) -> None:
        run = self._runs.by_id.get(allocation_id)
        if run is not None:
            run.limit_timer = 0
            self._desk.note(
                "warning",
                "time limit reached",
                task_id=run.wanted.task_id,
                allocation_id=allocation_id,
                executor=run.wanted.executor,
                timeout_ms=run.wanted.timeout_ms,
            )
            self.stop(run, "timeout")
            self._say_timeout(run)

    def _say_timeout(self, run: LocalRun) -> None:
        """Of all reasons the only one that the leader learns from us (PT-15)."""
        if run.stop_reason == "timeout":
            self.reports.stopping(run, "timeout")

    def _grace_over(self, allocation_id: int) -> None:
        run = self._runs.by_id.get(allocation_id)
        if run is None or run.worker is None:
            return
        run.grace_timer = 0
        run.escalated = True
        self._desk.note(
            "warning",
            "run ignores its stop",
            task_id=run.wanted.task_id,
            allocation_id=allocation_id,
            reason=run.stop_reason,
        )
        self._fleet.condemn(run)

    # --- the end -----------------------------------------------------------------------------------------------------

    def ended(self, run: LocalRun, end: RunEnd) -> None:
        """User code is over, says the worker."""
        if run.worker is None:
            return
        self._runs.remember_length(run, self._desk.now)
        self.release(run)
        self._fleet.ended(run)
        self.reports.ended(run, reported_end(end, run.stop_reason, self._lasted(run)))

    def died(self, run: LocalRun) -> None:
        """The process is gone, with the run in it. Its code may have begun even if we were not told so any more."""
        if run.started_at is None:
            run.started_at = run.handed_at
        self.release(run)
        self.reports.ended(run, killed_end(run.stop_reason, self._lasted(run)))

    def hand_back(self, run: LocalRun, reason: str) -> None:
        """A run that has not been started goes back to the leader."""
        self._desk.timers.cancel(run.wait_timer)
        self.reports.ended(run, handed_back(reason))

    def confirm(self, run: LocalRun, stop_reason: str) -> None:
        """Nothing of the run is here, or nothing any more."""
        self._desk.timers.cancel(run.wait_timer)
        self.reports.ended(run, never_here(stop_reason))

    def release(self, run: LocalRun) -> None:
        """It holds neither a slot nor a timer any more."""
        if run.state is Local.STARTING:
            self._runs.starting -= 1
        self._desk.timers.cancel(run.limit_timer)
        self._desk.timers.cancel(run.grace_timer)
        run.limit_timer = run.grace_timer = 0
        self._runs.units_used -= run.wanted.cost
        self.freed = True

    def _lasted(self, run: LocalRun) -> int:
        return 0 if run.started_at is None else max(0, self._desk.now - run.started_at)
