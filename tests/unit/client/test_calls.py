"""The retry loop over real gRPC: one request id, other members, unavailable or unknown."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack
from typing import Any

import grpc
import pytest

from coordinator.client import (
    ChangeOptions,
    Client,
    ClientError,
    Conflict,
    InvalidRequest,
    LimitReached,
    NewTask,
    OutcomeUnknown,
    SyncClient,
    TimedOut,
    Unavailable,
    routing,
)
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.cli.fake_server import Refusal
from tests.unit.client.fake_member import member

NOOP = NewTask(executor="demo.noop", id="x")


def closed_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


async def refuse(context: Any, refusal: Refusal) -> None:
    await context.abort(
        refusal.code, refusal.message, (("grpc-status-details-bin", refusal.details()),)
    )


async def no_leader(request: Any, context: Any) -> None:
    refusal = Refusal(grpc.StatusCode.UNAVAILABLE, "unavailable", "no leader", cause="no_leader")
    await refuse(context, refusal)


async def silence(request: Any, context: Any) -> None:
    await asyncio.Event().wait()


async def test_a_dead_member_is_passed_over() -> None:
    async with member() as alive, Client([closed_address(), alive.address]) as client:
        made = await client.create(NOOP)
    assert made.created


async def test_the_leader_that_an_answer_names_is_asked_next() -> None:
    async with member() as follower, member() as leader, Client([follower.address]) as client:

        async def forwarded(request: Any, context: Any) -> Any:
            return wire.GetResponse(answer=follower.answer(leader.address), task=wire.Task(id="x"))

        follower.get = forwarded
        await client.get("x")
        await client.get("x")
        assert (len(follower.requests), len(leader.requests)) == (1, 1)
        assert client.addresses == (follower.address, leader.address)


async def test_one_request_id_for_all_tries() -> None:
    async with member() as first, member() as second:
        first.create = no_leader
        async with Client([first.address, second.address]) as client:
            await client.create(NOOP)
    ids = {request.change.request_id for request in (*first.requests, *second.requests)}
    assert len(ids) == 1
    assert len(ids.pop()) == 32


async def test_an_id_is_made_before_the_first_try() -> None:
    async with member() as first, member() as second:
        first.create = no_leader
        async with Client([first.address, second.address]) as client:
            await client.create(NewTask(executor="demo.noop"))
    assert first.requests[0].task.id == second.requests[0].task.id


async def test_certainly_not_done_is_unavailable() -> None:
    async with member() as only, Client([closed_address(), only.address], timeout_s=0.8) as client:
        only.create = no_leader
        with pytest.raises(Unavailable) as caught:
            await client.create(NOOP)
    assert caught.value.cause == "no_leader"


async def test_nobody_there_is_unavailable() -> None:
    async with Client([closed_address()], timeout_s=0.5) as client:
        with pytest.raises(Unavailable) as caught:
            await client.create(NOOP)
    assert caught.value.cause == "unreachable"


async def test_a_silent_member_makes_a_change_unknown() -> None:
    async with member() as only, Client([only.address], timeout_s=0.5) as client:
        only.create = silence
        with pytest.raises(OutcomeUnknown) as caught:
            await client.create(NOOP, ChangeOptions(request_id="r-1"))
    assert caught.value.request_id == "r-1"


async def test_unknown_stays_unknown_whatever_comes_after() -> None:
    """A try that may have reached a leader cannot be undone by another member's 'no leader'."""
    async with member() as dies, member() as other:

        async def lost(request: Any, context: Any) -> None:
            await refuse(context, Refusal(grpc.StatusCode.UNKNOWN, "outcome_unknown", "lost"))

        dies.create, other.create = lost, no_leader
        async with Client([dies.address, other.address], timeout_s=0.6) as client:
            with pytest.raises(OutcomeUnknown):
                await client.create(NOOP)


async def no_space(request: Any, context: Any) -> None:
    await refuse(context, Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "disk_full", "no space"))


async def test_s12_a_leader_that_hands_over_because_its_disk_is_full_costs_no_refusal() -> None:
    async with member() as full, Client([full.address], timeout_s=60) as client:

        async def twice(request: Any, context: Any) -> Any:
            if len(full.requests) < 3:
                await no_space(request, context)
            full.create = None
            return await full.Create(request, context)

        full.create = twice
        assert (await client.create(NOOP)).created
    assert len({request.change.request_id for request in full.requests}) == 1


