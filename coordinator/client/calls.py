"""The one retry loop of every unary call (EX-52).

A call is repeated, under the same request id, for as long as its deadline allows, when a try ended without a real
answer; `routing` says where the next try goes and what a failed one means. It ends in one of four ways: an answer; a
refusal; `Unavailable`, when it is certain that nothing was done; `OutcomeUnknown`, when a change may have been.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import grpc
import grpc.aio

from coordinator.client.channels import Channels, Method
from coordinator.client.errors import ClientError, OutcomeUnknown, Refused, TimedOut, Unavailable
from coordinator.client.routing import Directory, Tries, Verdict, judge
from coordinator.client.status import error_from_rpc

if TYPE_CHECKING:

    class WireAnswer(Protocol):
        """The part of an `Answer` message that routing reads."""

        leader_address: str
        revision: int
        member: str
        term: int
        leader: str

        @property
        def coordinators(self) -> Sequence[str]:
            """Addresses of all members; empty from a release that does not tell."""
            ...

    class WireResponse(Protocol):
        """What every response of ours carries."""

        @property
        def answer(self) -> WireAnswer:
            """What it reflects."""
            ...


Request = TypeVar("Request")
Response = TypeVar("Response", bound="WireResponse")


class CallReport(NamedTuple):
    """What `-v` shows of one call: who was asked, what it reflects, how long it took, how often it was tried."""

    method: str
    address: str
    member: str
    leader: str
    term: int
    revision: int
    lasted_ms: float
    retries: int
    request_id: str


Observer = Callable[[CallReport], None]


class Whole:
    """How to look at an answer that came after a try of unknown outcome: most are all there is to know."""

    def is_settled(self, response: Any) -> bool:  # noqa: ARG002 - the batch's looks at it
        """Whether no refusal inside could be contradicted by the earlier try."""
        return True

    def resign(self, response: Any) -> None:
        """The time is over: make `outcome_unknown` of the refusals that are not settled."""


class Plan(NamedTuple):
    """How one call is to be made: the time it may take, and what a repeat would mean."""

    timeout_s: float
    request_id: str = (
        ""  # of a change; empty: a read, which can be repeated without a second thought
    )
    patient: bool = (
        False  # a wait: silence is no reason to ask another member, and it queues with its like
    )
    local: bool = (
        False  # a stale read: any member will do, its word about the leader is not followed
    )
    parts: Whole = Whole()  # of a change whose answer holds refusals


class Caller:
    """Makes calls: picks members, repeats, tells unavailable from unknown. One per client."""

    def __init__(self, directory: Directory, observer: Observer | None = None) -> None:
        self.directory = directory
        self.channels = Channels()
        self._observer = observer
        self.ends_at: float | None = None  # monotonic; no call goes on beyond it

    def _seconds(self, plan: Plan) -> float:
        """What a call may take. Raises TimedOut when there is nothing left, before anything is sent."""
        if self.ends_at is None or plan.patient:
            return plan.timeout_s
        left = self.ends_at - time.monotonic()
        if left <= 0:
            raise TimedOut("the time given was over before the call was made")
        return min(plan.timeout_s, left)

    async def call(
        self, method: Method[Request, Response], request: Request, plan: Plan
    ) -> Response:
        """The answer. Raises a ClientError; what it means for a change is told by its class."""
        start, allowed = time.monotonic(), self._seconds(plan)
        tries = Tries(len(self.directory.members))
        told: ClientError | None = None  # the last one that a member answered with: it knows why
        doubted: Response | None = None
        error: ClientError = Unavailable("nobody was asked")
        while True:
            remaining = allowed - (time.monotonic() - start)
            address = self.directory.pick()
            got = await self._ask(address, method, request, plan, tries, remaining)
            if isinstance(got, ClientError):
                error = got
                told = error if error.reason_given else told
            else:
                self._answered(method.name, address, got.answer, start, tries.count, plan)
                if not (tries.perhaps and plan.request_id) or plan.parts.is_settled(got):
                    return got
                doubted = got
                tries.failed(Verdict.UNSETTLED, silent=False)
            pause = tries.pause_s(random.random())
            elapsed = time.monotonic() - start
            if not tries.may_try_again(elapsed, allowed - elapsed, pause):
                if doubted is not None:
                    plan.parts.resign(doubted)
                    return doubted
                raise _end(told or error, tries, plan)
            if pause:
                await asyncio.sleep(pause)

    async def _ask(
        self,
        address: str,
        method: Method[Request, Response],
        request: Request,
        plan: Plan,
        tries: Tries,
        remaining_s: float,
    ) -> Response | ClientError:
        """One try: its answer, or what failed, which `tries` has counted. Raises what was a real answer."""
        try_s = remaining_s if plan.patient else tries.seconds_for_next(remaining_s)
        channels = self.channels.of(address)
        try:
            return await channels.call(
                method, request, remaining_s, try_s=try_s, patient=plan.patient
            )
        except Unavailable as queued:  # our own queue was full: that says nothing of the member
            tries.failed(Verdict.NOT_SENT, silent=False)
            return queued
        except grpc.aio.AioRpcError as failure:
            return self._failed(failure, address, tries, plan)

    def _failed(
        self, failure: grpc.aio.AioRpcError, address: str, tries: Tries, plan: Plan
    ) -> ClientError:
        """Learn from a failed try; raises at once when it was a real answer."""
        error = error_from_rpc(failure)
        error.member, error.request_id = address, plan.request_id
        verdict = judge(failure.code().name, error.reason_given, error.message)
        if plan.request_id:
            verdict = tries.weigh(verdict, settled=error.is_settled)
        if verdict is Verdict.FINAL or (plan.patient and error.reason_given == "timed_out"):
            raise error
        over = (
            error.metadata.get("cause") == "not_begun"
        )  # told in time, but it takes longer than that
        silent = over or failure.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        tries.failed(verdict, silent=silent)
        if verdict is not Verdict.OVERLOADED:
            self.directory.failed(address, error.metadata.get("leader_address", ""))
        return error

    async def close(self) -> None:
        """End all connections."""
        await self.channels.close()

    def _answered(
        self, name: str, address: str, answer: WireAnswer, start: float, retries: int, plan: Plan
    ) -> None:
        if not plan.local:
            self.directory.answered(answer.leader_address)
            self.directory.know(answer.coordinators)
        if self._observer is not None:
            lasted = (time.monotonic() - start) * 1000
            self._observer(
                CallReport(
                    name, address, answer.member, answer.leader, answer.term, answer.revision,
                    lasted, retries, plan.request_id,
                )
            )  # fmt: skip


def _end(last: ClientError, tries: Tries, plan: Plan) -> ClientError:
    """What a call without an answer amounts to when its time is over."""
    kind: type[ClientError] = Unavailable
    message = last.message
    if tries.perhaps and plan.request_id:
        kind, message = OutcomeUnknown, f"sent, but not answered in time ({last.message})"
        if isinstance(last, Refused):
            message = f"perhaps done by an earlier try; a later one was refused: {last.message}"
    elif tries.last in (Verdict.NO_SPACE, Verdict.OVERLOADED):
        return last
    elif tries.last is Verdict.PERHAPS:
        kind = TimedOut
    metadata = dict(last.metadata)
    if kind is Unavailable and "cause" not in metadata:
        metadata["cause"] = "unreachable" if tries.last is Verdict.NOT_SENT else "no_leader"
    end = kind(message, code=last.code, metadata=metadata)
    end.member, end.request_id = last.member, plan.request_id
    return end
