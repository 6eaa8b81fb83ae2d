"""`dev up` ends when it is asked to, wherever the program was at that moment."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys

import pytest

from coordinator.cli import dev_up


def test_x25_an_interruption_that_was_dropped_ends_the_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Raised in a destructor, for instance: Python prints it and goes on."""
    monkeypatch.setattr(dev_up._Interrupts, "came", False)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as parent:
        try:
            with contextlib.suppress(KeyboardInterrupt):
                dev_up._interrupt(signal.SIGINT, None)
            with pytest.raises(KeyboardInterrupt):
                dev_up._wait_for_the_end(parent)
        finally:
            parent.kill()


def test_the_wait_ends_with_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev_up._Interrupts, "came", False)
    monkeypatch.setattr(dev_up, "LOOK_S", 0.01)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.2)"]) as parent:
        dev_up._wait_for_the_end(parent)
        assert parent.returncode == 0
