"""Where a caller stands with a founded member: one of us, one that is awaited, one that was removed, a stranger."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from coordinator.model.members import MemberRecord
from coordinator.model.state import ClusterState
from coordinator.shell.data_dir import Identity
from coordinator.shell.founding import Founding
from coordinator.shell.joining import admitted, named_by
from coordinator.shell.logs import Log
from coordinator.shell.settings import load_settings
from coordinator.shell.standing import Places, Standing
from coordinator.shell.store import Store
from coordinator.shell.store_port import DataDirError
from coordinator.wire.v1.internal_pb2 import Introduction

CLUSTER = "the-cluster"
C4 = "127.0.0.1:7104"


def state_of_three() -> ClusterState:
    state = ClusterState()
    for number in (1, 2, 3):
        state.put_member(MemberRecord(number, f"c{number}", f"127.0.0.1:710{number}", f"s{number}"))
    return state


@pytest.fixture
def state() -> ClusterState:
    return state_of_three()


@pytest.fixture
def standing(state: ClusterState) -> Standing:
    identity = Identity("c1", "s1", 1, CLUSTER, 1)
    return Standing(lambda: identity, lambda: state, Places("127.0.0.1:7101", []))


def empty(name: str = "c4", address: str = C4, storage_id: str = "s4") -> Introduction:
    return Introduction(name=name, storage_id=storage_id, address=address, mode="dev")


def member(number: int, **more: str) -> Introduction:
    told = {"cluster_id": CLUSTER, "storage_id": f"s{number}", "mode": "dev", **more}
    return Introduction(name=f"c{number}", member_id=number, **told)


def test_an_empty_stranger_is_told_how_it_is_added_and_whom_to_ask(standing: Standing) -> None:
    answer = standing.answer(empty())
    assert answer.admission.waits_for == f"`taskctl cluster add c4={C4}`"
    assert (answer.admission.member_id, answer.admission.refused) == (0, "")
    assert named_by([answer]) == {f"c{n}": f"127.0.0.1:710{n}" for n in (1, 2, 3)}
    assert admitted([answer]) is None


def test_m1_who_was_added_waits_for_the_leader_and_may_then_join(
    standing: Standing, state: ClusterState
) -> None:
    state.put_member(MemberRecord(4, "c4", C4, "", joined=9))
    awaited = standing.awaited(empty())
    assert awaited is not None
    assert awaited.id == 4
    assert "the leader" in standing.answer(empty()).admission.waits_for
    state.put_member(MemberRecord(4, "c4", C4, "s4", joined=9))
    assert standing.awaited(empty()) is None
    assert admitted([standing.answer(empty())]) == (CLUSTER, 4)


def test_who_listens_elsewhere_than_it_was_added_is_not_taken_for_it(
    standing: Standing, state: ClusterState
) -> None:
    state.put_member(MemberRecord(4, "c4", C4, "", joined=9))
    other = empty(address="127.0.0.1:7999")
    assert standing.awaited(other) is None
    assert "make them one" in standing.answer(other).admission.refused


def test_s14_another_directory_under_a_known_name_is_refused_with_the_remedy(
    standing: Standing, state: ClusterState
) -> None:
    answer = standing.answer(empty("c2", "127.0.0.1:7102", "emptied"))
    assert "`taskctl cluster replace c2 c2=127.0.0.1:7102`" in answer.admission.refused
    state.put_member(MemberRecord(4, "c2", "127.0.0.1:7102", "", joined=9))
    awaited = standing.awaited(empty("c2", "127.0.0.1:7102", "emptied"))
    assert awaited is not None
    assert awaited.id == 4


def test_a_founder_that_missed_the_founding_is_no_newcomer(standing: Standing) -> None:
    theirs = empty("c2", "127.0.0.1:7102", "s2")
    assert standing.missed_founding(theirs)
    admission = standing.answer(theirs).admission
    assert (admission.member_id, admission.waits_for, admission.refused) == (0, "", "")


def test_m4_ids_tell_who_was_removed_from_who_is_yet_to_be_heard_of(
    standing: Standing, state: ClusterState
) -> None:
    state.put_member(MemberRecord(4, "c4", C4, "s4", joined=9))
    state.drop_member(4)
    assert standing.was_removed(member(4))
    assert "not a member" in (standing.objection(member(4)) or "")
    assert standing.answer(member(4)).admission.removed
    assert not standing.was_removed(member(5))
    assert standing.objection(member(5)) is None
    assert not standing.was_removed(member(4, cluster_id="another"))
    assert not standing.was_removed(member(2))


def test_who_is_not_at_work_yet_takes_nobody_for_a_member_and_nobody_for_removed() -> None:
    identity = Identity("c1", "s1", 1, CLUSTER, 1)
    standing = Standing(lambda: identity, lambda: None, Places("127.0.0.1:7101", []))
    assert standing.objection(member(2)) == "c1 is starting"
    assert not standing.was_removed(member(2))
    assert standing.awaited(empty()) is None
    assert not standing.answer(empty()).HasField("admission")


def test_who_has_just_joined_knows_nobody_and_takes_all_of_its_cluster() -> None:
    identity = Identity("c4", "s4", 1, CLUSTER, 4)
    standing = Standing(lambda: identity, ClusterState, Places(C4, []))
    assert standing.objection(member(1)) is None
    assert standing.objection(member(1, cluster_id="another")) is not None


class Newcomer:
    """A process with an empty directory, whose calls are answered by hand."""

    def __init__(self, root: Path, answer: Introduction) -> None:
        argv = ["--name", "c4", "--data-dir", str(root), "--listen", C4]
        settings = load_settings([*argv, "--peers", f"c1=127.0.0.1:7101,c4={C4}"], {})
        self.store = Store.open(root, "c4")
        self.lines = io.StringIO()
        own = Standing(lambda: self.store.identity, lambda: None, settings.places)
        self.founding = Founding(settings, self.store, own, Log(self.lines, "debug"))
        self.answer = answer
        self.asked: list[str] = []
        self.founding._introduce_to = self._introduce_to  # type: ignore[method-assign]

    async def _introduce_to(self, name: str) -> Introduction:
        self.asked.append(name)
        return self.answer


async def test_a_newcomer_waits_until_it_is_admitted_and_asks_all_that_it_hears_of(
    tmp_path: Path, standing: Standing, state: ClusterState
) -> None:
    newcomer = Newcomer(tmp_path / "c4", standing.answer(empty()))
    theirs = await newcomer.founding._introduce_to_all()
    assert not newcomer.founding._join(theirs)
    newcomer.founding._tell(theirs, "")
    assert "taskctl cluster add c4" in newcomer.lines.getvalue()
    storage_id = newcomer.store.identity.storage_id
    state.put_member(MemberRecord(4, "c4", C4, storage_id, joined=9))
    newcomer.answer = standing.answer(empty(storage_id=storage_id))
    await newcomer.founding.wait()
    assert {"c1", "c2", "c3"} == set(newcomer.asked)
    identity = newcomer.store.identity
    assert (identity.cluster_id, identity.member_id) == (CLUSTER, 4)
    newcomer.store.close()
    again = Store.open(tmp_path / "c4", "c4")
    assert again.identity == identity
    again.close()


async def test_m4_a_removed_member_that_starts_again_is_told_and_never_starts_after_that(
    tmp_path: Path, standing: Standing, state: ClusterState
) -> None:
    newcomer = Newcomer(tmp_path / "c4", standing.answer(empty()))
    newcomer.store.adopt(CLUSTER, 4)
    newcomer.founding._founded.set()
    state.put_member(MemberRecord(4, "c4", C4, newcomer.store.identity.storage_id, joined=9))
    state.drop_member(4)
    newcomer.answer = standing.answer(member(4))
    with pytest.raises(DataDirError, match="was removed from its cluster"):
        await newcomer.founding.wait()
    newcomer.store.close()
    with pytest.raises(DataDirError, match="taskctl cluster add c4"):
        Store.open(tmp_path / "c4", "c4")
