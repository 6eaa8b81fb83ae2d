"""Runs of all tasks: filters, pages, counts, groups, and a run that is not there (PT-73, PT-75)."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from coordinator.model.tasks import RunOutcome
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.api.house import NOOP, Doors, House, doors, refused, until

Code = grpc.StatusCode


async def runs(at: Doors, **asked: Any) -> list[str]:
    """Names of runs, all pages."""
    found: list[str] = []
    token = ""
    while True:
        answer = await at.tasks.Runs(wire.RunsRequest(page_token=token, **asked), timeout=20)
        found += [f"{run.task}#{run.allocation_id}" for run in answer.runs]
        token = answer.next_page
        if not token:
            return found


def of(**wanted: Any) -> dict[str, wire.Filter]:
    return {"filter": wire.Filter(**wanted)}


async def several(at: Doors) -> None:
    """import-1 and count run on n1, import-2 ended and failed on n2; labels and an object tell them apart."""
    one = await at.node("n1", offers={NOOP: {}, "shop.count": {}})
    await at.create("import-1", spec=wire.TaskSpec(labels={"team": "x"}, headers={"h": "1"}))
    await one.report("import-1", "started")
    await at.create("count", "shop.count", spec=wire.TaskSpec(object_kind="order", object_id="7"))
    two = await at.node("n2", offers={"shop.import": {}})
    await at.create("import-2", "shop.import", spec=wire.TaskSpec(max_attempts=1))
    await two.report("import-2", "started")
    await two.end("import-2", RunOutcome.FAILED, error=b'{"type": "E", "message": "m"}')


async def names(at: Doors, **asked: Any) -> list[str]:
    return [name.partition("#")[0] for name in await runs(at, **asked)]


async def test_pt_a56_runs_by_node_name_pattern_parent_and_all_else() -> None:
    async with doors() as at:
        await several(at)
        assert await names(at) == ["import-2", "count", "import-1"]
        assert await names(at, **of(node="n2")) == ["import-2"]
        assert await names(at, **of(id_pattern="import-*")) == ["import-2", "import-1"]
        assert await names(at, **of(id_pattern="imp?rt-*")) == []
        assert await names(at, **of(executor="shop.*")) == ["import-2", "count"]
        assert await names(at, **of(ids=["import-1"])) == ["import-1"]
        assert await names(at, **of(label_terms=["team=x"])) == ["import-1"]
        assert await names(at, **of(object_kind="order")) == ["count"]
        assert await names(at, **of(statuses=["ended"])) == ["import-2"]
        assert await names(at, outcomes=["failed", "lost"]) == ["import-2"]
        assert await names(at, **of(statuses=["running", "stopping"], node="n1")) == ["import-1"]
        assert await names(at, **of(statuses=["assigned", "running"])) == ["count", "import-1"]


async def test_pt_a56_an_entry_tells_executor_description_run_name_headers_and_progress() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("t1", spec=wire.TaskSpec(headers={"x-opaque-id": "7"}))
        await node.report("t1", "started")
        await node.progress("t1", 40.0)
        await until(lambda: at.house.replica.live.progress_of("t1", 1))
        (run,) = (await at.tasks.Runs(wire.RunsRequest())).runs
        assert (run.executor, run.description, run.task, run.allocation_id) == (
            NOOP,
            "id=t1",
            "t1",
            1,
        )
        assert (dict(run.headers), run.progress.done) == ({"x-opaque-id": "7"}, 40.0)
        assert (run.stop_reason, run.stopping_since_at) == ("", 0)
        await at.tasks.Cancel(wire.CancelRequest(id="t1"))
        (run,) = (await at.tasks.Runs(wire.RunsRequest())).runs
        assert (run.status, run.stop_reason) == ("stopping", "cancel")
        assert run.stopping_since_at == at.house.replica.state.tasks["t1"].stopping_since
        await node.end("t1", RunOutcome.CANCELLED)
        (run,) = (await at.tasks.Runs(wire.RunsRequest())).runs
        assert (run.status, run.outcome, run.stop_reason) == ("ended", "cancelled", "")
        assert run.running_for_ms == run.ended_at - run.started_at


async def test_pt_a57_runs_of_the_children_of_an_unknown_parent_are_none() -> None:
    async with doors() as at:
        await at.node()
        await at.create("t1")
        assert await runs(at, **of(parent="nobody")) == []
        counted = await at.tasks.Runs(wire.RunsRequest(count_only=True, **of(parent="nobody")))
        assert counted.count == 0
        assert (await at.tasks.List(wire.ListRequest(**of(parent="nobody")))).tasks == []


async def test_pt_a56_runs_and_tasks_by_parent() -> None:
    async with doors() as at:
        await at.node()
        await at.create("p")
        for name in ("p/b", "p/a"):
            await at.create(name, spec=wire.TaskSpec(parent="p"))
        assert await names(at, **of(parent="p")) == ["p/a", "p/b"]
        listed = (await at.tasks.List(wire.ListRequest(**of(parent="p")))).tasks
        assert [task.id for task in listed] == ["p/a", "p/b"]
        (run, _) = (await at.tasks.Runs(wire.RunsRequest(**of(parent="p")))).runs
        assert run.parent == "p"
        grouped = (await at.tasks.Runs(wire.RunsRequest(group_by="parent"))).groups
        assert [(one.group, one.runs) for one in grouped] == [("-", 1), ("p", 2)]


async def test_pt_73_errors_come_in_brief_and_whole_for_one_run() -> None:
    async with doors() as at:
        await several(at)
        (run,) = (await at.tasks.Runs(wire.RunsRequest(outcomes=["failed"]))).runs
        assert run.error
        exact = wire.RunsRequest(id="import-2", allocation_id=run.allocation_id)
        (whole,) = (await at.tasks.Runs(exact)).runs
        assert (whole.task, whole.error, whole.outcome) == ("import-2", run.error, "failed")


async def test_pt_a60_an_unknown_run_says_whether_its_task_and_its_node_are_there() -> None:
    async with doors() as at:
        await several(at)
        said = await refused(at.tasks.Runs(wire.RunsRequest(id="import-1", allocation_id=99)))
        assert (said.code, said.reason) == (Code.NOT_FOUND, "run_not_found")
        assert said.metadata == {
            "task_exists": "yes",
            "current_allocation_id": "1",
            "node": "n1",
            "node_is_member": "yes",
        }
        asked = wire.RunsRequest(id="import-1", allocation_id=99, **of(node="n9"))
        assert (await refused(at.tasks.Runs(asked))).metadata["node_is_member"] == "no"
        said = await refused(at.tasks.Runs(wire.RunsRequest(id="zz", allocation_id=1)))
        assert (said.reason, said.metadata) == ("run_not_found", {"task_exists": "no"})


async def test_pt_73_counted_and_grouped_by_node() -> None:
    async with doors() as at:
        await several(at)
        assert (await at.tasks.Runs(wire.RunsRequest(count_only=True))).count == 3
        live = wire.RunsRequest(count_only=True, **of(statuses=["running"]))
        assert (await at.tasks.Runs(live)).count == 1
        grouped = wire.RunsRequest(group_by="node")
        found = {g.group: dict(g.words) for g in (await at.tasks.Runs(grouped)).groups}
        assert found == {"n1": {"running": 1, "assigned": 1}, "n2": {"failed": 1}}
        first = await at.tasks.Runs(wire.RunsRequest(group_by="node", limit=1))
        assert [g.group for g in first.groups] == ["n1"]
        again = wire.RunsRequest(group_by="node", limit=1, page_token=first.next_page)
        rest = await at.tasks.Runs(again)
        assert ([g.group for g in rest.groups], rest.next_page) == (["n2"], "")
        (every,) = (await at.tasks.Runs(wire.RunsRequest(group_by="parent"))).groups
        assert (every.group, every.runs) == ("-", 3)


async def test_pt_73_runs_of_a_time_and_those_that_take_long() -> None:
    async with doors() as at:
        await several(at)
        ended = at.house.replica.state.tasks["import-2"].finished_at
        assert await names(at, since_at=ended + 1) == ["count", "import-1"]
        assert await names(at, until_at=ended + 1) == ["import-2", "count", "import-1"]
        placed = at.house.replica.state.tasks["import-1"].assigned_at
        assert await names(at, until_at=placed) == []
        started = at.house.replica.state.tasks["import-1"].started_at
        await until(lambda: at.house.replica.now.wall > started + 30)
        assert await names(at, **of(running_longer_ms=20)) == ["import-1"]
        assert await names(at, **of(running_longer_ms=10**9)) == []


@pytest.mark.parametrize(
    "asked, field",
    [
        ({"limit": 1_001}, "limit"),
        ({"filter": wire.Filter(statuses=["succeeded"])}, "status"),
        ({"outcomes": ["good"]}, "outcome"),
        ({"group_by": "zone"}, "group_by"),
    ],
)
async def test_pt_73_what_nobody_knows_is_refused(asked: dict[str, Any], field: str) -> None:
    async with doors() as at:
        said = await refused(at.tasks.Runs(wire.RunsRequest(**asked)))
        assert (said.reason, said.metadata["field"]) == ("invalid_field", field)


async def test_pt_73_a_token_belongs_to_what_was_asked() -> None:
    async with doors() as at:
        await several(at)
        token = (await at.tasks.Runs(wire.RunsRequest(limit=1))).next_page
        other = wire.RunsRequest(limit=1, page_token=token, outcomes=["failed"])
        assert (await refused(at.tasks.Runs(other))).reason == "invalid_page_token"
        longer = await at.tasks.Runs(wire.RunsRequest(limit=2, page_token=token))
        assert len(longer.runs) == 2


def many(house: House, count: int) -> None:
    for number in range(1, count + 1):
        key = (f"t{number % 997}", number)
        house.rows[key] = {
            "task_id": key[0],
            "allocation_id": number,
            "index": number,
            "executor": NOOP,
            "node": f"n{number % 3}",
            "assigned_at": number,
            "ended_at": number,
            "outcome": "failed" if number % 50_000 == 0 else "succeeded",
        }


async def test_pt_a64_a_hundred_thousand_runs_come_in_pages_and_no_page_reads_more() -> None:
    async with doors() as at:
        many(at.house, 100_000)
        answer = await at.tasks.Runs(wire.RunsRequest(limit=100))
        assert [run.allocation_id for run in answer.runs] == list(range(100_000, 99_900, -1))
        assert at.house.rows_read <= 101
        at.house.rows_read = 0
        many(at.house, 100_010)  # newer ones do not disturb the order of a listing under way
        request = wire.RunsRequest(limit=1_000, page_token=answer.next_page)
        second = await at.tasks.Runs(request)
        assert [run.allocation_id for run in second.runs] == list(range(99_900, 98_900, -1))
        assert at.house.rows_read <= 1_500
        assert await runs(at, outcomes=["failed"]) == ["t300#100000", "t150#50000"]
