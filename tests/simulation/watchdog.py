"""A step that never ends is a failure like any other. It is told by processor time, which no busy machine makes up."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STUCK_CPU_S = 300.0  # the longest search of the checkers takes a few seconds


class Stuck(Exception):
    """Raised wherever the step is."""


@contextmanager
def watched(step: Callable[[], int], cpu_s: float = STUCK_CPU_S) -> Iterator[None]:
    """Raise Stuck within when `step()` has not moved for `cpu_s`, at the latest after twice that.

    Signals come to the first thread alone: in others nothing is watched.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen = -1

    def look(_: int, __: FrameType | None) -> None:
        nonlocal seen
        if step() == seen:
            raise Stuck(f"step {seen} has taken more than {cpu_s:g} s of processor time")
        seen = step()

    before = signal.signal(signal.SIGVTALRM, look)
    signal.setitimer(signal.ITIMER_VIRTUAL, cpu_s, cpu_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
