"""Lists of ids that are longer than one call takes: the library splits them (TM-30)."""

from __future__ import annotations

from coordinator.client import Client, Edit, Filter
from tests.unit.api.house import doors


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
