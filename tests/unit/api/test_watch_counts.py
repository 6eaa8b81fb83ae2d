"""How many watches are open, and how many were told to begin anew (EX-73)."""

from __future__ import annotations

import pytest

from coordinator.api import hub as hub_module
from coordinator.api import server as server_module
from coordinator.api.hub import Hub
from tests.unit.api.house import doors, until
from tests.unit.api.test_watches import read, watch


@pytest.fixture
def hubs(monkeypatch: pytest.MonkeyPatch) -> list[Hub]:
    made: list[Hub] = []

    def make(door: object) -> Hub:
        made.append(Hub(door))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(server_module, "Hub", make)
    return made


async def test_open_watches_are_counted_until_their_callers_leave(hubs: list[Hub]) -> None:
    async with doors() as at:
        await at.node()
        calls = [watch(at, from_now=True) for _ in range(2)]
        await at.create("t", paused=True)
        for call in calls:
            await read(call)
        assert hubs[0].watchers == 2
        calls[0].cancel()
        await until(lambda: hubs[0].watchers == 1)
        assert set(hubs[0].resets.values()) == {0}


async def test_a_watch_that_is_too_far_behind_is_counted(
    hubs: list[Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "CHANGES_KEPT", 2)
    async with doors() as at:
        await at.node()
        revision = (await at.create("t0", paused=True)).task.modified_revision
        for number in range(1, 6):
            await at.create(f"t{number}", paused=True)
        message = await read(watch(at, after=revision))
        assert message.kind == "RESET"
        assert hubs[0].resets == {("grpc", "old"): 1, ("grpc", "slow"): 0}
