"""Calls to runs: brought to the node that has the run, answered once, or refused for a reason (PT-85)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from coordinator.client import Client
from coordinator.client.errors import Conflict
from coordinator.model.tasks import RunOutcome
from coordinator.replica import effects as e
from coordinator.replica import inputs as i
from coordinator.replica import run_calls
from coordinator.replica.sayings import CallAnswer, LeaderSaying, RunCall
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.api.house import Doors, Node, doors, refused, until


class Called(Node):
    """Keeps the calls that reach it."""

    def __init__(self, *args: Any, **says: Any) -> None:
        self.calls: list[RunCall] = []
        super().__init__(*args, **says)

    def _hear(self, saying: LeaderSaying) -> None:
        super()._hear(saying)
        self.calls += saying.calls

    async def next(self) -> RunCall:
        await until(lambda: self.calls)
        return self.calls.pop(0)

    def answer(self, call: RunCall, payload: object = None, **more: str) -> None:
        self.say(call_answers=(CallAnswer(call.call, json.dumps(payload).encode(), **more),))


@asynccontextmanager
async def running(task_id: str = "t") -> AsyncIterator[tuple[Doors, Called]]:
    """A task whose run is on n1."""
    async with doors() as at:
        node = Called(at.house)
        await until(lambda: "n1" in at.house.replica.leading.bench.view.connected)
        await at.create(task_id)
        await node.runs(task_id)
        yield at, node


def ask(at: Doors, task_id: str = "t", **more: Any) -> asyncio.Task[wire.CallResponse]:
    timeout = more.pop("timeout", 20)
    metadata = more.pop("metadata", None)
    request = wire.CallRequest(id=task_id, method=more.pop("method", "stats"), **more)

    async def call() -> wire.CallResponse:
        return await at.tasks.Call(request, timeout=timeout, metadata=metadata)

    return asyncio.ensure_future(call())


async def test_pt_85_the_run_answers_and_nothing_is_logged() -> None:
    async with running() as (at, node):
        revision = at.house.replica.state.revision
        asked = ask(at, payload=b'{"n":1}', metadata=(("x-opaque-id", "o1"),))
        call = await node.next()
        run = await node.runs("t")
        assert (call.task_id, call.allocation_id, call.method) == ("t", run.allocation_id, "stats")
        assert (call.payload, call.headers) == (b'{"n":1}', (("x-opaque-id", "o1"),))
        assert 0 < call.timeout_ms <= 20_000
        node.answer(call, {"rows": 7})
        answer = await asked
        assert json.loads(answer.payload) == {"rows": 7}
        assert (answer.node, answer.allocation_id) == ("n1", run.allocation_id)
        assert at.house.replica.state.revision == revision


async def test_pt_85_many_at_once_each_gets_its_own_answer() -> None:
    async with running() as (at, node):
        asked = [ask(at, payload=json.dumps(n).encode()) for n in range(30)]
        calls = [await node.next() for _ in range(30)]
        for call in reversed(calls):
            node.answer(call, json.loads(call.payload) * 2)
        assert [json.loads((await one).payload) for one in asked] == [2 * n for n in range(30)]


async def test_pt_85_without_a_run_it_is_refused_at_once_and_says_why() -> None:
    async with doors() as at:
        missing = await refused(ask(at))
        assert (missing.code.name, missing.reason) == ("NOT_FOUND", "task_not_found")
        node = await at.node()
        await at.create("t")
        await at.create("paused", paused=True)
        paused = await refused(ask(at, "paused"))
        assert (paused.code.name, paused.reason) == ("FAILED_PRECONDITION", "not_assigned")
        assert "paused" in paused.message
        await node.end("t")
        ended = await refused(ask(at))
        assert (ended.code.name, ended.reason) == ("FAILED_PRECONDITION", "already_finished")


async def test_pt_85_what_the_node_says_instead_of_an_answer() -> None:
    async with running() as (at, node):
        for reason, code in (
            ("not_supported", "UNIMPLEMENTED"),
            ("validation_failed", "INVALID_ARGUMENT"),
            ("call_failed", "FAILED_PRECONDITION"),
            ("not_here", "FAILED_PRECONDITION"),
            ("too_large", "INVALID_ARGUMENT"),
            ("timed_out", "DEADLINE_EXCEEDED"),
        ):
            asked = ask(at)
            node.answer(await node.next(), reason=reason, detail="as it is")
            said = await refused(asked)
            assert (said.code.name, said.reason) == (code, reason)
            assert "as it is" in said.message
        asked = ask(at)
        node.answer(await node.next(), reason="of a newer release")
        assert (await refused(asked)).reason == "call_failed"


async def test_pt_85_payloads_that_wait_are_bounded_and_room_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run_calls, "WAITING_BYTES_MAX", 10)
    async with running() as (at, node):
        first = ask(at, payload=b"123456")
        call = await node.next()
        said = await refused(ask(at, payload=b"12345"))
        assert (said.code.name, said.reason) == ("RESOURCE_EXHAUSTED", "overloaded")
        node.answer(call, 1)
        await first
        second = ask(at, payload=b"1234567890")
        node.answer(await node.next(), 2)
        assert json.loads((await second).payload) == 2
        assert at.house.replica.leading.run_calls.waiting == 0


async def test_pt_85_only_calls_to_the_run_that_ended_are_lost() -> None:
    async with running() as (at, node):
        await at.create("u")
        await node.runs("u")
        lost, kept = ask(at, "t"), ask(at, "u")
        calls = {call.task_id: call for call in [await node.next(), await node.next()]}
        await node.end("t", RunOutcome.LOST, worker_died=True)
        assert (await refused(lost)).reason == "not_here"
        node.answer(calls["u"], "here")
        assert json.loads((await kept).payload) == "here"


async def test_pt_85_a_run_that_ends_or_moves_answers_nobody() -> None:
    async with running() as (at, node):
        asked = ask(at)
        call = await node.next()
        await node.end("t", RunOutcome.LOST, worker_died=True)
        said = await refused(asked)
        assert (said.reason, "has ended" in said.message) == ("not_here", True)
        node.answer(call, "too late")  # nobody waits for it
        again = ask(at)
        other = await node.next()
        node.answer(other, "here")
        assert json.loads((await again).payload) == "here"


async def test_pt_85_a_broken_session_is_an_answer_too() -> None:
    async with running() as (at, node):
        asked = ask(at)
        await node.next()
        at.house.feed(i.NodeClosed(node.session))
        assert (await refused(asked)).reason == "not_here"
        gone = await refused(ask(at))
        assert (gone.reason, "no session" in gone.message) == ("not_here", True)


async def test_pt_85_another_node_may_not_answer() -> None:
    async with running() as (at, node):
        other = Called(at.house, "n2")
        await until(lambda: "n2" in at.house.replica.leading.bench.view.connected)
        asked = ask(at)
        call = await node.next()
        other.answer(call, "stolen")
        node.answer(call, "mine")
        assert json.loads((await asked).payload) == "mine"


async def test_pt_85_whoever_gives_up_is_forgotten() -> None:
    async with running() as (at, node):
        said = await refused(ask(at, timeout=0.6))
        assert (said.code.name, said.reason) == ("DEADLINE_EXCEEDED", "timed_out")
        leading = at.house.replica.leading
        await until(lambda: not leading.run_calls.waiting)
        gone = ask(at)
        await node.next()
        await node.next()
        gone.cancel()
        await until(lambda: not leading.run_calls.waiting)


async def test_pt_85_sizes_and_shapes_are_checked_at_the_door() -> None:
    async with running() as (at, node):
        large = await refused(ask(at, payload=b'"' + b"x" * 256 * 1024 + b'"'))
        assert (large.reason, large.metadata["field"]) == ("too_large", "payload")
        assert (await refused(ask(at, payload=b"{"))).violations.keys() == {"payload"}
        for method in ("", "x" * 101, "a\nb"):
            assert (await refused(ask(at, method=method))).violations.keys() == {"method"}
        assert node.calls == []


async def test_pt_85_the_client_asks_again_while_the_run_moves() -> None:
    async with doors() as at, Client([at.address]) as client:
        node = Called(at.house)
        await until(lambda: "n1" in at.house.replica.leading.bench.view.connected)
        await at.create("t", paused=True)
        tries, first = [], at.house.call_run

        async def counted(call: i.CallRun, left: float) -> e.CallAnswered:
            tries.append(call)
            return await first(call, left)

        at.house.call_run = counted  # type: ignore[method-assign]
        asked = asyncio.ensure_future(client.call("t", "stats", {"n": 1}, timeout_s=20))
        await until(lambda: len(tries) > 1)
        await client.resume("t")
        node.answer(await node.next(), reason="not_here")
        node.answer(await node.next(), {"rows": 3})
        found = await asked
        assert (found.payload, found.node) == ({"rows": 3}, "n1")


async def test_pt_85_the_clients_last_word_is_why_there_was_no_run() -> None:
    async with doors() as at, Client([at.address]) as client:
        await at.node()
        await at.create("t", paused=True)
        with pytest.raises(Conflict) as told:
            await client.call("t", "stats", timeout_s=0.5)
        assert told.value.reason == "not_assigned"
