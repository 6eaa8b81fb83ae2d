"""What `list`, `get` and `watch` print can be given to `start -f`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from coordinator.cli.failures import Failure
from coordinator.cli.task_files import to_task
from coordinator.client import Client, Filter, NewTask
from coordinator.client.serializer import line, plain_dict
from coordinator.client.views import Task
from coordinator.model.tasks import RunOutcome
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.api.house import NOOP, doors
from tests.unit.cli.conftest import Taskctl
from tests.unit.cli.fake_server import FakeCluster

BACKOFF = {"kind": "fixed", "first_ms": 5_000, "base_ms": 0, "cap_ms": 0, "jitter": "none"}
ASKED = NewTask(
    id="all",
    executor=NOOP,
    params={"a": {"b": [1, None]}},
    due_at=4_102_444_800_000,
    priority=7,
    cost=3,
    timeout_ms=0,
    max_attempts=0,
    backoff=BACKOFF,
    on_lost="fail",
    cancel_grace_ms=1_500,
    retention_ms=60_000,
    labels={"team": "x"},
    headers={"x-opaque-id": "7"},
    exclusive=False,
    isolation="process",
    object_kind="order",
    object_id="7",
)


async def listed(client: Client) -> list[Task]:
    return list((await client.list(Filter(include_finished=True))).tasks)


async def test_what_is_listed_is_already_there_when_it_is_started_again() -> None:
    async with doors() as at, Client([at.address]) as client:
        node = await at.node()
        paused = NewTask(id="paused", executor=NOOP, paused=True)
        for new in (
            ASKED,
            NewTask(id="bare", executor=NOOP),
            NewTask(id="x", executor=NOOP),
            paused,
        ):
            await client.create(new)
        await node.end(
            "bare", RunOutcome.FAILED
        )  # waits for its next attempt, which nobody asked for
        await node.end("x", RunOutcome.SUCCEEDED)
        for task in await listed(client):
            again = await client.create(to_task(plain_dict(task), "f"))
            assert (task.id, again.created) == (task.id, False)


async def test_parent_and_constraints_of_a_file_reach_the_task() -> None:
    entry = {
        "id": "child",
        "executor": NOOP,
        "parent": "all",
        "constraints": {"require": {"zone": "a"}, "apart": ["app"]},
    }
    async with doors() as at, Client([at.address]) as client:
        await at.node(attributes=(("zone", "a"),))
        await client.create(NewTask(id="all", executor=NOOP, paused=True))
        made = (await client.create(to_task(entry, "f"))).task
        assert (made.spec.parent, made.assignment.node) == ("all", "n1")
        assert made.spec.constraints == entry["constraints"]
        for printed in (plain_dict(made), {**entry, "parent": None, "spec": {"parent": "all"}}):
            if printed.get("parent") is None:
                printed.pop("parent", None)
            again = await client.create(to_task(printed, "f"))
            assert (again.created, again.task.id) == (False, "child")


async def test_the_same_wish_reaches_another_cluster() -> None:
    async with (
        doors() as at,
        doors() as other,
        Client([at.address]) as client,
        Client([other.address]) as second,
    ):
        await at.node()
        await other.node()
        await client.create(ASKED)
        await client.create(NewTask(id="paused", executor=NOOP, paused=True))
        for task in await listed(client):
            await second.create(to_task(line("Task", task), "f"))
        told = [(t.id, t.params, t.spec, t.desired) for t in await listed(second)]
        assert told == [(t.id, t.params, t.spec, t.desired) for t in await listed(client)]
        assert to_task(plain_dict((await listed(client))[0]), "f") == ASKED


def test_list_as_json_goes_into_start(taskctl: Taskctl, cluster: FakeCluster) -> None:
    spec = wire.TaskSpec(labels={"team": "x"}, timeout_ms=90_000)
    cluster.put("a", spec=spec, params=b'{"n":1}')
    cluster.put("b", status="paused", desired="paused")
    for form, verb in (("json", "list"), ("jsonl", "list")):
        ran = taskctl("start", "-f", "-", stdin=taskctl(verb, "-o", form).out)
        assert ran.code == 0, ran.err
        first, second = cluster.asked("CreateMany")[-1].tasks
        assert (first.id, dict(first.spec.labels), first.spec.timeout_ms) == (
            "a",
            {"team": "x"},
            90_000,
        )
        assert (json.loads(first.params), first.paused, second.paused) == ({"n": 1}, False, True)
    single = taskctl("get", "a", "-o", "json").out
    assert taskctl("start", "-f", "-", stdin=single).code == 0
    assert [task.id for task in cluster.asked("CreateMany")[-1].tasks] == ["a"]


@pytest.mark.parametrize(
    "entry",
    [
        {"id": "t", "executor": "e", "status": "running"},
        {"id": "t", "executor": "e", "spec": {"weather": "fine"}},
    ],
)
def test_a_field_that_nobody_knows_is_still_an_error(entry: dict[str, Any]) -> None:
    with pytest.raises(Failure, match="unknown field"):
        to_task(entry, "f")
