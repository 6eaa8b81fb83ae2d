"""Changes of many that go in parts: more ids than one call takes, more bytes than one look takes (TM-30)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from coordinator.api.door import RoadFailed
from coordinator.api.many import BYTES_AT_ONCE
from coordinator.client import ChangeOptions, Client, Edit, Filter, NewTask, OutcomeUnknown
from coordinator.replica.effects import Reply
from coordinator.replica.inputs import Asked
from tests.unit.api.house import NOOP, doors


async def test_tm_30_a_subset_longer_than_a_call_is_split_with_its_ids() -> None:
    async with doors() as at, Client([at.address]) as client:
        await at.node()
        for name in ("first", "last", "kept"):
            await at.create(name, paused=True)
            await client.update(name, Edit(state={"n": 1}))
        missing = [f"m{n}" for n in range(1_000)]
        ids = ["first", *missing, "kept", "last"]
        reply = await client.pause_many(Filter(ids=ids), clear_state=["first", *missing, "last"])
        assert [item.id for item in reply.items] == ids
        results = {item.id: item.result for item in reply.items}
        assert {results[name] for name in missing} == {"not_found"}
        states = [(await at.get(name)).state for name in ("first", "last", "kept")]
        assert states == [b"", b"", b'{"n":1}']


LARGE = Edit(params={"text": "x" * 200_000})
MANY = [f"t{number}" for number in range(45)]


async def test_tm_30_a_large_edit_of_many_is_made_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    async with doors() as at, Client([at.address], timeout_s=20) as client:
        await at.node()
        await client.create_many([NewTask(executor=NOOP, id=one, paused=True) for one in MANY])
        submit, parts = at.house.submit, []

        async def counted(asked: Sequence[Asked], timeout_s: float) -> Reply:
            parts.append(len(asked))
            return await submit(asked, timeout_s)

        monkeypatch.setattr(at.house, "submit", counted)
        reply = await client.update_many(Filter(ids=MANY), LARGE)
        assert [item.id for item in reply.items] == MANY
        assert max(parts) * 200_000 <= BYTES_AT_ONCE
        sizes = {len((await at.get(one)).params) for one in MANY}
        assert sizes == {200_011}
        parts.clear()
        await client.pause_many(Filter(ids=MANY))
        assert parts == [45]


async def test_g14_a_part_that_fails_after_another_was_done_is_no_failure_of_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with doors() as at, Client([at.address]) as client:
        await at.node()
        await client.create_many([NewTask(executor=NOOP, id=one, paused=True) for one in MANY])
        submit, parts = at.house.submit, []

        async def once(asked: Sequence[Asked], timeout_s: float) -> Reply:
            parts.append(len(asked))
            if len(parts) > 1:
                raise RoadFailed("disk_full")
            return await submit(asked, timeout_s)

        monkeypatch.setattr(at.house, "submit", once)
        with pytest.raises(OutcomeUnknown):
            await client.update_many(Filter(ids=MANY), LARGE, ChangeOptions(), timeout_s=1)
