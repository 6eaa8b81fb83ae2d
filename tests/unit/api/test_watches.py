"""Watches: a snapshot, then every change once and in order, or a reset that says so (EX-50, W1-W3)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from coordinator.api import hub as hub_module
from coordinator.api import selection as selection_module
from coordinator.api import watches as watches_module
from coordinator.api.hub import Hub
from coordinator.model.events import TaskChanged
from coordinator.model.tasks import Status
from coordinator.replica.effects import Applied, Live, StateReplaced
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.api.house import Doors, doors, refused, until
from tests.unit.assignment.kit import task


class Replica:
    def __init__(self) -> None:
        self.state = type("State", (), {"revision": 10})()


class Door:
    """Only what a hub needs: somebody to listen to."""

    def __init__(self) -> None:
        self.replica = Replica()
        self.tell: Any = None

    def subscribe(self, listener: Any) -> Any:
        self.tell = listener
        return lambda: None


def hub() -> tuple[Hub, Any]:
    door = Door()
    return Hub(door), door


def applied(door: Door, revision: int, *events: TaskChanged) -> None:
    door.tell(Applied(revision, 0, events))


def created(name: str, **more: Any) -> TaskChanged:
    return TaskChanged(None, task(name, **more))


def updated(name: str, **more: Any) -> TaskChanged:
    return TaskChanged(task(name), task(name, **more))


def removed(name: str) -> TaskChanged:
    return TaskChanged(task(name), None)


def said(groups: list[Any]) -> list[tuple[int, list[tuple[str, str]]]]:
    return [(g.revision, [(c.type, c.task.id) for c in g.changes]) for g in groups]


async def test_w1_changes_of_one_revision_come_together_in_order() -> None:
    kept, door = hub()
    applied(door, 11, created("a"), created("b"))
    applied(door, 12)
    applied(door, 13, updated("a"))
    assert said(kept.after(10)) == [
        (11, [("created", "a"), ("created", "b")]),
        (13, [("updated", "a")]),
    ]
    assert said(kept.after(11)) == [(13, [("updated", "a")])]
    assert kept.after(13) == []


async def test_w1_each_record_once_for_each_revision() -> None:
    kept, door = hub()
    last = task("a", status=Status.RUNNING)
    applied(door, 11, created("a"), updated("a"), TaskChanged(task("a"), last), updated("b"))
    (group,) = kept.after(10)
    assert [(c.type, c.task.id) for c in group.changes] == [("created", "a"), ("updated", "b")]
    assert group.changes[0].task.status is Status.RUNNING


async def test_a_record_that_goes_is_shown_as_it_was() -> None:
    kept, door = hub()
    applied(door, 11, removed("a"))
    applied(door, 12, removed("b"), created("b"))
    assert said(kept.after(10)) == [(11, [("removed", "a")]), (12, [("created", "b")])]


async def test_w2_what_is_no_longer_kept_is_none_not_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "CHANGES_KEPT", 5)
    kept, door = hub()
    for revision in range(11, 21):
        applied(door, revision, created(f"t{revision}"))
    assert kept.oldest == 15
    assert kept.after(14) is None
    assert [revision for revision, _ in said(kept.after(15))] == [16, 17, 18, 19, 20]


async def test_w3_what_is_kept_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "BYTES_KEPT", 10_000)
    kept, door = hub()
    for revision in range(11, 15):
        applied(door, revision, created("t", params=b"x" * 4_000))
    assert len(kept.after(kept.oldest)) == 2
    assert kept.oldest == 12


async def test_w2_a_snapshot_from_the_leader_resets_everything() -> None:
    kept, door = hub()
    applied(door, 11, created("a"))
    with kept.waiting_for("a") as event:
        door.tell(StateReplaced(50))
        assert event.is_set()
    assert kept.after(11) is None
    assert kept.after(50) == []


async def test_who_waits_for_a_task_is_woken_by_it_alone() -> None:
    kept, door = hub()
    with kept.waiting_for("a") as event:
        applied(door, 11, created("b"))
        assert not event.is_set()
        applied(door, 12, created("a"))
        assert event.is_set()
        event.clear()
        door.tell(Live(("a",)))
        assert event.is_set()
    assert not kept._waiting


async def test_live_words_are_the_latest_of_each() -> None:
    kept, door = hub()
    for names in (("a", "b"), ("a",), ("c",)):
        door.tell(Live(names))
    assert kept.said_after(0) == ["c", "a", "b"]
    assert kept.said_after(1) == ["c", "a"]
    assert kept.said_after(3) == []


async def test_moved_returns_at_the_next_entry_or_in_time() -> None:
    kept, door = hub()
    await kept.moved(0.01)
    waiting = asyncio.create_task(kept.moved(20))
    await asyncio.sleep(0)
    applied(door, 11, created("a"))
    await waiting


# -- the call ---------------------------------------------------------------------------------------


def watch(at: Doors, after: int = 0, **asked: Any) -> Any:
    return at.tasks.Watch(wire.WatchRequest(after_revision=after, **asked))


async def read(call: Any) -> wire.WatchResponse:
    async with asyncio.timeout(20):
        return await call.read()


async def changes(call: Any, count: int) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    while len(found) < count:
        message = await read(call)
        if message.kind == "CHANGE":
            found += [(one.type, one.task.id) for one in message.changes]
    return found


async def test_ex_50_a_snapshot_in_pages_then_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches_module, "PAGE", 2)
    async with doors() as at:
        node = await at.node()
        for name in ("a", "b", "c"):
            await at.create(name)
        call = watch(at)
        first, second = await read(call), await read(call)
        assert [first.kind, second.kind] == ["SNAPSHOT", "SNAPSHOT"]
        assert (first.more, second.more) == (True, False)
        assert first.revision == second.revision
        assert [one.task.id for one in [*first.changes, *second.changes]] == ["a", "b", "c"]
        await node.report("a", "started")
        await node.end("a")
        await at.create("d", paused=True)
        await at.tasks.Cancel(wire.CancelRequest(id="d", purge=True))
        assert await changes(call, 4) == [
            ("updated", "a"), ("updated", "a"), ("created", "d"), ("removed", "d"),
        ]  # fmt: skip
        call.cancel()


async def test_ex_50_an_empty_snapshot_is_one_page() -> None:
    async with doors() as at:
        message = await read(watch(at))
        assert (message.kind, message.more, list(message.changes)) == ("SNAPSHOT", False, [])


async def test_ex_50_a_revision_too_large_for_one_message_comes_in_several(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(selection_module, "PAGE_BYTES", 20_000)
    async with doors() as at:
        await at.node()
        call = watch(at, from_now=True)
        await asyncio.sleep(0.2)
        big = b'{"a": "%s"}' % (b"x" * 9_000)
        items = [
            wire.NewTask(id=f"t{n}", executor="demo.noop", params=big, paused=True)
            for n in range(5)
        ]
        await at.tasks.CreateMany(wire.CreateManyRequest(tasks=items))
        found = []
        while not found or found[-1].more:
            found.append(await read(call))
        assert [len(message.changes) for message in found] == [1, 1, 1, 1, 1]
        assert len({message.revision for message in found}) == 1
        snapshot = watch(at)
        pages = []
        while not pages or pages[-1].more:
            pages.append(await read(snapshot))
        assert [one.task.id for page in pages for one in page.changes] == [
            f"t{n}" for n in range(5)
        ]
        assert len(pages) == 5
        listed = await at.tasks.List(wire.ListRequest())
        assert len(listed.tasks) == 1
        assert listed.next_page


async def test_what_comes_while_a_message_is_on_its_way_is_neither_late_nor_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watches_module, "BOOKMARK_S", 0.0)
    kept, door = hub()

    class Road:
        pass

    door.replica.state.tasks = {}
    door.replica.live = None
    watches = watches_module.Watches(door, Road(), kept)
    messages = watches._changes(lambda _: True, 10, progress=False)
    applied(door, 11, created("a"))
    door.replica.state.revision = 11
    assert (await anext(messages)).revision == 11
    applied(door, 12, created("b"))  # while the first is being sent
    door.replica.state.revision = 12
    second = await anext(messages)
    assert (second.kind, second.revision) == ("BOOKMARK", 11)
    third = await anext(messages)
    assert (third.kind, [c.task.id for c in third.changes]) == ("CHANGE", ["b"])


async def test_w2_resuming_gives_everything_after_the_revision_once() -> None:
    async with doors() as at:
        await at.node()
        revisions = [
            (await at.create(f"t{n}", paused=True)).task.modified_revision for n in range(5)
        ]
        call = watch(at, after=revisions[1])
        assert await changes(call, 3) == [("created", f"t{n}") for n in (2, 3, 4)]
        message_at = watch(at, after=revisions[3])
        message = await read(message_at)
        assert message.revision == revisions[4]
        await at.create("t5", paused=True)
        assert await changes(call, 1) == [("created", "t5")]


async def test_from_now_leaves_out_what_is_there() -> None:
    async with doors() as at:
        await at.node()
        await at.create("old", paused=True)
        call = watch(at, from_now=True)
        await asyncio.sleep(0.2)
        await at.create("new", paused=True)
        assert await changes(call, 1) == [("created", "new")]


async def test_ex_50_the_last_word_of_a_watch_that_cannot_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub_module, "CHANGES_KEPT", 2)
    async with doors() as at:
        await at.node()
        revision = (await at.create("t0", paused=True)).task.modified_revision
        for number in range(1, 6):
            last = (await at.create(f"t{number}", paused=True)).task.modified_revision
        call = watch(at, after=revision)
        message = await read(call)
        assert (message.kind, message.reason) == ("RESET", "compacted")
        assert message.oldest_revision == last - 2
        assert await changes(watch(at, after=message.oldest_revision), 2)


async def test_x44_a_quiet_filter_gets_bookmarks_to_resume_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watches_module, "BOOKMARK_S", 0.1)
    async with doors() as at:
        await at.node()
        call = watch(at, from_now=True, filter=wire.Filter(executor="never.*"))
        last = (await at.create("t1", paused=True)).task.modified_revision
        message = await read(call)
        while message.revision < last:
            assert message.kind == "BOOKMARK"
            message = await read(call)
        assert message.kind == "BOOKMARK"


async def test_filters_hold_for_changes_too_and_an_end_is_a_change() -> None:
    async with doors() as at:
        node = await at.node(offers={"demo.noop": {}, "shop.count": {}})
        await at.create("a")
        call = watch(at, filter=wire.Filter(executor="demo.*"))
        await read(call)
        await at.create("b", "shop.count")
        await at.create("c", paused=True)
        await node.end("a")
        assert await changes(call, 2) == [("created", "c"), ("updated", "a")]


async def test_a_task_that_leaves_the_statuses_of_the_filter_is_told_once() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("a")
        await at.create("b", paused=True)
        call = watch(at, filter=wire.Filter(statuses=["assigned"]))
        snapshot = await read(call)
        assert [one.task.id for one in snapshot.changes] == ["a"]
        await node.report("a", "started")
        message = await read(call)
        assert [(one.type, one.task.status) for one in message.changes] == [("updated", "running")]


async def test_a_filter_that_makes_no_sense_is_refused() -> None:
    async with doors() as at:
        call = watch(at, filter=wire.Filter(statuses=["happy"]))
        assert (await refused(read(call))).metadata["field"] == "status"


async def test_live_progress_only_for_those_who_ask() -> None:
    async with doors() as at:
        node = await at.node()
        await at.create("t1")
        await node.report("t1", "started")
        call, other = watch(at, progress=True, from_now=True), watch(at, from_now=True)
        await asyncio.sleep(0.2)
        await node.progress("t1", 50.0)
        message = await read(call)
        while message.kind != "LIVE":
            message = await read(call)
        assert (message.revision, message.changes[0].task.progress.done) == (0, 50.0)
        await node.end("t1")
        assert await changes(other, 1) == [("updated", "t1")]


async def test_many_watches_see_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    async with doors() as at:
        await at.node()
        calls = [watch(at, from_now=True) for _ in range(10)]
        await asyncio.sleep(0.3)
        for number in range(30):
            await at.create(f"t{number:02}", paused=True)
        expected = [("created", f"t{n:02}") for n in range(30)]
        assert [await changes(call, 30) for call in calls] == [expected] * 10
        await until(lambda: True)
