"""What operators wish for among the coordinators: one more, one less, one in place of another, another leader."""

from __future__ import annotations

import asyncio

from coordinator.api import member_views
from coordinator.api.changing import submit_change
from coordinator.api.checks import check_request_id
from coordinator.api.door import Door, Told
from coordinator.api.errors import Code, Rejected, invalid
from coordinator.api.road import Road
from coordinator.machine.commands import AddMember, RemoveMember
from coordinator.machine.outcome import Refusal
from coordinator.model.addresses import parse_address, parse_name
from coordinator.model.members import MemberRecord
from coordinator.replica.effects import LeadershipChanged
from coordinator.replica.inputs import TransferLeadership
from coordinator.wire.v1 import cluster_pb2 as wire

TRANSFER_S = 2.0  # the core gives a transfer up after an election time-out


class MemberWishes:
    """The leader's part of these calls."""

    def __init__(self, door: Door, road: Road) -> None:
        self._door = door
        self._road = road

    async def add(self, request: wire.AddMemberRequest, left: float) -> wire.MemberChangeResponse:
        """Returns when the wish is committed; it is fulfilled later. Raises Rejected, RoadFailed."""
        for field, parse in (("name", parse_name), ("address", parse_address)):
            try:
                parse(getattr(request, field))
            except ValueError as error:
                raise invalid(field, f"{getattr(request, field)!r} is {error}") from None
        replaces = self._id_of(request.replaces, request.change.request_id)
        command = AddMember(request.name, request.address, replaces)
        return await self._wish(command, request, left)

    async def remove(
        self, request: wire.RemoveMemberRequest, left: float
    ) -> wire.MemberChangeResponse:
        """The same for a member that goes, or an addition that is called off."""
        if not request.name:
            raise invalid("name", "is empty")
        number = self._id_of(request.name, request.change.request_id)
        return await self._wish(RemoveMember(number), request, left)

    async def transfer(
        self, request: wire.TransferLeaderRequest, left: float
    ) -> wire.TransferLeaderResponse:
        """Returns when another leads. Raises Rejected, RoadFailed."""
        check_request_id(request.change.request_id)
        await self._road.barrier(left)
        replica = self._door.replica
        target = self._voter(request.to) if request.to else 0
        if target == replica.raft.id:
            return wire.TransferLeaderResponse(answer=self._road.answer(), unchanged=True)
        if len(replica.raft.configuration().voters) < 2:
            raise _unsafe("there is no other voter")
        if not request.change.dry_run:
            await self._hand_over(target, min(left, TRANSFER_S))
        return wire.TransferLeaderResponse(answer=self._road.answer())

    # -- members ------------------------------------------------------------------------------------

    async def _wish(
        self,
        command: AddMember | RemoveMember,
        request: wire.AddMemberRequest | wire.RemoveMemberRequest,
        left: float,
    ) -> wire.MemberChangeResponse:
        outcome = await submit_change(self._road, command, request, left)
        return wire.MemberChangeResponse(
            answer=self._road.answer(),
            pending=member_views.pending(self._door.replica),
            unchanged=outcome.unchanged,
        )

    def _id_of(self, name: str, request_id: str) -> int:
        """0 for no name, and where the request is remembered: its first answer needs no member."""
        state = self._door.replica.state
        if not name or (request_id and state.requests.get(request_id) is not None):
            return 0
        return self._record(name).id

    def _record(self, name: str) -> MemberRecord:
        """Of two under one name, one replaces the other: the one that comes."""
        state = self._door.replica.state
        found = [record for record in state.members_by_id() if record.name == name]
        if not found:
            names = ", ".join(sorted({one.name for one in state.members_by_id()}))
            text = f"there is no coordinator {name}; there are {names}"
            raise Rejected(Code.NOT_FOUND, Refusal.MEMBER_NOT_FOUND.value, text)
        return found[-1]

    # -- the leader ---------------------------------------------------------------------------------

    def _voter(self, name: str) -> int:
        number = self._record(name).id
        replica = self._door.replica
        if number not in replica.raft.configuration().voters:
            raise _not_a_voter(name)
        if number != replica.raft.id and not replica.roster.is_well(number):
            raise _unsafe(f"{name} was not heard of for a second")
        return number

    async def _hand_over(self, target: int, seconds: float) -> None:
        moved = asyncio.Event()

        def listen(told: Told) -> None:
            if isinstance(told, LeadershipChanged) and told.leader and not told.is_leader:
                moved.set()

        forget = self._door.subscribe(listen)
        try:
            self._door.feed(TransferLeadership(target))
            async with asyncio.timeout(seconds):
                await moved.wait()
        except TimeoutError:
            text = "nobody took over in time; the leader is the same"
            raise Rejected(Code.DEADLINE_EXCEEDED, "timed_out", text) from None
        finally:
            forget()


def _not_a_voter(name: str) -> Rejected:
    why = f"{name} does not vote"
    return Rejected(
        Code.INVALID_ARGUMENT, "invalid_field", f"to: {why}", {"field": "to"}, (("to", why),)
    )


def _unsafe(text: str) -> Rejected:
    return Rejected(Code.FAILED_PRECONDITION, Refusal.WOULD_LOSE_QUORUM.value, text)
