"""A NodeCore with a clock, a leader and workers in the test's hands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from coordinator.client.node_values import (
    FromLeader,
    Heartbeat,
    HeartbeatAnswer,
    Report,
    ReportAnswer,
    RunEnd,
    Wanted,
    WantedRun,
    Welcome,
)
from node.core import NodeCore
from node.core_desk import CoreConfig
from node.effects import Effect, KillWorker, SendHeartbeat, SendReports, StartWorker, Tell
from node.frames import Child, Poke, Shutdown, Start, Started, State, Stop, ToWorker
from node.inputs import (
    Input,
    LeaderSaid,
    RunEnded,
    SessionClosed,
    SupervisorBeat,
    Tick,
    WorkerDied,
    WorkerReady,
    WorkerSaid,
)

L = 1_000  # the lease of these tests: 600 cancels, 900 kills, 1,000 is the end
EXECUTORS = frozenset({"e", "f"})
Kind = TypeVar("Kind")
Message = TypeVar("Message", bound=ToWorker)


def wanted(task_id: str, allocation_id: int, **more: Any) -> WantedRun:
    values: dict[str, Any] = {"executor": "e", "cancel_grace_ms": 200}
    return WantedRun(task_id, allocation_id, **(values | more))


class CoreKit:
    """`effects` holds what the core asked for since `clear`; workers do nothing by themselves."""

    def __init__(self, *, ready: bool = True, **config: Any) -> None:
        self.now = 10_000
        self.effects: list[Effect] = []
        self.revision = 1
        self.term = 1
        self.core = NodeCore(CoreConfig("1-aa", **config))
        self.effects += self.core.open(self.now)
        if ready:
            self.give(WorkerReady(1, EXECUTORS))

    # --- time --------------------------------------------------------------------------------------------------------

    def give(self, given: Input) -> None:
        self.effects += self.core.handle(given, self.now)

    def beat(self) -> None:
        self.give(SupervisorBeat())

    def go(self, to: int) -> None:
        """Let the clock run to `to`, waking the core whenever it asked to be."""
        while (wake_at := self.core.wake_at) is not None and wake_at <= to:
            self.now = max(self.now, wake_at)
            self.give(Tick())
        self.now = to

    def after(self, ms: int) -> None:
        self.go(self.now + ms)

    # --- the leader --------------------------------------------------------------------------------------------------

    def open_session(self, *runs: WantedRun, accept: bool = True) -> None:
        self.term += 1
        self.beat()
        self.hear(welcome=Welcome("c", "c1", 100, L, 2 * L))
        self.hear(wanted=Wanted(True, self.revision, runs=runs))
        if accept:
            self.accept()

    def close_session(self) -> None:
        self.give(SessionClosed())

    def hear(self, **frame: Any) -> None:
        self.give(LeaderSaid(FromLeader(**({"term": self.term} | frame))))

    def accept(self, heartbeat: Heartbeat | None = None) -> None:
        """Accept a heartbeat, by default the one sent last."""
        beat = heartbeat or self.all(SendHeartbeat)[-1].heartbeat
        self.hear(heartbeat=HeartbeatAnswer(beat.sequence, self.term, 100, L))

    def want(self, *runs: WantedRun, gone: Iterable[str] = ()) -> None:
        before, self.revision = self.revision, self.revision + 1
        self.hear(wanted=Wanted(False, self.revision, before, runs, tuple(gone)))

    def answer(self, report: Report, reason: str = "") -> None:
        self.hear(answers=(ReportAnswer(report.number, not reason, reason, revision=50),))

    def answer_all(self) -> None:
        for report in self.reports:
            self.answer(report)
        self.clear()

    # --- workers -----------------------------------------------------------------------------------------------------

    def started(self, allocation_id: int) -> None:
        self.give(WorkerSaid(self.worker_of(allocation_id), (Started(allocation_id),)))

    def ended(self, allocation_id: int, outcome: str = "succeeded", reason: str = "") -> None:
        news = (RunEnded(allocation_id, RunEnd(outcome, reason)),)
        self.give(WorkerSaid(self.worker_of(allocation_id), news))

    def wrote(self, allocation_id: int, seq: int, data: bytes = b"{}") -> None:
        news = (State(allocation_id, seq, data, 1),)
        self.give(WorkerSaid(self.worker_of(allocation_id), news))

    def starts_child(self, allocation_id: int, seq: int) -> None:
        news = (Child(allocation_id, seq, f"k{seq}", "demo", b"{}", b"{}"),)
        self.give(WorkerSaid(self.worker_of(allocation_id), news))

    def pokes(self, allocation_id: int, seq: int) -> None:
        news = (Poke(allocation_id, seq, "demo"),)
        self.give(WorkerSaid(self.worker_of(allocation_id), news))

    def worker_died(self, worker: int) -> None:
        self.give(WorkerDied(worker, "signal 9"))

    def worker_of(self, allocation_id: int) -> int:
        worker = self.core.runs.by_id[allocation_id].worker
        return 0 if worker is None else worker

    def running(self, *runs: WantedRun) -> None:
        """Have these runs wanted, started and answered."""
        self.want(*runs)
        for run in runs:
            self.started(run.allocation_id)
        self.answer_all()

    # --- what the core asked for -------------------------------------------------------------------------------------

    def clear(self) -> None:
        self.effects.clear()

    def all(self, kind: type[Kind]) -> list[Kind]:
        return [effect for effect in self.effects if isinstance(effect, kind)]

    @property
    def reports(self) -> list[Report]:
        return [report for effect in self.all(SendReports) for report in effect.reports]

    @property
    def ends(self) -> list[tuple[int, str, str]]:
        """(allocation id, outcome, reason) of every end that was sent."""
        return [
            (report.allocation_id, report.ended.outcome, report.ended.reason)
            for report in self.reports
            if report.ended is not None
        ]

    def told(self, kind: type[Message]) -> list[Message]:
        return [tell.message for tell in self.all(Tell) if isinstance(tell.message, kind)]

    @property
    def starts(self) -> list[int]:
        return [start.allocation_id for start in self.told(Start)]

    @property
    def stops(self) -> list[tuple[int, str]]:
        return [(stop.allocation_id, stop.reason) for stop in self.told(Stop)]

    @property
    def shut_down(self) -> list[int]:
        return [tell.worker for tell in self.all(Tell) if isinstance(tell.message, Shutdown)]

    @property
    def killed(self) -> list[int]:
        return [effect.worker for effect in self.all(KillWorker)]

    @property
    def spawned(self) -> list[int]:
        return [effect.worker for effect in self.all(StartWorker)]
