"""Cancelling by filter: one entry for each id, and only what matches (PT-79)."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from coordinator.client import ChangeOptions, Client, Filter
from coordinator.model.tasks import RunOutcome
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.api.house import NOOP, Doors, doors, refused


async def cancel(at: Doors, request_id: str = "", **wanted: Any) -> dict[str, str]:
    request = wire.CancelManyRequest(
        change=wire.Change(request_id=request_id), filter=wire.Filter(**wanted)
    )
    items = (await at.tasks.CancelMany(request, timeout=20)).items
    return {item.id: f"{item.result} {item.error.reason}".strip() for item in items}


async def settled(at: Doors) -> Any:
    """On n1: import-1 and count-1 run, done has ended; import-2 is paused."""
    node = await at.node("n1", offers={NOOP: {}, "shop.count": {}})
    await at.create("import-1", spec=wire.TaskSpec(labels={"team": "x"}))
    await at.create("count-1", "shop.count")
    await at.create("import-2", paused=True, spec=wire.TaskSpec(labels={"team": "x"}))
    await at.create("done")
    await node.end("done")
    return node


async def statuses(at: Doors) -> dict[str, str]:
    return {name: task.status.value for name, task in at.house.replica.state.tasks.items()}


async def test_pt_a61_by_node_and_pattern_only_what_matches_is_cancelled() -> None:
    async with doors() as at:
        node = await settled(at)
        assert await cancel(at, node="n1", executor="demo.*") == {"import-1": "updated"}
        assert await statuses(at) == {
            "import-1": "stopping",
            "count-1": "assigned",
            "import-2": "paused",
            "done": "succeeded",
        }
        listed = (await at.tasks.Runs(wire.RunsRequest())).runs
        flags = {run.task: (run.status, run.stop_reason) for run in listed}
        assert flags["import-1"] == ("stopping", "cancel")
        assert flags["count-1"] == ("assigned", "")
        await node.end("import-1", RunOutcome.CANCELLED)
        (run,) = (await at.tasks.Runs(wire.RunsRequest(outcomes=["cancelled"]))).runs
        assert (run.task, run.status, run.stop_reason) == ("import-1", "ended", "")


async def test_pt_a61_a_finished_id_is_refused_and_an_unknown_one_not_found() -> None:
    async with doors() as at:
        await settled(at)
        found = await cancel(at, ids=["nope", "done", "import-2", "import-2", "count-1"])
        assert found == {
            "nope": "not_found task_not_found",
            "done": "refused already_finished",
            "import-2": "updated",
            "count-1": "updated",
        }
        assert list(found) == ["nope", "done", "import-2", "count-1"]
        assert await cancel(at, ids=["import-2"]) == {"import-2": "unchanged"}


async def test_pt_79_ids_that_do_not_match_what_else_is_said_are_skipped() -> None:
    async with doors() as at:
        await settled(at)
        found = await cancel(at, ids=["import-1", "count-1"], label_terms=["team=x"])
        assert found == {"import-1": "updated", "count-1": "skipped not_matching"}
        assert (await statuses(at))["count-1"] == "assigned"


async def test_pt_79_a_repeat_is_about_what_the_first_try_was() -> None:
    async with doors() as at:
        await settled(at)
        wanted: dict[str, Any] = {"ids": ["import-2", "count-1"], "statuses": ["paused"]}
        first = await cancel(at, "r1", **wanted)
        assert first == {"import-2": "updated", "count-1": "skipped not_matching"}
        revision = at.house.replica.state.tasks["import-2"].revision
        again = await cancel(at, "r1", **wanted)
        assert again == {"import-2": "unchanged", "count-1": "skipped not_matching"}
        assert at.house.replica.state.tasks["import-2"].revision == revision
        assert (await cancel(at, "r2", **wanted))["import-2"] == "skipped not_matching"


async def test_pt_79_more_than_a_page_is_gone_through_by_the_client() -> None:
    async with doors() as at, Client([at.address]) as client:
        await at.node()
        new = [wire.NewTask(id=f"t{n:04}", executor=NOOP, paused=True) for n in range(1_500)]
        for part in (new[:750], new[750:]):
            await at.tasks.CreateMany(wire.CreateManyRequest(tasks=part, brief=True), timeout=30)
        request = wire.CancelManyRequest(
            filter=wire.Filter(statuses=["paused"]), change=wire.Change(dry_run=True)
        )
        page = await at.tasks.CancelMany(request, timeout=30)
        assert len(page.items) == 1_000
        request.page_token = page.next_page
        assert len((await at.tasks.CancelMany(request, timeout=30)).items) == 500
        assert at.house.replica.state.tasks["t0000"].status == "paused"
        done = await client.cancel_many(Filter(statuses=["paused"]), ChangeOptions(), timeout_s=60)
        assert {item.result for item in done.items} == {"updated"}
        assert len({item.id for item in done.items}) == 1_500
        assert done.items[0].task is not None
        assert done.items[0].task.status == "cancelled"


async def test_pt_79_purged_records_are_gone() -> None:
    async with doors() as at, Client([at.address]) as client:
        await settled(at)
        done = await client.cancel_many(Filter(ids=["import-2", "nope"]), purge=True)
        assert [(item.id, item.result, item.removed) for item in done.items] == [
            ("import-2", "updated", True),
            ("nope", "not_found", False),
        ]
        assert done.items[1].error is not None
        assert done.items[1].error.reason == "task_not_found"
        assert "import-2" not in at.house.replica.state.tasks


@pytest.mark.parametrize(
    "request_",
    [
        wire.CancelManyRequest(),
        wire.CancelManyRequest(filter=wire.Filter(ids=[f"t{n}" for n in range(1_001)])),
        wire.CancelManyRequest(filter=wire.Filter(node="n"), change=wire.Change(if_revision=4)),
        wire.CancelManyRequest(
            filter=wire.Filter(node="n"), change=wire.Change(reason="x" * 5_000)
        ),
        wire.CancelManyRequest(filter=wire.Filter(statuses=["happy"])),
        wire.CancelManyRequest(filter=wire.Filter(node="n"), grace_ms=10**9),
        wire.CancelManyRequest(filter=wire.Filter(node="n"), page_token="zz"),
    ],
)
async def test_pt_79_what_cannot_be_meant_is_refused(request_: wire.CancelManyRequest) -> None:
    async with doors() as at:
        said = await refused(at.tasks.CancelMany(request_, timeout=20))
        assert said.code == grpc.StatusCode.INVALID_ARGUMENT
