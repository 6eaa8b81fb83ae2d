"""Lost quorum for good: what the one member that is left becomes, and what it takes to get there (EX-80)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from coordinator.codec.framing import unframed
from coordinator.codec.snapshots import load
from coordinator.machine.commands import CancelTask, EndRun
from coordinator.machine.restoring import STRIDE
from coordinator.model.audit import AuditEvent
from coordinator.model.ids import TaskId
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, Code, RunOutcome
from coordinator.shell import recover_command
from coordinator.shell.recover_census import Heard
from coordinator.shell.recover_command import RECOVER
from coordinator.shell.store import Store
from coordinator.shell.verify_command import VERIFY
from tests.unit.machine.kit import create
from tests.unit.shell.backups import OLD, TERM, Old, Shell, changed, fated

SURE = "--i-have-lost-quorum"

KeptOf = Callable[[list[AuditEvent]], list[AuditEvent]]


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> dict[str, Heard]:
    """What the other members say when they are asked."""
    said = {"c1": Heard("h:1, does not serve"), "c3": Heard("h:3, does not serve")}
    monkeypatch.setattr(recover_command, "listen_to", lambda _survivor, _own: said)
    return said


@pytest.fixture
def old() -> Old:
    made = Old(create("b"), create("c", Assignment(code=Code.NO_EXECUTOR, explanation="n1")))
    b = made.state.tasks[TaskId("b")]
    assert b.assignment.incarnation is not None
    made.do(EndRun(b.id, b.allocation_id, b.assignment.incarnation, RunOutcome.SUCCEEDED))
    return made


def tree(directory: Path) -> dict[str, bytes]:
    """All that the member ever wrote there; readers of the database leave empty files beside it."""
    left_out = ("lock", "synced", "member.db-shm")
    found = {p.name: p.read_bytes() for p in directory.iterdir() if p.name not in left_out}
    return {name: content for name, content in found.items() if content}


def became(directory: Path) -> tuple[ClusterState, Store]:
    store = Store.open(directory, "c2")
    snapshot = store.recovered.snapshot
    assert snapshot is not None
    assert (snapshot.term, snapshot.conf.voters) == (TERM + 1, (1,))
    return load(unframed(snapshot.data)), store


def with_events(tmp_path: Path, kept: KeptOf = lambda _: []) -> tuple[Old, Path]:
    """A survivor whose log knows two events; `kept`: those that its table has of them already."""
    old = Old()
    changed(old)
    directory = old.survivor(tmp_path / "c2")
    store = Store.open(directory, "c2")
    store.keep_audit(kept(old.audit))
    store.close()
    return old, directory


def test_x59_a_cluster_of_one_holds_every_task_that_was_on_the_survivor(
    shell: Shell, old: Old, heard: dict[str, Heard], tmp_path: Path
) -> None:
    directory = old.survivor(tmp_path / "c2")
    before = tree(directory)
    ran = shell(RECOVER, "--data-dir", directory, SURE, typed=f"{OLD}\n")
    assert ran.code == 0, ran.err
    state, store = became(directory)
    assert {task.id: task.status.value for task in state.tasks_by_id()} == {
        "a": "unassigned", "b": "succeeded", "c": "unassigned",
    }  # fmt: skip
    assert state.revision == old.state.revision + STRIDE
    assert state.tasks[TaskId("a")].allocation_id > old.state.last_allocation_id + STRIDE
    assert (state.predecessors, state.restore_epoch) == ((OLD,), 1)
    (member,) = state.members.values()
    assert (member.name, member.address) == ("c2", "127.0.0.1:2")
    assert store.identity.cluster_id == state.cluster_id != OLD
    rows = {row.task_id: row for row in asyncio.run(store.runs_after(0, 10))}
    assert (rows["a"].outcome, rows["b"].outcome) == ("lost", "succeeded")
    assert tree(tmp_path / "c2.before-recover-1") == before
    assert sorted(os.listdir(tmp_path)) == ["c2", "c2.before-recover-1"]
    store.close()


def test_tm_9_a_recovered_cluster_has_the_fates_that_only_the_log_knew(
    shell: Shell, heard: dict[str, Heard], tmp_path: Path
) -> None:
    assert heard
    old = Old()
    fated(old, "gone")
    old.do(CancelTask(TaskId("gone"), purge=True))
    fated(old, times=5)
    directory = old.survivor(tmp_path / "c2")
    ran = shell(RECOVER, "--data-dir", directory, SURE, typed=f"{OLD}\n")
    assert ran.code == 0, ran.err
    _, store = became(directory)
    rows = asyncio.run(store.fates_after(("", 0), 99))
    assert [(row.task_id, row.number) for row in rows] == [("s", n) for n in range(1, 6)]
    assert [row.fate for row in rows] == [f.fate for f in old.fates if f.task_id == "s"]
    store.close()


def test_tm_75_a_recovered_cluster_has_the_events_that_only_the_log_knew(
    shell: Shell, heard: dict[str, Heard], tmp_path: Path
) -> None:
    assert heard
    old, directory = with_events(tmp_path)
    assert shell(RECOVER, "--data-dir", directory, SURE, typed=f"{OLD}\n").code == 0
    state, store = became(directory)
    assert len(old.audit) == 2
    assert asyncio.run(store.audit_after(0, 99)) == old.audit
    assert state.audited == 2  # the next one is the third
    store.close()


def test_the_plan_says_what_was_found_and_what_may_be_lost(
    shell: Shell, old: Old, heard: dict[str, Heard], tmp_path: Path
) -> None:
    directory = old.survivor(tmp_path / "c2", committed=old.state.revision - 2)
    heard["c3"] = Heard("h:3, answers: has no quorum, applied up to 90", 90)
    before = tree(directory)
    ran = shell(RECOVER, "--data-dir", directory)
    assert (ran.code, ran.err) == (
        2,
        "task-coordinator: nothing was done; to do it add --i-have-lost-quorum\n",
    )
    last = old.state.revision
    told = [line.split(maxsplit=1) for line in ran.out.splitlines()]
    plan = {}
    for name, text in told[1:]:
        plan.setdefault(name, []).append(text)
    assert ran.out.splitlines()[0] == (
        f"plan to recover from {directory}: member c2 of cluster {OLD}"
    )
    assert plan["found"] == [f"log up to {last} of term {TERM}, snapshot at 1, epoch 0"]
    assert plan["holds"] == ["1 tasks unassigned, 1 tasks assigned, 1 tasks succeeded; 1 nodes"]
    assert plan["member"] == ["c1: h:1, does not serve", f"c3: {heard['c3'].text}"]
    assert plan["unsure"] == [
        f"entries {last - 1} to {last} may not have been acknowledged: they are kept"
    ]
    assert plan["may"][0].endswith("c3 has more: recover from there instead")
    assert plan["drops"][0].startswith("c1, c3: never start a dropped one")
    assert plan["keeps"] == [f"the old directory, as {directory}.before-recover-1"]
    assert tree(directory) == before


@pytest.mark.parametrize("typed", ["", "yes\n", "0lds\n"])
def test_only_the_cluster_id_confirms(
    shell: Shell, old: Old, heard: dict[str, Heard], tmp_path: Path, typed: str
) -> None:
    directory = old.survivor(tmp_path / "c2")
    before = tree(directory)
    ran = shell(RECOVER, "--data-dir", directory, SURE, typed=typed)
    assert ran.code == 2
    assert f"is not the cluster id {OLD}" in ran.err
    assert tree(directory) == before
    assert os.listdir(tmp_path) == ["c2"]


def test_a_script_names_the_cluster_id_and_is_asked_nothing(
    shell: Shell, old: Old, heard: dict[str, Heard], tmp_path: Path
) -> None:
    directory = old.survivor(tmp_path / "c2")
    ran = shell(RECOVER, "--data-dir", directory, SURE)
    assert ran.code == 2
    assert f"nobody is there to ask: add --confirm {OLD}" in ran.err
    ran = shell(RECOVER, "--data-dir", directory, SURE, "--confirm", "other")
    assert ran.code == 2
    ran = shell(RECOVER, "--data-dir", directory, SURE, "--confirm", OLD, "--listen", "127.0.0.1:9")
    assert ran.code == 0, ran.err
    state, store = became(directory)
    assert [m.address for m in state.members.values()] == ["127.0.0.1:9"]
    store.close()


def test_a_cluster_that_has_a_quorum_is_not_given_up(
    shell: Shell, old: Old, heard: dict[str, Heard], tmp_path: Path
) -> None:
    directory = old.survivor(tmp_path / "c2")
    heard["c1"] = Heard("h:1, answers: has a quorum, applied up to 90", 90, has_quorum=True)
    ran = shell(RECOVER, "--data-dir", directory, SURE, "--confirm", OLD)
    assert ran.code == 2
    assert "nothing was done: c1 says that cluster 0ld has a quorum" in ran.err
    assert os.listdir(tmp_path) == ["c2"]


def test_entries_that_nobody_knows_to_be_committed_are_kept(
    shell: Shell, old: Old, heard: dict[str, Heard], tmp_path: Path
) -> None:
    """A follower learns of a commit after the caller did."""
    old.do(create("z"))
    directory = old.survivor(tmp_path / "c2", committed=1)
    assert shell(RECOVER, "--data-dir", directory, SURE, "--confirm", OLD).code == 0
    state, store = became(directory)
    assert "z" in state.tasks
    store.close()


def test_records_that_went_take_their_history_with_them(
    shell: Shell, old: Old, heard: dict[str, Heard], tmp_path: Path
) -> None:
    old.do(CancelTask(TaskId("b"), purge=True, finished_only=True))
    directory = old.survivor(tmp_path / "c2")
    assert shell(RECOVER, "--data-dir", directory, SURE, "--confirm", OLD).code == 0
    state, store = became(directory)
    assert "b" not in state.tasks
    assert {row.task_id for row in asyncio.run(store.runs_after(0, 10))} == {"a"}
    store.close()


def test_a_second_recovery_rises_above_the_first(
    shell: Shell, old: Old, heard: dict[str, Heard], tmp_path: Path
) -> None:
    directory = old.survivor(tmp_path / "c2")
    assert shell(RECOVER, "--data-dir", directory, SURE, "--confirm", OLD).code == 0
    store = Store.open(directory, "c2")
    second = store.identity.cluster_id
    store.close()
    heard.clear()
    assert shell(RECOVER, "--data-dir", directory, SURE, "--confirm", second).code == 0
    store = Store.open(directory, "c2")
    snapshot = store.recovered.snapshot
    assert snapshot is not None
    state = load(unframed(snapshot.data))
    assert (state.restore_epoch, state.predecessors) == (2, (OLD, second))
    assert (tmp_path / "c2.before-recover-2").is_dir()
    store.close()


def test_what_is_no_survivor_is_left_alone(
    shell: Shell, old: Old, heard: dict[str, Heard], tmp_path: Path
) -> None:
    assert shell(RECOVER, "--data-dir", tmp_path / "nothing").code == 2
    (tmp_path / "empty").mkdir()
    ran = shell(RECOVER, "--data-dir", tmp_path / "empty")
    assert (ran.code, "is no data directory of a coordinator" in ran.err) == (78, True)
    Store.open(tmp_path / "unfounded", "c2").close()
    ran = shell(RECOVER, "--data-dir", tmp_path / "unfounded")
    assert (ran.code, "belongs to no cluster yet" in ran.err) == (2, True)
    joining = Store.open(tmp_path / "joining", "c2")
    joining.adopt(OLD, 2)
    joining.close()
    ran = shell(RECOVER, "--data-dir", tmp_path / "joining")
    assert (ran.code, "never got its first snapshot" in ran.err) == (74, True)
    removed = Store.open(old.survivor(tmp_path / "removed"), "c2")
    removed.mark_removed()
    removed.close()
    ran = shell(RECOVER, "--data-dir", tmp_path / "removed")
    assert (ran.code, "was removed from its cluster" in ran.err) == (78, True)
    ran = shell(RECOVER, "--data-dir", tmp_path / "removed", "more")
    assert (ran.code, "not understood: more" in ran.err) == (2, True)
    assert shell(RECOVER, "--help").out == RECOVER.usage + "\n"


def test_a_member_that_runs_is_not_recovered(
    shell: Shell, old: Old, heard: dict[str, Heard], tmp_path: Path
) -> None:
    directory = old.survivor(tmp_path / "c2")
    store = Store.open(directory, "c2")
    ran = shell(RECOVER, "--data-dir", directory, SURE, "--confirm", OLD)
    assert (ran.code, "is in use by process" in ran.err) == (78, True)
    store.close()


def test_a_damaged_survivor_says_so(
    shell: Shell, old: Old, heard: dict[str, Heard], tmp_path: Path
) -> None:
    directory = old.survivor(tmp_path / "c2")
    database = directory / "member.db"
    content = bytearray(database.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    database.write_bytes(content)
    ran = shell(RECOVER, "--data-dir", directory, SURE, "--confirm", OLD)
    assert (ran.code, "restore a backup" in ran.err) == (74, True)
    assert os.listdir(tmp_path) == ["c2"]
    (directory / "identity.json").write_text("{")
    ran = shell(RECOVER, "--data-dir", directory, SURE, "--confirm", OLD)
    assert (ran.code, "identity.json is not readable" in ran.err) == (78, True)


def test_tm_75_an_event_that_the_state_does_not_know_is_not_taken_over(
    shell: Shell, heard: dict[str, Heard], tmp_path: Path
) -> None:
    assert heard
    old, directory = with_events(tmp_path, lambda audit: [replace(audit[-1], number=3)])
    assert shell(RECOVER, "--data-dir", directory, SURE, typed=f"{OLD}\n").code == 0
    _, store = became(directory)
    assert asyncio.run(store.audit_after(0, 99)) == old.audit
    store.close()


def test_tm_75_an_event_that_table_and_log_have_is_one(shell: Shell, tmp_path: Path) -> None:
    _, directory = with_events(tmp_path, lambda audit: audit[:1])
    assert shell(VERIFY, "verify", "--data-dir", directory).out.endswith(", 2 events\n")


def test_log_verify_reads_all_there_is_and_changes_nothing(
    shell: Shell, old: Old, tmp_path: Path
) -> None:
    directory = old.survivor(tmp_path / "c2")
    before = tree(directory)
    ran = shell(VERIFY, "verify", "--data-dir", directory)
    last = old.state.revision
    assert (ran.code, ran.out) == (
        0,
        f"{directory}: right. Member c2 of cluster {OLD}: snapshot at 1, {last - 1} entries up to "
        f"{last} of term {TERM}, 3 tasks, 2 runs, 0 ranges of fates, 0 events\n",
    )
    assert tree(directory) == before
    assert shell(VERIFY, "--data-dir", directory).code == 2
    database = directory / "member.db"
    content = database.read_bytes()
    at = content.index(b"127.0.0.1")
    database.write_bytes(content[:at] + bytes((content[at] ^ 1,)) + content[at + 1 :])
    assert shell(VERIFY, "verify", "--data-dir", directory).code == 74


def test_a_recovery_that_was_cut_short_is_seen(
    shell: Shell, old: Old, heard: dict[str, Heard], tmp_path: Path
) -> None:
    directory = old.survivor(tmp_path / "c2")
    (tmp_path / "c2.recovered").mkdir()
    (tmp_path / "c2.recovered" / "member.db").touch()
    ran = shell(RECOVER, "--data-dir", directory, SURE, "--confirm", OLD)
    assert ran.code == 78
    assert f"{directory}.recovered is not empty" in ran.err


def test_nobody_who_is_away_is_waited_for(shell: Shell, old: Old, tmp_path: Path) -> None:
    """Ports 1 and 3 of the loopback: nobody listens there."""
    directory = old.survivor(tmp_path / "c2")
    ran = shell(RECOVER, "--data-dir", directory)
    assert "member     c1: 127.0.0.1:1, does not serve (unavailable)" in ran.out
