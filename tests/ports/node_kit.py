"""Runs that write down that they run, for tests of a real node."""

from __future__ import annotations

import json
from pathlib import Path

from tests.ports.fake_leader import FakeLeader, run_of


def params(place: Path) -> bytes:
    return json.dumps({"path": str(place)}).encode()


async def running(leader: FakeLeader, place: Path, executor: str, **more: object) -> int:
    """A run of which the code is seen to run; gives the pid it wrote."""
    leader.want(run_of("t1", 7, executor, params=params(place), **more))
    await leader.until(lambda: text_of(place).strip(), "the run's first word")
    return int(text_of(place).split()[0])


def text_of(place: Path) -> str:
    return place.read_text() if place.exists() else ""
