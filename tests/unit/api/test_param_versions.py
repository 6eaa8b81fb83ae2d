"""Params of another version of their executor are judged by the schema of that version (TM-49, PT-86)."""

from __future__ import annotations

from typing import Any

from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.api.house import NOOP, Doors, doors, refused


def offers(version: int, name: str) -> dict[str, Any]:
    """A version whose params have one field."""
    schema = {
        "properties": {name: {"type": "integer"}},
        "required": [name],
        "additionalProperties": False,
    }
    return {NOOP: {"version": version, "params_schema": schema}}


async def update(at: Doors, **asked: object) -> wire.ChangeResponse:
    answer: wire.ChangeResponse = await at.tasks.Update(wire.UpdateRequest(id="t1", **asked))
    return answer


async def test_tm_49_a_version_that_is_asked_for_is_that_of_the_params() -> None:
    async with doors() as at:
        await at.node("n1", offers=offers(1, "a"))
        await at.create("t1", params=b'{"a":1}', paused=True)
        await at.node("n2", offers=offers(2, "b"))
        done = await update(at, params=b'{"a": 1}', merge_params=True)
        assert (done.unchanged, done.task.executor_version) == (True, 1)
        said = await refused(update(at, executor_version=2))
        assert (said.reason, set(said.violations)) == ("invalid_params", {"params.a", "params.b"})
        assert (await update(at, executor_version=1)).unchanged
        done = await update(at, params=b'{"b":1}', executor_version=2)
        assert (done.task.params, done.task.executor_version) == (b'{"b":1}', 2)


async def test_pt_86_a_roll_back_goes_by_the_version_that_comes_back() -> None:
    async with doors() as at:
        await at.node("n1", offers=offers(1, "a"))
        await at.node("n2", offers=offers(2, "b"))
        await at.create("t1", params=b'{"b":1}', paused=True)
        said = await refused(update(at, executor_version=1))
        assert set(said.violations) == {"params.a", "params.b"}
        done = await update(at, params=b'{"a":1}', executor_version=1)
        assert (done.task.params, done.task.executor_version) == (b'{"a":1}', 1)
        done = await update(at, params=b'{"b":1}', executor_version=7)
        assert done.task.executor_version == 7, "nobody knows that one: the newest is asked"
