"""What goes on beside serving does not end unnoticed."""

from __future__ import annotations

import asyncio
import io

import pytest

from coordinator.shell.background import Background
from coordinator.shell.logs import Log
from coordinator.shell.pump import EXIT_BUG


class Rig:
    def __init__(self) -> None:
        self.lines = io.StringIO()
        self.halted: list[tuple[int, str]] = []
        self.background = Background(Log(self.lines, "debug"), lambda *why: self.halted.append(why))


async def raising() -> None:
    raise RuntimeError("the pipe is closed")


async def returning() -> None: ...


async def lasting() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        await raising()  # even so


@pytest.mark.parametrize(
    "work, why", [(raising, "RuntimeError: the pipe is closed"), (returning, "by itself")]
)
async def test_one_that_ends_unasked_ends_the_process_and_says_why(work, why) -> None:  # type: ignore[no-untyped-def]
    rig = Rig()
    rig.background.start(work(), "plugins")
    await asyncio.sleep(0.01)
    assert rig.halted == [(EXIT_BUG, f"plugins ended: {why}")]
    assert '"task": "plugins"' in rig.lines.getvalue()
    await rig.background.stop()


async def test_one_that_is_stopped_ends_nothing_however_it_ends() -> None:
    rig = Rig()
    rig.background.start(lasting(), "plugins")
    await asyncio.sleep(0.01)
    await rig.background.stop()
    assert rig.halted == []
    assert rig.lines.getvalue() == ""
