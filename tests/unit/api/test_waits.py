"""Waiting for a condition, an end, a change, or nothing (PT-75, EX-11)."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from coordinator.model.tasks import RunOutcome
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.api.house import Doors, doors, refused, until

Code = grpc.StatusCode


def wait(at: Doors, task_id: str, *conditions: wire.Condition, **more: Any) -> Any:
    request = wire.WaitRequest(id=task_id, conditions=conditions, **more)
    return at.tasks.Wait(request, timeout=20)


async def under_way(call: Any) -> asyncio.Task[Any]:
    """A wait that has begun and not ended."""

    async def answer() -> Any:
        return await call

    task = asyncio.create_task(answer())
    await asyncio.sleep(0.1)
    assert not task.done()
    return task


async def test_pt_a33_waiters_are_released_at_the_end() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("t1")
        waiting = await under_way(wait(at, "t1"))
        await node.end("t1", result=b"5")
        answer = await waiting
        assert (answer.met, answer.condition) == (True, "terminal")
        assert (answer.task.status, answer.task.last_outcome.result) == ("succeeded", b"5")
        again = await wait(at, "t1")
        assert again.met


async def test_pt_75_it_ends_on_every_terminal_status_whatever_was_asked() -> None:
    async with doors() as at:
        await at.node()
        await at.create("t1", paused=True)
        running = wire.Condition(kind="status", status="running")
        waiting = await under_way(wait(at, "t1", running))
        await at.tasks.Cancel(wire.CancelRequest(id="t1"))
        answer = await waiting
        assert (answer.met, answer.task.status) == (False, "cancelled")


async def test_pt_75_a_status_and_a_path() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("t1")
        status = wire.Condition(kind="status", status="running")
        waiting = await under_way(wait(at, "t1", status))
        await node.report("t1", "started")
        assert (await waiting).condition == "running"
        path = wire.Condition(kind="path", path="attempts", op=">=", value=b"1")
        waiting = await under_way(wait(at, "t1", path))
        await node.end("t1", RunOutcome.FAILED)
        answer = await waiting
        assert (answer.met, answer.condition) == (True, "attempts>=1")


async def test_pt_a39_a_state_write_releases_who_waits_for_it() -> None:
    from coordinator.replica.sayings import Report

    async with doors() as at:
        node = await at.node()
        await at.create("t1")
        run = await node.runs("t1")
        path = wire.Condition(kind="path", path="state.phase", op="=", value=b"3")
        waiting = await under_way(wait(at, "t1", path))
        for phase in (1, 2, 3):
            state = b'{"phase": %d}' % phase
            report = Report(phase, "t1", run.allocation_id, "state", -1, True, phase, state, 1)
            node.say(reports=(report,))
        assert (await waiting).met


async def test_pt_a58_a_time_that_is_over_is_named() -> None:
    async with doors() as at:
        await at.node()
        await at.create("t1", paused=True)
        said = await refused(wait(at, "t1", deadline_ms=10))
        assert (said.code, said.reason) == (Code.DEADLINE_EXCEEDED, "timed_out")
        assert "0.010 s" in said.message


async def test_pt_a58_a_time_that_is_over_carries_the_record() -> None:
    async with doors() as at:
        await at.node()
        await at.create("t1", paused=True)
        said = await refused(wait(at, "t1", deadline_ms=10))
        assert said.record is not None
        assert (said.record.id, said.record.status) == ("t1", "paused")
        await at.create("big", paused=True, params=b'{"a": "%s"}' % (b"x" * 50_000))
        said = await refused(wait(at, "big", deadline_ms=10))
        assert said.record is not None
        assert (said.record.id, said.record.status, said.record.params) == ("big", "paused", b"")


async def test_pt_75_a_state_write_of_the_current_run_and_a_revision() -> None:
    from coordinator.replica.sayings import Report

    async with doors() as at:
        node = await at.node()
        await at.create("t1")
        run = await node.runs("t1")
        wrote = await under_way(wait(at, "t1", wire.Condition(kind="state")))
        ahead = (await at.get("t1")).modified_revision + 1
        reached = await under_way(wait(at, "t1", wire.Condition(kind="revision", revision=ahead)))
        node.say(reports=(Report(1, "t1", run.allocation_id, "state", -1, True, 1, b"{}", 1),))
        assert (await wrote).condition == "state"
        answer = await reached
        assert (answer.condition, answer.task.modified_revision >= ahead) == ("revision", True)
        await node.end("t1", RunOutcome.FAILED, retry_in_ms=0)
        await until(lambda: at.house.replica.state.tasks["t1"].has_node)
        # The state is that of an earlier run now.
        await under_way(wait(at, "t1", wire.Condition(kind="state")))


async def test_pt_a58_gone_ends_with_the_purge() -> None:
    async with doors() as at:
        await at.node()
        await at.create("t1", paused=True)
        gone = wire.Condition(kind="gone")
        waiting = await under_way(wait(at, "t1", gone))
        await at.tasks.Cancel(wire.CancelRequest(id="t1"))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await at.tasks.Cancel(wire.CancelRequest(id="t1", purge=True))
        answer = await waiting
        assert (answer.met, answer.gone) == (True, True)
        assert (await wait(at, "t1", gone)).met


async def test_a_task_that_goes_while_something_else_is_awaited() -> None:
    async with doors() as at:
        await at.node()
        await at.create("t1", paused=True)
        waiting = await under_way(wait(at, "t1"))
        await at.tasks.Cancel(wire.CancelRequest(id="t1", purge=True))
        answer = await waiting
        assert answer.gone or answer.task.status == "cancelled"
        said = await refused(wait(at, "t1"))
        assert (said.code, said.reason) == (Code.NOT_FOUND, "task_not_found")


async def test_after_a_revision_any_change_ends_the_round() -> None:
    async with doors() as at:
        node = await at.node()
        revision = (await at.create("t1")).task.modified_revision
        waiting = await under_way(wait(at, "t1", after_revision=revision))
        await node.report("t1", "started")
        answer = await waiting
        assert (answer.met, answer.task.status) == (False, "running")
        assert answer.task.modified_revision > revision


async def test_ex_11_run_is_the_run_in_progress() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("t1")
        await node.report("t1", "started")
        waiting = await under_way(wait(at, "t1", wire.Condition(kind="run")))
        await node.end("t1", RunOutcome.FAILED)
        assert (await waiting).condition == "run"


async def test_ex_11_else_the_next_one() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("t1")
        await node.end("t1", RunOutcome.FAILED, retry_in_ms=400)
        waiting = await under_way(wait(at, "t1", wire.Condition(kind="run")))
        await until(lambda: at.house.replica.state.tasks["t1"].has_node)
        await until(lambda: node.wanted["t1"].attempt == 2)
        assert not waiting.done()
        await node.end("t1", RunOutcome.FAILED)
        answer = await waiting
        assert (answer.condition, answer.task.attempts) == ("run", 2)


async def test_ex_11_a_run_that_is_named_may_have_ended_before_the_question() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("t1")
        run = (await node.runs("t1")).allocation_id
        await node.end("t1", RunOutcome.FAILED, retry_in_ms=0)
        await until(lambda: at.house.replica.state.tasks["t1"].has_node)
        answer = await wait(at, "t1", wire.Condition(kind="run", allocation_id=run))
        assert (answer.met, answer.condition) == (True, "run")
        later = (await node.runs("t1")).allocation_id
        assert later > run
        waiting = await under_way(wait(at, "t1", wire.Condition(kind="run", allocation_id=later)))
        await node.end("t1", RunOutcome.FAILED)
        assert (await waiting).task.last_outcome.allocation_id == later


@pytest.mark.parametrize(
    "condition",
    [
        wire.Condition(kind="run", allocation_id=-1),
        wire.Condition(kind="weather"),
        wire.Condition(kind="revision"),
        wire.Condition(),
        wire.Condition(kind="status", status="happy"),
        wire.Condition(kind="path", path="attempts", op="~", value=b"1"),
    ],
)
async def test_a_condition_that_can_never_hold_is_refused(condition: wire.Condition) -> None:
    async with doors() as at:
        await at.node()
        await at.create("t1", paused=True)
        said = await refused(wait(at, "t1", condition))
        assert (said.code, said.reason) == (Code.INVALID_ARGUMENT, "invalid_field")


async def test_many_who_wait_for_many_are_each_released_by_their_own() -> None:
    async with doors() as at:
        node = await at.node(capacity=100)
        names = [f"t{n}" for n in range(20)]
        for name in names:
            await at.create(name)
        waiting = {name: await under_way(wait(at, name)) for name in names}
        for name in reversed(names):
            await node.end(name)
            assert (await waiting[name]).task.id == name
