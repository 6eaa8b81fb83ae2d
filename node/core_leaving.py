"""SIGTERM: drain, then cancel, then goodbye (PT-72, TM-46). Pure."""

from __future__ import annotations

from enum import IntEnum

from node.core_desk import Desk
from node.core_fleet import Fleet
from node.core_reports import Reports
from node.core_runs import Runs
from node.core_starts import Starts
from node.core_stops import Stops
from node.effects import EXIT_ASKED, AskDrain, Exit, SayGoodbye


class Step(IntEnum):
    STAYING = 0
    DRAINING = 1  # the leader moves what it can
    CANCELLING = 2  # what is left was asked to end
    WAITING = 3  # no user code left: the outbox empties
    GONE = 4


class Leaving:
    """How far this node is on its way out."""

    def __init__(
        self, desk: Desk, runs: Runs, fleet: Fleet, starts: Starts, stops: Stops, reports: Reports
    ) -> None:
        self.step = Step.STAYING
        self._desk = desk
        self._runs = runs
        self._fleet = fleet
        self._starts = starts
        self._stops = stops
        self._reports = reports
        self._is_open = False

    def session_opened(self) -> None:
        self._is_open = True
        if self.step in (Step.DRAINING, Step.CANCELLING):
            self._desk.ask(AskDrain())

    def session_closed(self) -> None:
        self._is_open = False

    def asked(self) -> None:
        """The first request drains, every further one skips the wait."""
        if self.step is Step.STAYING:
            self.step = Step.DRAINING
            self._desk.note("info", "leaving", runs=len(self._runs.by_id))
            self._starts.is_closed = True
            self._starts.news = True
            if self._is_open:
                self._desk.ask(AskDrain())
            self._desk.after(self._desk.config.shutdown_grace_ms, self._cancel)
        elif self.step is Step.DRAINING:
            self._cancel(0)

    def _cancel(self, _: int) -> None:
        if self.step is Step.DRAINING:
            self.step = Step.CANCELLING
            for run in self._runs.executing():
                self._stops.stop(run, "shutdown")

    def look(self) -> None:
        """Whether the next step can be taken. Called after every input."""
        if self.step in (Step.DRAINING, Step.CANCELLING) and not any(self._runs.executing()):
            self.step = Step.WAITING
            self._fleet.close()
            self._desk.after(self._desk.config.farewell_ms, self._go)
        if self.step is Step.WAITING and not self._reports.waiting:
            if self._is_open:
                self._desk.ask(SayGoodbye())
            self._go(0)  # without a session there is nobody to say it to

    def _go(self, _: int) -> None:
        if self.step is Step.WAITING:
            self.step = Step.GONE
            self._desk.ask(Exit(EXIT_ASKED, "asked to stop"))
