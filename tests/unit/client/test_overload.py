"""A leader with too much to do: the client asks again, more slowly each time (TM-63)."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from coordinator.client.client import Client
from coordinator.client.errors import LimitReached
from coordinator.client.requests import NewTask
from coordinator.client.routing import LONGEST_OVERLOAD_S, Tries, Verdict
from tests.unit.cli.fake_server import Refusal
from tests.unit.client.fake_member import FakeMember, member

NOOP = NewTask(executor="demo.noop", id="x")


async def overloaded(request: Any, context: Any) -> None:
    refusal = Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "overloaded", "too much waits")
    await context.abort(
        refusal.code, refusal.message, (("grpc-status-details-bin", refusal.details()),)
    )


def busy_for(one: FakeMember, tries: int) -> None:
    """So many are refused; then it takes them."""

    async def create(request: Any, context: Any) -> Any:
        if len(one.requests) <= tries:
            await overloaded(request, context)
        one.create = None
        one.requests.pop()
        return await one.Create(request, context)

    one.create = create


def test_tm_63_waits_double_from_100_ms_to_5_s_and_are_all_jitter() -> None:
    tries, longest, shortest = Tries(3), list[float](), list[float]()
    for _ in range(9):
        tries.failed(Verdict.OVERLOADED, silent=False)
        longest.append(tries.pause_s(1.0))
        shortest.append(tries.pause_s(0.0))
    assert longest == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]
    assert set(shortest) == {0.0}
    assert LONGEST_OVERLOAD_S == 5.0


def test_tm_63_other_failures_wait_as_ever() -> None:
    tries = Tries(1)
    tries.failed(Verdict.OVERLOADED, silent=False)
    tries.failed(Verdict.NOT_SENT, silent=False)
    assert tries.pause_s(1.0) == 0.1  # the second round of one member


async def test_tm_63_a_call_that_was_refused_as_overloaded_is_made_again() -> None:
    async with member() as only, Client([only.address], timeout_s=60) as client:
        busy_for(only, 3)
        assert (await client.create(NOOP)).created
        assert len(only.requests) == 4
    assert len({request.change.request_id for request in only.requests}) == 1


async def test_tm_63_the_leader_stays_the_one_to_ask() -> None:
    async with member() as leader, member() as other:
        async with Client([leader.address, other.address], timeout_s=60) as client:
            client._caller.directory.answered(leader.address)
            busy_for(leader, 2)
            assert (await client.create(NOOP)).created
        assert (len(leader.requests), other.requests) == (3, [])


async def test_tm_63_to_the_end_of_its_time_it_is_a_limit_that_was_reached() -> None:
    async with member() as only, Client([only.address], timeout_s=1) as client:
        only.create = overloaded
        with pytest.raises(LimitReached) as told:
            await client.create(NOOP)
    assert told.value.reason == "overloaded"
    assert len(only.requests) > 1
