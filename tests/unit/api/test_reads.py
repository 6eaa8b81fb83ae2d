"""Reads: one record, pages, filters, runs, logs, and why a task is where it is."""

from __future__ import annotations

import json
from itertools import chain

import grpc
import pytest

from coordinator.model.tasks import RunOutcome
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.api.house import NOOP, Doors, doors, refused, until

Code = grpc.StatusCode


async def pages(at: Doors, **asked: object) -> list[list[str]]:
    found: list[list[str]] = []
    token = ""
    while True:
        request = wire.ListRequest(page_token=token, **asked)
        answer = await at.tasks.List(request)
        found.append([task.id for task in answer.tasks])
        token = answer.next_page
        if not token:
            return found


async def ids(at: Doors, **wanted: object) -> list[str]:
    return [*chain(*await pages(at, filter=wire.Filter(**wanted)))]


async def test_get_by_the_beginning_of_an_id() -> None:
    async with doors() as at:
        await at.node()
        for name in ("import-eu", "import-us", "other"):
            await at.create(name)
        one = await at.tasks.Get(wire.GetRequest(id="oth", prefix=True))
        assert one.task.id == "other"
        two = await at.tasks.Get(wire.GetRequest(id="import", prefix=True))
        assert (list(two.matches), two.match_count) == (["import-eu", "import-us"], 2)
        exact = await at.tasks.Get(wire.GetRequest(id="import-eu", prefix=True))
        assert exact.task.id == "import-eu"
        said = await refused(at.tasks.Get(wire.GetRequest(id="imp")))
        assert (said.code, said.reason) == (Code.NOT_FOUND, "task_not_found")
        said = await refused(at.tasks.Get(wire.GetRequest(id="x", prefix=True)))
        assert said.reason == "task_not_found"


async def test_many_matches_are_counted_and_a_few_shown() -> None:
    async with doors() as at:
        await at.node()
        for number in range(15):
            await at.create(f"t{number:02}")
        found = await at.tasks.Get(wire.GetRequest(id="t", prefix=True))
        assert (len(found.matches), found.match_count) == (10, 15)


async def test_ex_49_pages_in_id_order() -> None:
    async with doors() as at:
        await at.node(capacity=100)
        for number in range(25):
            await at.create(f"t{number:02}")
        found = await pages(at, page_size=10)
        assert [len(page) for page in found] == [10, 10, 5]
        assert [*chain(*found)] == [f"t{n:02}" for n in range(25)]
        assert await pages(at, page_size=25) == [[f"t{n:02}" for n in range(25)]]


async def test_x42_what_exists_throughout_appears_exactly_once() -> None:
    async with doors() as at:
        await at.node(capacity=100)
        for number in range(0, 40, 2):
            await at.create(f"t{number:02}", paused=True)
        seen: list[str] = []
        token, revisions = "", set()
        step = 1
        while True:
            answer = await at.tasks.List(wire.ListRequest(page_size=4, page_token=token))
            seen += [task.id for task in answer.tasks]
            revisions.add(answer.list_revision)
            token = answer.next_page
            if not token:
                break
            await at.create(f"t{step:02}", paused=True)
            await at.create(f"t{39 - step:02}", paused=True)
            await at.tasks.Cancel(wire.CancelRequest(id=f"t{4 * step:02}", purge=True))
            step += 2
        removed = {f"t{4 * n:02}" for n in range(1, step, 2)}
        throughout = {f"t{n:02}" for n in range(0, 40, 2)} - removed
        assert len(seen) == len(set(seen))
        assert throughout <= set(seen)
        assert len(revisions) == 1


async def test_ex_49_a_token_belongs_to_its_filter() -> None:
    async with doors() as at:
        await at.node()
        for number in range(3):
            await at.create(f"t{number}")
        token = (await at.tasks.List(wire.ListRequest(page_size=1))).next_page
        other = wire.ListRequest(page_size=1, page_token=token, filter=wire.Filter(executor="x"))
        for request in (
            other,
            wire.ListRequest(page_token="no token"),
            wire.ListRequest(page_token="YWJj"),
        ):
            said = await refused(at.tasks.List(request))
            assert (said.code, said.reason) == (Code.INVALID_ARGUMENT, "invalid_page_token")


