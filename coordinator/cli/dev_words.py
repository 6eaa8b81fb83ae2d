"""Commands for people to type next, as they have to be typed from here to reach this cluster (X27)."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

import click
from click.core import ParameterSource

from coordinator.cli import contexts

CONTEXT = "dev"


def typed(command: str) -> str:
    """`taskctl COMMAND`, the program by its path where it is not on PATH, and with the flag that names the cluster
    where without it another one would be meant."""
    where = _directory_flag() if command.startswith("dev ") else _context_flag()
    program = "taskctl" if shutil.which("taskctl") else str(Path(sys.executable).parent / "taskctl")
    return f"{program} {command}{where}"


def _directory_flag() -> str:
    """A directory that was named by its flag has to be named again."""
    ctx = click.get_current_context(silent=True)
    if ctx is None or ctx.get_parameter_source("directory") is not ParameterSource.COMMANDLINE:
        return ""
    return f" --data-dir {shlex.quote(ctx.params['directory'])}"


def _context_flag() -> str:
    """`dev up` selects its context only where none was selected."""
    selected = os.environ.get("TASKCTL_CONTEXT") or contexts.load().current
    return "" if selected == CONTEXT else f" --context {CONTEXT}"
