"""NodeCore: everything a node decides, as one deterministic object. No clock, no process, no socket.

`handle(input, now)` takes what happened and gives what is to be done, in order. `now` is the steady clock of the lease
(CLOCK_BOOTTIME, int ms), read when the input arrived; `wake_at` says when to call with `Tick` at the latest. Whatever
time has brought about is looked at before the input: after a pause the lease comes first (L2).

The parts: `core_wanted` (what the leader wants, against what is here: the table in `core_table`), `core_starts`,
`core_stops`, `core_fleet` (worker processes), `core_reports` (the outbox), `core_beats` (heartbeats and lease),
`core_leaving`, `core_overload`. They share one `Desk`.
"""

from __future__ import annotations

from typing import assert_never

from coordinator.client import node_values as values
from coordinator.client.node_values import FromLeader
from node.core_beats import Beats
from node.core_desk import CoreConfig, Desk
from node.core_fleet import Fleet
from node.core_leaving import Leaving
from node.core_overload import Overload
from node.core_reports import Reports
from node.core_runs import LocalRun, Runs
from node.core_starts import Starts
from node.core_stops import Stops
from node.core_table import Local
from node.core_wanted import Reconciler, WantedSet
from node.effects import EXIT_ANEW, EXIT_REMOVED, Effect, Exit, Reconnect, SendCallAnswer
from node.frames import Call, Child, Poke, Started, State, Stopping
from node.inputs import (
    Input,
    LeaderSaid,
    RunEnded,
    RunNews,
    SessionClosed,
    ShutdownAsked,
    SupervisorBeat,
    Tick,
    WorkerDied,
    WorkerLagged,
    WorkerReady,
    WorkerSaid,
    WorkerWanted,
)


