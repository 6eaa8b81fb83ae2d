"""What workers say, turned into inputs of NodeCore and into live news."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec

from coordinator.client.node_values import CallAnswer, LoadProblem, Offer, RunEnd
from coordinator.client.schedules import schedule_objection
from node import frames
from node.agent_live import LiveNews
from node.core_runs import Runs
from node.frame_buffer import LOOP_WARN_MS
from node.frames import ToAgent
from node.inputs import Input, RunEnded, RunNews, WorkerLagged, WorkerReady, WorkerSaid
from node.logs import Log

UNKNOWN = "unknown"  # whose code blocks a loop that several executors share


class WorkerNews:
    """Takes the frames of one read at a time. `feed` is NodeCore's door, `starting` hears of a worker's imports and
    what it offers after them.
    """

    def __init__(
        self,
        runs: Runs,
        live: LiveNews,
        log: Log,
        feed: Callable[[Input], None],
        starting: Callable[[int, frames.Loading | frames.Ready], None],
    ) -> None:
        self._runs = runs
        self._live = live
        self._log = log
        self._feed = feed
        self._starting = starting
        self.loop_warn_ms = LOOP_WARN_MS  # a longer block is a warning (TM-65)
        self.stalls: dict[str, int] = {}  # how often a worker's event loop was blocked, by executor
        self._stalled: set[int] = set()  # workers that are blocked now
        self.call_done: Callable[[CallAnswer], None] = lambda _: None

    def said(self, worker: int, messages: Sequence[ToAgent]) -> None:
        """All of one read is one input, in its order."""
        news: list[RunNews] = []
        for message in messages:
            match message:
                case frames.Ended():
                    self._live.ended(message.allocation_id, message.log_counts)
                    news.append(RunEnded(message.allocation_id, run_end(message)))
                case (
                    frames.Started()
                    | frames.State()
                    | frames.Child()
                    | frames.Poke()
                    | frames.Stopping()
                ):
                    news.append(message)
                case frames.Progress() | frames.Log() | frames.CallDone():
                    self._alive(message)
                case frames.Loading():
                    self._starting(worker, message)
                case frames.Ready():
                    self._is_ready(worker, message)
                case frames.LoopLag():
                    self._lagging(worker, message)
                case frames.Pong():
                    pass
        if news:
            self._feed(WorkerSaid(worker, tuple(news)))

    def _alive(self, message: frames.Progress | frames.Log | frames.CallDone) -> None:
        if isinstance(message, frames.CallDone):
            said = (message.call, message.payload, message.reason, message.detail)
            self.call_done(CallAnswer(*said))
            return
        run = self._runs.by_id.get(message.allocation_id)
        if run is None:
            return
        if isinstance(message, frames.Log):
            self._live.log(run.wanted.task_id, message)
        else:
            self._live.progress(run.wanted.task_id, message)

    def _is_ready(self, worker: int, message: frames.Ready) -> None:
        self._starting(worker, message)
        if not message.fatal:
            self._feed(WorkerReady(worker, frozenset(offer.name for offer in message.offers)))

    def _lagging(self, worker: int, message: frames.LoopLag) -> None:
        self._count_stall(worker, message)
        self._feed(WorkerLagged(worker, message.lag_ms, message.running))
        self._log.write(
            "warning" if message.lag_ms > self.loop_warn_ms else "info",
            "event loop of a worker was blocked"
            if message.over
            else "event loop of a worker is blocked",
            worker=worker,
            lag_ms=message.lag_ms,
            allocation_id=message.blocking,
            executors=message.running,
        )

    def _count_stall(self, worker: int, message: frames.LoopLag) -> None:
        """Once each, however often the worker tells of it."""
        if message.over:
            self._stalled.discard(worker)
        elif worker not in self._stalled:
            self._stalled.add(worker)
            run = None if message.blocking is None else self._runs.by_id.get(message.blocking)
            alone = message.running[0] if len(message.running) == 1 else UNKNOWN
            executor = alone if run is None else run.wanted.executor
            self.stalls[executor] = self.stalls.get(executor, 0) + 1


def run_end(message: frames.Ended) -> RunEnd:
    """The worker's word, with times of day turned into waits. A schedule that cannot be read makes it a failure."""
    now = int(time.time() * 1_000)
    retry_in = message.retry_in_ms
    if message.retry_at is not None:
        retry_in = max(0, message.retry_at - now)
    if (wrong := schedule_objection(message.schedule)) is not None:
        error = error_json(frames.RunError("ValueError", wrong, ""))
        reported = message.outcome
        return RunEnd("failed", "invalid_schedule", None, error, reported=reported)
    return RunEnd(
        message.outcome,
        message.reason,
        message.result,
        b"" if message.error is None else error_json(message.error),
        message.permanent,
        retry_in,
        handed_back=message.reason == "no_executor",
        reported=message.reported if message.reported != "aborted" else "",
        again_in_ms=None if message.again_at is None else max(0, message.again_at - now),
        schedule=message.schedule,
        then=message.then,
        overload=message.overload,
    )


def error_json(error: frames.RunError) -> bytes:
    return msgspec.json.encode(
        {"type": error.type, "message": error.message, "traceback": error.traceback}
    )


def offers_of(ready: frames.Ready) -> tuple[tuple[Offer, ...], tuple[LoadProblem, ...]]:
    """What a worker offers, in the words of the session."""
    offers = tuple(Offer(one.name, one.version, one.digest, one.body) for one in ready.offers)
    problems = tuple(LoadProblem(one.source, one.message) for one in ready.load_errors)
    return offers, problems
