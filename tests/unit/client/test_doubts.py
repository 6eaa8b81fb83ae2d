"""A refusal that comes after a try of unknown outcome (G14): it is an answer only where it settles that try as well."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from coordinator.client import ChangeOptions, Client, Conflict, NewTask, OutcomeUnknown
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.cli.fake_server import Refusal
from tests.unit.client.fake_member import member

NOOP = NewTask(executor="demo.noop", id="x")


async def refuse(context: Any, refusal: Refusal) -> None:
    await context.abort(
        refusal.code, refusal.message, (("grpc-status-details-bin", refusal.details()),)
    )


async def lost(request: Any, context: Any) -> None:
    await refuse(context, Refusal(grpc.StatusCode.UNKNOWN, "outcome_unknown", "lost"))


REFUSALS = [
    ("INVALID_ARGUMENT", "unknown_executor"),
    ("INVALID_ARGUMENT", "validation_failed"),
    ("RESOURCE_EXHAUSTED", "overloaded"),
    ("RESOURCE_EXHAUSTED", "limit_reached"),
    ("INTERNAL", ""),
]


@pytest.mark.parametrize("code, reason", REFUSALS)
async def test_g14_a_refusal_that_nobody_remembers_is_no_answer_to_an_earlier_try(
    code: str, reason: str
) -> None:
    """The member that refuses may not know yet what an earlier leader accepted."""
    async with member() as only, Client([only.address], timeout_s=60) as client:

        async def behind(request: Any, context: Any) -> Any:
            if len(only.requests) == 1:
                await lost(request, context)
            if len(only.requests) < 4:
                await refuse(context, Refusal(grpc.StatusCode[code], reason, "no"))
            only.create = None
            return await only.Create(request, context)

        only.create = behind
        assert (await client.create(NOOP)).created
    assert len({request.change.request_id for request in only.requests}) == 1


async def test_g14_a_refusal_to_the_end_leaves_an_earlier_try_unknown_and_is_told() -> None:
    async with member() as only, Client([only.address], timeout_s=1) as client:

        async def refused(request: Any, context: Any) -> None:
            if len(only.requests) == 1:
                await lost(request, context)
            unknown = Refusal(grpc.StatusCode.INVALID_ARGUMENT, "unknown_executor", "no demo.noop")
            await refuse(context, unknown)

        only.create = refused
        with pytest.raises(OutcomeUnknown, match=r"earlier try.*no demo\.noop") as caught:
            await client.create(NOOP)
    assert caught.value.request_id
    assert len(only.requests) > 2


@pytest.mark.parametrize("dry_run, settled", [(True, {}), (False, {"settled": "yes"})])
async def test_a_refusal_that_settles_all_tries_is_an_answer(
    dry_run: bool, settled: dict[str, str]
) -> None:
    """One that the log remembers, or that no try could have escaped; a dry run does nothing anyway."""
    async with member() as only, Client([only.address], timeout_s=60) as client:

        async def taken(request: Any, context: Any) -> None:
            if len(only.requests) == 1:
                await lost(request, context)
            code = grpc.StatusCode.ALREADY_EXISTS
            await refuse(context, Refusal(code, "already_exists", "taken", **settled))

        only.create = taken
        with pytest.raises(Conflict):
            await client.create(NOOP, ChangeOptions(dry_run=dry_run))
    assert len(only.requests) == 2


def half_refused(**metadata: str) -> wire.CreateManyResponse:
    error = wire.ItemError(
        code="INVALID_ARGUMENT", reason="unknown_executor", message="no y", metadata=metadata
    )
    items = [wire.CreateManyItem(id="x", created=True), wire.CreateManyItem(id="y", error=error)]
    return wire.CreateManyResponse(answer=wire.Answer(revision=1), items=items)


@pytest.mark.parametrize(
    "answers, reason, asked",
    [
        ([half_refused(), half_refused(settled="yes")], "unknown_executor", 3),
        ([half_refused()], "outcome_unknown", None),
    ],
)
async def test_refusals_inside_a_batch_are_weighed_as_well(
    answers: list[wire.CreateManyResponse], reason: str, asked: int | None
) -> None:
    count = 0

    async def many(request: Any, context: Any) -> Any:
        nonlocal count
        count += 1
        if count == 1:
            await lost(request, context)
        return answers[min(count - 2, len(answers) - 1)]

    async with member() as only, Client([only.address], timeout_s=1) as client:
        only.create_many = many
        first, second = (await client.create_many([NOOP, NOOP])).items
    assert (first.created, first.error) == (True, None)
    assert second.error is not None
    assert second.error.reason == reason
    assert count > 2 if asked is None else count == asked


async def test_a_batch_without_doubts_is_answered_at_once() -> None:
    count = 0

    async def many(request: Any, context: Any) -> Any:
        nonlocal count
        count += 1
        return half_refused()

    async with member() as only, Client([only.address], timeout_s=60) as client:
        only.create_many = many
        items = (await client.create_many([NOOP, NOOP])).items
    assert items[1].error is not None
    assert (items[1].error.reason, count) == ("unknown_executor", 1)
