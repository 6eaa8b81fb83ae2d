"""S41 and S42: a watcher that does not read, and one that is ahead of the member it asks."""

from __future__ import annotations

import pytest

from coordinator.api import hub as hub_module
from tests.unit.api.house import doors
from tests.unit.api.test_watches import changes, read, watch


@pytest.mark.parametrize("kept", [20, 50_000])
async def test_s41_a_watcher_that_does_not_read_gets_all_or_is_told_where_to_go_on(
    monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr(hub_module, "CHANGES_KEPT", kept)
    padding = {"params": b'{"note": "' + b"x" * 150_000 + b'"}'}  # more than a connection holds
    async with doors() as at:
        await at.node()
        first = (await at.create("t0", paused=True)).task.modified_revision
        call = watch(at, after=first)
        written = [f"t{number}" for number in range(1, 121)]
        for task_id in written:
            last = (await at.create(task_id, paused=True, **padding)).task.modified_revision
        found, reset = [], None
        while len(found) < len(written) and reset is None:
            message = await read(call)
            found += [one.task.id for one in message.changes]
            reset = message if message.kind == "RESET" else None
        assert found == written[: len(found)]
        assert (reset is None) == (found == written)
        if kept == 20:
            assert reset is not None
            assert reset.reason == "compacted"
            assert first < reset.oldest_revision < last
            assert len(await changes(watch(at, after=reset.oldest_revision), kept)) == kept


async def test_s42_a_watch_resumed_where_others_are_ahead_waits_for_its_revision() -> None:
    async with doors() as at:
        await at.node()
        here = (await at.create("t0", paused=True)).task.modified_revision
        call = watch(at, after=here + 2)  # seen on a member that was two entries further
        for number in range(1, 5):
            revision = (await at.create(f"t{number}", paused=True)).task.modified_revision
        message = await read(call)
        assert revision == here + 4
        assert (message.revision, [one.task.id for one in message.changes]) == (here + 3, ["t3"])
        assert await changes(call, 1) == [("created", "t4")]
