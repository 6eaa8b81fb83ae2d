"""Starting runs: who waits for what, and the hand-over to a worker. Pure."""

from __future__ import annotations

from coordinator.client.node_values import WantedRun
from node.core_desk import Desk
from node.core_fleet import Fleet, Role
from node.core_runs import LocalRun, Runs
from node.core_stops import Stops
from node.core_table import Local
from node.frames import Start
from node.lease import Lease


class Starts:
    """Runs that are wanted and not yet in a worker, in the order they came.

    A run waits while another run of its task executes user code (PT-55), while too many are starting (PT-82), while an
    exclusive one has less than 0.4 L of lease, and for a slot. Only the wait for a slot ends by handing the run back
    (PT-56).
    """

    def __init__(self, desk: Desk, runs: Runs, fleet: Fleet, stops: Stops, lease: Lease) -> None:
        self._desk = desk
        self._runs = runs
        self._fleet = fleet
        self._stops = stops
        self._lease = lease
        self._waiting: dict[int, LocalRun] = {}
        self.is_closed = False  # the node leaves: nothing is started any more
        self.news = False  # something changed that may let a waiting run start

    def want(self, wanted: WantedRun) -> None:
        """The leader wants this run here."""
        run = self._runs.add(wanted)
        self._waiting[run.allocation_id] = run
        self.news = True

    def refused(self, run: LocalRun, reason: str) -> bool:
        """Its worker lacks the executor and others have it: the run waits again, for one of those.

        A worker that was still starting when it got the run may turn out not to have imported a late plugin.
        """
        if reason != "no_executor" or run.state is not Local.STARTING or self._lacks_executor(run):
            return False
        self._stops.release(run)
        self._fleet.ended(run)
        run.state = Local.WAITING
        self._waiting[run.allocation_id] = run
        self.news = True
        return True

    def drop(self, run: LocalRun) -> None:
        """The run is not to be started any more."""
        self._waiting.pop(run.allocation_id, None)
        self._desk.timers.cancel(run.wait_timer)
        run.wait_timer = 0

    @property
    def waiting(self) -> tuple[LocalRun, ...]:
        return tuple(self._waiting.values())

    def pump(self) -> None:
        """Start whatever can be started, in order; smaller runs may pass one that is too large just now."""
        self.news = False
        for run in self.waiting:
            if self.is_closed:
                self._hand_back(run, "shutting_down")
            elif self._lacks_executor(run):
                self._hand_back(run, "no_executor")
            elif not self._may_start(run):
                continue
            elif self._has_slot(run):
                self._start(run)
            elif not run.wait_timer:
                run.wait_timer = self._desk.after(
                    self._desk.config.slot_wait_ms, self._waited_enough, run.allocation_id
                )

    def _lacks_executor(self, run: LocalRun) -> bool:
        offered = self._fleet.executors
        return offered is not None and run.wanted.executor not in offered

    def _may_start(self, run: LocalRun) -> bool:
        if self._runs.starting >= self._desk.config.max_starting or self._runs.is_task_busy(run):
            return False
        return not run.wanted.exclusive or self._lease.allows_exclusive(self._desk.now)

    def _has_slot(self, run: LocalRun) -> bool:
        return self._runs.units_used + run.wanted.cost <= self._desk.config.units

    def _waited_enough(self, allocation_id: int) -> None:
        run = self._waiting.get(allocation_id)
        if run is not None:
            run.wait_timer = 0
            self._hand_back(run, "no_capacity")

    def _hand_back(self, run: LocalRun, reason: str) -> None:
        self.drop(run)
        self._stops.hand_back(run, reason)

    def _start(self, run: LocalRun) -> None:
        self.drop(run)
        run.state = Local.STARTING
        run.handed_at = self._desk.now
        self._runs.starting += 1
        self._runs.units_used += run.wanted.cost
        worker = self._fleet.place(run)
        own = worker.role is Role.OWN
        frame = start_frame(run.wanted, self._desk.config.incarnation, own_process=own)
        self._desk.tell(worker.number, frame)
        self._stops.watch_limit(run)


def start_frame(wanted: WantedRun, incarnation: str, *, own_process: bool) -> Start:
    """What the worker is told: exactly what the record holds (PT-54)."""
    return Start(
        wanted.task_id,
        wanted.allocation_id,
        wanted.executor,
        wanted.params,
        params_version=wanted.executor_version,
        state=wanted.state,
        state_version=wanted.state_version,
        state_is_current=wanted.state_allocation_id == wanted.allocation_id,
        incarnation=incarnation,
        attempt=wanted.attempt,
        max_attempts=wanted.max_attempts,
        timeout_ms=wanted.timeout_ms,
        cancel_grace_ms=wanted.cancel_grace_ms,
        headers=dict(wanted.headers),
        labels=dict(wanted.labels),
        due_at=wanted.due_at,
        parent_id=wanted.parent,
        own_process=own_process,
        invalid_state=wanted.invalid_state,
    )
