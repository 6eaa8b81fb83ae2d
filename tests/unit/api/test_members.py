"""Wishes for members through the door: what is checked, what is shown, who is meant by a name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from coordinator.api.errors import Code
from coordinator.consensus.messages import AppendAccepted, Heartbeat, HeartbeatReply, VoteReply
from coordinator.machine.commands import BindMember
from coordinator.replica import inputs as i
from coordinator.wire.v1 import cluster_pb2 as wire
from coordinator.wire.v1.tasks_pb2 import Change
from tests.unit.api.house import Doors, doors, refused, until

C2 = "127.0.0.1:7102"


def add(name: str = "c2", address: str = C2, **more: str) -> wire.AddMemberRequest:
    change = Change(request_id=more.pop("request_id", ""))
    return wire.AddMemberRequest(name=name, address=address, change=change, **more)


async def members(at: Doors) -> wire.ListMembersResponse:
    return await at.cluster.ListMembers(wire.ListMembersRequest())


async def test_a_wish_is_shown_until_it_is_fulfilled_or_called_off() -> None:
    async with doors() as at:
        said = await at.cluster.AddMember(add())
        assert (said.pending.joining, said.pending.joining_id, said.unchanged) == ("c2", 2, False)
        shown = await members(at)
        assert shown.pending == said.pending
        assert (shown.pending.stage, shown.pending.since_at > 0) == ("not_started", True)
        two = shown.members[1]
        assert (two.id, two.name, two.role, two.voter, two.reachable) == (
            2,
            "c2",
            "learner",
            False,
            False,
        )
        assert (await at.cluster.AddMember(add())).unchanged

        await at.cluster.RemoveMember(wire.RemoveMemberRequest(name="c2"))
        await until(lambda: at.house.replica.state.member_change is None)
        shown = await members(at)
        assert [one.name for one in shown.members] == ["c1"]
        assert not shown.HasField("pending")


async def test_a_newcomer_that_was_bound_becomes_a_learner() -> None:
    async with doors() as at:
        await at.cluster.AddMember(add())
        await at.house.submit((i.Asked(BindMember(2, "disk-2", "127.0.0.1:7202")),), 5)
        await until(lambda: 2 in at.house.replica.raft.configuration().learners)
        shown = await members(at)
        assert (shown.members[1].role, shown.members[1].http) == ("learner", "127.0.0.1:7202")
        assert shown.pending.stage == "catching_up"


async def test_names_and_addresses_are_looked_at_first() -> None:
    async with doors() as at:
        for request, field in (
            (add(name="c 2"), "name"),
            (add(name=""), "name"),
            (add(address="7102"), "address"),
            (add(address="192.0.2.1:7102"), "address"),
        ):
            said = await refused(at.cluster.AddMember(request))
            assert (said.code, said.reason) == (Code.INVALID_ARGUMENT, "invalid_field")
            assert said.metadata["field"] == field
        said = await refused(at.cluster.RemoveMember(wire.RemoveMemberRequest()))
        assert said.reason == "invalid_field"
        assert at.house.replica.state.member_change is None


async def test_a_member_that_nobody_knows_is_named_with_those_that_are_there() -> None:
    async with doors() as at:
        for call in (
            at.cluster.RemoveMember(wire.RemoveMemberRequest(name="c9")),
            at.cluster.AddMember(add(replaces="c9")),
            at.cluster.TransferLeader(wire.TransferLeaderRequest(to="c9")),
        ):
            said = await refused(call)
            assert (said.code, said.reason) == (Code.NOT_FOUND, "member_not_found")
            assert "there are c1" in said.message


async def test_the_law_and_the_leader_refuse_with_their_reasons() -> None:
    async with doors() as at:
        said = await refused(at.cluster.RemoveMember(wire.RemoveMemberRequest(name="c1")))
        assert (said.code, said.reason) == (Code.FAILED_PRECONDITION, "would_lose_quorum")
        said = await refused(at.cluster.AddMember(add(name="c1", address=C2)))
        assert (said.code, said.reason) == (Code.ALREADY_EXISTS, "already_exists")
        await at.cluster.AddMember(add())
        said = await refused(at.cluster.AddMember(add(name="c3", address="127.0.0.1:7103")))
        assert (said.code, said.reason) == (Code.FAILED_PRECONDITION, "change_pending")


async def test_a_repeated_removal_gets_its_first_answer_though_the_name_is_gone() -> None:
    async with doors() as at:
        await at.cluster.AddMember(add())
        request = wire.RemoveMemberRequest(name="c2", change=Change(request_id="r1"))
        await at.cluster.RemoveMember(request)
        await until(lambda: 2 not in at.house.replica.state.members)
        assert (await at.cluster.RemoveMember(request)).unchanged


async def test_of_two_under_one_name_the_one_that_comes_is_meant() -> None:
    async with doors() as at:
        await at.cluster.AddMember(add(name="c1", address="127.0.0.1:7109", replaces="c1"))
        said = await at.cluster.RemoveMember(wire.RemoveMemberRequest(name="c1"))
        assert (said.pending.leaving_id, said.pending.joining_id) == (2, 0)


@asynccontextmanager
async def leading_three() -> AsyncIterator[Doors]:
    """c1 leads; c2 confirms whatever it is asked, c3 never says a word."""
    async with doors(3, lead=False) as at:
        at.house.feed(i.Campaign())
        raft = at.house.replica.raft
        await until(lambda: raft.role.value != "follower")
        for pre_vote in (True, False):
            grant = VoteReply(2, 1, raft.term + pre_vote, granted=True, pre_vote=pre_vote)
            at.house.feed(i.FromPeer((grant,)))
            await at.house.pump.fed(i.Wake())
        at.house.feed(i.FromPeer((VoteReply(2, 1, raft.term, granted=True),)))
        await until(lambda: raft.is_leader)

        async def confirm() -> None:
            while True:
                term, index = raft.term, raft.last_index
                heard = HeartbeatReply(2, 1, term, raft.core.reads.newest)
                at.house.feed(i.FromPeer((heard, AppendAccepted(2, 1, term, index))))
                await asyncio.sleep(0.01)

        confirming = asyncio.create_task(confirm())
        await until(lambda: at.house.replica.is_leader)
        yield at
        confirming.cancel()


async def test_leadership_goes_to_a_voter_that_is_well() -> None:
    async with leading_three() as at:
        raft = at.house.replica.raft
        call = at.cluster.TransferLeader(wire.TransferLeaderRequest(to="c2"), timeout=20)
        await until(lambda: raft.transferee == 2)
        at.house.addresses[2] = C2
        at.house.feed(i.FromPeer((Heartbeat(2, 1, raft.term + 1, 1, 0),)))
        assert (await call).answer.leader == "c2"


async def test_leadership_goes_to_nobody_who_is_silent_and_may_stay_where_it_is() -> None:
    async with leading_three() as at:
        said = await refused(at.cluster.TransferLeader(wire.TransferLeaderRequest(to="c3")))
        assert (said.code, said.reason) == (Code.FAILED_PRECONDITION, "would_lose_quorum")
        assert (await at.cluster.TransferLeader(wire.TransferLeaderRequest(to="c1"))).unchanged
        dry = wire.TransferLeaderRequest(to="c2", change=Change(dry_run=True))
        assert (await at.cluster.TransferLeader(dry)).answer.leader == "c1"


async def test_a_transfer_that_nobody_takes_up_says_so() -> None:
    async with leading_three() as at:
        said = await refused(at.cluster.TransferLeader(wire.TransferLeaderRequest(to="c2")))
        assert (said.code, said.reason) == (Code.DEADLINE_EXCEEDED, "timed_out")
        assert at.house.replica.raft.is_leader


async def test_the_only_voter_hands_over_to_nobody() -> None:
    async with doors() as at:
        said = await refused(at.cluster.TransferLeader(wire.TransferLeaderRequest()))
        assert (said.code, said.reason) == (Code.FAILED_PRECONDITION, "would_lose_quorum")