@pytest.mark.parametrize("first, kind", [(None, LimitReached), ("lost", OutcomeUnknown)])
async def test_s12_where_nobody_has_space_the_refusal_is_told_unless_an_earlier_try_may_count(
    first: str | None, kind: type[ClientError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing, "HAND_OVER_S", 0.2)
    async with member() as full, Client([full.address], timeout_s=60) as client:

        async def refused(request: Any, context: Any) -> None:
            if first and len(full.requests) == 1:
                await refuse(context, Refusal(grpc.StatusCode.UNKNOWN, "outcome_unknown", first))
            await no_space(request, context)

        full.create = refused
        with pytest.raises(kind) as caught:
            await client.create(NOOP)
    assert caught.value.request_id
    assert len(full.requests) > 2


async def test_a_read_is_never_unknown() -> None:
    async with member() as only, Client([only.address], timeout_s=0.4) as client:
        only.get = silence
        with pytest.raises(TimedOut):
            await client.get("x")


async def test_silence_for_a_second_goes_to_another_member() -> None:
    async with member() as silent, member() as other:
        silent.create = silence
        async with Client([silent.address, other.address], timeout_s=10) as client:
            async with asyncio.timeout(5):
                await client.create(NOOP)
    assert len(other.requests) == 1


async def test_a_refusal_is_not_repeated_and_carries_what_the_server_said() -> None:
    async with member() as only, Client([only.address]) as client:

        async def taken(request: Any, context: Any) -> None:
            refusal = Refusal(
                grpc.StatusCode.ALREADY_EXISTS, "already_exists", "taken", fields="params"
            )
            refusal.violations = [("params.until", "must be at least 1")]
            await refuse(context, refusal)

        only.create = taken
        with pytest.raises(Conflict) as caught:
            await client.create(NOOP)
    error = caught.value
    assert (error.reason, error.message, error.metadata) == (
        "already_exists",
        "taken",
        {"fields": "params"},
    )
    assert error.violations == (("params.until", "must be at least 1"),)
    assert len(only.requests) == 1


async def test_x46_two_thousand_concurrent_calls() -> None:
    async with member() as only, Client([only.address], timeout_s=60) as client:
        found = await asyncio.gather(*(client.get(str(number)) for number in range(2_000)))
    assert [one.task.id for one in found if one.task is not None] == [str(n) for n in range(2_000)]


async def test_no_more_in_flight_than_a_connection_carries() -> None:
    at_once = most = 0
    full = asyncio.Event()

    async def count(request: Any, context: Any) -> Any:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        if at_once == 400:
            full.set()
        await asyncio.wait_for(full.wait(), 30)
        at_once -= 1
        return wire.GetResponse(answer=wire.Answer(revision=1), task=wire.Task(id=request.id))

    async with member() as only, Client([only.address], timeout_s=60) as client:
        only.get = count
        await asyncio.gather(*(client.get(str(number)) for number in range(900)))
    assert most == 400


def test_the_synchronous_face() -> None:
    async def serve(ready: asyncio.Event, stop: asyncio.Event, addresses: list[str]) -> None:
        async with member() as only:
            addresses.append(only.address)
            ready.set()
            await stop.wait()

    import threading

    loop, addresses = asyncio.new_event_loop(), []
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    ready, stop = asyncio.Event(), asyncio.Event()
    serving = asyncio.run_coroutine_threadsafe(serve(ready, stop, addresses), loop)
    asyncio.run_coroutine_threadsafe(ready.wait(), loop).result(5)
    with SyncClient(addresses) as client:
        assert client.create(NOOP).created
        found = client.get("x").task
        assert found is not None
        assert found.id == "x"
    loop.call_soon_threadsafe(stop.set)
    serving.result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


async def test_a_limit_holds_for_all_calls_together() -> None:
    async with member() as only, Client([only.address]) as client:
        client.limit(0)
        with pytest.raises(TimedOut):
            await client.create(NOOP)
    assert only.requests == []


async def test_more_than_a_batch_is_sent_in_parts() -> None:
    sizes, ids = [], []

    async def many(request: Any, context: Any) -> Any:
        sizes.append(len(request.tasks))
        ids.append(request.change.request_id)
        items = [wire.CreateManyItem(id=task.id, created=True) for task in request.tasks]
        return wire.CreateManyResponse(answer=wire.Answer(revision=1), items=items)

    async with member() as only, Client([only.address]) as client:
        only.create_many = many
        tasks = [NewTask(executor="demo.noop", id=str(number)) for number in range(2_500)]
        made = await client.create_many(tasks, ChangeOptions(request_id="r"))
        assert [item.id for item in made.items] == [str(number) for number in range(2_500)]
        large = [NewTask(executor="demo.noop", params={"x": "y" * 200_000}) for _ in range(40)]
        await client.create_many(large)
    assert sizes[:3] == [1_000, 1_000, 500]
    assert ids[:3] == ["r", "r.2", "r.3"]
    assert sum(sizes[3:]) == 40
    assert max(sizes[3:]) <= 17


async def test_a_client_outlives_every_member_it_was_started_with() -> None:
    async with member() as newcomer, AsyncExitStack() as stack:
        first = await stack.enter_async_context(member())
        addresses = [first.address, newcomer.address]

        async def told(request: Any, context: Any) -> Any:
            answer = wire.Answer(leader_address=first.address, coordinators=addresses)
            return wire.GetResponse(answer=answer, task=wire.Task(id="x"))

        first.get = told
        async with Client([first.address]) as client:
            await client.get("x")
            await stack.aclose()
            await client.get("x")
        assert len(newcomer.requests) == 1


async def test_q3_what_takes_longer_to_check_than_a_try_is_given_more_time_and_leaves_no_doubt() -> (
    None
):
    """The code that checks it loads: each try says for certain that nothing was begun, the next has twice the time."""
    allowed: list[float] = []
    async with member() as leader:

        async def still_checked(request: Any, context: Any) -> Any:
            allowed.append(context.time_remaining())
            if len(allowed) < 3:
                unavailable = grpc.StatusCode.UNAVAILABLE
                await refuse(context, Refusal(unavailable, "unavailable", "", cause="not_begun"))
            wrong = Refusal(grpc.StatusCode.INVALID_ARGUMENT, "validation_failed", "not today")
            await refuse(context, wrong)

        leader.create = still_checked
        async with Client([leader.address], timeout_s=20) as client:
            with pytest.raises(InvalidRequest, match="not today"):
                await client.create(NOOP)
    assert [round(seconds / routing.TRY_S) for seconds in allowed] == [1, 2, 4]
