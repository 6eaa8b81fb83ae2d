"""The memory of request ids: a repeated request gets the first answer again (G3)."""

from __future__ import annotations

from coordinator.machine.commands import Command, CreateTask, ForgetRequests, Request
from coordinator.machine.outcome import Accepted, Outcome, Refusal, Refused
from coordinator.model import limits
from coordinator.model.requests import Remembered
from coordinator.model.state import ClusterState

# These a repetition may overcome, so they are no answers to hold on to.
PASSING = (
    Refusal.CHOICE_STALE,
    Refusal.LIMIT_REACHED,
    Refusal.UNPLACEABLE,
    Refusal.FEATURE_LEVEL,
)
CLEARED_BY = "\n"  # between the names in an answer that has some
DROPPED_AT_ONCE = 1_000  # the oldest go in blocks: one by one would walk the dead front of the dict


def answer_again(state: ClusterState, request: Request) -> Outcome | None:
    """The first answer to this request id, or None if it is new."""
    if not request.request_id:
        return None
    first = state.requests.get(request.request_id)
    if first is None:
        return None
    if first.content != request.content:
        detail = f"request id {request.request_id} was used for another request"
        return Refused(Refusal.REQUEST_ID_REUSED, detail)
    if first.refusal:
        refusal = Refusal(first.refusal)
        return Refused(refusal, first.detail, first.allocation_id, first.task_id)
    return Accepted(
        first.task_id,
        first.allocation_id,
        created=first.created,
        unchanged=not first.created,
        deduplicated=_was_another(first, request.command),
        cleared=tuple(filter(None, first.detail.split(CLEARED_BY))),
    )


def _was_another(first: Remembered, command: Command) -> bool:
    """Whether a creation was answered with a task that was active under its key: only then is that one of another id."""
    return isinstance(command, CreateTask) and first.task_id != command.task_id


def remember(state: ClusterState, request: Request, outcome: Outcome) -> None:
    """Keep the answer, accepted or refused; beyond the limit the oldest are dropped."""
    if not request.request_id:
        return
    content, at = request.content, state.at
    if isinstance(outcome, Accepted):
        detail = CLEARED_BY.join(outcome.cleared)
        kept = Remembered(
            content, at, outcome.task_id, outcome.allocation_id, outcome.created, detail=detail
        )
    elif outcome.code in PASSING:
        return
    else:
        kept = Remembered(
            content, at, outcome.task_id, outcome.current, False, outcome.code.value, outcome.detail
        )
    if len(state.requests) >= limits.REQUESTS_REMEMBERED:
        state.requests.forget(DROPPED_AT_ONCE)
    state.requests.put(request.request_id, kept)


def forget_requests(state: ClusterState, command: ForgetRequests) -> Outcome:
    """Drop up to `count` of the oldest, but only those whose time has passed by `at`.

    Two leaders may have proposed the same: the second must not drop what is still promised.
    """
    expired = 0
    for _, first in state.requests.oldest():
        if expired >= command.count or first.at + limits.REQUESTS_REMEMBERED_MS > state.at:
            break
        expired += 1
    state.requests.forget(expired)
    return Accepted(unchanged=not expired)
