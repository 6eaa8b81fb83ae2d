"""Tasks of a thing of the application: found by it, gone with it (TM-68)."""

from __future__ import annotations

from typing import Any

from coordinator.client import Client, Filter
from coordinator.model.tasks import RunOutcome, TaskSpec
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.api.house import NOOP, Doors, doors
from tests.unit.api.test_children import start_child


def about(kind: str = "order", ident: str = "7", **more: Any) -> wire.TaskSpec:
    return wire.TaskSpec(object_kind=kind, object_id=ident, **more)


async def ids(at: Doors, **wanted: Any) -> list[str]:
    request = wire.ListRequest(filter=wire.Filter(include_finished=True, **wanted))
    return [task.id for task in (await at.tasks.List(request, timeout=20)).tasks]


async def several(at: Doors) -> Any:
    """Of order 7: `p` runs, its child `p/a`, `done` has succeeded, `paused`. Of another: `other`. Of none: `free`."""
    node = await at.node()
    await at.create("p", spec=about())
    await start_child(node, "a")
    await at.create("done", spec=about())
    await node.end("done")
    await at.create("paused", paused=True, spec=about())
    await at.create("other", spec=about(ident="8"))
    await at.create("free")
    return node


async def test_tm_a55_a_task_is_in_the_list_of_its_object_and_not_among_the_standalone() -> None:
    async with doors() as at:
        node = await several(at)
        assert await ids(at, object_kind="order", object_id="7") == ["done", "p", "p/a", "paused"]
        await at.create("parent")
        await at.create("child", spec=wire.TaskSpec(parent="parent"))
        assert await ids(at, standalone=True) == ["free", "parent"]
        await node.end("free")
        runs = await at.tasks.Runs(wire.RunsRequest(filter=wire.Filter(standalone=True)))
        assert {run.task for run in runs.runs} == {"free", "parent"}


def family(*, replace_finished: bool = False) -> wire.CreateManyRequest:
    """`p` of order 7 with a child and its child; a child of its own mind, one of a parent that comes later."""
    specs = {
        "p": about(),
        "c": wire.TaskSpec(parent="p"),
        "cc": wire.TaskSpec(parent="c"),
        "own": about(ident="8", parent="p"),
        "early": wire.TaskSpec(parent="late"),
        "late": about(ident="9"),
    }
    tasks = [
        wire.NewTask(id=name, executor=NOOP, spec=spec, replace_finished=replace_finished)
        for name, spec in specs.items()
    ]
    return wire.CreateManyRequest(tasks=tasks)


async def test_tm_68_children_of_a_parent_in_the_same_bulk_inherit_its_object() -> None:
    async with doors() as at:
        node = await at.node()
        items = (await at.tasks.CreateMany(family())).items
        assert [one.error.reason for one in items] == ["", "", "", "", "task_not_found", ""]
        assert await ids(at, object_kind="order", object_id="7") == ["c", "cc", "p"]
        assert await ids(at, object_kind="order", object_id="8") == ["own"]
        again = (await at.tasks.CreateMany(family())).items
        assert [(one.created, one.error.reason) for one in again][:4] == [(False, "")] * 4
        for name in ("p", "c", "cc", "own", "late"):
            await node.end(name)
        await at.tasks.CreateMany(family(replace_finished=True))
        assert await ids(at, object_kind="order", object_id="7") == ["c", "cc", "p"]


async def test_tm_68_a_parent_that_is_there_says_what_its_children_are_about() -> None:
    async with doors() as at:
        await at.node()
        await at.create("p", spec=about(ident="1"))
        items = (await at.tasks.CreateMany(family())).items
        assert items[0].error.reason == "already_exists"
        assert await ids(at, object_kind="order", object_id="1") == ["c", "cc", "p"]


async def test_tm_a55_runs_of_a_series_are_not_standalone() -> None:
    async with doors() as at:
        node = await at.node()
        hourly = wire.Schedule(every_ms=3_600_000)
        await at.create("of-7", spec=about(schedule=hourly))
        await at.create("of-none", spec=wire.TaskSpec(schedule=hourly))
        for name in ("of-7", "of-none"):
            await node.end(name)
        await at.create("free")
        await node.end("free")
        runs = (await at.tasks.Runs(wire.RunsRequest(filter=wire.Filter(standalone=True)))).runs
        assert {run.task for run in runs} == {"free"}
        assert await ids(at, standalone=True) == ["free", "of-none"]  # the series itself


async def test_tm_a55_deleting_by_object_removes_its_tasks() -> None:
    async with doors() as at, Client([at.address]) as client:
        node = await several(at)
        gone = Filter(object_kind="order", object_id="7")
        done = await client.cancel_many(gone, purge=True)
        assert [item.id for item in done.items] == ["done", "p", "p/a", "paused"]
        assert {item.result for item in done.items} == {"updated"}
        assert await ids(at) == ["free", "other", "p", "p/a"]
        for name in ("p", "p/a"):
            await node.end(name, RunOutcome.CANCELLED)
        assert await ids(at) == ["free", "other"]


async def test_tm_68_one_call_at_the_door_means_finished_ones_as_well() -> None:
    async with doors() as at:
        await several(at)
        request = wire.CancelManyRequest(
            purge=True, filter=wire.Filter(object_kind="order", object_id="7")
        )
        said = {item.id: item.removed for item in (await at.tasks.CancelMany(request)).items}
        assert said == {"done": True, "p": False, "p/a": False, "paused": True}


async def test_tm_68_a_child_of_its_own_object_keeps_that_and_a_repeat_is_the_same() -> None:
    async with doors() as at:
        node = await several(at)
        await start_child(node, "b", spec=TaskSpec(object_kind="mail", object_id="1"))
        assert (await at.get("p/b")).spec.object_kind == "mail"
        by_hand = wire.TaskSpec(parent="p")
        first = await at.create("c", spec=by_hand)
        assert (first.task.spec.object_kind, first.task.spec.object_id) == ("order", "7")
        assert first.created
        assert not (await at.create("c", spec=by_hand)).created
