"""How the agent learns that a worker has ended: by a descriptor of the process where there are such, else by SIGCHLD.

With descriptors the event loop may be uvloop, which keeps SIGCHLD for itself; it costs a frame of the session about a
third less than the loop of the standard library.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable


def tells_by_descriptor() -> bool:
    """Linux from 5.3 on, and no sandbox that forbids it."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):  # macOS has no such function
        return False
    return True


def new_loop() -> asyncio.AbstractEventLoop:
    """The fastest loop that leaves us the ends of our children."""
    if not tells_by_descriptor():
        return asyncio.new_event_loop()
    import uvloop  # hardly a hundredth of a second, and only where it is used

    return uvloop.new_event_loop()


class ChildEnds:
    """Calls `look` when some child may have ended. Only children that were added are promised to be noticed."""

    def __init__(self, loop: asyncio.AbstractEventLoop, look: Callable[[], None]) -> None:
        self._loop = loop
        self._look = look
        self._by_descriptor = tells_by_descriptor()
        self._descriptors: dict[int, int] = {}

    def open(self) -> None:
        if not self._by_descriptor:
            self._loop.add_signal_handler(signal.SIGCHLD, self._look)

    def add(self, pid: int) -> None:
        """A child of ours that nobody has waited for yet. Raises OSError when descriptors have run out."""
        if self._by_descriptor:
            descriptor = self._descriptors[pid] = os.pidfd_open(pid)
            self._loop.add_reader(descriptor, self._look)

    def remove(self, pid: int) -> None:
        """Its end has been seen."""
        descriptor = self._descriptors.pop(pid, None)
        if descriptor is not None:
            self._loop.remove_reader(descriptor)
            with contextlib.suppress(OSError):
                os.close(descriptor)