@pytest.mark.parametrize("size", [-1, 1_001, 2**31 - 1])
async def test_ex_49_a_page_that_is_too_large_is_refused(size: int) -> None:
    async with doors() as at:
        said = await refused(at.tasks.List(wire.ListRequest(page_size=size)))
        assert said.metadata["field"] == "page_size"


async def test_filters() -> None:
    async with doors() as at:
        one = await at.node("n1", offers={NOOP: {}, "shop.count": {}})
        await at.create("a", spec=wire.TaskSpec(labels={"team": "x", "env": "prod"}))
        await at.create("b", "shop.count", spec=wire.TaskSpec(labels={"team": "y"}))
        await at.create("c", paused=True, spec=wire.TaskSpec(object_kind="order", object_id="7"))
        await at.create("d")
        await one.end("d")
        await at.create("e")
        await one.end("e", RunOutcome.FAILED, permanent=True)
        assert await ids(at) == ["a", "b", "c", "e"]
        assert await ids(at, include_finished=True) == ["a", "b", "c", "d", "e"]
        assert await ids(at, statuses=["succeeded", "paused"]) == ["c", "d"]
        assert await ids(at, executor="shop.*") == ["b"]
        assert await ids(at, executor=NOOP) == ["a", "c", "e"]
        assert await ids(at, node="n1") == ["a", "b"]
        assert await ids(at, node="n9") == []
        assert await ids(at, ids=["d", "b", "zz", "b"]) == ["b", "d"]
        assert await ids(at, label_terms=["team=x"]) == ["a"]
        assert await ids(at, label_terms=["team!=x"]) == ["b", "c", "e"]
        assert await ids(at, label_terms=["team", "!env"]) == ["b"]
        assert await ids(at, object_kind="order") == ["c"]
        assert await ids(at, object_kind="order", object_id="8") == []
        assert await ids(at, parent="a") == []  # PT-A57: no error
        counted = wire.ListRequest(count_only=True, filter=wire.Filter(include_finished=True))
        assert (await at.tasks.List(counted)).count == 5
        said = await refused(at.tasks.List(wire.ListRequest(filter=wire.Filter(statuses=["ok"]))))
        assert said.metadata["field"] == "status"


async def test_stale_reads_say_so_and_wait_for_the_revision_named() -> None:
    async with doors() as at:
        await at.node()
        revision = (await at.create("t1")).answer.revision
        read = wire.ReadOptions(stale=True, min_revision=revision)
        answer = await at.tasks.Get(wire.GetRequest(id="t1", read=read))
        assert answer.answer.stale
        ahead = wire.ReadOptions(stale=True, min_revision=revision + 50)
        said = await refused(at.tasks.Get(wire.GetRequest(id="t1", read=ahead), timeout=0.8))
        assert (said.code, said.reason) == (Code.DEADLINE_EXCEEDED, "timed_out")


async def test_r4_only_stale_reads_are_answered_without_a_leader() -> None:
    async with doors(3, lead=False) as at:
        stale = wire.ReadOptions(stale=True)
        answer = await at.tasks.List(wire.ListRequest(read=stale))
        assert (answer.answer.stale, answer.answer.leader) == (True, "")
        said = await refused(at.tasks.List(wire.ListRequest(), timeout=0.8))
        assert (said.code, said.reason) == (Code.UNAVAILABLE, "unavailable")
        assert said.metadata["cause"] == "no_quorum"


async def test_progress_is_shown_while_it_runs() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("t1")
        await node.report("t1", "started")
        await node.progress("t1", 40.0)
        await until(lambda: at.house.replica.live.progress_of("t1", 1))
        assert (await at.get("t1")).progress.done == 40.0
        listed = (await at.tasks.List(wire.ListRequest())).tasks[0]
        assert (listed.progress.done, listed.progress.total) == (40.0, 100.0)


async def test_pt_a60_history_of_a_task() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("t1")
        for number in range(3):
            await node.report("t1", "started")
            await node.end("t1", RunOutcome.FAILED, reason=f"r{number}", retry_in_ms=0)
            if number < 2:
                await until(lambda: at.house.replica.state.tasks["t1"].has_node)
        answer = await at.tasks.Runs(wire.RunsRequest(id="t1", limit=2))
        newest = answer.runs[0]
        assert (newest.outcome, newest.reason, newest.node) == ("failed", "r2", "n1")
        assert [run.attempt for run in answer.runs] == [3, 2]
        rest = await at.tasks.Runs(wire.RunsRequest(id="t1", page_token=answer.next_page))
        assert ([run.attempt for run in rest.runs], rest.next_page) == ([1], "")
        before = answer.runs[-1].allocation_id
        rest = await at.tasks.Runs(wire.RunsRequest(id="t1", before_allocation_id=before))
        assert [run.attempt for run in rest.runs] == [1]
        said = await refused(at.tasks.Runs(wire.RunsRequest(id="no")))
        assert said.reason == "task_not_found"
        said = await refused(at.tasks.Runs(wire.RunsRequest(id="t1", limit=5_000)))
        assert said.reason == "invalid_field"


