"""Executors of single scenarios: `--executors .../executors_for_scenarios.py`, beside those of `executors_for_tests`."""

from __future__ import annotations

import asyncio
import os

from executors import TaskPolicy, executor
from tests.end_to_end.executors_for_tests import Handle, Nothing, Place, write_line, write_on

LINES_AFTER_STOP = 15


@executor("s31.lingers", policy=TaskPolicy(exclusive=True, cancel_grace="20s"))
async def lingers(task: Handle, params: Place) -> None:
    """Writes on for a while after it was asked to stop."""
    try:
        await write_on(task, params.path)
    except asyncio.CancelledError:
        for _ in range(LINES_AFTER_STOP):
            write_line(task, params.path)
            await asyncio.sleep(0.1)
        raise


@executor("s45.rare")
async def rare(task: Handle, params: Place) -> None:
    """Writes; few nodes offer it."""
    await write_on(task, params.path)


@executor("s45.crashes", policy=TaskPolicy(isolation="process"))
async def crashes(task: Handle, params: Nothing) -> None:
    """Takes its process along at once."""
    os.abort()
