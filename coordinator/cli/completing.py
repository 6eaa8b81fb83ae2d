"""Completion of live names: ids, nodes, executors, contexts (EX-22).

The process that completes imports no grpc. It reads a cache that is at most 5 s old; when there is none it starts a
process that fetches the names, waits for it for a short while, and else uses what it has, or nothing. Whatever goes
wrong, it is silent.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

FRESH_S = 5.0
BUDGET_S = 0.15
KEPT_S = 600.0
_POLL_S = 0.01

Completer = Callable[[click.Context, click.Parameter, str], list[str]]


def complete(kind: str) -> Completer:
    """A completer of `tasks`, `nodes`, `executors`, `members` or `contexts`."""

    def completer(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001  (click's)
        try:
            names = _contexts() if kind == "contexts" else live_names(kind)
        except Exception:  # noqa: BLE001  (silence on any trouble)
            return []
        return [name for name in names if name.startswith(incomplete)]

    return completer


def _contexts() -> list[str]:
    from coordinator.cli.contexts import load

    return sorted(load().contexts)


def cache_file(kind: str) -> Path:
    """One file per kind of name and per cluster asked."""
    import zlib

    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    where = "\0".join(
        os.environ.get(name, "") for name in ("TASKCTL_ADDR", "TASKCTL_CONTEXT", "TASKCTL_CONFIG")
    )
    return Path(base) / "taskctl" / f"{kind}-{zlib.crc32(where.encode()):08x}.json"


def live_names(kind: str) -> list[str]:
    """The names of now, or of a little while ago."""
    path = cache_file(kind)
    age = _age(path)
    if age is None or age > FRESH_S:
        _fetch_apart(kind)
        give_up = time.monotonic() + BUDGET_S
        while time.monotonic() < give_up:
            time.sleep(_POLL_S)
            age = _age(path)
            if age is not None and age <= FRESH_S:
                break
    if age is None or age > KEPT_S:
        return []
    names = json.loads(path.read_text(encoding="utf-8"))
    return [str(name) for name in names]


def _age(path: Path) -> float | None:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return None


def _fetch_apart(kind: str) -> None:
    """Start the fetching in a process of its own, which may take its time."""
    import subprocess

    environment = {name: text for name, text in os.environ.items() if name != "_TASKCTL_COMPLETE"}
    subprocess.Popen(
        [sys.executable, "-m", "coordinator.cli.completion_fetch", kind],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=environment,
    )
