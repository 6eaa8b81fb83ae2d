"""The data directory: who may use it, and what an incarnation is (N1, N6)."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from node import data_dir
from node.data_dir import DataDir, DataDirError, Machine

HERE = Machine("boot-1", "pid:[1]", "machine-1", 1_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "n1"


def test_a_new_directory_gets_a_uid_of_its_own(path: Path) -> None:
    first = DataDir.take(path, "n1").identity
    assert (first.name, len(first.node_uid)) == ("n1", 32)
    assert path.stat().st_mode & 0o077 == 0
    other = DataDir.take(path.with_name("n2"), "n1").identity
    assert other.node_uid != first.node_uid


def test_the_counter_rises_and_the_tail_differs(path: Path) -> None:
    directory = DataDir.take(path, "n1")
    counters, names = zip(*(directory.next_incarnation() for _ in range(3)), strict=True)
    assert counters == (1, 2, 3)
    assert [name.split("-")[0] for name in names] == ["1", "2", "3"]
    assert len({name.split("-")[1] for name in names}) == 3


def test_it_is_the_same_node_after_a_restart(path: Path) -> None:
    first = DataDir.take(path, "n1")
    first.next_incarnation()
    os.close(first.lock_fd)
    again = DataDir.take(path, "n1")
    assert again.identity.node_uid == first.identity.node_uid
    assert again.next_incarnation()[0] == 2


def test_a_second_holder_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.data_dir.LOCK_PATIENCE_S", 0.05)
    held = DataDir.take(path, "n1")
    with pytest.raises(DataDirError, match="in use by another task-node"):
        DataDir.take(path, "n1")
    assert held.lock_fd >= 0


@pytest.mark.parametrize(
    "content, words",
    [
        ('{"name": "n2", "node_uid": "u", "format": 1}', "belongs to node 'n2', not 'n1'"),
        ('{"name": "n1", "node_uid": "u", "format": 99}', "has format 99, this release reads 1"),
        ("nonsense", "not readable as a node's identity"),
        ("[]", "not readable as a node's identity"),
    ],
)
def test_what_is_not_ours_is_refused(path: Path, content: str, words: str) -> None:
    path.mkdir()
    (path / "node.json").write_text(content)
    with pytest.raises(DataDirError, match=words) as caught:
        DataDir.take(path, "n1")
    assert caught.value.exit_code == 78
    assert (path / "node.json").read_text() == content


def test_a_file_in_its_place_is_a_bad_setting(path: Path) -> None:
    path.write_text("mine")
    for place in (path, path / "below"):
        with pytest.raises(DataDirError, match="is a file; name a directory") as caught:
            DataDir.take(place, "n1")
        assert caught.value.exit_code == 2


def test_a_disk_that_fails_is_told_apart(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = DataDir.take(path, "n1")

    def fail(_handle: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DataDirError, match="Input/output error") as caught:
        directory.next_incarnation()
    assert caught.value.exit_code == 74


def test_a_coordinators_directory_is_refused(path: Path) -> None:
    path.mkdir()
    (path / "member.db").touch()
    with pytest.raises(DataDirError, match=r"holds member\.db, which is no node's"):
        DataDir.take(path, "n1")


def test_an_edited_counter_is_refused(path: Path) -> None:
    directory = DataDir.take(path, "n1")
    (path / "incarnation").write_text("many")
    with pytest.raises(DataDirError, match="holds no number"):
        directory.next_incarnation()


def test_the_machine_is_remembered(path: Path) -> None:
    directory = DataDir.take(path, "n1")
    assert directory.remember(HERE)
    assert json.loads((path / "node.json").read_text())["machine"]["boot_id"] == "boot-1"
    assert directory.remember(HERE)
    assert not directory.remember(replace(HERE, machine_id="machine-2", boot_id="boot-2"))


@pytest.mark.parametrize(
    "before, proven",
    [
        (HERE, True),
        (replace(HERE, pid_namespace="pid:[2]"), False),  # it may live on in the other one
        (replace(HERE, boot_id="boot-0", boot_counter=999), True),  # nothing outlives a boot
        (replace(HERE, boot_id="boot-0", boot_counter=1_001), False),  # ours may be the earlier one
        (replace(HERE, boot_id="boot-0", boot_counter=0), False),  # nobody knows
        (
            replace(HERE, boot_id="boot-0", boot_counter=999, machine_id="m"),
            False,
        ),  # of another machine
    ],
)
def test_what_proves_an_earlier_incarnation_dead(before: Machine, *, proven: bool) -> None:
    assert HERE.proves_dead(before) is proven


def test_a_machine_without_an_id_proves_nothing_over_a_boot() -> None:
    nameless = replace(HERE, machine_id="")
    assert not nameless.proves_dead(replace(nameless, boot_id="boot-0", boot_counter=999))


def test_n6_the_machine_id_of_a_container_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"/etc/machine-id": "of the image", "/proc/sys/kernel/random/boot_id": "boot-1"}
    monkeypatch.setattr(data_dir, "_read", files.__getitem__)
    for namespace, machine in (("pid:[4026531836]", "of the image"), ("pid:[4026532000]", "")):
        monkeypatch.setattr(data_dir, "_link", lambda _path, here=namespace: here)
        assert Machine.here().machine_id == machine


def test_the_machine_id_itself_is_not_shown_to_others() -> None:
    assert "machine-1" not in HERE.public_name
    assert HERE.public_name == replace(HERE, boot_id="boot-2").public_name
    assert HERE.public_name != replace(HERE, machine_id="machine-2").public_name
    assert replace(HERE, machine_id="").public_name == ""
