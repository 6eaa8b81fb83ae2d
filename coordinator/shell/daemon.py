"""The only place where a coordinator is built, and how it ends.

Order of birth: data directory and store (whose lock says that we are alone), port, founding, member. Order of death:
hand leadership over, end the streams, stop the loop, flush the disk. Exit statuses are those of EX-69; what ends a
process at once (`Halt`, a bug, a failed fsync) goes by `os._exit`, so that nothing is tidied up that cannot be trusted.
"""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

import uvloop

from coordinator.client.start_checks import PortTaken, refused_changes
from coordinator.machine.failures import InvariantBroken, UpgradeNeeded
from coordinator.shell.clock import steady_ms
from coordinator.shell.damaged import wait_damaged
from coordinator.shell.data_dir import left_text
from coordinator.shell.founding import Founding
from coordinator.shell.grpc_server import Server
from coordinator.shell.level_check import check_level
from coordinator.shell.logs import LEVELS, Log, open_log
from coordinator.shell.member import Ends, Member
from coordinator.shell.metrics import Metrics, open_http
from coordinator.shell.open_files import raise_open_files
from coordinator.shell.options import ServerSettings
from coordinator.shell.peer_door import PeerDoor
from coordinator.shell.peer_server import PeerService
from coordinator.shell.settings import read_sources
from coordinator.shell.standing import Standing
from coordinator.shell.store import Store, StoreOptions
from coordinator.shell.store_port import Damaged, DataDirError, StoreError
from coordinator.wire.v1.internal_pb2 import Introduction
from coordinator.wire.v1.internal_pb2_grpc import add_PeerServicer_to_server

EXIT_BAD_SETTINGS, EXIT_DIFFERS = 2, 70
STREAMS_END_S = 1.0
PID_FILE = "pid"
HOME = (
    "This coordinator of ptasks has no pages in this release.\n"
    "Ask it with taskctl, for instance: taskctl cluster status\n"
    "Here: /livez (the loop turns), /readyz (a leader is known, and this member is not far behind it), /startupz (one was known), /metrics (Prometheus).\n"
)
COLLECT_AFTER = (50_000, 20, 100)


class Coordinator:
    """One coordinator process. `run` returns when it was asked to stop."""

    def __init__(
        self, settings: ServerSettings, store: Store, log: Log, stop: asyncio.Event
    ) -> None:
        self._settings = settings
        self._store = store
        self._log = log
        self._asked_to_stop = stop
        self._member: Member | None = None
        self._standing = Standing(
            lambda: store.identity,
            lambda: self._member.replica.state if self._member else None,
            settings.places,
        )
        self._metrics = Metrics() if settings.http else None
        self._server = Server(settings.listen, self._metrics.rpc if self._metrics else None)
        self._founding = Founding(settings, store, self._standing, log)
        self._http = open_http(settings.http, self._missing, HOME, self._metrics)
        self._door: PeerDoor | None = None
        self._peers = PeerService(self._standing, self._feed, log)
        self._has_left = False

    async def run(self) -> None:
        """Serve until asked to stop. Raises PortTaken, StoreError."""
        await self._open()
        founding = asyncio.create_task(self._founding.wait(), name="founding")
        await first_of(founding, self._asked_to_stop)
        refusal = founding.exception() if founding.done() else None
        if founding.done() and refusal is None:
            refusal = await self._serve()
        founding.cancel()
        await self._close()
        if refusal is not None:
            raise refusal
        self._log.info("stopped")

    async def _open(self) -> None:
        """All doors; what is behind most of them comes with the member. Raises PortTaken."""
        self._peers.on_introduction = self._introduced
        self._peers.on_greeting = self._greeted
        self._peers.on_found = self._founding.on_found
        self._peers.history = lambda: self._member.history_io if self._member else None
        add_PeerServicer_to_server(self._peers, self._server.services)
        await self._server.start()
        if self._settings.peer_listen:
            self._door = PeerDoor(self._settings.peer_listen, self._peers, self._log)
            await self._door.start()
        if self._http is not None:
            await self._http.start()
        if self._metrics is not None:
            self._store.watch_commits(self._metrics.fsync.observe)
            self._peers.on_frame = self._metrics.frame_heard
            self._metrics.start()
        self._log.info("listening", address=self._settings.listen, pid=os.getpid())

    async def _close(self) -> None:
        if self._door is not None:
            self._door.stop()
        await self._server.stop(STREAMS_END_S)
        if self._http is not None:
            self._http.stop()
        if self._metrics is not None:
            self._metrics.stop()
        await self._founding.close()
        if self._member is not None:
            await self._member.stop()
        await asyncio.to_thread(self._store.close)

    async def _serve(self) -> StoreError | None:
        """Until asked to stop; the reason not to start again, if this member was removed meanwhile."""
        ends = Ends(self._halt, self._leave)
        self._member = Member(
            self._settings, self._store, self._server, self._log, ends, self._metrics
        )
        self._member.neighbours.on_change = self._end_gone
        self._member.start()
        calm_collector()
        await self._asked_to_stop.wait()
        if self._has_left:
            text = left_text(self._settings.data_dir, self._settings.name)
            self._log.error("removed", reason=text)
            return DataDirError(text)
        self._log.info("stopping")
        await self._member.hand_over()
        return None

    def _leave(self) -> None:
        """This member was removed. Its directory is marked before anything else happens to us (M4)."""
        if not self._has_left:
            self._has_left = True
            self._store.mark_removed()
            self._asked_to_stop.set()

    def _introduced(self, theirs: Introduction) -> None:
        self._founding.on_introduction(theirs)
        if self._member is not None:
            self._member.neighbours.introduced(theirs)

    def _greeted(self, theirs: Introduction) -> None:
        if self._member is not None:
            self._member.neighbours.greeted(theirs)

    def _end_gone(self) -> None:
        self._peers.end_gone()
        if self._door is not None:
            self._door.end_gone()

    def _missing(self) -> str:
        """What keeps us from being ready (EX-72)."""
        if self._member is None:
            return "no leader"
        return self._member.replica.not_ready(steady_ms())

    def _feed(self, item: object) -> None:
        """Words of other members; before we are one ourselves there are none."""
        if self._member is not None:
            self._member.feed(item)  # type: ignore[arg-type]

    def _halt(self, exit_code: int, reason: str) -> None:
        end_at_once(self._log, exit_code, reason)