async def test_a_run_in_progress_has_the_status_of_its_task() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("t1")
        await node.report("t1", "started")
        (run,) = (await at.tasks.Runs(wire.RunsRequest(id="t1"))).runs
        assert (run.status, run.outcome) == ("running", "")
        await at.tasks.Cancel(wire.CancelRequest(id="t1"))
        (run,) = (await at.tasks.Runs(wire.RunsRequest(id="t1"))).runs
        assert run.status == "stopping"


async def test_a_large_result_comes_from_the_runs_table() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("t1")
        result = json.dumps("x" * 5_000).encode()
        await node.end("t1", result=result)
        assert (await at.get("t1")).last_outcome.result == result
        listed = await at.tasks.List(wire.ListRequest(filter=wire.Filter(include_finished=True)))
        assert listed.tasks[0].last_outcome.result == b""


async def logs(at: Doors, **asked: object) -> list[str]:
    lines = []
    async for answer in at.tasks.Logs(wire.LogsRequest(**asked)):
        lines += [line.event for line in answer.lines]
    return lines


async def test_logs_of_a_run_in_progress_and_of_one_that_ended() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("t1")
        await node.report("t1", "started")
        await node.log("t1", "one", "two")
        await node.log("t1", "three", level="error")
        await until(lambda: len(at.house.replica.live.lines_of("t1", 1)[0]) == 3)
        assert await logs(at, id="t1") == ["one", "two", "three"]
        assert await logs(at, id="t1", level="warning") == ["three"]
        kept = b'{"at": 1, "level": "info", "event": "kept", "fields": {"n": 1}}\nnonsense\n'
        await node.end("t1", logs=kept)
        assert await logs(at, id="t1") == ["kept"]
        assert await logs(at, id="t1", allocation_id=1) == ["kept"]
        for asked, reason in (
            ({"id": "t1", "allocation_id": 99}, "run_not_found"),
            ({"id": "no"}, "task_not_found"),
            ({"id": "t1", "level": "loud"}, "invalid_field"),
        ):
            said = await refused(logs(at, **asked))
            assert said.reason == reason
        await at.create("t2", paused=True)
        assert (await refused(logs(at, id="t2"))).reason == "run_not_found"


async def test_logs_can_be_followed_to_the_end() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("t1")
        await node.report("t1", "started")
        await node.log("t1", "one")
        call = at.tasks.Logs(wire.LogsRequest(id="t1", follow=True))
        seen: list[str] = []
        while "one" not in seen:
            seen += [line.event for line in (await call.read()).lines]
        await node.log("t1", "two")
        while "two" not in seen:
            seen += [line.event for line in (await call.read()).lines]
        await node.end("t1", logs=b'{"event": "one"}\n{"event": "two"}\n{"event": "three"}\n')
        ended = False
        while not ended:
            answer = await call.read()
            seen += [line.event for line in answer.lines]
            ended = answer.ended
        assert seen == ["one", "two", "three"]


async def test_logs_of_a_run_whose_record_is_gone() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("t1")
        await node.end("t1", logs=b'{"event": "kept"}')
        state = at.house.replica.state
        task = state.tasks.pop("t1")
        assert await logs(at, id="t1") == ["kept"]
        state.tasks["t1"] = task


async def test_ex_55_a_batch_beyond_a_message_is_refused() -> None:
    async with doors() as at:
        await at.node()
        params = b'{"a": "%s"}' % (b"x" * 250_000)
        items = [wire.NewTask(id=f"t{n}", executor=NOOP, params=params) for n in range(17)]
        said = await refused(at.tasks.CreateMany(wire.CreateManyRequest(tasks=items)))
        assert (said.code, said.reason) == (Code.INVALID_ARGUMENT, "too_large")
