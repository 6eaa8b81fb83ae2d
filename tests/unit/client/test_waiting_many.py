"""Waiting for a list (PT-75), against a coordinator's own handlers; its watch on a stand-in where that has to break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from coordinator.client import Client, Condition, Filter, NewTask, TimedOut
from coordinator.client.errors import ClientError, Unavailable, WatchReset
from coordinator.client.from_wire import task_of
from coordinator.client.replies import Page, WaitedMany
from coordinator.client.views import Answer, Change, Task
from coordinator.client.waiting_many import ManyWait
from coordinator.client.watch import WatchEvent
from coordinator.model.tasks import RunOutcome
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.api.house import NOOP, Doors, doors

GUARD_S = 20


async def begun(at: Doors, call: Any) -> asyncio.Task[WaitedMany]:
    """A wait that has listed and not ended."""
    waiting = asyncio.create_task(call)
    await asyncio.sleep(0.2)
    assert not waiting.done()
    return waiting


async def three(at: Doors) -> Any:
    node = await at.node()
    for name in ("a", "b", "c"):
        await at.create(name, spec=wire.TaskSpec(labels={"team": "x"}))
    return node


async def test_pt_a59_it_returns_when_all_that_matched_have_ended() -> None:
    async with doors() as at, Client([at.address]) as client:
        node = await three(at)
        chosen = Filter(labels=["team=x"])
        waiting = await begun(at, client.wait_all(chosen, timeout_s=GUARD_S))
        await client.create(NewTask(id="later", executor=NOOP, labels={"team": "x"}, paused=True))
        await node.end("b", RunOutcome.FAILED, permanent=True)
        await client.cancel("c", purge=True)
        await node.end("c", RunOutcome.CANCELLED)
        assert not waiting.done()
        await node.end("a")
        found = await waiting
        assert [(one.id, one.status) for one in found.ended] == [
            ("b", "failed"),
            ("c", "gone"),
            ("a", "succeeded"),
        ]
        assert found.pending == []


async def test_pt_a59_nothing_matches_nothing_is_waited_for_and_no_wait_is_in_a_list() -> None:
    async with doors() as at, Client([at.address]) as client:
        await three(at)
        assert (await client.wait_all(Filter(labels=["team=y"]), timeout_s=GUARD_S)).ended == []
        waiting = await begun(at, client.wait_all(Filter(), timeout_s=GUARD_S))
        listed = await client.list(Filter(include_finished=True))
        assert [task.id for task in listed.tasks] == ["a", "b", "c"]
        assert (await client.count_runs()).count == 3
        waiting.cancel()


async def test_pt_a59_code_that_is_a_task_does_not_wait_for_itself() -> None:
    async with doors() as at, Client([at.address]) as client:
        node = await three(at)
        call = client.wait_all(Filter(executor="demo.*"), ignoring=("a",), timeout_s=GUARD_S)
        waiting = await begun(at, call)
        await node.end("b")
        await node.end("c")
        assert sorted(one.id for one in (await waiting).ended) == ["b", "c"]


async def test_pt_75_any_predicate_and_one_is_enough() -> None:
    async with doors() as at, Client([at.address]) as client:
        node = await three(at)

        def runs(task: Task) -> bool:
            return task.status == "running"

        call = client.wait_all(Filter(), until=runs, any_one=True, timeout_s=GUARD_S)
        waiting = await begun(at, call)
        await node.report("b", "started")
        found = await waiting
        assert [(one.id, one.status, one.met) for one in found.ended] == [("b", "running", True)]
        assert sorted(found.pending) == ["a", "c"]


async def test_pt_a58_a_list_that_takes_too_long_names_what_is_left() -> None:
    async with doors() as at, Client([at.address]) as client:
        await three(at)
        with pytest.raises(TimedOut) as late:
            await client.wait_all(Filter(), timeout_s=0.3)
        assert "0.3 s" in late.value.message
        assert "a, b, c" in late.value.message


async def test_pt_a58_a_single_wait_that_is_late_has_the_record() -> None:
    async with doors() as at, Client([at.address]) as client:
        await at.node()
        await client.create(NewTask(id="t", executor=NOOP, paused=True))
        with pytest.raises(TimedOut) as late:
            await client.wait_round("t", (), timeout_s=0.05)
        assert late.value.task is not None
        assert (late.value.task.id, late.value.task.status) == ("t", "paused")


def record(task_id: str, status: str = "running", revision: int = 5) -> Task:
    return task_of(
        wire.Task(id=task_id, status=status, created_revision=2, modified_revision=revision)
    )


class Stand:
    """A client whose watches tell what the test wrote, one script for each watch."""

    def __init__(self, lists: list[list[Task]], *watches: list[Any]) -> None:
        self.lists = lists
        self.watches = list(watches)
        self.asked: list[Filter] = []
        self.resumed: list[int] = []
        self.revision: int | None = None

    async def pages(self, selection: Filter | None = None, **_: Any) -> AsyncIterator[Page]:
        self.asked.append(selection or Filter())
        yield Page(Answer(revision=9, member="c1"), self.lists.pop(0), "", 9, 0)

    def open_watch(self, selection: Filter | None = None) -> Any:
        self.asked.append(selection or Filter())
        return self

    async def events(self, after: int) -> AsyncIterator[WatchEvent]:
        self.resumed.append(after)
        for said in self.watches.pop(0):
            if isinstance(said, ClientError):
                raise said
            self.revision = said.revision
            yield said


def told(revision: int, kind: str, task: Task) -> WatchEvent:
    return WatchEvent("change", revision, [Change(revision, True, kind, task)])


async def test_what_is_no_longer_kept_is_listed_again() -> None:
    reset = WatchReset("old", reason="compacted")
    stand: Any = Stand(
        [[record("a"), record("b"), record("c")], [record("b", "failed")]],
        [told(11, "updated", record("a", "succeeded")), reset],
        [],
    )
    found = await ManyWait(stand).run(Filter(node="n1"), timeout_s=GUARD_S)
    assert [(one.id, one.status) for one in found.ended] == [
        ("a", "succeeded"),
        ("b", "failed"),
        ("c", "gone"),
    ]
    assert [sorted(one.ids) for one in stand.asked] == [[], ["a", "b", "c"], ["b", "c"]]
    assert stand.resumed == [9]


async def test_a_wait_whose_list_was_answered_outlives_a_cluster_that_is_away() -> None:
    stand: Any = Stand(
        [[record("a")]], [Unavailable("nobody")], [told(11, "updated", record("a", "succeeded"))]
    )
    found = await ManyWait(stand).run(Filter(), timeout_s=GUARD_S)
    assert [one.id for one in found.ended] == ["a"]
    assert stand.resumed == [9, 9]


async def test_an_end_is_an_end_whatever_was_asked_but_for_gone() -> None:
    running = Condition(kind="status", status="running")
    stand: Any = Stand([[record("a", "failed"), record("b")]])
    found = await ManyWait(stand, conditions=[running]).run(Filter(), timeout_s=GUARD_S)
    assert [(one.id, one.met) for one in found.ended] == [("a", False), ("b", True)]
    gone = Condition(kind="gone")
    stand = Stand([[record("a", "failed")]], [told(12, "removed", record("a", "failed"))])
    found = await ManyWait(stand, conditions=[gone]).run(Filter(), timeout_s=GUARD_S)
    assert [(one.status, one.met) for one in found.ended] == [("gone", True)]


async def test_what_was_created_while_pages_were_read_is_not_waited_for() -> None:
    late = task_of(wire.Task(id="late", status="running", created_revision=10))
    stand: Any = Stand([[record("a", "succeeded"), late]])
    found = await ManyWait(stand).run(Filter(), timeout_s=GUARD_S)
    assert [one.id for one in found.ended] == ["a"]
