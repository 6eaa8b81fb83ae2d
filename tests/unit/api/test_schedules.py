"""Schedules at the door: stored as asked, refused with a reason, looked ahead in, run by hand (TM sections 2 to 4)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest

from coordinator.client import ChangeOptions, Client, Edit, Filter, InvalidRequest, NewTask
from coordinator.client.instants import parse_rfc3339
from coordinator.client.waiting_many import ManyWait
from coordinator.model.tasks import RunOutcome
from coordinator.model.windows import DAYS
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.api.house import NOOP, Doors, doors, refused, until

BERLIN = {"cron": "30 2 * * *", "time_zone": "Europe/Berlin"}
HOURLY = wire.TaskSpec(schedule=wire.Schedule(every_ms=3_600_000, start_at=4_000_000_000_000))


async def series(at: Doors, task_id: str = "nightly", **more: Any) -> wire.Task:
    """Recurring, and timed by the leader: its first fire time lies far ahead."""
    await at.create(task_id, spec=HOURLY, **more)
    await until(lambda: at.house.replica.state.tasks[task_id].series.next.fire_at)
    return await at.get(task_id)


async def run_now(at: Doors, task_id: str = "nightly", **more: Any) -> wire.ChangeResponse:
    return await at.tasks.RunNow(wire.RunNowRequest(id=task_id, **more), timeout=20)


async def test_ex_19_a_schedule_comes_back_as_it_was_asked() -> None:
    asked = {
        "every": None,
        "cron": "0 9 * * Mon-Fri",
        "rrule": None,
        "time_zone": "Europe/London",
        "start_at": "2090-01-01T00:00:00.000Z",
        "end_at": "2095-01-01T00:00:00.000Z",
        "from": "due",
        "jitter": "5m",
        "misfire": "all",
        "misfire_grace": "2m",
        "max_catch_up": 7,
        "overlap": "queue_one",
        "start_deadline": "1h",
        "dst_gap": "shift",
        "blackouts": ["Mon 09:00-Mon 17:00 Europe/London shift"],
        "pause_after_failures": 4,
    }
    async with doors() as at, Client([at.address]) as client:
        await at.node()
        made = await client.create(NewTask(executor=NOOP, id="nightly", schedule=asked))
        assert made.created
        found = (await client.get("nightly")).task
        assert found is not None
        assert found.spec.schedule == asked
        again = await client.create(
            NewTask(executor=NOOP, id="nightly", schedule=found.spec.schedule)
        )
        assert not again.created


@pytest.mark.parametrize(
    "asked, field",
    [
        ({"cron": "0 30 * * *"}, "schedule.cron"),
        ({"rrule": "FREQ=DAILY;BYHOUR=30"}, "schedule.rrule"),
        ({"every_ms": 1}, "schedule.every"),
        ({"every_ms": 60_000, "cron": "0 3 * * *"}, "schedule"),
        ({"cron": "0 3 * * *", "time_zone": "Europe/Berlim"}, "schedule.time_zone"),
        ({"cron": "0 3 30 2 *"}, "schedule.cron"),
        ({"every_ms": 60_000, "blackouts": ["now and then"]}, "schedule.blackouts[0]"),
    ],
)
async def test_tm_a8_a_bad_timetable_is_refused_with_its_field(
    asked: dict[str, Any], field: str
) -> None:
    async with doors() as at:
        await at.node()
        spec = wire.TaskSpec(schedule=wire.Schedule(**asked))
        said = await refused(at.create("nightly", spec=spec))
        assert (said.code, said.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "invalid_schedule")
        assert said.metadata["field"].startswith(field)
        assert said.violations
        assert "nightly" not in at.house.replica.state.tasks


async def test_tm_a48_a_bad_edit_changes_nothing_and_a_good_one_says_when() -> None:
    async with doors() as at, Client([at.address]) as client:
        await at.node()
        await series(at)
        wrong = wire.UpdateRequest(
            id="nightly", mask=["schedule"], spec=wire.TaskSpec(schedule=wire.Schedule(cron="x"))
        )
        assert (await refused(at.tasks.Update(wrong))).reason == "invalid_schedule"
        tried = await client.update(
            "nightly", Edit(schedule=dict(BERLIN)), ChangeOptions(dry_run=True)
        )
        assert len(tried.fire_times) == 10
        assert all("T02:30:00+0" in one.local for one in tried.fire_times)
        assert (await at.get("nightly")).spec.schedule.every_ms == 3_600_000
        await client.update("nightly", Edit(schedule=dict(BERLIN)))
        state = at.house.replica.state
        await until(lambda: not state.tasks["nightly"].series.needs)
        record = await at.get("nightly")
        assert record.series.next_fire_at == tried.fire_times[0].at
        assert record.due_at == record.series.next_due_at
        await client.update("nightly", Edit(schedule=None))
        assert not (await at.get("nightly")).HasField("series")


async def test_tm_19_a_dry_run_and_a_stored_task_show_fire_times() -> None:
    async with doors() as at, Client([at.address]) as client:
        await at.node()
        wanted = NewTask(executor=NOOP, id="nightly", schedule=dict(BERLIN))
        tried = await client.create(wanted, ChangeOptions(dry_run=True))
        assert len(tried.fire_times) == 10
        assert (tried.task.id, tried.task.status) == ("nightly", "waiting")
        assert "nightly" not in at.house.replica.state.tasks
        await client.create(wanted)
        await until(lambda: at.house.replica.state.tasks["nightly"].series.next.fire_at)
        found = await client.get("nightly", fire_times=10)
        assert [one.at for one in found.fire_times] == [one.at for one in tried.fire_times]
        later = tried.fire_times[3].at
        ahead = await client.preview_schedule("nightly", count=2, from_at=later)
        assert [one.at for one in ahead.preview.items] == [one.at for one in tried.fire_times[3:5]]
        too_many = wire.GetRequest(id="nightly", fire_times=1_001)
        assert (await refused(at.tasks.Get(too_many))).metadata["field"] == "fire_times"
        await at.create("once")
        assert (await client.get("once", fire_times=3)).fire_times == []


async def test_x21_a_preview_over_both_clock_changes() -> None:
    async with doors() as at, Client([at.address]) as client:
        autumn = await client.preview_schedule(
            schedule=BERLIN, count=2, from_at=parse_rfc3339("2026-10-24T12:00:00Z")
        )
        first, second = autumn.preview.items
        assert (first.local, first.fate) == ("2026-10-25T02:30:00+02:00", "started")
        assert first.note == "clock_goes_back"
        assert (second.local, second.note) == ("2026-10-26T02:30:00+01:00", None)
        spring_at = parse_rfc3339("2026-03-28T12:00:00Z")
        spring = await client.preview_schedule(schedule=BERLIN, count=2, from_at=spring_at)
        gap = spring.preview.items[0]
        assert (gap.fate, gap.reason, gap.note) == ("skipped", "dst_gap", "clock_goes_forward")
        shifted = await client.preview_schedule(
            schedule=BERLIN | {"dst_gap": "shift"}, count=1, from_at=spring_at
        )
        moved = shifted.preview.items[0]
        assert (moved.local, moved.fate) == ("2026-03-29T03:00:00+02:00", "started")
        assert autumn.preview.timezone == "Europe/Berlin"
        assert "02:30" in autumn.preview.reading
        assert autumn.preview.warnings


async def test_tm_19_what_has_no_fire_times_is_told() -> None:
    async with doors() as at:
        await at.node()
        await at.create("once")
        once = wire.PreviewScheduleRequest(id="once")
        assert (await refused(at.tasks.PreviewSchedule(once))).reason == "not_recurring"
        unknown = wire.PreviewScheduleRequest(id="nobody")
        assert (await refused(at.tasks.PreviewSchedule(unknown))).reason == "task_not_found"
        nothing = wire.PreviewScheduleRequest()
        assert (await refused(at.tasks.PreviewSchedule(nothing))).metadata["field"] == "id"


async def test_tm_29_a_waiting_series_runs_now_and_its_next_time_stays() -> None:
    async with doors() as at:
        node = await at.node()
        before = await series(at)
        assert (await run_now(at)).effect == "now"
        assert (await node.runs("nightly")).task_id == "nightly"
        during = await at.get("nightly")
        assert during.series.occurrence.cause == "run_now"
        assert during.series.next_fire_at == before.series.next_fire_at
        await node.end("nightly")
        after = await at.get("nightly")
        assert (after.status, after.series.next_fire_at) == ("waiting", before.series.next_fire_at)


async def test_tm_a44_a_running_task_is_told_queued_or_replaced() -> None:
    async with doors() as at:
        node = await at.node()
        await series(at)
        await run_now(at)
        first = await node.runs("nightly")
        said = await refused(run_now(at))
        assert (said.code, said.reason) == (
            grpc.StatusCode.FAILED_PRECONDITION,
            "already_running",
        )
        both = await refused(run_now(at, queue=True, replace=True))
        assert both.reason == "invalid_field"
        assert (await run_now(at, queue=True)).effect == "queued"
        assert (await at.get("nightly")).series.queued == 1
        await node.end("nightly")
        await until(lambda: node.wanted["nightly"].allocation_id > first.allocation_id)
        assert (await run_now(at, replace=True)).effect == "replaces"
        assert (await at.get("nightly")).stop_reason == "replace"


async def test_tm_a45_a_paused_series_runs_once_and_a_paused_one_off_is_refused() -> None:
    async with doors() as at:
        node = await at.node()
        await series(at, paused=True)
        assert (await run_now(at)).effect == "runs_once"
        await node.end("nightly")
        assert (await at.get("nightly")).status == "paused"
        await at.create("once", paused=True)
        assert (await refused(run_now(at, "once"))).reason == "paused"
        await at.create("over")
        await node.end("over")
        assert (await refused(run_now(at, "over"))).reason == "already_finished"
        assert (await refused(run_now(at, "nobody"))).reason == "task_not_found"
        at.house.replica.state.manifests.clear()
        unknown = await refused(run_now(at))
        assert (unknown.reason, unknown.metadata["executor"]) == ("unknown_executor", NOOP)


async def test_tm_29_a_run_by_hand_without_a_place_says_why() -> None:
    async with doors() as at:
        await at.node()
        spec = wire.TaskSpec()
        spec.CopyFrom(HOURLY)
        spec.constraints.require.add(attribute="zone", values=["a"])
        await at.create("nightly", spec=spec)
        answer = await run_now(at)
        assert answer.task.status == "unassigned"
        assert [note.startswith("no place for it now: constraints") for note in answer.notes] == [True]  # fmt: skip
        await at.create("free", spec=HOURLY)
        assert not (await run_now(at, "free")).notes


async def test_tm_29_everything_paused_refuses_and_says_so() -> None:
    async with doors() as at:
        await at.node()
        await series(at)
        await at.settings(assignment__enable="none")
        said = await refused(run_now(at))
        assert (said.reason, "switched off" in said.message) == ("paused", True)


def around(now: int) -> str:
    """The span from an hour before to an hour after, as a black-out."""
    ends = (datetime.fromtimestamp((now + way * 3_600_000) / 1000, UTC) for way in (-1, 1))
    return "-".join(f"{DAYS[one.weekday()]} {one:%H:%M}" for one in ends)


async def test_tm_15_a_manual_run_in_a_black_out_is_told_so() -> None:
    async with doors() as at:
        await at.node()
        for name, window in (("held", around(at.house.replica.now.wall)), ("free", "")):
            schedule = wire.Schedule(cron="0 0 1 * *", blackouts=[window] if window else [])
            await at.create(name, spec=wire.TaskSpec(schedule=schedule))
        held = await run_now(at, "held")
        assert (held.effect, ["black-out" in note for note in held.notes]) == ("now", [True])
        assert not (await run_now(at, "free")).notes


async def test_tm_26_a_pause_lets_the_run_of_a_series_finish_and_stops_that_of_a_one_off() -> None:
    async with doors() as at:
        node = await at.node()
        await series(at)
        await run_now(at)
        await node.runs("nightly")
        await at.create("once")
        await node.runs("once")
        paused = await at.tasks.Pause(wire.PauseRequest(id="nightly"))
        assert (paused.effect, paused.task.stop_reason) == ("finishes", "")
        stopped = await at.tasks.Pause(wire.PauseRequest(id="once"))
        assert (stopped.effect, stopped.task.stop_reason) == ("stops", "pause")
        asked = await at.tasks.Pause(wire.PauseRequest(id="nightly", running="stop"))
        assert asked.effect == "stops"


async def test_x11_a_wait_for_a_series_ends_with_the_run_in_progress(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with doors() as at, Client([at.address]) as client:
        node = await at.node()
        await series(at)
        await run_now(at)
        await node.runs("nightly")
        begun = []
        barrier = at.house.barrier

        async def counted(timeout_s: float) -> None:
            await barrier(timeout_s)
            begun.append(timeout_s)

        monkeypatch.setattr(at.house, "barrier", counted)
        waiting = asyncio.ensure_future(client.wait("nightly", timeout_s=20))
        bare = asyncio.ensure_future(at.tasks.Wait(wire.WaitRequest(id="nightly"), timeout=20))
        await until(lambda: len(begun) == 3)  # of the client's: which run, then its end
        await node.end("nightly", RunOutcome.FAILED)
        found = await waiting
        assert found.task is not None
        assert found.task.status == "waiting"
        assert found.task.last_outcome is not None
        assert found.task.last_outcome.outcome == "failed"
        assert (await bare).condition == "run"


async def test_x11_a_wait_for_many_takes_a_run_of_those_that_go_on() -> None:
    async with doors() as at, Client([at.address]) as client:
        node = await at.node()
        await series(at)
        await run_now(at)
        await at.create("once")
        for name in ("nightly", "once"):
            await node.runs(name)
        wait = ManyWait(client)
        ids = ["nightly", "once"]
        waiting = asyncio.ensure_future(
            wait.run(Filter(ids=ids, include_finished=True), timeout_s=20)
        )
        await until(lambda: wait.revision)
        await node.end("nightly")
        await until(lambda: wait.pending == ("once",))
        await node.end("once")
        ended = {one.id: one.status for one in (await waiting).ended}
        assert ended == {"nightly": "waiting", "once": "succeeded"}


async def test_ex_3_recurring_tasks_are_selected() -> None:
    async with doors() as at:
        await at.node()
        await series(at)
        await at.create("once")
        listed = await at.tasks.List(wire.ListRequest(filter=wire.Filter(recurring=True)))
        assert [task.id for task in listed.tasks] == ["nightly"]


async def test_tm_a12_many_intervals_are_spread_and_a_single_one_is_due_now() -> None:
    async with doors() as at, Client([at.address]) as client:
        now = at.house.replica.now.wall
        await at.node(capacity=1)
        tasks = [NewTask(executor=NOOP, id=f"t{n}", schedule={"every": "1h"}) for n in range(50)]
        await client.create_many([*tasks, NewTask(executor=NOOP, id="cron", schedule=dict(BERLIN))])
        await client.create(NewTask(executor=NOOP, id="single", schedule={"every": "1h"}))
        state = at.house.replica.state
        await until(lambda: all(not task.series.needs for task in state.tasks.values()))
        anchors = sorted(state.tasks[f"t{n}"].series.anchor for n in range(50))
        assert anchors[0] >= now
        assert len(set(anchors)) == 50
        assert 240_000 < anchors[-1] - anchors[0] <= 300_000
        single = state.tasks["single"].series
        assert single.anchor - state.tasks["single"].created_at <= 1_000


async def test_tm_21_how_far_they_are_spread_is_a_setting() -> None:
    async with doors() as at, Client([at.address]) as client:
        await at.node(capacity=1)
        await client.cluster.set_settings({"schedule.bulk_spread": "10s"})
        tasks = [NewTask(executor=NOOP, id=f"t{n}", schedule={"every": "1h"}) for n in range(20)]
        await client.create_many(tasks)
        state = at.house.replica.state
        await until(lambda: all(not task.series.needs for task in state.tasks.values()))
        anchors = sorted(task.series.anchor for task in state.tasks.values())
        assert 0 < anchors[-1] - anchors[0] < 10_000


@pytest.mark.parametrize("from_at", [-1, -(10**15), 253_402_300_799_999, 9 * 10**18])
async def test_tm_19_a_preview_from_no_instant_is_refused(from_at: int) -> None:
    async with doors() as at, Client([at.address]) as client:
        with pytest.raises(InvalidRequest) as wrong:
            await client.preview_schedule("", {"rrule": "FREQ=DAILY"}, from_at=from_at)
        assert wrong.value.reason == "invalid_field"
