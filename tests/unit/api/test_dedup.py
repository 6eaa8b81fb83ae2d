"""Creations that are answered with the task that is active under their key, and what a repeat of them is told (TM-66)."""

from __future__ import annotations

from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.api.house import NOOP, Doors, doors, until


def keyed(task_id: str) -> wire.NewTask:
    return wire.NewTask(
        id=task_id, executor=NOOP, spec=wire.TaskSpec(dedup_key="k", retention_ms=0)
    )


async def create_many(at: Doors) -> list[wire.CreateManyItem]:
    request = wire.CreateManyRequest(
        tasks=[keyed("a"), keyed("b")], change=wire.Change(request_id="r1"), brief=True
    )
    return list((await at.tasks.CreateMany(request)).items)


async def test_tm_66_a_repeat_of_many_names_the_task_that_it_tells_of() -> None:
    async with doors() as at:
        node = await at.node()
        first = await create_many(at)
        assert [(one.id, one.created, one.deduplicated) for one in first] == [
            ("a", True, False),
            ("a", False, True),
        ]
        assert await create_many(at) == first
        await node.end("a")
        await until(lambda: "a" not in at.house.replica.state.tasks)
        again = await create_many(at)
        assert [(one.id, one.deduplicated, one.status) for one in again][1] == ("a", True, "")


async def test_tm_66_a_repeat_of_one_says_so_and_an_ensure_has_updated_nothing() -> None:
    async with doors() as at:
        await at.node()
        await at.tasks.Create(wire.CreateRequest(task=keyed("a")))
        request = wire.CreateRequest(task=keyed("b"), change=wire.Change(request_id="r1"))
        for _ in range(2):
            answer = await at.tasks.Create(request)
            assert (answer.task.id, answer.created, answer.deduplicated) == ("a", False, True)
        ensure = wire.EnsureRequest(task=keyed("c"), change=wire.Change(request_id="r2"))
        told = [await at.tasks.Ensure(ensure) for _ in range(2)]
        assert [(one.task.id, one.result) for one in told] == [("a", "unchanged")] * 2
