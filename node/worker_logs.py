"""Where the lines of a run go, however they were written: task.log, logging, print, stderr.

A context variable says whose code is running, in coroutines and in the threads of the worker's pools. What is written
outside any run goes to the worker's own stderr.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import math
import sys
import threading
import traceback
from collections.abc import Coroutine, Generator, Mapping
from contextvars import ContextVar
from typing import Any, Protocol, TextIO

from typing_extensions import override

from node.frames import LOG_LINE_BYTES_MAX

EVENT_CHARS_MAX = 4_000
SECRET_WORDS = ("password", "secret", "token", "authorization", "api_key")
MASKED = "***"


class LineSink(Protocol):
    """A run, as far as its lines are concerned."""

    def log(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        """One line. From any thread."""

    def write(self, stream: str, text: str) -> None:
        """Raw output; becomes lines. From any thread."""

    def add_loop_task(self, task: asyncio.Task[Any]) -> None:
        """Code of the run has created a task of its own in the event loop."""


CURRENT: ContextVar[LineSink | None] = ContextVar("ptasks_run", default=None)


def encode_fields(fields: Mapping[str, object]) -> bytes:
    """A JSON object of a line's fields, secrets masked. What is no JSON becomes its text."""
    if not fields:
        return b"{}"
    try:
        text = json.dumps(_masked(fields), default=str, ensure_ascii=False, allow_nan=False)
        data = text.encode(errors="replace")
    except (ValueError, TypeError, RecursionError) as error:
        data = json.dumps({"fields_dropped": str(error)}).encode()
    if len(data) > LOG_LINE_BYTES_MAX:
        data = json.dumps({"fields_dropped": f"{len(data)} bytes"}).encode()
    return data


def shortened(event: str) -> str:
    """The text of a line, at most 4,000 characters. What is no UTF-8, as in file names, becomes a question mark."""
    text = event if len(event) <= EVENT_CHARS_MAX else event[:EVENT_CHARS_MAX] + "..."
    return text if text.isascii() else text.encode(errors="replace").decode()


def _masked(value: object) -> object:
    if isinstance(value, Mapping):
        return {
            str(key): MASKED if _is_secret(str(key)) else _masked(one) for key, one in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_masked(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(float(value))  # JSON has no word for it
    return value


def _is_secret(name: str) -> bool:
    lowered = name.lower()
    return any(word in lowered for word in SECRET_WORDS)


class LineBuffer:
    """Turns pieces of output into lines, per stream."""

    def __init__(self) -> None:
        self._partial: dict[str, str] = {}
        self._lock = threading.Lock()

    def add(self, stream: str, text: str) -> list[str]:
        """The lines completed by `text`."""
        with self._lock:
            *lines, rest = (self._partial.get(stream, "") + text).split("\n")
            if len(rest) > EVENT_CHARS_MAX:
                lines.append(rest)
                rest = ""
            self._partial[stream] = rest
            return lines

    def take_rest(self) -> list[tuple[str, str]]:
        """What has no end of line yet, as (stream, text)."""
        with self._lock:
            rest = [(stream, text) for stream, text in self._partial.items() if text]
            self._partial.clear()
            return rest


class _Stream(io.TextIOBase):
    """In the place of sys.stdout and sys.stderr."""

    def __init__(self, name: str, original: TextIO) -> None:
        self._name = name
        self._original = original

    @override
    def write(self, text: str) -> int:
        sink = CURRENT.get()
        if sink is None:
            return self._original.write(text)
        sink.write(self._name, text)
        return len(text)

    @override
    def flush(self) -> None:
        self._original.flush()

    @override
    def fileno(self) -> int:
        return self._original.fileno()

    @override
    def writable(self) -> bool:
        return True

    @property
    @override
    def encoding(self) -> str:  # type: ignore[override]
        return self._original.encoding

    @property
    def buffer(self) -> object:
        """Bytes written here go to the worker's own output: nobody can tell lines in them."""
        return self._original.buffer


class _RunHandler(logging.Handler):
    """Standard logging, of a run or of nobody."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        sink = CURRENT.get()
        if sink is None:
            sys.__stderr__ and print(self.format(record), file=sys.__stderr__)
            return
        fields: dict[str, object] = {"logger": record.name}
        if record.exc_info is not None and record.exc_info[0] is not None:
            fields["exception"] = "".join(traceback.format_exception(*record.exc_info))
        try:
            event = record.getMessage()
        except Exception as error:  # noqa: BLE001  (arguments that do not fit their text are the author's; say so)
            event = f"{record.msg!r} ({error})"
        sink.log(_level(record.levelno), event, fields)


def _level(number: int) -> str:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warning"
    return "info" if number >= logging.INFO else "debug"


def make_loop_task(
    loop: asyncio.AbstractEventLoop,
    coroutine: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
    /,
    **options: Any,
) -> asyncio.Task[Any]:
    """Task factory of the worker's loop: what user code creates is known to its run."""
    task = asyncio.Task(coroutine, loop=loop, **options)
    sink = CURRENT.get()
    if sink is not None:
        sink.add_loop_task(task)
    return task


def capture_output() -> None:
    """From now on lines of runs land in their logs. Once per process, after plugins have been imported."""
    sys.stdout = _Stream("stdout", sys.stdout)
    sys.stderr = _Stream("stderr", sys.stderr)
    handler = _RunHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(min(root.level, logging.INFO) if root.level else logging.INFO)
