"""A cluster is born once, by all together; crashes in between leave nobody or everybody able to go on."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from coordinator.codec.framing import unframed
from coordinator.codec.snapshots import load
from coordinator.model.members import MemberRecord
from coordinator.model.state import ClusterState
from coordinator.shell.founding import Founding
from coordinator.shell.founding_record import founding_record, read_record, write_record
from coordinator.shell.logs import Log
from coordinator.shell.options import ServerSettings
from coordinator.shell.settings import load_settings
from coordinator.shell.standing import Standing
from coordinator.shell.store import Store
from coordinator.wire.v1.internal_pb2 import FoundRequest, Introduction

NAMES = ("c1", "c2", "c3")
PEERS = ",".join(f"{name}=127.0.0.1:{7100 + n}" for n, name in enumerate(NAMES, 1))


class One:
    """A member with its disk, whose calls to others are answered by hand."""

    def __init__(self, root: Path, name: str, peers: str = PEERS) -> None:
        listen = dict(p.split("=") for p in peers.split(","))[name]
        argv = ["--name", name, "--data-dir", str(root / name), "--listen", listen]
        argv += [
            "--peers",
            peers,
            "--set",
            "nodes.lease=5s",
            "--http",
            listen.replace(":71", ":72"),
        ]
        self.settings: ServerSettings = load_settings(argv, {})
        self.store = Store.open(self.settings.data_dir, name)
        self.lines = io.StringIO()
        self.standing = Standing(lambda: self.store.identity, self.state, self.settings.places)
        self.founding = Founding(
            self.settings, self.store, self.standing, Log(self.lines, "debug", member=name)
        )
        self.handed: list[str] = []
        self.founding._hand_to = self.handed.append  # type: ignore[method-assign]

    def state(self) -> ClusterState | None:
        snapshot = self.store.recovered.snapshot
        return load(unframed(snapshot.data)) if snapshot else None

    def members(self) -> dict[int, MemberRecord]:
        state = self.state()
        return state.members if state is not None else {}


@pytest.fixture
def trio(tmp_path: Path):
    made = {name: One(tmp_path, name) for name in NAMES}
    yield made
    for one in made.values():
        one.store.close()


def record_of(trio: dict[str, One]) -> FoundRequest:
    return founding_record(
        trio["c1"].settings, [one.standing.introduction() for one in trio.values()]
    )


def test_the_record_names_all_members_with_their_storage_ids(trio: dict[str, One]) -> None:
    record = record_of(trio)
    state = load(unframed(record.snapshot))
    assert state.cluster_id == record.cluster_id
    assert len(state.cluster_id) == 32
    assert [(m.id, m.name, m.address) for m in state.members.values()] == [
        (1, "c1", "127.0.0.1:7101"),
        (2, "c2", "127.0.0.1:7102"),
        (3, "c3", "127.0.0.1:7103"),
    ]
    assert {m.name: m.storage_id for m in state.members.values()} == {
        name: one.store.identity.storage_id for name, one in trio.items()
    }
    assert state.members[2].http == "127.0.0.1:7202"
    assert state.settings.lease_ms == 5_000
    assert state.revision == 1


async def test_each_member_stores_the_same_first_snapshot(trio: dict[str, One]) -> None:
    record = record_of(trio)
    for one in trio.values():
        assert (await one.founding.on_found(record)).accepted
    snapshots = [one.store.recovered.snapshot for one in trio.values()]
    assert snapshots[0] == snapshots[1] == snapshots[2]
    assert snapshots[0] is not None
    assert (snapshots[0].index, snapshots[0].term) == (1, 1)
    assert snapshots[0].conf.voters == (1, 2, 3)
    assert [one.store.identity.member_id for one in trio.values()] == [1, 2, 3]


async def test_handing_it_again_is_harmless_and_another_cluster_is_refused(
    trio: dict[str, One],
) -> None:
    record = record_of(trio)
    await trio["c2"].founding.on_found(record)
    assert (await trio["c2"].founding.on_found(record)).accepted
    other = record_of(trio)
    reply = await trio["c2"].founding.on_found(other)
    assert not reply.accepted
    assert record.cluster_id in reply.reason
    assert trio["c2"].store.identity.cluster_id == record.cluster_id


async def test_a_record_with_another_list_or_another_directory_is_refused(
    trio: dict[str, One], tmp_path: Path
) -> None:
    record = record_of(trio)
    del record.peers[2]
    assert "another list" in (await trio["c2"].founding.on_found(record)).reason
    record = record_of(trio)
    record.storage_ids["c2"] = "0" * 32
    assert "directory of c2" in (await trio["c2"].founding.on_found(record)).reason
    assert not trio["c2"].store.identity.founded


def test_founding_waits_for_all_to_be_present_empty_and_of_one_mind(
    trio: dict[str, One], tmp_path: Path
) -> None:
    c1 = trio["c1"].founding
    c2, c3 = (trio[name].standing.introduction() for name in ("c2", "c3"))
    assert c1._what_is_missing({"c2": c2, "c3": c3}) == ""
    assert "no answer from c3" in c1._what_is_missing({"c2": c2, "c3": None})
    founded = Introduction(name="c3", cluster_id="x", peers=c3.peers, mode="dev")
    assert "founded already" in c1._what_is_missing({"c2": c2, "c3": founded})
    other = Introduction(name="c3", peers=["c3=127.0.0.1:7103"], mode="dev")
    assert "another list" in c1._what_is_missing({"c2": c2, "c3": other})
    stranger = Introduction(name="c9", peers=c3.peers, mode="dev")
    assert "answers as c9" in c1._what_is_missing({"c2": c2, "c3": stranger})
    secure = Introduction(name="c3", peers=c3.peers, mode="secure")
    assert "mode secure" in c1._what_is_missing({"c2": c2, "c3": secure})


async def test_the_founder_stores_before_it_speaks(trio: dict[str, One]) -> None:
    c1 = trio["c1"]
    seen: list[bool] = []
    c1.founding._hand_to = lambda _name: seen.append(c1.store.identity.founded)  # type: ignore[method-assign]
    theirs = {name: trio[name].standing.introduction() for name in ("c2", "c3")}
    c1.founding._found(theirs)
    assert seen == [True, True]
    kept = read_record(c1.settings.data_dir)
    assert kept is not None
    assert kept.cluster_id == c1.store.identity.cluster_id


async def test_a_crash_after_the_founder_stored_is_mended_by_any_founded_member(
    trio: dict[str, One], tmp_path: Path
) -> None:
    c1 = trio["c1"]
    c1.founding._found({name: trio[name].standing.introduction() for name in ("c2", "c3")})
    c1.store.close()  # and here it dies, having told nobody
    again = trio["c1"] = One(tmp_path, "c1")
    assert again.store.identity.founded
    again.founding.on_introduction(trio["c3"].standing.introduction())
    assert again.handed == ["c3"]
    kept = read_record(again.settings.data_dir)
    assert kept is not None
    assert (await trio["c3"].founding.on_found(kept)).accepted
    trio["c3"].founding.on_introduction(trio["c2"].standing.introduction())
    assert trio["c3"].handed == ["c2"]


async def test_an_emptied_directory_gets_nothing(trio: dict[str, One], tmp_path: Path) -> None:
    record = record_of(trio)
    for one in trio.values():
        await one.founding.on_found(record)
    emptied = Introduction(name="c2", storage_id="f" * 32, peers=record.peers, mode="dev")
    trio["c1"].founding.on_introduction(emptied)
    assert trio["c1"].handed == []
    assert "empty member refused" in trio["c1"].lines.getvalue()


async def test_a_founded_caller_gets_nothing(trio: dict[str, One]) -> None:
    record = record_of(trio)
    for one in trio.values():
        await one.founding.on_found(record)
    trio["c1"].founding.on_introduction(trio["c2"].standing.introduction())
    assert trio["c1"].handed == []


async def test_a_single_peer_founds_alone(tmp_path: Path) -> None:
    one = One(tmp_path, "c1", "c1=127.0.0.1:7101")
    await one.founding.wait()
    assert one.store.identity.member_id == 1
    assert one.members()[1].storage_id == one.store.identity.storage_id
    one.store.close()


async def test_members_check_one_another(trio: dict[str, One]) -> None:
    record = record_of(trio)
    strangers = trio["c1"].standing.objection(trio["c2"].standing.introduction())
    assert strangers is not None
    assert "no cluster yet" in strangers
    for one in trio.values():
        await one.founding.on_found(record)
    hello = trio["c2"].standing.introduction()
    assert trio["c1"].standing.objection(hello) is None
    for change, word in (
        ({"cluster_id": "other"}, "of cluster other"),
        ({"storage_id": "0" * 32}, "cluster replace"),
        ({"name": "c9"}, "not a member"),
        ({"mode": "secure"}, "mode secure"),
        ({"cluster_id": ""}, "no cluster yet"),
    ):
        changed = Introduction()
        changed.CopyFrom(hello)
        for field, value in change.items():
            setattr(changed, field, value)
        objection = trio["c1"].standing.objection(changed)
        assert objection is not None
        assert word in objection


def test_a_record_survives_its_file(tmp_path: Path) -> None:
    assert read_record(tmp_path) is None
    record = FoundRequest(cluster_id="x", storage_ids={"b": "2", "a": "1"})
    write_record(tmp_path, record)
    assert read_record(tmp_path) == record


def test_more_than_five_found_nothing(tmp_path: Path) -> None:
    peers = ",".join(f"c{n}=127.0.0.1:{7100 + n}" for n in range(1, 7))
    one = One(tmp_path, "c1", peers)
    assert "at most 5" in one.founding._what_is_missing({})
    one.store.close()
