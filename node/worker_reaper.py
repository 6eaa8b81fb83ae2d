"""Lets go of dead processes that a worker has adopted.

A worker is the one that orphans of its runs come to, so that they die with it; a dead one would stay a zombie as long as
the worker lives, until process ids run out. Nobody else waits for those. What this process started itself, by subprocess,
asyncio, multiprocessing or fork, is never touched: somebody may ask for its status, however late. The kernel does not
tell the two apart, so the ids of the second kind are noted where they come from. Linux, elsewhere nobody adopts.
"""

from __future__ import annotations

import _posixsubprocess
import asyncio
import contextlib
import os
import subprocess
from collections.abc import Callable
from functools import wraps
from typing import Any

from node.burial import is_dead
from node.process_marks import start_time
from node.process_ties import IS_LINUX, children_of

LOOK_S = 5.0
# All by which Python starts a process and gives its id; what C code starts, it waits for at once.
STARTERS = (
    (os, "fork"),
    (os, "forkpty"),
    (os, "posix_spawn"),
    (os, "posix_spawnp"),
    (subprocess, "_fork_exec"),
    (_posixsubprocess, "fork_exec"),
)
_LOOK_ONLY = os.WEXITED | os.WNOHANG | os.WNOWAIT if IS_LINUX else 0


class Reaper:
    """Of one process, for as long as it lives. `open` comes before any code that might start a process."""

    def __init__(self, look_s: float = LOOK_S) -> None:
        self._look_s = look_s
        self._started: set[int] = set()
        self._seen: frozenset[tuple[int, int | None]] = frozenset()

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Where one of the ways to start a process is unknown, nothing is reaped: better a zombie than a lost status."""
        if IS_LINUX and all(hasattr(module, name) for module, name in STARTERS):
            for module, name in STARTERS:
                setattr(module, name, self._noting(getattr(module, name)))
            loop.call_later(self._look_s, self._look, loop)

    def _noting(self, start: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(start)
        def noting(*arguments: Any, **named: Any) -> Any:
            given = start(*arguments, **named)
            self._started.add(given[0] if isinstance(given, tuple) else given)
            return given

        return noting

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Whoever was dead at the last look already: a `system` of C code has let go of its child long before."""
        for pid in tuple(self._started):
            if not _is_child(pid):
                self._started.discard(pid)
        dead = self._adopted_dead()
        for pid, _ in dead & self._seen:
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG)
        self._seen = dead
        loop.call_later(self._look_s, self._look, loop)

    def _adopted_dead(self) -> frozenset[tuple[int, int | None]]:
        """Process ids with start times."""
        with contextlib.suppress(ChildProcessError):
            if os.waitid(os.P_ALL, 0, _LOOK_ONLY) is not None:
                dead = (pid for pid in children_of(os.getpid()) if is_dead(pid))
                return frozenset((pid, start_time(pid)) for pid in dead if pid not in self._started)
        return frozenset()


def _is_child(pid: int) -> bool:
    """Whether it is a child of ours that nobody has waited for."""
    try:
        os.waitid(os.P_PID, pid, _LOOK_ONLY)
    except ChildProcessError:
        return False
    return True
