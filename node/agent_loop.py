"""The agent: feeds NodeCore with what happens, and does what it asks for, in order. It decides nothing itself."""

from __future__ import annotations

import asyncio
import faulthandler
import io
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from coordinator.client.node_values import CallAnswer, FromLeader, LoadProblem, Offer
from coordinator.client.node_wire import KeptLog
from node import effects, frames
from node.agent_config import core_config, pool_config
from node.agent_handshake import BEAT, Handshake
from node.agent_health import missing_of
from node.agent_imports import Imports
from node.agent_live import FLUSH_S, LiveNews
from node.agent_worker_news import WorkerNews, offers_of
from node.alarm import Alarm
from node.core import NodeCore
from node.inputs import (
    Input,
    LeaderSaid,
    SessionClosed,
    ShutdownAsked,
    SupervisorBeat,
    Tick,
    WorkerDied,
    WorkerWanted,
)
from node.kernel_timer import KernelTimer
from node.logs import Log
from node.process_ties import steady_ms
from node.worker_pool import WorkerPool

if TYPE_CHECKING:
    from node.session import Session  # brings grpc along: imported while the first worker starts

STOPPED_MS = 9_000  # a worker somebody stopped for longer is killed; moves with the leader's R
FAREWELL_S = 1.0
SAMPLE_S = 1.0


