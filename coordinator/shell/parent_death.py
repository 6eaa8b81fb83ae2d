"""Children that do not outlive whom they belong to (Linux; elsewhere this does nothing)."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Mapping

PR_SET_PDEATHSIG = 1
TIE_VARIABLE = "PTASKS_DEV_PARENT"  # pid of the process that this one must not outlive


def die_with_parent(parent: int, with_signal: signal.Signals = signal.SIGKILL) -> None:
    """Ask the kernel for a signal when the parent's thread that started us ends; end now if it has already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(with_signal), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), with_signal)


def tie_from_environment(environ: Mapping[str, str]) -> None:
    """Obey the tie, if whoever started us gave one. It is not in the command line, so a restart by hand is free."""
    parent = environ.get(TIE_VARIABLE, "")
    if parent.isdigit() and os.getppid() == int(parent):
        die_with_parent(int(parent))
