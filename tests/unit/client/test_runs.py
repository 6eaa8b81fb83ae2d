"""Runs through the client, against a coordinator's own handlers."""

from __future__ import annotations

import asyncio

import pytest

from coordinator.client import Client, NotFound, RunFilter, SyncClient
from coordinator.model.tasks import RunOutcome
from tests.unit.api.house import Doors, doors


async def three_ended(at: Doors) -> None:
    node = await at.node()
    for name in ("a", "b", "c"):
        await at.create(name)
        await node.report(name, "started")
    await node.end("a")
    await node.end("b", RunOutcome.FAILED, permanent=True, error=b'{"type": "E", "message": "m"}')


async def test_pt_73_runs_of_all_tasks_in_pages_counted_and_grouped() -> None:
    async with doors() as at, Client([at.address]) as client:
        await three_ended(at)
        pages = [page async for page in client.run_pages(page_size=2)]
        assert [[run.name for run in page.runs] for page in pages] == [["c#3", "b#2"], ["a#1"]]
        failed = await client.runs(selection=RunFilter(outcomes=["failed"]))
        (run,) = failed.runs
        assert (run.error["message"], run.status, run.running_for_ms) == (
            "m",
            "ended",
            run.duration_ms,
        )
        live = RunFilter(statuses=["running"], executor="demo.*", node="n1")
        assert (await client.count_runs(live)).count == 1
        (group,) = (await client.run_groups("node")).groups
        assert (group.group, group.runs) == ("n1", 3)
        assert group.words == {"succeeded": 1, "failed": 1, "running": 1}


async def test_pt_a60_one_run_by_name_and_one_that_is_not_there() -> None:
    async with doors() as at, Client([at.address]) as client:
        await three_ended(at)
        found = await client.run("b", 2)
        assert (found.run.name, found.run.outcome) == ("b#2", "failed")
        with pytest.raises(NotFound) as refused:
            await client.run("b", 9)
        assert refused.value.reason == "run_not_found"
        assert refused.value.metadata["task_exists"] == "yes"
        assert refused.value.metadata["node_is_member"] == "yes"


async def test_the_synchronous_face_reads_runs_as_well() -> None:
    async with doors() as at:
        await three_ended(at)

        def names() -> list[str]:
            with SyncClient([at.address]) as client:
                return [
                    run.name
                    for page in client.iterate(lambda c: c.run_pages())
                    for run in page.runs
                ]

        assert await asyncio.to_thread(names) == ["c#3", "b#2", "a#1"]