class Agent:
    """One incarnation. `open` starts the first worker; `serve` finds the leader and stays until the end."""

    def __init__(self, handshake: Handshake, loop: asyncio.AbstractEventLoop, log: Log) -> None:
        self._handshake = handshake
        self._loop = loop
        self._log = log
        self._stopped_ms = STOPPED_MS
        self._alarm = Alarm(loop, lambda: self.feed(Tick()))
        self._exiting: asyncio.Task[None] | None = None
        self._session: Session | None = None
        self._known = asyncio.Event()  # what this node offers
        self._offers: tuple[Offer, ...] = ()
        self._problems: tuple[LoadProblem, ...] = ()
        self._loop_lag_ms = 0
        self._killer = KernelTimer()
        self._live = LiveNews()
        self._core = NodeCore(core_config(handshake))
        self._news = WorkerNews(self._core.runs, self._live, log, self.feed, self._starting)
        self._news.loop_warn_ms = handshake.worker_loop_warn_ms
        self._news.call_done = self._answer_call
        self._pool = WorkerPool(pool_config(handshake), loop, self._news.said, self._worker_died)
        self._imports = Imports(loop, self._pool.kill, lambda: self.feed(WorkerWanted()))
        self._pool.skipped = self._imports.skipped
        self._do: dict[type, Callable[[Any], None]] = {
            effects.Tell: lambda e: self._pool.tell(e.worker, e.message),
            effects.SendReports: self._send_reports,
            effects.SendHeartbeat: self._send_heartbeat,
            effects.SendCallAnswer: lambda e: self._answer_call(e.answer),
            effects.StartWorker: lambda e: self._pool.start(e.worker),
            effects.KillWorker: lambda e: self._pool.kill(e.worker),
            effects.ArmKiller: lambda e: self._killer.arm(e.at),
            effects.AskDrain: lambda _: self._say(drain=True),
            effects.SayGoodbye: lambda _: self._say(goodbye=True),
            effects.Reconnect: self._reconnect,
            effects.Settled: lambda e: self._live.forget(e.allocation_ids),
            effects.Exit: self._exit,
            effects.Note: lambda e: self._log.write(e.level, e.event, **dict(e.fields)),
        }

    # --- the core ----------------------------------------------------------------------------------------------------

    def feed(self, given: Input) -> None:
        """One input, and all that follows from it."""
        do = self._do
        for effect in self._core.handle(given, steady_ms()):
            do[type(effect)](effect)
        self._pool.flush()
        wake_at = self._core.wake_at
        if wake_at is not None:
            self._alarm.ring_in(wake_at - steady_ms())

    # --- from the start to the end -----------------------------------------------------------------------------------

    def open(self) -> None:
        """Start the first worker and listen to supervisor and signals."""
        self._pool.open(lambda: self._stopped_ms)
        for effect in self._core.open(steady_ms()):
            self._do[type(effect)](effect)
        os.set_blocking(self._handshake.beat_fd, False)
        self._loop.add_reader(self._handshake.beat_fd, self._beat)
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self.feed, ShutdownAsked())
        self._loop.add_signal_handler(signal.SIGQUIT, self._show_stacks)
        self._loop.add_signal_handler(signal.SIGHUP, self._try_plugins_again)
        self._loop.call_later(FLUSH_S, self._flush_live)
        self._loop.call_later(SAMPLE_S, self._sample, self._loop.time() + SAMPLE_S)

    async def serve(self, session: Session) -> None:
        """Register once it is known what is offered; then session after session."""
        session.cluster_id = self._read_cluster()
        await self._known.wait()
        self._session = session
        session.offers, session.problems = self._offers, self._problems
        await session.run()

    def missing(self) -> str:
        """What keeps this node from being ready, for who probes it."""
        has_session = self._session is not None and self._session.is_open
        return missing_of(self._core, has_session=has_session, now=steady_ms())

    @property
    def core(self) -> NodeCore:
        """To be looked at."""
        return self._core

    @property
    def stalls(self) -> dict[str, int]:
        """How often a worker's event loop was blocked, by executor."""
        return self._news.stalls

    def from_leader(self, frame: FromLeader) -> None:
        """A frame of the session."""
        if frame.welcome is not None:
            self._stopped_ms = frame.welcome.reassign_ms
            self._keep_cluster(frame.welcome.cluster_id)
        if frame.close == "restored":  # the next incarnation belongs to the cluster that took over
            self._cluster_file().unlink(missing_ok=True)
        self.feed(LeaderSaid(frame))

    def session_closed(self) -> None:
        self.feed(SessionClosed())

    def kept_logs(self, allocation_id: int) -> KeptLog:
        """The log lines that travel with the end of a run."""
        return self._live.kept(allocation_id)

    def _beat(self) -> None:
        try:
            data = os.read(self._handshake.beat_fd, 4_096)
        except BlockingIOError:
            return
        if not data:  # the supervisor is gone; on Linux we are, too
            self._end(effects.EXIT_ANEW)
        if level := data.replace(BEAT, b""):
            self._log.set_level(level[-1:].decode())
        self.feed(SupervisorBeat())

    # --- workers -----------------------------------------------------------------------------------------------------

    def _starting(self, worker: int, said: frames.Loading | frames.Ready) -> None:
        if isinstance(said, frames.Loading):
            self._imports.loading(worker, said)
            return
        if self._imports.ready(worker, said):
            self._is_ready(said)

    def _is_ready(self, ready: frames.Ready) -> None:
        if not ready.fatal:
            self._learn_offers(*offers_of(ready))
            return
        self._log.write("error", "executors cannot be offered together", detail=ready.fatal)
        if not self._known.is_set():  # later it is a plugin that changed under a running node
            self._end(effects.EXIT_BAD_SETTINGS)

    def _learn_offers(self, offers: tuple[Offer, ...], problems: tuple[LoadProblem, ...]) -> None:
        if self._known.is_set() and (offers, problems) == (self._offers, self._problems):
            return
        for problem in problems:
            self._log.write(
                "error", "plugin cannot be loaded", plugin=problem.plugin, detail=problem.error
            )
        self._offers, self._problems = offers, problems
        self._known.set()
        if self._session is not None:
            self._session.offers, self._session.problems = offers, problems
            self._session.reconnect()  # the registration carries all of it

    def _try_plugins_again(self) -> None:
        """The supervisor had a SIGHUP, and hands it on."""
        if left_out := self._imports.again():
            self._log.write("info", "plugins are tried again", plugins=left_out)

    def _worker_died(self, number: int, detail: str) -> None:
        will_be_spared = self._imports.died(number, detail)
        self.feed(WorkerDied(number, detail))
        if not self._known.is_set() and not will_be_spared:
            # nobody can say what is offered: join all the same, and say why
            self._learn_offers((), (LoadProblem("worker", f"died at its start: {detail}"),))

    # --- effects -----------------------------------------------------------------------------------------------------

    def _send_reports(self, effect: effects.SendReports) -> None:
        if self._session is not None:
            self._session.out.reports.extend(effect.reports)
            self._session.wake()

    def _answer_call(self, answer: CallAnswer) -> None:
        if self._session is not None:
            self._session.out.call_answers.append(answer)
            self._session.wake()

    def _send_heartbeat(self, effect: effects.SendHeartbeat) -> None:
        if self._session is not None:
            out = self._session.out
            out.heartbeat = effect.heartbeat
            out.loop_lag_ms, out.rss_bytes = self._loop_lag_ms, rss_bytes()
            self._session.wake()

    def _say(self, *, drain: bool = False, goodbye: bool = False) -> None:
        if self._session is not None:
            out = self._session.out
            out.drain, out.goodbye = out.drain or drain, out.goodbye or goodbye
            self._session.wake()

    def _reconnect(self, effect: effects.Reconnect) -> None:
        self._log.write("warning", "reconnecting", reason=effect.reason)
        if self._session is not None:
            self._session.reconnect()

    def _exit(self, effect: effects.Exit) -> None:
        self._log.write("info", "agent ends", code=effect.code, reason=effect.reason)
        session = self._session
        if effect.code == effects.EXIT_ASKED and session is not None and session.is_open:
            self._exiting = self._loop.create_task(self._leave(session, effect.code))
        else:
            self._end(effect.code)

    async def _leave(self, session: Session, code: int) -> None:
        await session.finish(FAREWELL_S)
        self._end(code)

    def _end(self, code: int) -> NoReturn:
        """Nothing is waited for: workers are killed here, and would be by their death signal."""
        self._pool.kill_all()
        self._log.close()
        os._exit(code)

    def _show_stacks(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            text = io.StringIO()
            task.print_stack(file=text)
            self._log.write("info", "stack", detail=text.getvalue())
        faulthandler.dump_traceback(all_threads=True)

    # --- small things ------------------------------------------------------------------------------------------------

    def _flush_live(self) -> None:
        if self._live.has_news and self._session is not None and self._session.is_open:
            progress, lines = self._live.take()
            self._session.out.progress.extend(progress)
            self._session.out.logs.extend(lines)
            self._session.wake()
        self._loop.call_later(FLUSH_S, self._flush_live)

    def _sample(self, due: float) -> None:
        now = self._loop.time()
        self._loop_lag_ms = int((now - due) * 1_000)
        self._loop.call_later(SAMPLE_S, self._sample, now + SAMPLE_S)

    def _cluster_file(self) -> Path:
        return Path(self._handshake.data_dir) / "cluster"

    def _read_cluster(self) -> str:
        try:
            return self._cluster_file().read_text(encoding="utf-8").strip()
        except OSError:
            return ""

    def _keep_cluster(self, cluster_id: str) -> None:
        if cluster_id and self._read_cluster() != cluster_id:
            self._cluster_file().write_text(cluster_id + "\n", encoding="utf-8")


def rss_bytes() -> int:
    """Resident memory of this process; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
