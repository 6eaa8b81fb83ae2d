"""Changes of many tasks that are one command: through the client, all or none (TM-32)."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.client import ChangeOptions, Client, Edit, Filter, InvalidRequest, NewTask
from coordinator.client.replies import ChangedMany
from coordinator.client.sync import SyncClient
from coordinator.machine.commands import ChangeTasks
from coordinator.replica import inputs as i
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.api.house import NOOP, Doors, doors, refused

WHOLE = ChangeOptions(request_id="", all_or_nothing=True)


def whole(request_id: str = "", **more: Any) -> ChangeOptions:
    return ChangeOptions(request_id=request_id, all_or_nothing=True, **more)


def told(reply: ChangedMany) -> list[str]:
    return [
        f"{one.id} {one.result} {one.error.reason if one.error else ''}".strip()
        for one in reply.items
    ]


def statuses(at: Doors) -> dict[str, str]:
    return {name: task.status.value for name, task in at.house.replica.state.tasks.items()}


async def settled(at: Doors, *names: str) -> Any:
    """`names` are paused, `over` has ended."""
    node = await at.node()
    for name in names:
        await at.create(name, paused=True)
    await at.create("over")
    await node.end("over")
    return node


async def test_tm_32_all_are_changed_at_one_revision() -> None:
    async with doors() as at, Client([at.address]) as client:
        await settled(at, "a", "b", "c")
        reply = await client.resume_many(Filter(ids=["c", "a"]), WHOLE)
        assert told(reply) == ["c updated", "a updated"]
        revisions = {one.task.modified_revision for one in reply.items if one.task is not None}
        assert len(revisions) == 1
        assert (await at.get("b")).status == "paused"
        again = await client.pause_many(Filter(ids=["a", "b"]), WHOLE)
        assert told(again) == ["a updated", "b unchanged"]


@pytest.mark.parametrize("reason", ["over", "missing"])
async def test_tm_32_one_refused_id_is_the_reason_and_the_others_say_so(reason: str) -> None:
    async with doors() as at, Client([at.address]) as client:
        await settled(at, "a", "b")
        before = statuses(at)
        reply = await client.resume_many(Filter(ids=["a", reason, "b"]), WHOLE)
        why = "not_found task_not_found" if reason == "missing" else "refused already_finished"
        assert told(reply) == ["a refused not_done", f"{reason} {why}", "b refused not_done"]
        error = reply.items[0].error
        assert error is not None
        assert (error.message, error.metadata) == (
            f"not done: {reason} was refused",
            {"because": reason},
        )
        assert statuses(at) == before


@pytest.mark.parametrize("verb", ["cancel", "retry", "run_now", "update"])
async def test_tm_32_whatever_the_change_is(verb: str) -> None:
    async with doors() as at, Client([at.address]) as client:
        node = await settled(at, "a")
        await at.create("runs")
        await node.runs("runs")
        good = {"cancel": "a", "retry": "over", "run_now": "runs", "update": "a"}[verb]
        bad = {"cancel": "over", "retry": "a", "run_now": "over", "update": "over"}[verb]

        async def change(*ids: str) -> list[str]:
            chosen = Filter(ids=ids)
            if verb == "update":
                return told(await client.update_many(chosen, Edit(params={"n": 1}), WHOLE))
            more = {"retry": {"again": True}, "run_now": {"queue": True}}.get(verb, {})
            return told(await getattr(client, f"{verb}_many")(chosen, WHOLE, **more))

        before = at.house.replica.state.tasks.copy()
        first, second = await change(good, bad)
        assert first == f"{good} refused not_done"
        assert second.startswith(f"{bad} refused ")
        assert at.house.replica.state.tasks == before
        assert await change(good) == [f"{good} updated"]
        assert at.house.replica.state.tasks != before


async def test_tm_32_a_refusal_that_is_settled_is_settled_for_each() -> None:
    """Else the library would ask again, in the belief that an earlier try may be on its way."""
    async with doors() as at:
        await settled(at, "a")
        request = wire.ChangeManyRequest(
            change=wire.Change(request_id="r1", all_or_nothing=True),
            filter=wire.Filter(ids=["a", "missing"]),
            resume=wire.ResumeRequest(),
        )
        items = (await at.tasks.ChangeMany(request)).items
        assert [one.error.metadata["settled"] for one in items] == ["yes", "yes"]


async def test_tm_32_a_repeat_gets_the_first_answer() -> None:
    async with doors() as at, Client([at.address]) as client:
        await settled(at, "a", "b")
        chosen = Filter(ids=["a", "b"], statuses=["paused"])
        assert told(await client.resume_many(chosen, whole("r1"))) == ["a updated", "b updated"]
        assert told(await client.resume_many(chosen, whole("r1"))) == ["a unchanged", "b unchanged"]
        not_there = Filter(ids=["a", "late"])
        refusal = ["a refused not_done", "late not_found task_not_found"]
        assert told(await client.pause_many(not_there, whole("r2"))) == refusal
        await at.create("late")
        assert told(await client.pause_many(not_there, whole("r2"))) == refusal
        assert told(await client.pause_many(not_there, whole("r3"))) == [
            "a updated",
            "late updated",
        ]
        other = wire.ChangeManyRequest(
            change=wire.Change(request_id="r3", all_or_nothing=True),
            filter=wire.Filter(ids=["a"]),
            pause=wire.PauseRequest(),
        )
        assert (await refused(at.tasks.ChangeMany(other))).reason == "request_id_reused"


async def test_tm_32_one_that_matches_no_more_is_a_reason() -> None:
    async with doors() as at, Client([at.address]) as client:
        await settled(at, "a")
        await at.create("active")
        chosen = Filter(ids=["a", "active"], statuses=["paused"])
        reply = await client.cancel_many(chosen, WHOLE)
        assert told(reply) == ["a refused not_done", "active refused not_matching"]
        assert statuses(at)["a"] == "paused"
        by_filter = await client.cancel_many(Filter(statuses=["paused"]), WHOLE, purge=True)
        assert told(by_filter) == ["a updated"]
        assert by_filter.items[0].removed
        assert "a" not in statuses(at)
        assert told(await client.cancel_many(Filter(statuses=["paused"]), WHOLE)) == []


async def test_tm_32_a_dry_run_says_what_would_be() -> None:
    async with doors() as at, Client([at.address]) as client:
        await settled(at, "a", "b")
        before = at.house.replica.raft.last_index
        dry = whole(dry_run=True)
        assert told(await client.resume_many(Filter(ids=["a", "b"]), dry)) == [
            "a updated",
            "b updated",
        ]
        reply = await client.resume_many(Filter(ids=["a", "over"]), dry)
        assert told(reply) == ["a refused not_done", "over refused already_finished"]
        assert at.house.replica.raft.last_index == before
        assert statuses(at)["a"] == "paused"


async def test_tm_32_a_dry_run_tries_also_what_was_asked_for_before() -> None:
    async with doors() as at, Client([at.address]) as client:
        await settled(at, "a")
        assert told(await client.resume_many(Filter(ids=["a"]), whole("r1"))) == ["a updated"]
        dry = wire.ChangeManyRequest(
            change=wire.Change(request_id="r1", all_or_nothing=True, dry_run=True),
            filter=wire.Filter(ids=["a"]),
            pause=wire.PauseRequest(),
        )
        (item,) = (await at.tasks.ChangeMany(dry)).items
        assert item.result == "updated"


async def test_tm_32_a_repeat_whose_first_answer_is_forgotten_on_its_way_is_made_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with doors() as at, Client([at.address]) as client:
        await settled(at, "a")
        chosen = Filter(ids=["a", "late"])
        assert told(await client.resume_many(chosen, whole("r1")))[0] == "a refused not_done"
        await at.create("late", paused=True)
        submit, requests = at.house.submit, at.house.replica.state.requests

        async def forgotten_by_then(asked: Any, timeout_s: float) -> Any:
            requests.forget(len(requests))
            return await submit(asked, timeout_s)

        monkeypatch.setattr(at.house, "submit", forgotten_by_then)
        reply = await client.resume_many(chosen, whole("r1"))
        assert told(reply) == ["a updated", "late updated"]


async def test_tm_32_what_goes_into_no_one_command_is_refused_with_number_and_bound() -> None:
    async with doors() as at, Client([at.address]) as client:
        await at.node()
        names = [f"t{n}" for n in range(1_001)]
        await client.create_many([NewTask(executor=NOOP, id=one, paused=True) for one in names])
        with pytest.raises(InvalidRequest, match=r"at most 1000 tasks, these are 1001"):
            await client.pause_many(Filter(ids=names), WHOLE)
        with pytest.raises(InvalidRequest, match=r"at most 1000 tasks, these are 1001"):
            await client.pause_many(Filter(statuses=["paused"]), WHOLE)
        request = wire.ChangeManyRequest(
            change=wire.Change(all_or_nothing=True),
            filter=wire.Filter(statuses=["paused"]),
            resume=wire.ResumeRequest(),
        )
        said = await refused(at.tasks.ChangeMany(request))
        assert "at most 1000 tasks: 1001 fit the filter" in said.message
        edit = Edit(params={"text": "x" * 200_000})
        with pytest.raises(InvalidRequest, match=r"\d{7} bytes, at most 4194304"):
            await client.update_many(Filter(ids=names[:30]), edit, WHOLE)
        large, small = Edit(params={"text": "x" * 9_000}), Edit(params={"n": 1})
        for some in (names[:400], names[400:480]):
            done = await client.update_many(Filter(ids=some), large, WHOLE)
            assert {one.result for one in done.items} == {"updated"}
        with pytest.raises(
            InvalidRequest, match=r"changes of 480 tasks as one command are 4\d+ bytes"
        ):
            await client.update_many(Filter(ids=names[:480]), small, WHOLE)
        assert b"n" not in (await at.get("t0")).params
        reply = await client.resume_many(Filter(ids=names[:1_000]), WHOLE)
        # On a busy machine the library may have had to ask again: then the first try is what changed them.
        assert {one.result for one in reply.items} <= {"updated", "unchanged"}
        assert len(reply.items) == 1_000
        assert {(await at.get(one)).status for one in ("t0", "t999")}.isdisjoint({"paused"})
        assert (await at.get("t1000")).status == "paused"


async def test_tm_32_new_tasks_and_edits_by_a_function_stand_for_themselves() -> None:
    async with doors() as at, Client([at.address]) as client:
        await settled(at, "a")
        with pytest.raises(InvalidRequest, match="all_or_nothing"):
            await client.create_many([NewTask(executor=NOOP)], WHOLE)
        with pytest.raises(InvalidRequest, match="all_or_nothing"):
            await client.update_with(["a"], lambda _: Edit(params={}), WHOLE)


async def test_tm_32_the_synchronous_client_has_it_too() -> None:
    async with doors() as at:
        await settled(at, "a", "b")

        def ask() -> list[str]:
            with SyncClient([at.address]) as client:
                chosen = Filter(ids=["a", "missing"])
                return told(client.run(lambda c: c.resume_many(chosen, WHOLE)))

        import asyncio

        found = await asyncio.to_thread(ask)
        assert found == ["a refused not_done", "missing not_found task_not_found"]


async def test_tm_32_it_is_one_request_of_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    async with doors() as at, Client([at.address]) as client:
        await settled(at, "a", "b")
        submit, wishes = at.house.submit, []

        async def noted(asked: Any, timeout_s: float) -> Any:
            wishes.extend(one.wish for one in asked)
            return await submit(asked, timeout_s)

        monkeypatch.setattr(at.house, "submit", noted)
        await client.resume_many(Filter(ids=["a", "b"]), WHOLE)
        assert [type(one) for one in wishes] == [ChangeTasks]


async def test_tm_32_executors_say_their_word_on_each_before_any_is_changed() -> None:
    import asyncio

    async with doors() as at, Client([at.address]) as client:
        await at.node(offers={NOOP: {"own_validate": True}})
        at.house.feed(i.PluginsKnown(((NOOP, 1, True, False),)))

        async def answered(kind: str, call: Any) -> Any:
            pending = asyncio.create_task(call)
            while not pending.done():
                await asyncio.sleep(0.005)
                for question in at.house.questions[:]:
                    at.house.questions.remove(question)
                    is_last = kind == "last refused" and not at.house.questions
                    said = "refused" if is_last else "ok"
                    at.house.feed(i.PluginAnswered(question.call, said, text="no good"))
            return await pending

        for name in ("a", "b"):
            await answered("ok", at.create(name, paused=True))
        chosen, edit = Filter(ids=["a", "b"]), Edit(params={"n": 1})
        reply = await answered("last refused", client.update_many(chosen, edit, WHOLE))
        assert told(reply) == ["a refused not_done", "b refused validation_failed"]
        assert (await at.get("a")).params == b"{}"
        reply = await answered("ok", client.update_many(chosen, edit, WHOLE))
        assert told(reply) == ["a updated", "b updated"]
