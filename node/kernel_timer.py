"""A timer of the kernel's that kills this process, however stopped or busy it is (L2). Linux; elsewhere a no-op.

`timer_create` on CLOCK_BOOTTIME with SIGKILL. The kernel forgets it with the process; it survives no exec and no fork.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import signal
import time
from struct import Struct

from node.process_ties import IS_LINUX

_TIMER_ABSTIME = 1
# struct itimerspec: interval and first expiry, each seconds and nanoseconds.
_ITIMERSPEC = Struct("llll")
# struct sigevent, 64 bytes: value, signal, notify (0 is SIGEV_SIGNAL), and what does not matter here.
_SIGEVENT = Struct("Pii48x")


class KernelTimer:
    """Kills this process at the instant it is armed for, unless moved on or disarmed before."""

    def __init__(self) -> None:
        self._libc: ctypes.CDLL | None = None
        self._timer = ctypes.c_void_p()
        if IS_LINUX:
            self._libc = _libc_with_timers()
            event = _SIGEVENT.pack(0, signal.SIGKILL, 0)
            self._check(
                self._libc.timer_create(time.CLOCK_BOOTTIME, event, ctypes.byref(self._timer))
            )

    def arm(self, at_ms: int | None) -> None:
        """Kill at `at_ms` of CLOCK_BOOTTIME (at once if that has passed); None: do not kill."""
        if self._libc is None:
            return
        seconds, ms = divmod(at_ms or 0, 1_000)
        spec = _ITIMERSPEC.pack(0, 0, seconds, ms * 1_000_000)
        self._check(self._libc.timer_settime(self._timer, _TIMER_ABSTIME, spec, None))

    @staticmethod
    def _check(result: int) -> None:
        if result != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"kernel timer: {os.strerror(number)}")


def _libc_with_timers() -> ctypes.CDLL:
    """The C library; before glibc 2.34 the timers were in a library of their own."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "timer_create"):
        libc = ctypes.CDLL(ctypes.util.find_library("rt") or "librt.so.1", use_errno=True)
    return libc
