"""How a call reaches the leader: here if we lead, handed on once if another does, else waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NoReturn, TypeVar

import grpc.aio

from coordinator.api.askers import heard
from coordinator.api.door import Door, RoadFailed, Told
from coordinator.api.errors import DETAILS_KEY, Rejected, abort, from_failure, from_refusal
from coordinator.api.headers import headers_of
from coordinator.machine.outcome import Outcome, Refused
from coordinator.model.limits import MESSAGE_BYTES_MAX
from coordinator.model.tasks import Pairs
from coordinator.replica.effects import LeadershipChanged, Reply
from coordinator.replica.inputs import Asked
from coordinator.wire.v1 import tasks_pb2 as wire

FORWARDED_KEY = "x-ptasks-forwarded"
NO_DEADLINE_S = 30.0
ANSWER_BEFORE_S = 0.25  # so that the caller hears why, not only that its time is over
RETRY_S = 0.05
STREAM_LEADER_S = 5.0  # how long a stream that needs the leader waits for one

Context = grpc.aio.ServicerContext[Any, Any]
_Answer = TypeVar("_Answer")


class Passed(Exception):
    """Another member's error, handed back as it came."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        super().__init__(str(error))
        self.error = error


class Road:
    """One per server. `lead` runs the work here, or has the leader do it."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._moved = asyncio.Event()
        door.subscribe(self._listen)

    def answer(self, *, stale: bool = False) -> wire.Answer:
        """What the answer reflects, and where the leader is."""
        replica = self.door.replica
        leader = replica.state.members.get(replica.leader_id)
        addresses = map(self.door.address_of, sorted(replica.state.members))
        return wire.Answer(
            revision=replica.state.revision,
            member=self.door.name,
            term=replica.term,
            leader=leader.name if leader is not None else "",
            leader_address=self.door.address_of(replica.leader_id),
            stale=stale,
            age_ms=replica.leader_age_ms if stale else 0,
            coordinators=filter(None, addresses),
        )

    async def lead(
        self,
        context: Context,
        method: str,
        request: Any,
        reply_type: Any,
        work: Callable[[float], Awaitable[_Answer]],
    ) -> _Answer:
        """The answer of `work(seconds left)` on the leader. Aborts the call otherwise."""
        try:
            await say_headers(context)
            return await self._lead(context, method, request, reply_type, work)
        except Rejected as rejected:
            await abort(context, rejected)
        except Passed as passed:
            await abort_passed(context, passed)

    async def _lead(
        self,
        context: Context,
        method: str,
        request: Any,
        reply_type: Any,
        work: Callable[[float], Awaitable[_Answer]],
    ) -> _Answer:
        deadline = deadline_of(context)
        forwarded = _is_forwarded(context)
        while True:
            left = deadline - loop_time()
            if left <= 0:
                raise from_failure(self._cause())
            replica = self.door.replica
            try:
                if replica.raft.is_leader:
                    return await work(left)
                if forwarded:
                    raise from_failure("not_leader")
                address = self.door.address_of(replica.leader_id)
                if address:
                    headers = headers_of(context)
                    reply: _Answer = await self._forward(
                        address, method, request, reply_type, left, headers
                    )
                    return reply
            except RoadFailed as failed:
                if failed.kind not in ("not_leader", "no_leader") or forwarded:
                    raise from_failure(failed.kind, failed.detail) from failed
            await self._leader_moves(min(RETRY_S, max(0.0, left)))

    async def _forward(
        self,
        address: str,
        method: str,
        request: Any,
        reply_type: Any,
        left: float,
        headers: Pairs,
    ) -> Any:
        """One hop; nothing but "it is not me, certainly nothing happened" is tried again."""
        channel = self._channels.get(address)
        if channel is None:
            limit = ("grpc.max_receive_message_length", 2 * MESSAGE_BYTES_MAX)
            options = [limit, ("grpc.enable_retries", 0)]
            channel = self._channels[address] = grpc.aio.insecure_channel(address, options)
        call: Any = channel.unary_unary(
            method, lambda message: message.SerializeToString(), reply_type.FromString
        )
        try:
            return await call(request, timeout=left, metadata=((FORWARDED_KEY, "1"), *headers))
        except grpc.aio.AioRpcError as error:
            if _never_began(error):
                raise RoadFailed("not_leader") from error
            raise Passed(error) from error

    def channel_to_leader(self) -> grpc.aio.Channel | None:
        """For streams that only the leader can serve; None when we lead or nobody does."""
        replica = self.door.replica
        address = self.door.address_of(replica.leader_id)
        if replica.raft.is_leader or not address:
            return None
        if address not in self._channels:
            self._channels[address] = grpc.aio.insecure_channel(address)
        return self._channels[address]

    async def leader_for_stream(self, context: Context) -> grpc.aio.Channel | None:
        """None when a linearizable look may be taken here and now, else the way to the leader. Raises Rejected."""
        deadline = min(deadline_of(context), loop_time() + STREAM_LEADER_S)
        forwarded = _is_forwarded(context)
        while (left := deadline - loop_time()) > 0:
            channel = self.channel_to_leader()
            if channel is not None and not forwarded:
                return channel
            try:
                if self.door.replica.raft.is_leader:
                    await self.barrier(left)
                    return None
            except RoadFailed as failed:
                if failed.kind not in ("not_leader", "no_leader"):
                    raise from_failure(failed.kind, failed.detail) from failed
            if forwarded:
                raise from_failure("not_leader")
            await self._leader_moves(min(RETRY_S, max(0.0, left)))
        raise from_failure(self._cause())

    async def _leader_moves(self, seconds: float) -> None:
        self._moved.clear()
        try:
            await asyncio.wait_for(self._moved.wait(), seconds)
        except TimeoutError:
            return

    def _listen(self, told: Told) -> None:
        if isinstance(told, LeadershipChanged):
            self._moved.set()

    def _cause(self) -> str:
        """No leader for want of members, or just not yet."""
        facts = self.door.facts()
        voters = len(self.door.replica.raft.configuration().voters)
        return "no_quorum" if facts.reachable + 1 <= voters // 2 else "no_leader"

    # -- what the leader does -----------------------------------------------------------------------

    async def submit(self, asked: Sequence[Asked], left: float) -> Reply:
        """Outcomes of these wishes; a wait that runs out leaves their fate unknown."""
        try:
            return await self.door.submit(asked, left)
        except RoadFailed as failed:
            if failed.kind == "timed_out":
                raise from_failure("outcome_unknown", "no answer before the deadline") from failed
            raise

    async def submit_more(self, asked: Sequence[Asked], left: float) -> Reply:
        """The same, where an earlier part of the call has been done: no failure says any more that nothing was."""
        try:
            return await self.submit(asked, left)
        except RoadFailed as failed:
            raise from_failure(
                "outcome_unknown", f"a part was done, then {failed.kind}"
            ) from failed

    async def barrier(self, left: float) -> None:
        try:
            await self.door.barrier(left)
        except RoadFailed as failed:
            if failed.kind == "timed_out":
                raise from_failure(self._cause(), "no quorum confirmed the read") from failed
            raise


async def say_headers(context: Context) -> None:
    """The headers of the call go with the answer, whatever it is (PT-74). Raises Rejected."""
    headers = headers_of(context)
    heard(headers)
    if headers:
        await context.send_initial_metadata(headers)


async def abort_passed(context: Context, passed: Passed) -> NoReturn:
    """End the call as the other member did."""
    error = passed.error
    details = [(k, v) for k, v in error.trailing_metadata() or () if k == DETAILS_KEY]
    await context.abort(error.code(), error.details() or "", tuple(details))
    raise AssertionError("abort always raises")


def loop_time() -> float:
    """Seconds on the loop's clock, which never jumps."""
    return asyncio.get_running_loop().time()


def accepted(outcome: Outcome) -> Any:
    """The outcome if the law said yes. Raises Rejected."""
    if isinstance(outcome, Refused):
        raise from_refusal(outcome)
    return outcome


def deadline_of(context: Context) -> float:
    """Loop seconds by which we answer: a little before the caller gives up."""
    left = context.time_remaining()
    left = NO_DEADLINE_S if left is None else min(left, 86_400.0)
    return loop_time() + max(left * 0.5, left - ANSWER_BEFORE_S)


def _is_forwarded(context: Context) -> bool:
    return any(key == FORWARDED_KEY for key, _ in context.invocation_metadata() or ())


def _never_began(error: grpc.aio.AioRpcError) -> bool:
    """The other member says that it does not lead, or no connection was made at all."""
    if error.code() is not grpc.StatusCode.UNAVAILABLE:
        return False
    details = error.details() or ""
    return "(not_leader)" in details or "failed to connect" in details.lower()
