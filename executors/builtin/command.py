"""`command.run`: runs a program that the operator of the node has allowed, by name, without a shell.

The program leads a process group of its own. When the run is asked to end, the group gets the stop signal and, after
`stop_grace`, SIGKILL; whatever the program leaves behind is killed when it has ended, and all of it with its worker.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import IO, Any, Literal

from pydantic import BaseModel, Field
from typing_extensions import override

from executors import (
    AllocatedPersistentTask,
    Assignment,
    BlockingTask,
    Candidate,
    ClusterView,
    Duration,
    PermanentError,
    PersistentTasksExecutor,
    RetryableError,
    StopReason,
    TaskPolicy,
)
from executors.builtin.output_tail import OutputTail

ALLOWED_VARIABLE = "PTASKS_ALLOWED_COMMANDS"  # the node's agent sets it for its workers
ATTRIBUTE_PREFIX = "command."
READ_BYTES = 64 * 1024
HANDED_ON = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR")
MARKS = ("PTASKS_NODE_UID", "PTASKS_NODE_INCARNATION")  # by which the node finds what was left


class CommandParams(BaseModel):
    """Which command, with which further arguments, and what its exit code means.

    `succeed_on`, `warn_on`, `fail_on`: exit codes of a success, a success with a warning, a failure for good; any other
    code, and a death by a signal, is a failure that is tried again by policy. `tail_bytes`: how much of the end of its
    output (stdout and stderr together) the result keeps.
    """

    command: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    arguments: list[str] = Field(default_factory=list, max_length=1_000)
    stdin: str = Field(default="", max_length=64 * 1024)
    succeed_on: list[int] = Field(default=[0])
    warn_on: list[int] = Field(default_factory=list)
    fail_on: list[int] = Field(default_factory=list)
    stop_signal: Literal["TERM", "INT", "HUP", "QUIT"] = "TERM"
    stop_grace: Duration = Duration("5s")
    tail_bytes: int = Field(default=16 * 1024, ge=0, le=32 * 1024)


class CommandState(BaseModel):
    """Nothing: a command begins anew with each run."""


class CommandFailedError(Exception):
    """The command ended with a code that is no success."""


class Run(PersistentTasksExecutor[CommandParams, CommandState]):
    """Runs a command that the node's operator allowed by name; keeps the end of its output."""

    name = "command.run"
    policy = TaskPolicy(cancel_grace="10s")

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._has_ended = threading.Event()
        self._stop_signal = signal.SIGTERM
        self._stop_grace_s = 5.0
        self._marks: Mapping[str, str] = {}

    @override
    def get_assignment(
        self, params: CommandParams, candidates: Sequence[Candidate], cluster: ClusterView
    ) -> Assignment:
        """Only nodes whose operators allowed the command."""
        wanted = ATTRIBUTE_PREFIX + params.command
        allowing = [one for one in candidates if wanted in one.attributes]
        if not allowing:
            return Assignment.none(
                "executor_refused",
                f"no node that could take it allows the command {params.command}",
            )
        return Assignment.least_loaded(allowing)

    @override
    def describe(self, params: CommandParams) -> str:
        """The command, without its arguments: they may be nobody's business."""
        return f"command {params.command}"

    @override
    def node_operation(
        self,
        task: AllocatedPersistentTask[CommandState],
        params: CommandParams,
        state: CommandState | None,
    ) -> dict[str, object]:
        """The result is `{"exit_code", "output", "output_bytes"}`, `output` being the end of it."""
        me = task.blocking
        allowed = _allowed(params)
        self._stop_signal = signal.Signals[f"SIG{params.stop_signal}"]
        self._stop_grace_s = params.stop_grace.ms / 1000
        me.raise_if_cancelled()
        process = self._start([*allowed["argv"], *params.arguments], allowed, me)
        tail = OutputTail(me.log.info, params.tail_bytes)
        reader = threading.Thread(target=_read, args=(process, tail), daemon=True)
        writer = threading.Thread(target=_write, args=(process, params.stdin), daemon=True)
        reader.start()
        writer.start()
        if me.cancelled.is_set():
            self._signal(self._stop_signal)  # the stop came while it was being started
        code = self._end(process)
        reader.join()
        tail.close()
        me.raise_if_cancelled()
        return _judged(me, params, code, tail)

    @override
    async def on_stop(
        self, task: AllocatedPersistentTask[CommandState], reason: StopReason
    ) -> None:
        """The stop signal to the whole group, then SIGKILL."""
        if self._process is None:
            return
        self._signal(self._stop_signal)
        if not await asyncio.to_thread(self._has_ended.wait, self._stop_grace_s):
            task.log.info("killed, it did not end within its stop_grace")
            self._signal(signal.SIGKILL)

    def _start(
        self, argv: Sequence[str], allowed: Mapping[str, Any], me: BlockingTask[CommandState]
    ) -> subprocess.Popen[bytes]:
        self._marks = _run_marks(me)
        try:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=allowed["directory"],
                env=_environment(allowed, self._marks),
                start_new_session=True,
            )
        except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
            raise PermanentError(f"cannot be started on this node: {error}") from None
        except OSError as error:
            raise RetryableError(f"cannot be started now: {error}", overload=True) from None
        me.log.info("started", pid=self._process.pid)
        return self._process

    def _signal(self, number: signal.Signals) -> None:
        """To the group, as long as its number is still its own."""
        with self._lock:
            if self._process is not None and not self._has_ended.is_set():
                _kill_group(self._process.pid, number)

    def _end(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for it, kill what it left in its group, and only then let go of its number."""
        if hasattr(os, "waitid"):
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        else:
            process.wait()
        with self._lock:
            _kill_group(process.pid, signal.SIGKILL)
            _kill_marked(self._marks)
            self._has_ended.set()
            return process.wait()


def _allowed(params: CommandParams) -> Mapping[str, Any]:
    """What the operator wrote about the command. Raises PermanentError where the task goes beyond it."""
    commands = json.loads(os.environ.get(ALLOWED_VARIABLE) or "{}")
    allowed: dict[str, Any] | None = commands.get(params.command)
    if allowed is None:
        names = ", ".join(sorted(commands)) or "none"
        raise PermanentError(
            f"command {params.command} is not allowed on this node; allowed: {names}"
        )
    pattern, most = allowed["arguments"], allowed["arguments_max"]
    if params.arguments and pattern is None:
        raise PermanentError(f"command {params.command} takes no arguments from tasks")
    if len(params.arguments) > most:
        raise PermanentError(f"command {params.command} takes at most {most} arguments from tasks")
    for number, one in enumerate(params.arguments, 1):
        if "\0" in one or not re.fullmatch(pattern, one):
            raise PermanentError(
                f"command {params.command}: argument {number} does not match {pattern!r}"
            )
    return allowed


def _run_marks(me: BlockingTask[CommandState]) -> dict[str, str]:
    """Who is running, for the program to use, and for us to find what left its group."""
    return {
        "PTASKS_TASK_ID": me.id,
        "PTASKS_FENCING_TOKEN": str(me.fencing_token),
        "PTASKS_ATTEMPT": str(me.attempt),
    }


def _environment(allowed: Mapping[str, Any], marks: Mapping[str, str]) -> dict[str, str]:
    """Little of ours, all of the operator's, and who is running."""
    inherited = {name: os.environ[name] for name in (*HANDED_ON, *MARKS) if name in os.environ}
    return {**inherited, **allowed["environment"], **marks}


def _judged(
    me: BlockingTask[CommandState], params: CommandParams, code: int, tail: OutputTail
) -> dict[str, object]:
    result = {"exit_code": code, "output": tail.text(), "output_bytes": tail.total}
    if code in params.succeed_on:
        return result
    if code in params.warn_on:
        me.log.warning("this exit code counts as a warning", exit_code=code)
        return result
    how = f"exit code {code}" if code >= 0 else f"ended by {signal.Signals(-code).name}"
    last = tail.last_line()
    message = f"{how}; its last line: {last}" if last else how
    if code in params.fail_on:
        raise PermanentError(message)
    raise CommandFailedError(message)


def _read(process: subprocess.Popen[bytes], tail: OutputTail) -> None:
    stream = _pipe(process.stdout)
    with stream:
        while data := os.read(stream.fileno(), READ_BYTES):
            tail.add(data)


def _write(process: subprocess.Popen[bytes], text: str) -> None:
    stream = _pipe(process.stdin)
    try:
        with stream:
            stream.write(text.encode())
    except OSError:
        return  # it did not want to read all of it


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise RuntimeError("a command is started with pipes")
    return stream


def _kill_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return  # gone, or only dead ones are left (macOS)


def _kill_marked(marks: Mapping[str, str]) -> None:
    """What left the group (a daemon has a session of its own) still carries the marks. Where there is no /proc, nothing."""
    wanted = {f"{name}={value}".encode() for name, value in marks.items()}
    try:
        names = os.listdir("/proc")
    except OSError:
        return
    for name in names:
        if name.isdigit() and int(name) != os.getpid() and wanted <= _environment_of(name):
            _kill(int(name))


def _environment_of(pid: str) -> set[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return set(file.read().split(b"\0"))
    except OSError:
        return set()  # gone, or another user's


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
