from __future__ import annotations

import msgspec
import pytest

from coordinator.codec import snapshots
from coordinator.codec.snapshots import (
    FORMAT,
    MalformedSnapshot,
    UnknownFormat,
    digest,
    digest_of,
    encode,
    freeze,
    load,
)
from coordinator.machine.commands import AddMember, CancelTask, RemoveNode, SetSettings
from coordinator.machine.failures import UpgradeNeeded
from coordinator.machine.invariants import check
from coordinator.model.ids import NodeName, TaskId
from coordinator.model.members import MemberRecord
from coordinator.model.nodes import Manifest
from coordinator.model.state import ClusterState
from coordinator.model.tasks import RunOutcome
from tests.unit.machine.kit import World, create, join, on

MANIFESTS = (Manifest("b", 1, "h1", b"{}"), Manifest("a", 2, "h2", b"x" * 50))


def busy_world() -> World:
    """Something of everything that a state holds."""
    world = World()
    world.state.cluster_id = "c0ffee"
    world.state.put_member(MemberRecord(2, "b", "h:2", "s2"))
    world.state.put_member(MemberRecord(1, "a", "h:1", "s1"))
    world.do(AddMember("c", "h:3"))
    world.do(join("n2", manifests=MANIFESTS), "r0")
    world.do(join("n1"), "r1")
    for name in ("z", "a", "m"):
        world.do(create(name, params=b"x" * 40), f"create-{name}", 3)
    world.do(create("a", params=b"y"), "refused", 9)
    world.end("m", RunOutcome.FAILED, permanent=True, result=b"1", error_text="boom")
    world.do(CancelTask(TaskId("z")), "r9")
    world.do(SetSettings((("nodes.lease", "5s"), ("assignment.batch", "7")), by="ann"))
    world.do(RemoveNode(NodeName("n2")))
    return world


def test_a_state_survives_its_snapshot() -> None:
    state = busy_world().state
    copy = load(encode(freeze(state)))
    check(copy)
    assert digest(copy) == digest(state)
    for name in ("tasks", "nodes", "node_counters", "members", "settings", "manifests", "use"):
        assert getattr(copy, name) == getattr(state, name), name
    for name in ("cluster_id", "feature_level", "revision", "at", "last_allocation_id"):
        assert getattr(copy, name) == getattr(state, name), name
    for name in ("last_member_id", "member_change"):
        assert getattr(copy, name) == getattr(state, name), name
    assert list(copy.requests.oldest()) == list(state.requests.oldest())
    assert copy.events == []


def test_both_go_on_alike() -> None:
    world = busy_world()
    copy = World()
    copy.state, copy.at = load(encode(freeze(world.state))), world.at
    for each in (world, copy):
        each.do(create("new", on("n1")), "r10")
        each.end("a", RunOutcome.SUCCEEDED)
    assert digest(copy.state) == digest(world.state)


def test_an_empty_state_has_a_snapshot_too() -> None:
    assert digest(load(encode(freeze(ClusterState())))) == digest(ClusterState())


def test_chunks_are_small_and_a_large_record_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "CHUNK_BYTES", 2_000)
    world = World()
    world.do(join())
    for number in range(20):
        world.do(
            create(f"t{number:02}", params=b"x" * (9_000 if number == 7 else 10)), f"r{number}"
        )
    chunks = list(encode(freeze(world.state)))
    large = [chunk for chunk in chunks if len(chunk) > 2_000]
    assert len(large) == 1
    assert len(chunks) > 8
    assert digest(load(chunks)) == digest(world.state)


def test_equal_states_give_equal_bytes_whatever_their_order_of_making() -> None:
    one, other = World(), World()
    for world, names in ((one, "ab"), (other, "ba")):
        world.state.revision = 10
        for name in names:
            world.state.node_counters[name] = 1
    assert list(encode(freeze(one.state))) == list(encode(freeze(other.state)))


def test_a_picture_is_not_touched_by_what_comes_after() -> None:
    world = busy_world()
    frozen = freeze(world.state)
    before = digest_of(frozen)
    world.do(join("n7", manifests=(Manifest("a", 3, "h3", b""),)), "r77")
    world.end("a", RunOutcome.SUCCEEDED)
    assert digest_of(frozen) == before
    assert digest(world.state) != before


def test_the_digest_sees_every_part() -> None:
    seen = {digest(busy_world().state)}
    for change in ("cluster_id", "feature_level", "revision", "at", "last_allocation_id"):
        state = busy_world().state
        setattr(state, change, "x" if change == "cluster_id" else 77)
        seen.add(digest(state))
    state = busy_world().state
    state.requests.forget(1)
    seen.add(digest(state))
    state = busy_world().state
    state.node_counters["uid-n1"] = 9
    seen.add(digest(state))
    assert len(seen) == 8


def test_a_newer_format_asks_for_an_upgrade() -> None:
    with pytest.raises(UnknownFormat, match=f"format {FORMAT + 1}"):
        load([msgspec.msgpack.encode([FORMAT + 1, "who knows"])])
    assert issubclass(UnknownFormat, UpgradeNeeded)


def test_what_was_not_written_is_not_loaded() -> None:
    chunks = list(encode(freeze(busy_world().state)))
    for wrong in (
        [],
        [b""],
        [msgspec.msgpack.encode([FORMAT, 1])],
        chunks[:-1],
        [*chunks[:2], *chunks[3:]],
        [*chunks, chunks[-1]],
        [chunks[0], chunks[1][:-1], *chunks[2:]],
    ):
        with pytest.raises(MalformedSnapshot):
            load(wrong)
