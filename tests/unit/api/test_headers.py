"""x-opaque-id and traceparent: on the answer, the record, its runs (PT-74)."""

from __future__ import annotations

from typing import Any

from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.api.house import NOOP, Doors, doors, refused

SENT = (("x-opaque-id", "page-7"), ("traceparent", "00-0af7-b7ad-01"), ("x-other", "no"))
KEPT = {"x-opaque-id": "page-7", "traceparent": "00-0af7-b7ad-01"}


def create(at: Doors, metadata: tuple[tuple[str, str], ...] = SENT, **more: Any) -> Any:
    new = wire.NewTask(id="t1", executor=NOOP, **more)
    return at.tasks.Create(wire.CreateRequest(task=new), metadata=metadata, timeout=20)


async def came_back(call: Any) -> dict[str, str]:
    return {key: value for key, value in await call.initial_metadata() if key in KEPT}


async def test_pt_a62_the_headers_of_a_call_are_on_the_answer_the_record_and_the_runs() -> None:
    async with doors() as at:
        node = await at.node()
        call = create(at)
        assert dict((await call).task.spec.headers) == KEPT
        assert await came_back(call) == KEPT
        assert dict((await node.runs("t1")).headers) == KEPT
        runs = await at.tasks.Runs(wire.RunsRequest(id="t1"), timeout=20)
        assert dict(runs.runs[0].headers) == KEPT
        read = at.tasks.Get(wire.GetRequest(id="t1"), metadata=SENT, timeout=20)
        await read
        assert await came_back(read) == KEPT


async def test_pt_a62_what_is_too_long_is_refused() -> None:
    async with doors() as at:
        await at.node()
        said = await refused(create(at, (("x-opaque-id", "x" * 4_100),)))
        assert (said.reason, said.metadata["limit"]) == ("too_large", "4096")
        spec = wire.TaskSpec(headers={"own": "y" * 2_500})
        said = await refused(create(at, (("x-opaque-id", "x" * 2_500),), spec=spec))
        assert said.reason == "too_large"


async def test_pt_21_another_trace_is_the_same_task() -> None:
    async with doors() as at:
        await at.node()
        await create(at)
        again = await create(at, (("traceparent", "00-ffff-ffff-01"),))
        assert (again.created, dict(again.task.spec.headers)) == (False, KEPT)


async def test_headers_that_the_task_names_itself_prevail() -> None:
    async with doors() as at:
        await at.node()
        made = await create(at, spec=wire.TaskSpec(headers={"x-opaque-id": "own", "k": "v"}))
        assert dict(made.task.spec.headers) == KEPT | {"x-opaque-id": "own", "k": "v"}


async def test_errors_carry_the_headers_of_their_call() -> None:
    async with doors() as at:
        call = at.tasks.Get(wire.GetRequest(id="nobody"), metadata=SENT, timeout=20)
        assert (await refused(call)).reason == "task_not_found"
        assert await came_back(call) == KEPT
