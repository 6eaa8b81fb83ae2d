"""The queue of a client: within a call's own time, waits apart from short calls, and a certain end (EX-52, EX-53)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from coordinator.client import Unavailable, channels
from coordinator.client.calls import Caller, Plan
from coordinator.client.methods import CREATE, GET, WAIT
from coordinator.client.routing import Directory
from coordinator.client.waiting import wait_until
from coordinator.wire.v1 import tasks_pb2 as wire

PLACES = 3
WAITING = Plan(60, patient=True)


class Member:
    """What lies behind all lanes: calls end when `let_go` says so; `sent` has the name and the seconds of each."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, float]] = []
        self.let_go = asyncio.Event()
        self.held = {"Create", "Get", "Wait"}
        self._told = asyncio.Condition()

    async def has_sent(self, number: int) -> None:
        """Returns once so many calls have been sent."""
        async with self._told:
            await self._told.wait_for(lambda: len(self.sent) >= number)

    async def answer(self, name: str, timeout: float) -> Any:
        self.sent.append((name, timeout))
        async with self._told:
            self._told.notify_all()
        if name in self.held:
            await self.let_go.wait()
        answer = wire.Answer(revision=1)
        return wire.WaitResponse(answer=answer, met=True, task=wire.Task(id="x"))

    def names(self) -> list[str]:
        return [name for name, _ in self.sent]


class FakeLane:
    """A connection without a network."""

    def __init__(self, member: Member) -> None:
        self.member, self.in_flight = member, 0

    def unary(self, method: channels.Method[Any, Any]) -> Callable[..., Any]:
        return lambda _request, *, timeout: self.member.answer(method.name, timeout)


@pytest.fixture
def member(monkeypatch: pytest.MonkeyPatch) -> Member:
    """One that carries three calls of a kind."""
    made = Member()
    monkeypatch.setattr(channels, "IN_FLIGHT_MAX", PLACES)
    monkeypatch.setattr(channels, "LANES_MAX", 1)
    monkeypatch.setattr(channels, "Lane", lambda _address: FakeLane(made))
    return made


def caller() -> Caller:
    return Caller(Directory(["m:1"]))


async def started(member: Member, number: int, *calls: Any) -> list[asyncio.Task[Any]]:
    """The calls on their way, once `number` have been sent."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    await member.has_sent(number)
    return tasks


async def test_ex_53_waits_never_stand_before_a_short_call(member: Member) -> None:
    member.held = {"Wait"}
    client = caller()
    waits = [client.call(WAIT, wire.WaitRequest(), WAITING) for _ in range(2 * PLACES)]
    tasks = await started(member, PLACES, *waits)
    await client.call(GET, wire.GetRequest(), Plan(1))
    assert member.names() == ["Wait"] * PLACES + ["Get"]
    member.let_go.set()
    await asyncio.gather(*tasks)
    assert member.names().count("Wait") == 2 * PLACES


async def test_ex_52_who_finds_no_place_in_time_sent_nothing_and_says_so(member: Member) -> None:
    client = caller()
    tasks = await started(
        member, PLACES, *(client.call(GET, wire.GetRequest(), Plan(60)) for _ in range(PLACES))
    )
    with pytest.raises(Unavailable) as caught:
        await client.call(CREATE, wire.CreateRequest(), Plan(0.35, request_id="r"))
    assert (caught.value.cause, caught.value.request_id) == ("queued", "r")
    assert "Create" not in member.names()
    member.let_go.set()
    await asyncio.gather(*tasks)
    await client.call(CREATE, wire.CreateRequest(), Plan(0.35, request_id="r"))


async def test_ex_53_only_what_is_left_is_passed_on(member: Member) -> None:
    client = caller()
    first = [client.call(GET, wire.GetRequest(), Plan(60)) for _ in range(PLACES)]
    tasks = await started(member, PLACES, *first)
    queued = [
        asyncio.ensure_future(channel_call(client, seconds, try_s))
        for seconds, try_s in [(9, 1), (9, 60)]
    ]
    await asyncio.sleep(0)
    member.let_go.set()
    await asyncio.gather(*tasks, *queued)
    one_try, all_of_it = (timeout for _, timeout in member.sent[PLACES:])
    assert one_try == 1
    assert 0 < all_of_it < 9


async def channel_call(client: Caller, seconds: float, try_s: float) -> Any:
    return await client.channels.of("m:1").call(GET, wire.GetRequest(), seconds, try_s=try_s)


async def test_a_place_is_given_back_by_who_stops_queueing(member: Member) -> None:
    client = caller()
    tasks = await started(
        member, PLACES, *(client.call(GET, wire.GetRequest(), Plan(60)) for _ in range(PLACES))
    )
    given_up = asyncio.ensure_future(channel_call(client, 60, 60))
    await asyncio.sleep(0)
    given_up.cancel()
    member.let_go.set()
    await asyncio.gather(*tasks)
    for _ in range(2 * PLACES):
        await channel_call(client, 60, 60)
    assert len(member.sent) == 3 * PLACES


class Full:
    """A client whose queue is full for the first rounds."""

    def __init__(self, rounds: int) -> None:
        self.left = rounds

    async def wait_round(self, *_args: Any, **_more: Any) -> Any:
        self.left -= 1
        if self.left >= 0:
            raise Unavailable("not sent", metadata={"cause": "queued"})
        from coordinator.client.from_wire import waited_of

        return waited_of(wire.WaitResponse(met=True, task=wire.Task(id="x")))


async def test_a_wait_without_a_limit_goes_on_when_the_queue_was_full() -> None:
    assert (await wait_until(Full(3), "x")).met
