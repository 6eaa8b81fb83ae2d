"""How a call reaches the leader: here, handed on once, waited for, or told why not (EX-48)."""

from __future__ import annotations

import asyncio

import grpc
import msgspec

from coordinator.api.road import FORWARDED_KEY
from coordinator.replica import inputs as i
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.api.house import NOOP, Doors, doors, refused

Code = grpc.StatusCode
HANDED_ON = ((FORWARDED_KEY, "1"),)


def points_to(follower: Doors, leader: str) -> None:
    """The follower believes that member 2 leads, at this address."""
    from coordinator.consensus.messages import Heartbeat

    follower.house.addresses[2] = leader
    follower.house.feed(i.FromPeer((Heartbeat(2, 1, 50, 0),)))


async def test_ex_48_a_follower_hands_a_call_on_and_its_answer_back() -> None:
    async with doors() as leader, doors(3, lead=False) as follower:
        await leader.node()
        points_to(follower, leader.address)
        answer = await follower.create("t1")
        assert (answer.created, answer.task.node) == (True, "n1")
        assert (await follower.get("t1")).id == "t1"
        said = await refused(follower.create("t2", "nobody"))
        assert (said.code, said.reason) == (Code.INVALID_ARGUMENT, "unknown_executor")
        assert said.metadata["known"] == NOOP
        lines = [line async for line in follower.tasks.Logs(wire.LogsRequest(id="t1"))]
        assert lines[-1].ended


async def logs_of(at: Doors, task_id: str) -> list[wire.LogsResponse]:
    return [line async for line in at.tasks.Logs(wire.LogsRequest(id=task_id))]


async def test_ex_51_the_leaders_refusal_of_a_log_comes_back_as_it_is() -> None:
    async with doors() as leader, doors(3, lead=False) as follower:
        points_to(follower, leader.address)
        direct, passed = [await refused(logs_of(at, "none")) for at in (leader, follower)]
        assert (direct.code, direct.reason) == (Code.NOT_FOUND, "task_not_found")
        assert (passed.code, passed.reason, passed.message) == (
            direct.code,
            direct.reason,
            direct.message,
        )


async def test_ex_48_a_log_is_handed_on_once_and_never_made_up_without_a_leader() -> None:
    async with doors(3, lead=False) as follower:
        points_to(follower, follower.address)  # a circle
        said = await refused(logs_of(follower, "t"))
        assert (said.code, said.metadata["cause"]) == (Code.UNAVAILABLE, "not_leader")


async def test_ex_48_what_was_handed_on_is_not_handed_on_again() -> None:
    async with doors(3, lead=False) as follower:
        points_to(follower, follower.address)  # a circle
        said = await refused(follower.tasks.Get(wire.GetRequest(id="t"), metadata=HANDED_ON))
        assert (said.code, said.reason) == (Code.UNAVAILABLE, "unavailable")
        assert said.metadata["cause"] == "not_leader"
        said = await refused(follower.tasks.Get(wire.GetRequest(id="t"), timeout=1))
        assert (said.code, said.metadata["cause"]) == (Code.UNAVAILABLE, "no_quorum")


async def test_ex_48_without_a_leader_it_waits_for_one_up_to_the_deadline() -> None:
    async with doors(3, lead=False) as at:
        loop = asyncio.get_running_loop()
        began = loop.time()
        said = await refused(at.tasks.Get(wire.GetRequest(id="t"), timeout=1.0))
        assert (said.code, said.metadata["cause"]) == (Code.UNAVAILABLE, "no_quorum")
        assert loop.time() - began >= 0.7


async def test_ex_48_a_call_goes_on_as_soon_as_there_is_a_leader() -> None:
    async with doors(lead=False) as at:
        pending = asyncio.create_task(refused(at.get("t1")))
        await asyncio.sleep(0.2)
        assert not pending.done()
        at.house.feed(i.Campaign())
        assert (await pending).reason == "task_not_found"


async def test_no_leader_and_no_quorum_are_told_apart() -> None:
    async with doors(3, lead=False) as at:
        facts = at.house.facts
        at.house.facts = lambda: msgspec.structs.replace(facts(), reachable=2)
        said = await refused(at.tasks.Get(wire.GetRequest(id="t"), timeout=0.6))
        assert said.metadata["cause"] == "no_leader"


async def test_a_member_that_cannot_be_reached_is_waited_for() -> None:
    async with doors(3, lead=False) as follower:
        points_to(follower, "127.0.0.1:1")
        said = await refused(follower.tasks.Get(wire.GetRequest(id="t"), timeout=1.5))
        assert said.code in (Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED)


async def test_a_member_that_shuts_down_says_so() -> None:
    async with doors() as at:
        await at.node()
        at.house.feed(i.StopLeading())
        said = await refused(at.create("t1"))
        assert (said.code, said.metadata["cause"]) == (Code.UNAVAILABLE, "shutting_down")


async def test_q3_a_queue_that_is_full_says_when_to_come_again() -> None:
    async with doors() as at:
        await at.node()
        at.house.replica.leading.proposals._queued_bytes = 2**40
        said = await refused(at.create("t1"))
        assert (said.code, said.reason) == (Code.RESOURCE_EXHAUSTED, "overloaded")
        assert said.retry_ms > 0


async def test_every_answer_says_what_it_reflects() -> None:
    async with doors() as at:
        await at.node()
        created = await at.create("t1")
        read = await at.tasks.Get(wire.GetRequest(id="t1"))
        assert read.answer.revision >= created.task.modified_revision
        assert (read.answer.member, read.answer.leader, read.answer.stale) == ("c1", "c1", False)
        assert read.answer.leader_address == at.address
        assert read.answer.coordinators == [at.address]
        assert read.answer.term == at.house.replica.term
