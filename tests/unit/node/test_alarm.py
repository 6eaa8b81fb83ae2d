"""The agent's wake-up, on the loop that the agent has and on the standard one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import uvloop

from node.alarm import Alarm

LOOPS = (asyncio.new_event_loop, uvloop.new_event_loop)


@pytest.mark.parametrize("make_loop", LOOPS)
@pytest.mark.parametrize("first_ms", [-5, 0, 1])
def test_it_can_be_asked_again_before_it_rang(
    make_loop: Callable[[], asyncio.AbstractEventLoop], first_ms: int
) -> None:
    async def work() -> int:
        rings, rang = 0, asyncio.Event()

        def ring() -> None:
            nonlocal rings
            rings += 1
            rang.set()

        alarm = Alarm(asyncio.get_running_loop(), ring)
        for delay_ms in (first_ms, 0, 3_600_000, first_ms):
            alarm.ring_in(delay_ms)
        await rang.wait()
        return rings

    with asyncio.Runner(loop_factory=make_loop) as runner:
        assert runner.run(work()) == 1


@pytest.mark.parametrize("make_loop", LOOPS)
def test_it_rings_for_the_earliest_and_can_be_asked_anew(
    make_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def work() -> int:
        rings: asyncio.Queue[None] = asyncio.Queue()
        alarm = Alarm(asyncio.get_running_loop(), lambda: rings.put_nowait(None))
        alarm.ring_in(3_600_000)
        alarm.ring_in(20)
        await rings.get()
        alarm.ring_in(1)
        await rings.get()
        return rings.qsize()

    with asyncio.Runner(loop_factory=make_loop) as runner:
        assert runner.run(work()) == 0
