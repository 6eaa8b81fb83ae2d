"""Ensuring that a task is there, as code wants it (TM-22, TM-23)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from coordinator.api.door import RoadFailed
from coordinator.api.ensures import Ensures
from coordinator.client import (
    ChangeOptions,
    Client,
    Conflict,
    Edit,
    InvalidRequest,
    NewTask,
    OutcomeUnknown,
)
from coordinator.client.instants import rfc3339
from coordinator.machine.outcome import Outcome
from coordinator.model.tasks import RunOutcome, Task
from coordinator.replica.effects import Reply
from coordinator.replica.inputs import Asked
from tests.unit.api.house import NOOP, Doors, clock, doors, until

EVERY = {"every": "1h", "start_at": "2090-01-01T00:00:00Z"}


def nightly(**more: Any) -> NewTask:
    return NewTask(executor=NOOP, id="nightly", **({"schedule": EVERY} | more))


async def settled(at: Doors) -> None:
    await until(lambda: not at.house.replica.state.tasks["nightly"].series.needs)


async def test_tm_a11_ensure_creates_then_changes_what_differs_and_keeps_the_state() -> None:
    async with doors() as at, Client([at.address]) as client:
        await at.node()
        made = await client.ensure(nightly())
        assert (made.result, made.task.id, made.changed) == ("created", "nightly", [])
        await settled(at)
        await client.pause("nightly", running="finish")
        await client.update("nightly", Edit(state={"offset": 7}))
        await client.resume("nightly")
        await settled(at)
        revision = at.house.replica.state.revision
        same = await client.ensure(nightly())
        assert (same.result, same.kept) == ("unchanged", [])
        assert at.house.replica.state.revision == revision
        other = await client.ensure(nightly(schedule=EVERY | {"every": "2h"}, params={"n": 1}))
        assert (other.result, other.changed) == ("updated", ["schedule", "params"])
        record = (await client.get("nightly")).task
        assert record is not None
        assert (record.state, record.params) == ({"offset": 7}, {"n": 1})
        assert record.spec.schedule["every"] == "2h"


async def test_tm_a47_an_operators_edit_stays_unless_it_is_to_be_overwritten() -> None:
    async with doors() as at, Client([at.address]) as client:
        await at.node()
        await client.ensure(nightly())
        await client.update("nightly", Edit(schedule=EVERY | {"every": "3h"}))
        kept = await client.ensure(nightly(priority=70))
        assert (kept.result, kept.changed, kept.kept) == ("updated", ["priority"], ["schedule"])
        assert (kept.task.spec.schedule["every"], kept.task.spec.priority) == ("3h", 70)
        assert kept.task.set_by == {"schedule": "operator"}
        again = await client.ensure(nightly(priority=70))
        assert (again.result, again.kept) == ("unchanged", ["schedule"])
        forced = await client.ensure(nightly(priority=70), overwrite=True)
        assert (forced.result, forced.changed, forced.kept) == ("updated", ["schedule"], [])
        assert (forced.task.spec.schedule["every"], forced.task.set_by) == ("1h", {})


async def test_tm_a47_code_can_pause_and_never_unpause() -> None:
    async with doors() as at, Client([at.address]) as client:
        await at.node()
        await client.ensure(nightly())
        paused = await client.ensure(nightly(paused=True))
        assert (paused.result, paused.changed) == ("updated", ["paused"])
        assert paused.task.desired == "paused"
        stays = await client.ensure(nightly())
        assert (stays.result, stays.kept) == ("unchanged", ["paused"])
        await client.resume("nightly")
        held = await client.ensure(nightly(paused=True))
        assert (held.kept, held.task.desired) == (["paused"], "running")


async def test_tm_22_a_finished_record_is_left_alone_unless_it_is_revived() -> None:
    async with doors() as at, Client([at.address]) as client:
        node = await at.node()
        once = NewTask(executor=NOOP, id="once")
        await client.ensure(once)
        await node.end("once", RunOutcome.FAILED, permanent=True)
        left = await client.ensure(NewTask(executor=NOOP, id="once", priority=9))
        assert (left.result, left.task.status) == ("unchanged", "failed")
        assert left.task.spec.priority is None
        back = await client.ensure(NewTask(executor=NOOP, id="once", priority=9), revive=True)
        assert (back.result, back.changed) == ("updated", ["priority"])
        assert back.task.status in ("assigned", "unassigned", "running")


async def test_tm_22_another_executor_or_dependency_is_another_task() -> None:
    async with doors() as at, Client([at.address]) as client:
        await at.node(offers={NOOP: {}, "shop.count": {}})
        await client.ensure(nightly())
        with pytest.raises(Conflict) as other:
            await client.ensure(NewTask(executor="shop.count", id="nightly", schedule=EVERY))
        assert other.value.metadata["fields"] == "executor"
        with pytest.raises(Conflict) as keyed:
            await client.ensure(nightly(dedup_key="k"))
        assert keyed.value.metadata["fields"] == "dedup_key"
        with pytest.raises(InvalidRequest):
            await client.ensure(nightly(schedule={"cron": "0 30 * * *"}))
        record = (await client.get("nightly")).task
        assert record is not None
        assert record.spec.schedule["every"] == "1h"


async def test_ex_5_ensure_is_repeated_and_tried_without_harm() -> None:
    async with doors() as at, Client([at.address]) as client:
        await at.node()
        tried = await client.ensure(nightly(), ChangeOptions(dry_run=True))
        assert tried.result == "created"
        assert not at.house.replica.state.tasks
        options = ChangeOptions(request_id="r-1")
        first = await client.ensure(nightly(), options)
        second = await client.ensure(nightly(), options)
        assert (first.result, second.result) == ("created", "created")
        wanted = nightly(params={"n": 2})
        would = await client.ensure(wanted, ChangeOptions(dry_run=True))
        assert (would.result, would.changed) == ("updated", ["params"])
        record = (await client.get("nightly")).task
        assert record is not None
        assert record.params == {}
        with pytest.raises(Conflict) as reused:
            await client.ensure(wanted, options)
        assert reused.value.reason == "request_id_reused"


async def test_tm_22_what_was_done_by_half_is_finished_by_the_repeat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with doors() as at, Client([at.address]) as client:
        await at.node()
        await client.ensure(nightly())
        submit, asked = Ensures._submit, []

        async def once(self: Ensures, one: Asked, left: float) -> tuple[Outcome, Task | None]:
            asked.append(one)
            if len(asked) == 2:
                raise RoadFailed("outcome_unknown")
            return await submit(self, one, left)

        wanted, options = nightly(priority=70, paused=True), ChangeOptions(request_id="r-9")
        monkeypatch.setattr(Ensures, "_submit", once)
        ensured = await client.ensure(wanted, options)  # the library repeats it by itself
        assert len(asked) == 3
        assert ensured.result == "updated"
        assert (ensured.task.spec.priority, ensured.task.desired) == (70, "paused")


async def test_g14_an_ensure_that_was_done_by_half_is_no_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with doors() as at, Client([at.address]) as client:
        await at.node()
        await client.ensure(nightly())
        submit, calls = at.house.submit, []

        async def once(asked: Sequence[Asked], timeout_s: float) -> Reply:
            calls.append(asked)
            if len(calls) > 1:
                raise RoadFailed("disk_full")
            return await submit(asked, timeout_s)

        monkeypatch.setattr(at.house, "submit", once)
        with pytest.raises(OutcomeUnknown):
            await client.ensure(nightly(priority=70, paused=True), timeout_s=1)


async def test_tm_22_whoever_loses_the_race_to_create_it_updates_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with doors() as at, Client([at.address]) as client:
        await at.node()
        submit, others = Ensures._submit, [nightly(priority=10)]

        async def late(self: Ensures, one: Asked, left: float) -> tuple[Outcome, Task | None]:
            while others:
                await client.create(others.pop())
            return await submit(self, one, left)

        monkeypatch.setattr(Ensures, "_submit", late)
        options = ChangeOptions(request_id="r-7")
        ensured = await client.ensure(nightly(priority=70), options)
        assert (ensured.result, ensured.changed) == ("updated", ["priority"])
        again = await client.ensure(nightly(priority=70), options)
        assert (again.result, again.task.spec.priority) == ("unchanged", 70)


async def test_tm_22_a_timetable_that_has_come_to_its_end_is_still_as_wanted() -> None:
    async with doors() as at, Client([at.address]) as client:
        await at.node()
        end_at = at.house.replica.now.wall + 700
        ending = nightly(schedule={"every": "1h", "end_at": end_at})
        await client.ensure(ending)
        await until(lambda: at.house.replica.now.wall > end_at)
        assert (await client.ensure(ending)).result == "unchanged"
        with pytest.raises(InvalidRequest):
            await client.ensure(nightly(schedule={"every": "2h", "end_at": end_at}))


async def test_tm_22_a_revived_task_is_not_told_as_unchanged() -> None:
    async with doors() as at, Client([at.address]) as client:
        node = await at.node()
        once = NewTask(executor=NOOP, id="once")
        await client.ensure(once)
        await node.end("once", RunOutcome.FAILED, permanent=True)
        back = await client.ensure(once, revive=True)
        assert (back.result, back.changed) == ("updated", [])
        assert back.task.status != "failed"


async def test_tm_23_a_schedule_whose_end_is_past_is_no_problem_where_it_is_not_to_be_stored() -> (
    None
):
    async with doors() as at, Client([at.address]) as client:
        await at.node()
        end = clock().wall + 1_200
        over = {"every": "1s", "end_at": rfc3339(end)}
        same = nightly(schedule=over, paused=True)
        edited = NewTask(executor=NOOP, id="edited", schedule=over, paused=True)
        for one in (same, edited):
            assert (await client.ensure(one)).result == "created"
        await client.update("edited", Edit(schedule=EVERY))
        await until(lambda: clock().wall > end)
        assert (await client.ensure(same)).result == "unchanged"
        kept = await client.ensure(edited)
        assert (kept.result, kept.kept) == ("unchanged", ["schedule"])
        with pytest.raises(InvalidRequest, match=r"schedule\.end"):
            await client.ensure(edited, overwrite=True)
        wrong = NewTask(executor=NOOP, id="edited", schedule={"every": "1ms"}, paused=True)
        with pytest.raises(InvalidRequest, match=r"schedule\.every"):
            await client.ensure(wrong)