def run_coordinator(settings: ServerSettings) -> int:
    """The whole life of the process; its exit status. What goes wrong is one line on stderr and in the log."""
    try:
        names = {"logger": "coordinator", "member": settings.name}
        log = open_log(settings.log_file, settings.log_level, **names)
    except OSError as error:
        return complain(f"--log-file: {settings.log_file}: {error.strerror}: name another file", 2)
    for warning in settings.warnings:
        log.warning("setting not used", reason=warning)
    try:
        return _run_with(settings, log)
    except (PortTaken, StoreError) as error:
        code = error.exit_code if isinstance(error, StoreError) else EXIT_BAD_SETTINGS
        if settings.log_file is not None:
            log.line("error", "not started", reason=str(error))
        return complain(str(error), code)
    except (InvariantBroken, UpgradeNeeded) as error:
        end_at_once(log, EXIT_DIFFERS, f"{type(error).__name__}: {error}")
    finally:
        log.flush()


def _run_with(settings: ServerSettings, log: Log) -> int:
    raise_open_files()
    options = StoreOptions(entries_kept=settings.keep_entries)
    store: Store | Damaged
    try:
        store = Store.open(settings.data_dir, settings.name, options)
    except Damaged as damage:
        store = damage
    pid_file = settings.data_dir / PID_FILE
    try:
        write_pid(pid_file)
    except OSError as error:  # nothing here relies on it, and a full disk is waited out (D9)
        log.warning("pid not written", file=str(pid_file), reason=error.strerror)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_make_and_run(settings, store, log))
    finally:
        pid_file.unlink(missing_ok=True)
    return 0


async def _make_and_run(settings: ServerSettings, store: Store | Damaged, log: Log) -> None:
    """Until asked to stop by SIGTERM or SIGINT."""
    stop = asyncio.Event()
    listen_to_signals(stop, settings, log)
    if isinstance(store, Damaged):
        await wait_damaged(settings, store, log, stop)
    else:
        check_level(settings, store.recovered)
        await Coordinator(settings, store, log, stop).run()


def listen_to_signals(stop: asyncio.Event, settings: ServerSettings, log: Log) -> None:
    """SIGTERM and SIGINT ask to stop; SIGQUIT writes all stacks to the log and goes on (EX-68); SIGHUP reloads."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGQUIT, lambda: write_stacks(log))
    loop.add_signal_handler(signal.SIGHUP, lambda: reload_settings(settings, log))


def reload_settings(settings: ServerSettings, log: Log) -> None:
    """SIGHUP: the log level anew, from the same sources. What is bad, or takes a restart, is named and stays (EX-67)."""
    reading = read_sources(sys.argv[1:], os.environ)
    before, level = log.level, LEVELS.get(reading.values.get("log_level", ""), log.level)
    running = {name: getattr(settings, name) for name in reading.values}
    refused = [*reading.mistakes, *refused_changes(running, reading.values, {"log_level"})]
    log.level = 0  # whoever asked gets the answer, whatever is logged otherwise
    log.info("settings reloaded", changed=["log_level"] if level != before else [])
    if refused:
        log.warning("settings not reloaded", refused=refused)
    log.level = level


def write_stacks(log: Log) -> None:
    """Of all threads and of all coroutines."""
    log.info("stacks asked for")
    log.flush()
    faulthandler.dump_traceback(file=log.stream, all_threads=True)
    for task in asyncio.all_tasks():
        print(f"Task {task.get_name()}:", file=log.stream)
        for at in task.get_stack():
            place = f'  File "{at.f_code.co_filename}", line {at.f_lineno} in {at.f_code.co_name}'
            print(place, file=log.stream)
    log.stream.flush()


def calm_collector() -> None:
    """Records and messages hold no cycles, so the collector is kept from walking a large state again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


async def first_of(task: asyncio.Task[None], event: asyncio.Event) -> None:
    """Until the task has ended or the event is set."""
    waiting = asyncio.create_task(event.wait())
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()


def end_at_once(log: Log, exit_code: int, reason: str) -> NoReturn:
    """No clean-up, no answer, no second thought."""
    log.error("halted", exit_code=exit_code, reason=reason)
    log.flush()
    os._exit(exit_code)


def write_pid(path: Path) -> None:
    """For whoever wants to find us; gone when we end in order."""
    fresh = path.with_suffix(".new")
    fresh.write_text(f"{os.getpid()}\n", encoding="ascii")
    fresh.replace(path)


def complain(line: str, exit_code: int) -> int:
    """One line for a person; gives the status back."""
    print(f"task-coordinator: {line}", file=sys.stderr)  # noqa: T201 - a program's last word
    return exit_code
