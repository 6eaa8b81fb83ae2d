"""From a backup to the directories of a new cluster: `snapshot inspect`, `restore`, and the founding that follows."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
from pathlib import Path

import pytest

from coordinator.codec.framing import unframed
from coordinator.codec.snapshots import load
from coordinator.machine.commands import CancelTask, EndRun
from coordinator.machine.restoring import STRIDE
from coordinator.model.ids import TaskId
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, Code, RunOutcome
from coordinator.shell.founding_record import founding_record, read_record
from coordinator.shell.inspect_command import INSPECT
from coordinator.shell.restore_command import RESTORE
from coordinator.shell.run_rows import RunRow
from coordinator.shell.store import Store
from coordinator.shell.store_port import Damaged
from tests.unit.machine.kit import create
from tests.unit.shell.backups import OLD, TERM, Old, Shell, changed, fated
from tests.unit.shell.test_founding import NAMES, PEERS, One

KEY = b"a key of the operator"


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)


@pytest.fixture
def old() -> Old:
    made = Old(create("b"), create("c", Assignment(code=Code.NO_EXECUTOR, explanation="n1")))
    b = made.state.tasks[TaskId("b")]
    assert b.assignment.incarnation is not None
    made.do(
        EndRun(b.id, b.allocation_id, b.assignment.incarnation, RunOutcome.SUCCEEDED, result=b"1")
    )
    return made


@pytest.fixture
def file(tmp_path: Path, old: Old) -> Path:
    return old.save(tmp_path / "backup")


def restored(directory: Path, member: str = "c1") -> tuple[ClusterState, Store]:
    store = Store.open(directory, member)
    snapshot = store.recovered.snapshot
    assert snapshot is not None
    state = load(unframed(snapshot.data))
    assert (snapshot.index, snapshot.term) == (state.revision, TERM + 1)
    return state, store


def history(store: Store) -> dict[int, RunRow]:
    rows = asyncio.run(store.runs_after(0, 100))
    return {row.allocation_id: row for row in rows}


# -- looking ------------------------------------------------------------------------------------


def test_inspect_says_what_a_backup_holds(shell: Shell, file: Path, old: Old) -> None:
    ran = shell(INSPECT, "inspect", file)
    assert (ran.code, ran.err) == (0, "")
    told = dict(line.split(maxsplit=1) for line in ran.out.splitlines())
    assert told["cluster"] == f"{OLD}  (epoch 0)"
    assert told["tasks"] == "1 unassigned, 1 assigned, 1 succeeded"
    assert told["nodes"] == "n1 ready"
    assert told["members"] == "c1=127.0.0.1:1, c2=127.0.0.1:2, c3=127.0.0.1:3"
    assert told["history"] == "2 runs, 0 ranges of fates, 0 events"
    assert told["seal"] == "none"
    tree = json.loads(shell(INSPECT, "inspect", file, "-o", "json").out)
    assert (tree["apiVersion"], tree["kind"]) == ("ptasks/v1", "Snapshot")
    assert tree["revision"] == old.state.revision
    assert tree["tasks"]["assigned"] == 1
    assert tree["nodes"] == [{"name": "n1", "status": "ready"}]
    assert (tree["runs_in_history"], tree["restore_epoch"]) == (2, 0)


def test_b3_what_is_damaged_foreign_or_missing_is_told_apart(
    shell: Shell, file: Path, tmp_path: Path
) -> None:
    whole = file.read_bytes()
    for place in range(0, len(whole), 37):
        file.write_bytes(whole[:place] + bytes((whole[place] ^ 8,)) + whole[place + 1 :])
        ran = shell(INSPECT, "inspect", file)
        assert ran.code in (74, 78), ran.err
        assert str(file) in ran.err
        assert len(ran.err.splitlines()) == 1
    file.write_bytes(whole[:-1])
    ran = shell(INSPECT, "inspect", file)
    assert ran.code == 74
    assert "cut short" in ran.err
    file.write_bytes(b"not at all")
    ran = shell(INSPECT, "inspect", file)
    assert (ran.code, ran.out) == (78, "")
    assert "not a backup of ptasks; name a file that" in ran.err
    ran = shell(INSPECT, "inspect", tmp_path / "nothing")
    assert (ran.code, ran.err) == (
        2,
        f"task-coordinator: {tmp_path}/nothing: no such file or directory\n",
    )
    assert shell(INSPECT, "inspect", tmp_path).code == 2


def test_b3_a_header_that_belongs_to_another_state_is_found(
    shell: Shell, old: Old, tmp_path: Path
) -> None:
    for wrong in ({"revision": 1}, {"cluster_id": "x"}, {"restore_epoch": 4}):
        file = old.save(tmp_path / "wrong", **wrong)
        ran = shell(INSPECT, "inspect", file)
        assert ran.code == 74
        assert "its header does not belong to what is in it" in ran.err


def test_sec_16_a_seal_is_checked_under_its_key(shell: Shell, old: Old, tmp_path: Path) -> None:
    file = old.save(tmp_path / "sealed", KEY)
    key, other = tmp_path / "key", tmp_path / "other"
    key.write_bytes(KEY)
    other.write_bytes(KEY[::-1])
    assert "not checked: give --key-file" in shell(INSPECT, "inspect", file).out
    assert "seal          right" in shell(INSPECT, "inspect", file, "--key-file", key).out
    assert shell(INSPECT, "inspect", file, "--key-file", other).code == 78
    plain = old.save(tmp_path / "plain")
    assert shell(INSPECT, "inspect", plain, "--key-file", key).code == 78
    other.write_bytes(b"short")
    assert shell(INSPECT, "inspect", file, "--key-file", other).code == 2


@pytest.mark.parametrize(
    "argv", [(), ("inspect",), ("look", "x"), ("inspect", "a", "b"), ("inspect", "a", "-o", "xml"), ("-o",)]
)  # fmt: skip
def test_a_wrong_command_line_says_the_right_one(shell: Shell, argv: tuple[str, ...]) -> None:
    ran = shell(INSPECT, *argv)
    assert ran.code == 2
    assert ran.err.startswith("task-coordinator: ")
    assert shell(INSPECT, "--help").out == INSPECT.usage + "\n"


# -- a cluster of one ---------------------------------------------------------------------------


def test_s44_a_restored_cluster_of_one_has_the_tasks_under_new_and_higher_numbers(
    shell: Shell, file: Path, old: Old, tmp_path: Path
) -> None:
    before = file.read_bytes()
    target = tmp_path / "new"
    ran = shell(RESTORE, file, "--data-dir", target, "--name", "c7", "--listen", "127.0.0.1:7")
    assert (ran.code, ran.err) == (0, "")
    assert "1 were under way: they count as lost" in ran.out
    assert file.read_bytes() == before
    state, store = restored(target, "c7")
    assert [task.id for task in state.tasks_by_id()] == ["a", "b", "c"]
    assert not any(task.has_node for task in state.tasks_by_id())
    assert state.tasks[TaskId("a")].allocation_id > old.state.last_allocation_id + STRIDE
    assert (state.restore_epoch, state.predecessors) == (1, (OLD,))
    assert store.identity.cluster_id == state.cluster_id != OLD
    (member,) = state.members.values()
    assert (member.name, member.address) == ("c7", "127.0.0.1:7")
    assert member.storage_id == store.identity.storage_id
    ended, lost = (history(store)[one] for one in (2, 1))
    assert (ended.outcome, ended.result) == ("succeeded", b"1")
    assert (lost.outcome, lost.reason, lost.node) == ("lost", "restored", "n1")
    assert stat.S_IMODE(target.stat().st_mode) == 0o700
    assert sorted(os.listdir(tmp_path)) == ["backup", "new"]
    store.close()


def test_a_run_that_was_to_take_its_record_with_it_takes_its_history_too(
    shell: Shell, tmp_path: Path
) -> None:
    old = Old(create("b"))
    old.do(CancelTask(TaskId("b"), purge=True))
    file = old.save(tmp_path / "backup")
    assert shell(RESTORE, file, "--data-dir", tmp_path / "new").code == 0
    state, store = restored(tmp_path / "new")
    assert list(state.tasks) == ["a"]
    assert {row.task_id for row in history(store).values()} == {"a"}
    store.close()


def test_tm_9_a_restored_cluster_has_the_fates_the_newest_as_its_record_knows_them(
    shell: Shell, tmp_path: Path
) -> None:
    old = Old()
    fated(old, times=4)
    assert len(old.fates) == 4
    lost, old.fates = old.fates[-1], old.fates[:-1]  # it changed while the backup was taken
    ran = shell(RESTORE, old.save(tmp_path / "backup"), "--data-dir", tmp_path / "new")
    assert ran.code == 0, ran.err
    _, store = restored(tmp_path / "new")
    ranges = asyncio.run(store.fates("s", 9))
    assert [(row.number, row.fate) for row in ranges] == [
        (row.number, row.fate) for row in (lost, *reversed(old.fates))
    ]
    store.close()


def test_tm_75_a_restored_cluster_has_the_events(shell: Shell, tmp_path: Path) -> None:
    old = Old()
    changed(old)
    backup = old.save(tmp_path / "backup")
    assert ", 2 events\n" in shell(INSPECT, "inspect", backup).out
    assert shell(RESTORE, backup, "--data-dir", tmp_path / "new").code == 0
    state, store = restored(tmp_path / "new")
    assert asyncio.run(store.audit_after(0, 99)) == old.audit
    assert state.audited == 2
    store.close()


def test_a_second_restore_of_one_file_takes_a_higher_epoch(
    shell: Shell, file: Path, tmp_path: Path
) -> None:
    assert shell(RESTORE, file, "--data-dir", tmp_path / "new", "--epoch", "5").code == 0
    state, store = restored(tmp_path / "new")
    store.close()
    assert state.restore_epoch == 5
    assert state.last_allocation_id > 5 * STRIDE
    for wrong in ("0", "-1", "x", "99999999"):
        ran = shell(RESTORE, file, "--data-dir", tmp_path / "other", "--epoch", wrong)
        assert ran.code == 2
        assert "--epoch: " in ran.err
    assert not (tmp_path / "other").exists()


def test_tm_74_fates_of_a_record_that_is_gone_are_not_restored(
    shell: Shell, tmp_path: Path
) -> None:
    old = Old()
    fated(old, "gone")
    fated(old)
    old.do(CancelTask(TaskId("gone"), purge=True))
    ran = shell(RESTORE, old.save(tmp_path / "backup"), "--data-dir", tmp_path / "new")
    assert ran.code == 0, ran.err
    _, store = restored(tmp_path / "new")
    assert {row.task_id for row in asyncio.run(store.fates_after(("", 0), 99))} == {"s"}
    store.close()


def test_nothing_is_written_over_and_nothing_half_done_is_left(
    shell: Shell, file: Path, tmp_path: Path
) -> None:
    target = tmp_path / "new"
    target.mkdir()
    assert shell(RESTORE, file, "--data-dir", target).code == 0
    ran = shell(RESTORE, file, "--data-dir", target)
    assert ran.code == 78
    assert "is not empty, and nothing is ever written over" in ran.err
    ran = shell(RESTORE, file, "--data-dir", file)
    assert ran.code == 2
    assert "is a file" in ran.err
    left = tmp_path / "third.unfinished"
    left.mkdir()
    ran = shell(RESTORE, file, "--data-dir", tmp_path / "third")
    assert ran.code == 2
    assert "left of an earlier try" in ran.err
    assert not (tmp_path / "third").exists()


def test_b3_a_backup_that_is_not_whole_makes_no_directory(
    shell: Shell, file: Path, tmp_path: Path
) -> None:
    file.write_bytes(file.read_bytes()[:-40])
    assert shell(RESTORE, file, "--data-dir", tmp_path / "new").code == 74
    assert os.listdir(tmp_path) == ["backup"]


def test_a_failing_disk_leaves_no_directory(
    shell: Shell, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Store, "keep_runs", full)
    ran = shell(RESTORE, file, "--data-dir", tmp_path / "new")
    assert ran.code == 74
    assert "no space left on device" in ran.err
    assert os.listdir(tmp_path) == ["backup"]


def test_sec_16_a_sealed_backup_is_restored_under_its_key_only(
    shell: Shell, old: Old, tmp_path: Path
) -> None:
    file = old.save(tmp_path / "sealed", KEY)
    key = tmp_path / "key"
    key.write_bytes(KEY)
    ran = shell(RESTORE, file, "--data-dir", tmp_path / "new")
    assert ran.code == 78
    assert "it is sealed: give --key-file" in ran.err
    assert not (tmp_path / "new").exists()
    assert shell(RESTORE, file, "--data-dir", tmp_path / "new", "--key-file", key).code == 0


def test_wrong_words_and_settings_are_told_as_at_a_start(shell: Shell, file: Path) -> None:
    assert shell(RESTORE).code == 2
    assert shell(RESTORE, file, file, "--data-dir", "x").code == 2
    ran = shell(RESTORE, file)
    assert (ran.code, "--data-dir: missing" in ran.err) == (2, True)
    ran = shell(RESTORE, file, "--data-dir", "x", "--nam", "y")
    assert (ran.code, "did you mean --name?" in ran.err) == (2, True)
    assert shell(RESTORE, file, "--data-dir").err.endswith("--data-dir: needs a value\n")
    assert shell(RESTORE, "--help").out == RESTORE.usage + "\n"


# -- several members ----------------------------------------------------------------------------


def restore_all(shell: Shell, file: Path, root: Path, *more: str) -> None:
    for number, name in enumerate(NAMES, 1):
        address = f"127.0.0.1:{7100 + number}"
        words = ("--data-dir", root / name, "--name", name, "--listen", address, "--peers", PEERS)
        ran = shell(RESTORE, file, *words, *more)
        assert ran.code == 0, ran.err
        assert "of a cluster yet to be founded" in ran.out


async def test_s44_members_restored_from_one_file_found_one_cluster(
    shell: Shell, file: Path, old: Old, tmp_path: Path
) -> None:
    restore_all(shell, file, tmp_path)
    trio = {name: One(tmp_path, name) for name in NAMES}
    theirs = {name: trio[name].standing.introduction() for name in ("c2", "c3")}
    assert trio["c1"].founding._what_is_missing(theirs) == ""
    trio["c1"].founding._found(theirs)

    record = read_record(tmp_path / "c1")
    assert record is not None
    for name in ("c2", "c3"):
        assert (await trio[name].founding.on_found(record)).accepted
    snapshots = [one.store.recovered.snapshot for one in trio.values()]
    assert snapshots[0] == snapshots[1] == snapshots[2]
    assert snapshots[0] is not None
    assert snapshots[0].index == old.state.revision + STRIDE
    assert snapshots[0].conf.voters == (1, 2, 3)
    state = load(unframed(snapshots[0].data))
    assert [m.name for m in state.members.values()] == list(NAMES)
    assert state.cluster_id == record.cluster_id
    assert (await trio["c2"].store.run("b", 2)).outcome == "succeeded"  # type: ignore[union-attr]
    assert not any((tmp_path / name / "seed").exists() for name in NAMES)
    for one in trio.values():
        one.store.close()


async def test_members_with_different_pasts_do_not_found(
    shell: Shell, file: Path, old: Old, tmp_path: Path
) -> None:
    restore_all(shell, file, tmp_path)
    shutil.rmtree(tmp_path / "c2")
    trio = {name: One(tmp_path, name) for name in NAMES}
    theirs = {name: trio[name].standing.introduction() for name in ("c2", "c3")}
    missing = trio["c1"].founding._what_is_missing(theirs)
    assert missing.startswith("c1 was restored from a backup, c2 was not: ")
    assert (
        trio["c2"]
        .founding._what_is_missing({"c1": trio["c1"].standing.introduction(), "c3": theirs["c3"]})
        .startswith("c1 was restored from a backup, c2 was not: ")
    )
    theirs["c2"].seed = "f" * 64
    assert "from another backup than c1" in trio["c1"].founding._what_is_missing(theirs)
    for one in trio.values():
        one.store.close()


async def test_a_founder_of_another_release_that_makes_another_state_is_refused(
    shell: Shell, file: Path, tmp_path: Path
) -> None:
    restore_all(shell, file, tmp_path)
    trio = {name: One(tmp_path, name) for name in NAMES}

    record = founding_record(
        trio["c1"].settings, [one.standing.introduction() for one in trio.values()]
    )
    reply = await trio["c2"].founding.on_found(record)
    assert "c2 was restored from a backup, c1 was not" in reply.reason
    record.seed, record.digest = trio["c2"].standing.seed, "0" * 16
    reply = await trio["c2"].founding.on_found(record)
    assert "use the same release on all members" in reply.reason
    assert not trio["c2"].store.identity.founded
    assert (tmp_path / "c2" / "seed").exists()
    for one in trio.values():
        one.store.close()


def test_a_seed_that_is_damaged_stops_the_start(shell: Shell, file: Path, tmp_path: Path) -> None:

    restore_all(shell, file, tmp_path)
    seed = tmp_path / "c1" / "seed"
    seed.write_bytes(seed.read_bytes()[:-3])
    with pytest.raises(Damaged, match="restore again, into an empty directory"):
        One(tmp_path, "c1")
