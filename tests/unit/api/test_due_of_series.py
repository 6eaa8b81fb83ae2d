"""The due time of a series is that of its first run: once that is decided, an edit of it is refused (TM-17, TM-25)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from coordinator.api.editing import check_due
from coordinator.client import ChangeOptions, Client, Edit, InvalidRequest, NewTask
from coordinator.model.instants import HOUR
from coordinator.model.schedules import Series
from tests.unit.api.house import NOOP, Doors, clock, doors, until

EVERY = {"every": "1h"}


async def begun(at: Doors, client: Client) -> int:
    """A series that waits for its first time; gives that."""
    await at.node()
    due_at = clock().wall + HOUR
    await client.create(NewTask(executor=NOOP, id="s", schedule=EVERY, due_at=due_at))
    await until(lambda: not at.house.replica.state.tasks["s"].series.needs)
    return due_at


async def test_tm_17_another_due_time_of_a_series_that_has_begun_is_refused() -> None:
    async with doors() as at, Client([at.address]) as client:
        due_at = await begun(at, client)
        revision = at.house.replica.state.revision
        for asked in (Edit(due_at=due_at + 1), Edit(due_at=None), Edit(due_at=7, priority=70)):
            for options in (ChangeOptions(), ChangeOptions(dry_run=True)):
                with pytest.raises(InvalidRequest, match="change its schedule") as refused:
                    await client.update("s", asked, options)
                assert [field for field, _ in refused.value.violations] == ["due_at"]
        with pytest.raises(InvalidRequest):
            await client.update("s", Edit(due_at=7, schedule={"every": "2h"}))
        assert at.house.replica.state.revision == revision
        assert (await client.update("s", Edit(due_at=due_at))).unchanged


async def test_tm_20_a_due_time_that_counts_may_be_changed() -> None:
    async with doors() as at, Client([at.address]) as client:
        due_at = await begun(at, client)
        task = at.house.replica.state.tasks["s"]
        new = replace(task, series=Series(0, needs="first", since=task.created_at))
        check_due(new, replace(task.spec, due_at=7))  # the leader has not said yet when it begins
        done = await client.update("s", Edit(schedule=None, due_at=due_at + 2 * HOUR))
        assert (done.task.spec.schedule, done.task.due_at) == (None, due_at + 2 * HOUR)
        done = await client.update("s", Edit(schedule=EVERY, due_at=due_at))
        assert done.task.spec.due_at == due_at


async def test_tm_22_an_ensure_is_about_the_first_time_of_a_series_only_once() -> None:
    async with doors() as at, Client([at.address]) as client:
        due_at = await begun(at, client)
        revision = at.house.replica.state.revision
        for wanted in (due_at, due_at + 1, None):
            new = NewTask(executor=NOOP, id="s", schedule=EVERY, due_at=wanted)
            same = await client.ensure(new)
            assert (same.result, same.changed, same.kept) == ("unchanged", [], [])
            assert same.task.spec.due_at == due_at
        assert at.house.replica.state.revision == revision
        once = await client.ensure(NewTask(executor=NOOP, id="s", due_at=due_at + 1))
        assert (once.result, once.changed) == ("updated", ["due_at", "schedule"])
        assert once.task.due_at == due_at + 1
