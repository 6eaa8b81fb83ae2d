"""Any change of many tasks: one entry for each id, in the order given (TM-30 to TM-34)."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from typing_extensions import override

from coordinator.client import ChangeOptions, Client, Edit, Filter, InvalidRequest, NewTask, Task
from coordinator.client.replies import Changed, ChangedMany
from coordinator.model.tasks import RunOutcome
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.api.house import NOOP, doors, refused


def words(reply: ChangedMany) -> list[tuple[str, str]]:
    return [(item.id, item.result) for item in reply.items]


async def test_tm_a40_resume_many_tells_of_each_in_order() -> None:
    async with doors() as at, Client([at.address]) as client:
        node = await at.node()
        await at.create("paused", paused=True)
        await at.create("active")
        await at.create("over")
        await node.end("over")
        ids = ["paused", "active", "missing", "over"]
        reply = await client.resume_many(Filter(ids=ids))
        assert words(reply) == [
            ("paused", "updated"),
            ("active", "unchanged"),
            ("missing", "not_found"),
            ("over", "refused"),
        ]
        assert reply.items[3].error is not None
        assert reply.items[3].error.reason == "already_finished"
        again = await client.resume_many(Filter(ids=ids), ChangeOptions(request_id="r"))
        repeat = await client.resume_many(Filter(ids=ids), ChangeOptions(request_id="r"))
        assert words(again) == words(repeat)


async def test_tm_a41_a_bulk_pause_clears_the_state_of_some() -> None:
    async with doors() as at, Client([at.address]) as client:
        node = await at.node()
        for name in ("a", "b", "runs"):
            await at.create(name, paused=True)
            await client.update(name, Edit(state={"n": 1}))
        await client.resume("runs")
        await node.runs("runs")
        ids = ["a", "b", "runs"]
        reply = await client.pause_many(Filter(ids=ids), clear_state=["b", "runs"])
        assert words(reply) == [("a", "unchanged"), ("b", "updated"), ("runs", "updated")]
        states = {name: (await at.get(name)).state for name in ids}
        assert states == {"a": b'{"n":1}', "b": b"", "runs": b'{"n":1}'}
        await node.end("runs", RunOutcome.ABORTED)
        assert (await at.get("runs")).state == b""  # once its run was over


async def test_tm_31_an_edit_of_many_is_deferred_where_a_run_goes_on() -> None:
    async with doors() as at, Client([at.address]) as client:
        node = await at.node()
        await at.create("runs")
        await node.runs("runs")
        await at.create("rests", paused=True)
        reply = await client.update_many(Filter(ids=["runs", "rests"]), Edit(params={"n": 1}))
        assert words(reply) == [("runs", "deferred"), ("rests", "updated")]
        assert (await at.get("rests")).params == b'{"n":1}'
        same = await client.update_many(Filter(ids=["rests"]), Edit(params={"n": 1}))
        assert words(same) == [("rests", "unchanged")]


async def test_tm_31_an_edit_that_meets_another_is_merged_again() -> None:
    async with doors() as at, Client([at.address]) as client:
        await at.node()
        names = [f"t{n}" for n in range(20)]
        for name in names:
            await at.create(name, paused=True)
        both = (
            client.update_many(Filter(ids=names), Edit(params={"a": 1})),
            client.update_many(Filter(ids=names), Edit(params={"b": 2})),
        )
        for reply in await asyncio.gather(*both):
            assert {result for _, result in words(reply)} == {"updated"}
        assert (await at.get("t7")).params in (b'{"a":1,"b":2}', b'{"b":2,"a":1}')


async def test_tm_30_run_now_and_retry_by_filter() -> None:
    async with doors() as at, Client([at.address]) as client:
        node = await at.node()
        hourly = {"every": "1h", "start_at": "2090-01-01T00:00:00Z"}
        for name in ("s1", "s2"):
            await client.create(NewTask(executor=NOOP, id=name, schedule=hourly))
        await at.create("once")
        reply = await client.run_now_many(Filter(recurring=True))
        assert words(reply) == [("s1", "updated"), ("s2", "updated")]
        await node.end("s1")
        await node.end("s2")
        await node.end("once")
        done = await client.retry_many(
            Filter(ids=["once", "s1"], include_finished=True), again=True
        )
        assert words(done) == [("once", "updated"), ("s1", "refused")]


@pytest.mark.parametrize("all_or_nothing", [False, True])
async def test_tm_30_a_retry_of_many_merges_params_into_those_of_each(
    all_or_nothing: bool,
) -> None:
    async with doors() as at, Client([at.address]) as client:
        node = await at.node()
        for name in ("a", "b"):
            await at.create(name, params=f'{{"of":"{name}","n":0}}'.encode())
            await node.end(name, RunOutcome.FAILED, permanent=True)
        change = ChangeOptions(all_or_nothing=all_or_nothing)
        reply = await client.retry_many(Filter(ids=["a", "b"]), change, params={"n": 1})
        assert words(reply) == [("a", "updated"), ("b", "updated")]
        params = [json.loads((await at.get(name)).params) for name in ("a", "b")]
        assert params == [{"of": "a", "n": 1}, {"of": "b", "n": 1}]
        assert all(one.task is not None and not one.task.is_finished for one in reply.items)


@pytest.mark.parametrize("all_or_nothing", [False, True])
async def test_pt_24_each_item_of_an_edit_says_who_looked_at_its_params(
    all_or_nothing: bool,
) -> None:
    """Of those of an executor whose own word is not to be had here, and of those alone."""
    async with doors() as at, Client([at.address]) as client:
        await at.node(offers={NOOP: {}, "demo.strict": {"own_validate": True}})
        for name, executor in (("a", NOOP), ("strict", "demo.strict"), ("z", NOOP)):
            await client.create(NewTask(executor=executor, id=name, paused=True))
        chosen = Filter(ids=["a", "strict", "z"])
        change = ChangeOptions(all_or_nothing=all_or_nothing)
        reply = await client.update_many(chosen, Edit(params={"n": 1}), change)
        assert words(reply) == [(name, "updated") for name in ("a", "strict", "z")]
        assert [one.validated for one in reply.items] == ["full", "schema_only", "full"]
        reply = await client.pause_many(Filter(ids=["missing"]), ChangeOptions())
        assert [one.validated for one in reply.items] == [""]


async def test_tm_1_an_edit_of_many_with_a_bad_field_is_refused_for_each() -> None:
    async with doors() as at, Client([at.address]) as client:
        await at.node()
        await at.create("a", paused=True)
        reply = await client.update_many(Filter(ids=["a"]), Edit(schedule={"cron": "0 30 * * *"}))
        assert words(reply) == [("a", "refused")]
        assert reply.items[0].error is not None
        assert reply.items[0].error.reason == "invalid_schedule"
        with pytest.raises(InvalidRequest):
            await client.update_many(Filter(ids=["a"]), Edit())


class Meddled(Client):
    """Somebody else writes between our read and our write: of `busy` once, of `wild` each time."""

    met = 0

    @override
    async def update(
        self,
        task_id: str,
        edit: Edit,
        change: ChangeOptions | None = None,
        *,
        timeout_s: float | None = None,
    ) -> Changed:
        if task_id == "wild" or (task_id == "busy" and not self.met):
            self.met += task_id == "busy"
            await super().update(task_id, Edit(labels={"by": f"{task_id}{time.monotonic_ns()}"}))
        return await super().update(task_id, edit, change, timeout_s=timeout_s)


async def test_tm_a42_only_conflicts_are_tried_again_and_at_most_twice() -> None:
    async with doors() as at, Meddled([at.address]) as client:
        node = await at.node()
        for name in ("calm", "busy", "wild", "left", "wrong"):
            await at.create(name, paused=True, params=b'{"n":0}')
        await at.create("over", params=b'{"n":0}')
        await node.end("over")
        asked: list[str] = []

        def make(task: Task) -> Edit | None:
            asked.append(task.id)
            if task.id == "wrong":
                return Edit(schedule={"cron": "0 30 * * *"})
            return None if task.id == "left" else Edit(params={"n": task.params["n"] + 1})

        ids = ["calm", "busy", "wild", "left", "wrong", "over", "gone"]
        reply = await client.update_with(ids, make)
        assert words(reply) == [
            ("calm", "updated"),
            ("busy", "updated"),
            ("wild", "conflict"),
            ("left", "unchanged"),
            ("wrong", "refused"),
            ("over", "refused"),
            ("gone", "not_found"),
        ]
        assert {name: asked.count(name) for name in ids} == {
            "calm": 1,
            "busy": 2,
            "wild": 3,
            "left": 1,
            "wrong": 1,
            "over": 1,
            "gone": 0,
        }
        assert (await at.get("wild")).params == b'{"n":0}'
        assert (await at.get("busy")).params == b'{"n":1}'


@pytest.mark.parametrize(
    "request_, field",
    [
        (wire.ChangeManyRequest(filter=wire.Filter(node="n")), "what"),
        (wire.ChangeManyRequest(pause=wire.PauseRequest()), "filter"),
        (
            wire.ChangeManyRequest(
                filter=wire.Filter(node="n"),
                resume=wire.ResumeRequest(),
                clear_state_of=["a"],
            ),
            "clear_state_of",
        ),
        (
            wire.ChangeManyRequest(
                filter=wire.Filter(node="n"), update=wire.UpdateRequest(move=True)
            ),
            "move",
        ),
        (
            wire.ChangeManyRequest(
                filter=wire.Filter(node="n"), pause=wire.PauseRequest(running="hop")
            ),
            "running",
        ),
    ],
)
async def test_tm_30_what_cannot_be_meant_is_refused(
    request_: wire.ChangeManyRequest, field: str
) -> None:
    async with doors() as at:
        said = await refused(at.tasks.ChangeMany(request_))
        assert said.metadata["field"] == field
