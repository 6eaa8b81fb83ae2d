"""`Events`: what was changed, by whom, and the answer, through the doors of the leader (TM-75)."""

from __future__ import annotations

import pytest

from coordinator.api.askers import CALLER_CHARS_MAX
from coordinator.model.instants import DAY
from coordinator.wire.v1 import cluster_pb2 as cluster
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.api.house import NOOP, Doors, doors, refused

WHY = wire.Change(reason="because")
SOON = wire.TaskSpec(schedule=wire.Schedule(every_ms=3_600_000))


async def events_of(at: Doors, **more: object) -> cluster.EventsResponse:
    found: cluster.EventsResponse = await at.cluster.Events(cluster.EventsRequest(**more))  # type: ignore[arg-type]
    return found


async def told(at: Doors) -> list[tuple[str, str, str, str]]:
    """Oldest first: action, target, reason, answer."""
    newest = (await events_of(at)).events
    return [(one.action, one.target, one.reason, one.answer) for one in reversed(newest)]


async def test_tm_75_every_such_call_leaves_its_event() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("d")
        await node.end("d")
        for name in ("a", "b", "c"):
            await at.create(name, paused=True)
        await at.create("s", spec=SOON, paused=True)
        await at.tasks.Resume(wire.ResumeRequest(id="a", change=WHY))
        await at.tasks.Pause(wire.PauseRequest(id="a", change=WHY))
        await at.tasks.RunNow(wire.RunNowRequest(id="s", change=WHY))
        spec = wire.TaskSpec(priority=7)
        await at.tasks.Update(wire.UpdateRequest(id="a", spec=spec, mask=["priority"], change=WHY))
        await at.tasks.Cancel(wire.CancelRequest(id="a", change=WHY))
        await at.tasks.Retry(wire.RetryRequest(id="d", again=True, change=WHY))
        await at.cluster.DrainNode(cluster.DrainNodeRequest(name="n1", change=WHY))
        await at.cluster.UndrainNode(cluster.UndrainNodeRequest(name="n1", change=WHY))
        await at.settings(retry__first="9s")
        await at.cluster.PauseExecutor(cluster.PauseExecutorRequest(name=NOOP, change=WHY))
        await at.cluster.ResumeExecutor(cluster.ResumeExecutorRequest(all=True, change=WHY))
        many = wire.Filter(ids=["b", "c"])
        await at.tasks.CancelMany(wire.CancelManyRequest(filter=many, purge=True, change=WHY))
        because = "because"
        assert await told(at) == [
            ("resume", "a", because, "ok"),
            ("pause", "a", because, "ok"),
            ("run_now", "s", because, "ok"),
            ("edit", "a", because, "ok"),
            ("cancel", "a", because, "ok"),
            ("retry", "d", because, "ok"),
            ("drain", "n1", because, "ok"),
            ("undrain", "n1", because, "ok"),
            ("set", "retry.first", "", "ok"),
            ("pause", NOOP, because, "ok"),
            ("resume", "", because, "ok"),
            ("cancel", "b", because, "ok"),
            ("cancel", "c", because, "ok"),
        ]
        last = (await events_of(at, limit=1)).events[0]
        assert (last.number, last.change, last.by) == (13, "purge", "operator")
        assert last.revision == at.house.replica.state.revision
        assert last.at == at.house.replica.state.at


async def test_tm_75_a_reason_is_mandatory_for_a_pause_of_a_type_or_of_all_and_for_a_drain() -> (
    None
):
    async with doors() as at:
        await at.node()
        name = cluster.PauseExecutorRequest(name=NOOP)
        for pause in (name, cluster.PauseExecutorRequest(all=True)):
            assert (await refused(at.cluster.PauseExecutor(pause))).reason == "invalid_field"
        drain = at.cluster.DrainNode(cluster.DrainNodeRequest(name="n1"))
        assert (await refused(drain)).reason == "invalid_field"
        # the drain was refused before the log, so nothing tells of it
        assert await told(at) == [
            ("pause", NOOP, "", "invalid_field"),
            ("pause", "", "", "invalid_field"),
        ]


async def test_tm_75_dry_runs_creations_and_repeats_leave_nothing_more() -> None:
    async with doors() as at:
        await at.node()
        await at.create("a", paused=True)
        dry = wire.Change(dry_run=True)
        await at.tasks.Cancel(wire.CancelRequest(id="a", change=dry))
        once = wire.CancelRequest(id="a", change=wire.Change(request_id="once"))
        caller = "desk 7".ljust(2 * CALLER_CHARS_MAX, "!")
        for _ in range(2):
            await at.tasks.Cancel(once, metadata=(("x-opaque-id", caller),))
        (event,) = (await events_of(at)).events
        assert (event.action, event.request_id) == ("cancel", "once")
        assert event.caller == caller[:CALLER_CHARS_MAX]


async def test_tm_75_code_that_ensures_is_told_apart_from_operators() -> None:
    async with doors() as at:
        await at.node()
        for priority in (1, 2):
            task = wire.NewTask(
                id="s", executor=NOOP, spec=wire.TaskSpec(schedule=SOON.schedule, priority=priority)
            )
            await at.tasks.Ensure(wire.EnsureRequest(task=task))
        (event,) = (await events_of(at)).events
        assert (event.action, event.by, event.target) == ("edit", "code", "s")


async def test_tm_75_events_come_in_pages_and_only_as_long_as_they_are_kept() -> None:
    async with doors() as at:
        for number in range(1, 6):
            await at.settings(retry__first=f"{number}s")
        first = await events_of(at, limit=2)
        assert [one.number for one in first.events] == [5, 4]
        rest = await events_of(at, page_token=first.next_page)
        assert ([one.number for one in rest.events], rest.next_page) == ([3, 2, 1], "")
        await at.settings(retention__audit="90d/2")
        assert [one.number for one in (await events_of(at)).events] == [6, 5]
        assert (await refused(events_of(at, page_token="x"))).reason == "invalid_page_token"
        assert (await refused(events_of(at, limit=2_000))).reason == "invalid_field"


async def test_tm_75_a_page_is_no_larger_than_an_answer_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with doors() as at:
        for number in range(1, 4):
            await at.settings(retry__first=f"{number}s")
        each = (await events_of(at, limit=1)).events[0].ByteSize()
        for room, numbers in ((2 * each, [3, 2]), (1, [3])):
            monkeypatch.setattr("coordinator.api.events.PAGE_BYTES", room)
            page = await events_of(at)
            assert [one.number for one in page.events] == numbers
            rest = await events_of(at, page_token=page.next_page)
            assert rest.events[0].number == numbers[-1] - 1


async def test_tm_75_events_that_are_too_old_are_not_told() -> None:
    async with doors() as at:
        await at.settings(retry__first="9s")
        state = at.house.replica.state
        state.at += 90 * DAY
        assert [one.number for one in (await events_of(at)).events] == [1]
        state.at += 1
        assert not (await events_of(at)).events
