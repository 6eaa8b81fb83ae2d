"""--wait of what changes a task, and what a retry that is too early is told, through the real law (EX-5, EX-8)."""

from __future__ import annotations

import asyncio
import json

import pytest

from coordinator.model.tasks import RunOutcome
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.api.house import Doors, Node, doors, until
from tests.unit.cli.conftest import Taskctl, Typed


async def stops(at: Doors, node: Node, name: str) -> None:
    """The run of a task, once it is asked to stop, does."""
    tasks = at.house.replica.state.tasks
    await until(lambda: tasks[name].status.value == "stopping")
    await asyncio.sleep(0.05)
    await node.end(name, RunOutcome.CANCELLED)


async def test_ex_5_a_cancelled_run_is_waited_for(typed: Typed) -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("t")
        ran, _ = await asyncio.gather(
            typed(at, "cancel", "t", "--run", "--rerun", "--wait", "-o", "json"),
            stops(at, node, "t"),
        )
        task = json.loads(ran.out)
        assert (ran.code, task["last_outcome"]["outcome"]) == (0, "cancelled")
        assert task["last_outcome"]["allocation_id"] == 1


async def test_ex_5_a_purge_is_waited_for(typed: Typed) -> None:
    async with doors() as at:
        node = await at.node()
        for name in ("one", "two", "three"):
            await at.create(name)
        await node.runs("three")
        ran, _ = await asyncio.gather(
            typed(at, "cancel", "one", "--purge", "--wait"), stops(at, node, "one")
        )
        assert (ran.code, ran.out) == (0, "one  removed\n")
        both = typed(at, "cancel", "two", "three", "--purge", "--wait")
        ran, *_ = await asyncio.gather(both, stops(at, node, "two"), stops(at, node, "three"))
        assert (ran.code, ran.out) == (0, "two  removed\nthree  removed\n")
        assert at.house.replica.state.tasks == {}


async def test_ex_5_what_is_retried_is_waited_for(typed: Typed) -> None:
    async with doors() as at:
        node = await at.node()
        for name in ("a", "b"):
            await at.create(name, spec=wire.TaskSpec(max_attempts=1))
            await node.end(name, RunOutcome.FAILED)
        tasks = at.house.replica.state.tasks

        async def ends() -> None:
            await until(lambda: all(task.has_node for task in tasks.values()))
            await node.end("a", RunOutcome.SUCCEEDED)
            await node.end("b", RunOutcome.FAILED)

        ran, _ = await asyncio.gather(typed(at, "retry", "a", "b", "--wait"), ends())
        assert [line.split()[:2] for line in ran.out.splitlines()] == [
            ["a", "succeeded"],
            ["b", "failed"],
        ]
        assert ran.code == 10
        assert [line.split()[0] for line in ran.err.splitlines()] == ["a", "b"]
        ran = await typed(at, "retry", "b", "--wait", "--dry-run")
        assert (ran.code, "nothing was written" in ran.out) == (0, True)
        assert (await typed(at, "retry", "b", "b", "--wait", "--all-or-nothing")).code == 2


async def test_ex_5_a_manual_run_is_waited_for(typed: Typed) -> None:
    async with doors() as at:
        node = await at.node()
        every = wire.Schedule(every_ms=86_400_000, start_at=4_102_444_800_000)
        await at.create("beat", spec=wire.TaskSpec(schedule=every))
        tasks = at.house.replica.state.tasks

        async def ends() -> None:
            await until(lambda: tasks["beat"].has_node)
            await asyncio.sleep(0.05)
            await node.end("beat", RunOutcome.SUCCEEDED)

        ran, _ = await asyncio.gather(typed(at, "run-now", "beat", "--wait"), ends())
        assert ran.code == 0
        assert ran.out.startswith("beat  run ")
        assert "succeeded on n1" in ran.out


@pytest.mark.parametrize("flag", ["--queue", "--replace"])
async def test_ex_5_a_wait_that_would_be_for_another_run_is_refused(
    bare: Taskctl, flag: str
) -> None:
    ran = bare("run-now", "t", "--wait", flag)
    assert ran.code == 2
    assert f"{flag} and --wait" in ran.err


async def test_ex_8_a_retry_that_is_too_early_never_leads_to_a_cancel_for_good(
    typed: Typed,
) -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("idle", paused=True)
        said = (await typed(at, "retry", "idle")).err.splitlines()
        assert said[0] == "error: retry idle: it has not failed; it is paused"
        assert said[-1] == "try:   wait for its end: taskctl wait idle"
        await at.create("busy")
        await node.report("busy", "started")
        ran = await typed(at, "retry", "busy")
        assert ran.err.splitlines()[-1] == (
            "try:   wait for its end: taskctl wait busy, or end this run and begin another: "
            "taskctl cancel busy --run --rerun"
        )
        assert ran.code == 4
        removed = await typed(at, "rm", "busy")
        assert removed.err.splitlines()[-1] == "try:   taskctl cancel busy --wait, then rm"


async def test_ex_2_counts_of_runs_take_the_beginning_of_an_id(typed: Typed) -> None:
    async with doors() as at:
        node = await at.node()
        for name in ("import-eu", "report-1", "report-2"):
            await at.create(name)
            await node.end(name)
        assert (await typed(at, "history", "impo", "--count")).out == "1\n"
        assert (await typed(at, "history", "import-eu", "--count")).out == "1\n"
        ran = await typed(at, "history", "impo", "--group-by", "node", "-o", "json")
        assert [item["runs"] for item in json.loads(ran.out)["items"]] == [1]
        ran = await typed(at, "history", "--group-by", "node", "-o", "json")
        assert [item["runs"] for item in json.loads(ran.out)["items"]] == [3]
        for flags in (("--count",), ("--group-by", "node")):
            assert (await typed(at, "history", "nobody", *flags)).code == 3
            ran = await typed(at, "history", "repo", *flags)
            assert (ran.code, "report-1 report-2" in ran.err) == (2, True)


async def test_ex_8_a_run_that_is_not_there_leads_to_those_of_its_task(typed: Typed) -> None:
    async with doors() as at:
        await at.node()
        await at.create("a b")
        ran = await typed(at, "get", "a b#99")
        assert (ran.code, ran.err.splitlines()[-1]) == (
            3,
            "try:   see what there is with: taskctl history 'a b'",
        )
        ran = await typed(at, "get", "nobody#99")
        assert ran.err.splitlines()[-1] == "try:   see what there is with: taskctl list --all"


async def test_x01_what_is_gone_is_one_json_value(typed: Typed) -> None:
    async with doors() as at:
        ran = await typed(at, "wait", "nobody", "--for", "gone", "-o", "json")
        tree = json.loads(ran.out)
        assert (tree["kind"], tree["id"], tree["status"]) == ("Task", "nobody", "gone")
        assert (ran.code, ran.err) == (0, "")
        ran = await typed(at, "wait", "nobody", "--for", "gone")
        assert (ran.code, ran.out) == (0, "nobody  gone\n")
