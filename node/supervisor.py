"""The supervisor: what one starts as `task-node`. Keeps an agent alive, and buries what a dead one left.

One thread, no event loop. It feeds the agent a byte per beat; without it the agent sends no heartbeat, so that stopping
any process of a node stops the node. Whatever loses its parent comes to it (child subreaper) and is killed: as long as
an agent lives only the remains of dead workers do that.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from types import FrameType

from node import effects
from node.agent_handshake import BEAT, Handshake, give
from node.burial import kill
from node.commands import attributes
from node.control_group import Enclosure, own_directory
from node.data_dir import DataDir, DataDirError, Machine
from node.logs import Log
from node.orphans import LEFTOVERS_S, WHAT_TO_DO, Orphans
from node.process_marks import INCARNATION_MARK, UID_MARK, Register, kill_leftovers
from node.process_ties import IS_LINUX, adopt_orphans, children_of, descendants_of
from node.reload import reload_settings
from node.setting_table import Settings
from node.settings import read_sources

BEAT_S = 0.1
NOTE_S = 1.0
ORPHANS_PAUSE_S = 0.002
HEALTHY_S = 10.0  # an agent that lived so long did not die in a loop
PAUSE_S, PAUSE_MAX_S = 0.5, 10.0
FORGIVEN = 2  # quick deaths in a row after which the next agent is started at once all the same


class Supervisor:
    """One `task-node` process. `run` gives its exit code."""

    def __init__(
        self, settings: Settings, data_dir: DataDir, log: Log, listener: socket.socket | None = None
    ) -> None:
        """`listener`: where the agents answer probes, one after the other; it listens already."""
        self._settings = settings
        self._data_dir = data_dir
        self._log = log
        self._listener = listener
        self._level = self._told_level = settings.log_level
        self._is_reload_asked = False
        self._agent: subprocess.Popen[bytes] | None = None
        self._beat_fd = -1
        self._stops = 0
        self._quick_deaths = 0
        self._register = Register(data_dir.path / "processes", Machine.here().boot_id)
        self._noted_at = 0.0
        self._orphans = Orphans(os.getpid(), LEFTOVERS_S)
        uid, note = data_dir.identity.node_uid, data_dir.path / "control_group"
        self._enclosure = Enclosure(uid, note, own_directory())
        self._bell, self._ring = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if IS_LINUX else _pipe()

    def run(self) -> int:
        """Until an agent ends because it was asked to, or for a reason that a new one would not cure."""
        signal.set_wakeup_fd(self._ring, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.signal(signal.SIGQUIT, self._on_quit)
        signal.signal(signal.SIGHUP, self._on_reload)
        adopt_orphans()
        is_clean = self._clear_up(first=True)
        while True:
            code = self._one_agent(old_is_dead=is_clean)
            # What could not be proven once stays so: this agent may have died before the leader heard of it.
            is_clean = self._clear_up(first=False) and is_clean
            verdict = self._verdict(code)
            if verdict is not None:
                self._enclosure.remove()
                return verdict

    # --- signals -----------------------------------------------------------------------------------------------------

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        """The first asks, the second skips the wait, the third kills (EX-68)."""
        self._stops += 1
        agent = self._agent
        if agent is not None:
            agent.send_signal(signal.SIGTERM if self._stops < 3 else signal.SIGKILL)

    def _on_quit(self, number: int, _frame: FrameType | None) -> None:
        if self._agent is not None:
            self._agent.send_signal(number)

    def _on_reload(self, _number: int, _frame: FrameType | None) -> None:
        self._is_reload_asked = (
            True  # and the bell has rung: not here, where a lock of ours may be held
        )

    def _reload(self, agent: subprocess.Popen[bytes], lived_s: float) -> None:
        if not self._is_reload_asked:
            return
        self._is_reload_asked = False
        reading = read_sources(sys.argv[1:], os.environ)
        self._level = reload_settings(self._settings, self._level, reading, self._log)
        if lived_s > HEALTHY_S:  # a younger one has just tried all plugins, and may not listen yet
            agent.send_signal(signal.SIGHUP)

    # --- one agent ---------------------------------------------------------------------------------------------------

    def _one_agent(self, *, old_is_dead: bool) -> int:
        """Start the next incarnation and stay with it until it is dead. Gives how it ended."""
        began = time.monotonic()
        self._start(old_is_dead=old_is_dead)
        agent = self._agent
        if agent is None:
            return effects.EXIT_BUG
        while (code := agent.poll()) is None:
            self._beat()
            select.select([self._bell], [], [], BEAT_S)
            _drain(self._bell)
            self._reload(agent, time.monotonic() - began)
            self._reap_orphans(agent.pid)
            self._note_descendants()
        self._agent = None
        os.close(self._beat_fd)
        lived = time.monotonic() - began
        self._quick_deaths = 0 if lived > HEALTHY_S else self._quick_deaths + 1
        self._log.write("info", "agent ended", code=code, lived_ms=int(lived * 1_000))
        return code

    def _start(self, *, old_is_dead: bool) -> None:
        counter, incarnation = self._data_dir.next_incarnation()
        beat_read, self._beat_fd = os.pipe()
        os.set_blocking(self._beat_fd, False)
        handshake = self._handshake(counter, incarnation, beat_read, old_is_dead=old_is_dead)
        environment = {
            **os.environ,
            UID_MARK: handshake.node_uid,
            INCARNATION_MARK: incarnation,
        }
        self._told_level = handshake.log_level
        try:
            self._enclosure.write_down()
        except OSError as error:
            raise DataDirError(str(error), effects.EXIT_STORAGE) from error
        listening = () if handshake.http_fd is None else (handshake.http_fd,)
        try:
            self._agent = subprocess.Popen(
                [sys.executable, "-m", "node.agent"],
                stdin=subprocess.DEVNULL,
                pass_fds=(beat_read, self._data_dir.lock_fd, *listening),
                env=give(handshake, environment),
                process_group=0,
            )
        finally:
            os.close(beat_read)
        if self._stops:  # asked to stop while there was nobody to tell
            self._agent.send_signal(signal.SIGTERM)

    def _handshake(
        self, counter: int, incarnation: str, beat_fd: int, *, old_is_dead: bool
    ) -> Handshake:
        settings, machine = self._settings, Machine.here()
        log_file = None if settings.log_file is None else str(settings.log_file)
        return Handshake(
            name=settings.name,
            node_uid=self._data_dir.identity.node_uid,
            counter=counter,
            incarnation=incarnation,
            boot_id=machine.boot_id,
            pid_namespace=machine.pid_namespace,
            boot_counter=machine.boot_counter,
            machine=machine.public_name,
            old_is_dead=old_is_dead,
            data_dir=str(self._data_dir.path),
            coordinators=settings.coordinators,
            executors=settings.executors,
            commands={name: dict(one) for name, one in settings.commands.items()},
            attributes={**attributes(settings.commands), **settings.attr},
            capacity=settings.capacity,
            spare_workers=settings.spare_workers,
            max_starting=settings.max_starting,
            shutdown_grace_ms=settings.shutdown_grace,
            orphan_limit_ms=settings.orphan_limit,
            overload_window_ms=settings.overload_window,
            overload_down=settings.overload_down,
            overload_up=settings.overload_up,
            overload_floor=settings.overload_floor,
            worker_loop_warn_ms=settings.worker_loop_warn,
            log_file=log_file,
            log_level=self._level,
            http_fd=None if self._listener is None else self._listener.fileno(),
            beat_fd=beat_fd,
            lock_fd=self._data_dir.lock_fd,
            supervisor_pid=os.getpid(),
            adopts=IS_LINUX,
            group=self._enclosure.path,
        )

    def _beat(self) -> None:
        """A byte; while the agent does not know the log level, its first letter."""
        is_new = self._told_level != self._level
        try:
            os.write(self._beat_fd, self._level[:1].encode() if is_new else BEAT)
        except OSError:
            return  # full: it has enough to read; broken: its death is noticed next
        self._told_level = self._level

    def _reap_orphans(self, agent_pid: int) -> None:
        """What a dead worker left has come to us: kill it, and let go of what is dead."""
        for pid in children_of(os.getpid()):
            if pid != agent_pid:
                for each in (pid, *descendants_of(pid)):
                    kill(each)
                _wait_for(pid)

    def _note_descendants(self) -> None:
        """Should we be killed, the next supervisor finds them even without their marks."""
        now = time.monotonic()
        if now - self._noted_at > NOTE_S:
            self._noted_at = now
            try:
                self._register.note(descendants_of(os.getpid()))
            except OSError as error:  # a full disk: their marks are still there to find them by
                self._log.write("warning", "processes not written down", detail=str(error))

    # --- between two agents ------------------------------------------------------------------------------------------

    def _clear_up(self, *, first: bool) -> bool:
        """Nothing of an earlier incarnation may live when the next one registers. True if that is certain (N6)."""
        is_empty = self._enclosure.clear(LEFTOVERS_S)
        is_empty = (first or self._end_orphans()) and is_empty
        _reap_all()
        known = self._register.read() if first else {}
        left = kill_leftovers(self._data_dir.identity.node_uid, known, LEFTOVERS_S)
        if left:
            self._log.write("error", "processes of an earlier incarnation will not die", pids=left)
        proven = self._data_dir.remember(Machine.here()) if first else True
        return proven and not left and is_empty

    def _end_orphans(self) -> bool:
        """True when none is left; False when one would not die, or a stop was asked for meanwhile."""
        stops = self._stops
        while self._orphans.kill() and self._stops == stops:
            _reap_all()
            time.sleep(ORPHANS_PAUSE_S)
        left = self._orphans.stubborn
        if left:
            self._log.write("error", "processes that cannot be killed", pids=left, note=WHAT_TO_DO)
        return not left

    def _verdict(self, code: int) -> int | None:
        """The exit code of `task-node`, or None: start the next agent."""
        if self._stops >= 3:
            return effects.EXIT_BUG
        if self._stops or code in (effects.EXIT_ASKED, effects.EXIT_REMOVED):
            return effects.EXIT_ASKED
        if code == effects.EXIT_BAD_SETTINGS:
            return effects.EXIT_BAD_SETTINGS
        if self._quick_deaths > FORGIVEN:
            self._pause()
        return effects.EXIT_ASKED if self._stops else None

    def _pause(self) -> None:
        pause = min(PAUSE_MAX_S, PAUSE_S * 2 ** (self._quick_deaths - FORGIVEN - 1))
        self._log.write("warning", "agent dies again and again", next_in_ms=int(pause * 1_000))
        until = time.monotonic() + pause
        while not self._stops and (left := until - time.monotonic()) > 0:
            select.select([self._bell], [], [], left)
            _drain(self._bell)


def _pipe() -> tuple[int, int]:
    """A non-blocking pipe where the system has no `pipe2`."""
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    return read, write


def _drain(fd: int) -> None:
    try:
        while os.read(fd, 512):
            pass
    except BlockingIOError:
        pass  # empty


def _wait_for(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass  # let go of already


def _reap_all() -> None:
    """Let go of every dead child."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass  # none left