class NodeCore:
    """One incarnation of a node. Give every input to `handle` and do its effects in order."""

    def __init__(self, config: CoreConfig) -> None:
        self._is_open = False
        self._desk = Desk(config)
        self.runs = Runs()
        self.fleet = Fleet(self._desk)
        self._stops = Stops(self._desk, self.runs, self.fleet)
        self._reports = Reports(self._desk, self.runs, self._superseded)
        self._stops.reports = self._reports
        self.overload = Overload(self._desk)
        self._reports.overload = self.overload
        self._beats = Beats(self._desk, self.runs, self.fleet, self._stops, self.overload)
        self.lease = self._beats.lease
        self._starts = Starts(self._desk, self.runs, self.fleet, self._stops, self.lease)
        self._wanted = WantedSet()
        self._reconciler = Reconciler(self.runs, self._starts, self._stops)
        self._leaving = Leaving(
            self._desk, self.runs, self.fleet, self._starts, self._stops, self._reports
        )

    def open(self, now: int) -> list[Effect]:
        """The first call: the worker that will tell what this node offers."""
        self._desk.now = now
        self.fleet.open()
        return self._desk.take()

    def handle(self, given: Input, now: int) -> list[Effect]:
        """Take one input at `now` and give what has to be done, in order."""
        desk = self._desk
        desk.now = now
        desk.timers.run_due(now)
        self._take(given)
        if self._stops.freed or self._starts.news:
            self._stops.freed = False
            self._starts.pump()
        self._leaving.look()
        self._reports.flush()
        self._beats.arm_killer()
        return desk.take()

    @property
    def wake_at(self) -> int | None:
        """When `handle(Tick(), ...)` is due at the latest; None if nothing is waiting."""
        return self._desk.timers.next_at

    @property
    def unanswered(self) -> int:
        """How many reports wait for the leader."""
        return self._reports.waiting

    @property
    def unanswered_since(self) -> int | None:
        """When the oldest of them was made."""
        return self._reports.waiting_since

    @property
    def lease_stops(self) -> dict[str, int]:
        """Runs that the end of a lease asked to end (`cancel`) or killed (`kill`); they only grow."""
        return self._beats.lease_stops

    def _take(self, given: Input) -> None:
        match given:
            case WorkerSaid():
                for news in given.news:
                    self._run_news(news)
            case LeaderSaid():
                self._leader_said(given.frame)
            case SupervisorBeat():
                self._beats.supervisor_beat()
            case SessionClosed():
                self._session_closed()
            case WorkerReady() | WorkerDied() | WorkerLagged():
                self._worker_changed(given)
            case WorkerWanted():
                self.fleet.one_more()
            case ShutdownAsked():
                self._leaving.asked()
            case Tick():
                pass
            case _:
                assert_never(given)

    # --- workers -----------------------------------------------------------------------------------------------------

    def _run_news(self, news: RunNews) -> None:
        run = self.runs.by_id.get(news.allocation_id)
        if run is None or run.worker is None:
            return
        match news:
            case RunEnded():
                if news.end.overload:
                    self.overload.signal(f"a run of {run.wanted.executor} said so")
                if not self._starts.refused(run, news.end.reason):
                    self._stops.ended(run, news.end)
            case Started():
                self._started(run)
            case State():
                self._reports.state(run, news)
            case Child():
                self._reports.child(run, news)
            case Poke():
                self._reports.poke(run, news)
            case Stopping():
                self._stops.stopping_by_itself(run, news.reason, news.grace_ms)
            case _:
                assert_never(news)

    def _started(self, run: LocalRun) -> None:
        run.started_at = self._desk.now
        if run.state is Local.STARTING:
            run.state = Local.RUNNING
            self.runs.starting -= 1
            self._starts.news = True
        self._reports.started(run)

    def _worker_changed(self, given: WorkerReady | WorkerDied | WorkerLagged) -> None:
        if isinstance(given, WorkerLagged):
            self.overload.lagged(given.lag_ms, given.executors)
            return
        if isinstance(given, WorkerReady):
            self.fleet.ready(given.worker, given.executors)
            self._starts.news = True
            return
        victims = self.fleet.died(given.worker)
        level = "warning" if victims else "info"
        self._desk.note(
            level, "worker died", worker=given.worker, detail=given.detail, runs=len(victims)
        )
        for run in victims:
            self._stops.died(run)

    def _superseded(self, run: LocalRun) -> None:
        self._stops.stop(run, "fenced")

    # --- the leader --------------------------------------------------------------------------------------------------

    def _leader_said(self, frame: FromLeader) -> None:
        if frame.close == "restored":  # by another cluster, whose terms are not those we know
            self._desk.ask(Exit(EXIT_ANEW, f"our cluster was restored: {frame.close_detail}"))
            return
        if not self.lease.saw_term(frame.term):
            return
        if frame.welcome is not None:
            self._welcomed(frame.term, frame.welcome)
        if frame.close:
            self._closed_by_leader(frame)
            return
        if frame.send_runs:
            self._beats.runs_asked()
        if frame.answers:
            self._reconciler.forget_unnamed(self._reports.answered(frame.answers), self._wanted)
        if frame.heartbeat is not None and self._beats.answered(frame.heartbeat):
            self._starts.news = True
        if frame.wanted is not None:
            self._reconcile(frame.wanted)
        for call in frame.calls:
            self._call(call)

    def _call(self, call: values.RunCall) -> None:
        """Somebody asks a run: its worker answers, if it is here."""
        run = self.runs.by_id.get(call.allocation_id)
        if run is None or run.worker is None or run.state is Local.ENDED:
            why = "not_here" if run is None or run.state is Local.ENDED else "not_assigned"
            self._desk.ask(SendCallAnswer(values.CallAnswer(call.call, reason=why)))
            return
        asked = (call.call, call.method, call.payload, call.timeout_ms, dict(call.headers))
        self._desk.tell(run.worker, Call(call.allocation_id, *asked))

    def _welcomed(self, term: int, welcome: values.Welcome) -> None:
        """The session begins; or, within one, settings have changed."""
        if self._is_open:
            self._beats.new_values(welcome)
            return
        self._is_open = True
        self._wanted.session_opened()
        self._reports.session_opened()
        self._leaving.session_opened()
        self._beats.session_opened(term, welcome)

    def _session_closed(self) -> None:
        self._is_open = False
        self._reports.session_closed()
        self._leaving.session_closed()
        self._beats.session_closed()

    def _closed_by_leader(self, frame: FromLeader) -> None:
        if frame.close == "stale_incarnation":
            self._desk.ask(Exit(EXIT_ANEW, f"stale incarnation: {frame.close_detail}"))
        elif frame.close == "removed":
            self._desk.ask(Exit(EXIT_REMOVED, "this node was removed from the cluster"))

    def _reconcile(self, news: values.Wanted) -> None:
        changed = self._wanted.take(news)
        if changed is None:
            self._desk.ask(Reconnect("changes of the wanted set are missing"))
            return
        if news.full and not news.more:
            changed = tuple(dict.fromkeys((*changed, *self.runs.task_ids())))
        for task_id in changed:
            self._reconciler.settle_task(task_id, self._wanted.of_task(task_id))
