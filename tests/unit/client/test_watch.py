"""Watching: no gap, no duplicate, over the loss of a member; an explicit end where it cannot go on."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc
import pytest

from coordinator.client import Client, Filter, InvalidRequest, Unavailable, WatchReset
from coordinator.client.watch import WatchEvent
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.cli.fake_server import Refusal
from tests.unit.client.fake_member import FakeMember, member


def change(revision: int, *ids: str, more: bool = False) -> wire.WatchResponse:
    changes = [wire.WatchChange(type="updated", task=wire.Task(id=name)) for name in ids]
    return wire.WatchResponse(kind="CHANGE", revision=revision, changes=changes, more=more)


async def take(events: AsyncIterator[WatchEvent], number: int) -> list[WatchEvent]:
    taken: list[WatchEvent] = []
    async with aclosing(events) as source:  # type: ignore[type-var]
        async for event in source:
            taken.append(event)
            if len(taken) == number:
                break
    return taken


def told(events: list[WatchEvent]) -> list[tuple[int, list[str]]]:
    return [(event.revision, [one.task.id for one in event.changes]) for event in events]


def playing(fake: FakeMember, *scripts: list[wire.WatchResponse]) -> None:
    """Each connection gets the next script, and then its stream breaks."""
    waiting = list(scripts)

    async def watch(request: Any, context: Any) -> AsyncIterator[Any]:
        for message in waiting.pop(0):
            yield message
        await context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")

    fake.watch = watch


async def test_x13_goes_on_after_the_last_complete_revision() -> None:
    async with member() as only, Client([only.address]) as client:
        playing(only, [change(5, "a"), change(6, "b")], [change(7, "c")])
        events = await take(client.watch(after_revision=4), 3)
    assert told(events) == [(5, ["a"]), (6, ["b"]), (7, ["c"])]
    assert [request.after_revision for request in only.requests] == [4, 6]


async def test_half_a_revision_is_not_told_twice() -> None:
    async with member() as only, Client([only.address]) as client:
        playing(
            only, [change(5, "a", "b", more=True)], [change(5, "a", "b", more=True), change(5, "c")]
        )
        events = await take(client.watch(after_revision=4), 1)
    assert told(events) == [(5, ["a", "b", "c"])]


async def test_another_member_goes_on() -> None:
    async with member() as first, member() as second:
        playing(first, [change(5, "a")])
        playing(second, [change(6, "b")])
        async with Client([first.address, second.address]) as client:
            events = await take(client.watch(after_revision=4), 2)
    assert told(events) == [(5, ["a"]), (6, ["b"])]
    assert second.requests[0].after_revision == 5


async def test_bookmarks_move_the_place_to_resume_from() -> None:
    async with member() as only, Client([only.address]) as client:
        bookmark = wire.WatchResponse(kind="BOOKMARK", revision=90)
        playing(only, [change(5, "a"), bookmark], [change(91, "b")])
        events = await take(client.watch(after_revision=4), 3)
    assert [event.kind for event in events] == ["change", "bookmark", "change"]
    assert only.requests[1].after_revision == 90


async def test_a_snapshot_comes_in_pages_and_begins_anew_if_broken() -> None:
    def page(revision: int, name: str, *, more: bool) -> wire.WatchResponse:
        parts = [wire.WatchChange(type="created", task=wire.Task(id=name))]
        return wire.WatchResponse(kind="SNAPSHOT", revision=revision, changes=parts, more=more)

    async with member() as only, Client([only.address]) as client:
        whole = [page(9, "a", more=True), page(9, "b", more=False)]
        playing(only, [page(8, "a", more=True)], whole, [change(10, "c")])
        events = await take(client.watch(), 4)
    assert told(events) == [(8, ["a"]), (9, ["a"]), (9, ["b"]), (10, ["c"])]
    assert [event.restarted for event in events] == [False, True, False, False]
    assert [request.after_revision for request in only.requests] == [0, 0, 9]


async def test_x14_a_revision_no_longer_kept_is_an_end() -> None:
    async with member() as only, Client([only.address]) as client:
        reset = wire.WatchResponse(kind="RESET", reason="compacted", oldest_revision=1_000)
        playing(only, [reset])
        with pytest.raises(WatchReset) as caught:
            await take(client.watch(after_revision=4), 1)
    assert caught.value.oldest_revision == 1_000


async def test_x45_a_reader_cut_off_resumes_if_it_can() -> None:
    async with member() as only, Client([only.address]) as client:
        reset = wire.WatchResponse(kind="RESET", reason="slow", oldest_revision=2)
        playing(only, [change(5, "a"), reset], [change(6, "b")])
        events = await take(client.watch(after_revision=4), 2)
    assert told(events) == [(5, ["a"]), (6, ["b"])]


async def test_a_refusal_ends_a_watch() -> None:
    async with member() as only, Client([only.address]) as client:

        async def watch(request: Any, context: Any) -> AsyncIterator[Any]:
            refusal = Refusal(grpc.StatusCode.INVALID_ARGUMENT, "invalid_field", "bad label")
            details = (("grpc-status-details-bin", refusal.details()),)
            await context.abort(refusal.code, refusal.message, details)
            yield wire.WatchResponse()

        only.watch = watch
        with pytest.raises(InvalidRequest):
            await take(client.watch(Filter(labels=["=x"])), 1)


def closed_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@pytest.mark.parametrize("after", [None, 4])
async def test_ex_12_a_watch_that_nobody_answers_from_the_start_says_so(after: int | None) -> None:
    address = closed_address()
    async with Client([address], timeout_s=0.4) as client:
        with pytest.raises(Unavailable) as caught:
            await take(client.watch(after_revision=after), 1)
    assert caught.value.member == address
    assert "refused" in caught.value.message.lower()


async def test_ex_12_a_member_that_is_not_there_at_first_is_no_loss() -> None:
    said: list[str] = []
    async with member() as second:
        playing(second, [change(5, "a")])
        async with Client([closed_address(), second.address]) as client:
            watch = client.open_watch(on_loss=said.append, on_reconnect=lambda *_: said.append(""))
            events = await take(watch.events(), 1)
    assert told(events) == [(5, ["a"])]
    assert (said, watch.silence) == ([], None)


async def test_ex_12_a_loss_is_told_once_when_it_comes_and_a_watch_that_was_answered_goes_on() -> (
    None
):
    """The member comes back after longer than the client's timeout: that is for the start alone."""
    said: list[Any] = []
    async with member() as only, Client([only.address], timeout_s=0.1) as client:
        refused = [[] for _ in range(8)]
        playing(only, [change(5, "a")], *refused, [change(6, "b")])
        watch = client.open_watch(
            on_loss=said.append, on_reconnect=lambda *found: said.append(found)
        )
        events = await take(watch.events(4), 2)
    assert told(events) == [(5, ["a"]), (6, ["b"])]
    assert said == [only.address, (only.address, 5)]


async def test_ex_50_a_revision_ahead_of_the_cluster_is_an_end() -> None:
    async with member() as only, Client([only.address]) as client:
        only.revision = 1_841
        with pytest.raises(WatchReset) as caught:
            await take(client.watch(after_revision=999_999_999), 1)
    assert caught.value.reason == "ahead"
    said = "revision 999999999 lies ahead of the cluster's, which is 1841"
    assert caught.value.message == said
    assert only.requests == []


async def test_ex_50_a_member_that_lags_is_no_end() -> None:
    """The leader has come that far; the member asked first waits until it has, too."""
    async with member() as lags:
        lags.revision, lags.leader_revision = 3, 4
        playing(lags, [change(5, "a")])
        async with Client([lags.address]) as client:
            events = await take(client.watch(after_revision=4), 1)
    assert told(events) == [(5, ["a"])]
