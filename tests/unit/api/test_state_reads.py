"""The replicated state as JSON: whole, a section, a record, a field; in pages."""

from __future__ import annotations

import json
from typing import Any

import grpc
import pytest
from msgspec.structs import fields

from coordinator.api.state_tree import ELSEWHERE, NO_SECTION, Cursor, read, sections
from coordinator.client import Client
from coordinator.codec.snapshots import Frozen, Header
from coordinator.model.concurrency import LimitOverride
from coordinator.model.state import ClusterState
from coordinator.wire.v1 import cluster_pb2, tasks_pb2
from tests.unit.api.house import Doors, doors, refused

Code = grpc.StatusCode


async def state(at: Doors, path: str = "", **more: Any) -> dict[str, Any]:
    request = cluster_pb2.StateRequest(path=path, **more)
    reply = await at.cluster.State(request, timeout=20)
    return {entry.path: json.loads(entry.value) for entry in reply.entries}


async def filled(at: Doors) -> None:
    await at.node("n1", attributes=(("zone", "a"),))
    labels = {"team": "x"}
    for name in ("a", "a/b", "c"):
        spec = tasks_pb2.TaskSpec(labels=labels, timeout_ms=5_000)
        change = tasks_pb2.Change(request_id=f"made-{name}")
        await at.create(name, params=b'{"until": 3}', spec=spec, change=change)
    await at.settings(nodes__lease="8s", nodes__reassign_after="20s")


def test_all_that_a_snapshot_has_is_a_section() -> None:
    known = set(sections(ClusterState()))
    named = {field.name for kind in (Header, Frozen) for field in fields(kind)}
    assert {ELSEWHERE.get(name, name) for name in named - NO_SECTION} == known


async def test_the_whole_state_names_every_section_and_each_record_once() -> None:
    async with doors() as at:
        await filled(at)
        found = await state(at, page_size=1_000)
        assert {path.partition("/")[0] for path in found} <= set(sections(at.house.replica.state))
        assert {"tasks/a", "tasks/a/b", "tasks/c", "nodes/n1", "members/1"} <= set(found)
        assert found["cluster_id"] == "test"
        assert found["revision"] == at.house.replica.state.revision
        assert found["requests/made-a"]["task_id"] == "a"
        assert found["settings"]["values"]["nodes.lease"]["value"] == "8s"


async def test_a_record_says_what_the_machine_holds() -> None:
    async with doors() as at:
        await filled(at)
        task = (await state(at, "tasks/a"))["tasks/a"]
        assert (task["params"], task["state"], task["status"]) == ({"until": 3}, None, "assigned")
        assert task["spec"]["labels"] == [["team", "x"]]
        assert task["created_at"].endswith("Z")
        assert task["finished_at"] is None
        assert (await state(at, "/tasks/a/spec/timeout_ms/")) == {"tasks/a/spec/timeout_ms": 5_000}
        assert (await state(at, "tasks/a/b/id")) == {"tasks/a/b/id": "a/b"}
        assert (await state(at, "members/1/name")) == {"members/1/name": "c1"}
        assert (await state(at, "nodes/n1/attributes/0")) == {
            "nodes/n1/attributes/0": ["zone", "a"]
        }
        assert list(await state(at, "tasks")) == ["tasks/a", "tasks/a/b", "tasks/c"]


def test_keys_of_two_parts_have_one_name() -> None:
    state = ClusterState()
    state.limit_overrides["cluster", "group:x"] = LimitOverride(3, "alice", 1_000)
    part = read(state, "limit_overrides", Cursor(), 10, ())
    assert [entry.path for entry in part.entries] == ["limit_overrides/cluster:group:x"]
    part = read(state, "limit_overrides/cluster:group:x/max", Cursor(), 10, ())
    assert [entry.value for entry in part.entries] == [b"3"]


async def test_pages_hold_what_was_asked_for_and_go_on() -> None:
    async with doors() as at, Client([at.address]) as client:
        await filled(at)
        whole = list(await state(at, page_size=1_000))
        pages = [page async for page in client.cluster.state_pages(page_size=4)]
        assert [part.path for page in pages for part in page.parts] == whole
        assert {len(page.parts) for page in pages[:-1]} == {4}
        first = await client.cluster.state("tasks", page_size=2)
        rest = await client.cluster.state("tasks", page_size=2, page_token=first.next_page)
        assert ([part.path for part in rest.parts], rest.next_page) == (["tasks/c"], "")


async def test_a_stale_look_needs_no_leader() -> None:
    async with doors(3, lead=False) as at:
        read = tasks_pb2.ReadOptions(stale=True)
        assert (await state(at, "cluster_id", read=read)) == {"cluster_id": "test"}
        said = await refused(at.cluster.State(cluster_pb2.StateRequest(), timeout=0.8))
        assert said.code == Code.UNAVAILABLE


@pytest.mark.parametrize(
    "path, reason",
    [
        ("weather", "invalid_field"),
        ("events", "invalid_field"),
        ("_shared", "invalid_field"),
        ("tasks/nope", "task_not_found"),
        ("nodes/nope/name", "node_not_found"),
        ("members/9", "member_not_found"),
        ("requests/nope", "invalid_field"),
        ("tasks/a/weather", "invalid_field"),
        ("revision/0", "invalid_field"),
    ],
)
async def test_a_path_that_leads_nowhere_says_so(path: str, reason: str) -> None:
    async with doors() as at:
        await filled(at)
        read = tasks_pb2.ReadOptions(stale=path == "weather")
        said = await refused(at.cluster.State(cluster_pb2.StateRequest(path=path, read=read)))
        assert said.reason == reason
