"""Whose directory it is, and the sentence for everybody else (D10, D11)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from coordinator.shell.data_dir import DataDir
from coordinator.shell.store_port import FORMAT, DataDirError, Identity, StorageBroken

HOLD = """
import sys, time
from pathlib import Path
from coordinator.shell.data_dir import DataDir
held = DataDir(Path(sys.argv[1]), "c1")
print("held", flush=True)
sys.stdin.read()
"""


def bound(path: Path, **changes: object) -> DataDir:
    data_dir = DataDir(path, "c1")
    identity = Identity(member="c1", storage_id="s1", cluster_id="blue", member_id=1)
    data_dir.write_identity(msgspec.structs.replace(identity, **changes))
    return data_dir


def test_an_empty_directory_is_made_with_its_parents(tmp_path: Path) -> None:
    data_dir = DataDir(tmp_path / "a" / "b", "c1")
    assert data_dir.identity is None
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    data_dir.close()


def test_storage_ids_are_drawn_anew(tmp_path: Path) -> None:
    data_dir = DataDir(tmp_path, "c1")
    assert data_dir.new_identity("c1").storage_id != data_dir.new_identity("c1").storage_id
    data_dir.close()


def test_what_was_written_is_read_by_the_next_life(tmp_path: Path) -> None:
    first = bound(tmp_path)
    first.close()
    second = DataDir(tmp_path, "c1")
    assert second.identity == first.identity
    second.close()


def test_another_member_is_named_with_what_to_do(tmp_path: Path) -> None:
    bound(tmp_path).close()
    with pytest.raises(
        DataDirError, match=r"belongs to member 'c1', not to 'c2': .*--data-dir"
    ) as refusal:
        DataDir(tmp_path, "c2")
    assert refusal.value.exit_code == 78


def test_another_cluster_is_named_with_what_to_do(tmp_path: Path) -> None:
    data_dir = bound(tmp_path)
    data_dir.check_cluster("blue")
    with pytest.raises(DataDirError, match=r"cluster blue, .* cluster green: check --peers"):
        data_dir.check_cluster("green")
    data_dir.close()


@pytest.mark.parametrize("number", [FORMAT + 1, 99])
def test_a_later_format_is_refused_whatever_else_it_holds(tmp_path: Path, number: int) -> None:
    later = {"identity": {"format": number, "members": {"c1": {}}}, "checksum": "sha"}
    (tmp_path / "identity.json").write_text(json.dumps(later))
    with pytest.raises(
        DataDirError, match=f"data format {number}, this release reads format {FORMAT}"
    ):
        DataDir(tmp_path, "c1")


def test_a_removed_member_does_not_start_again(tmp_path: Path) -> None:
    bound(tmp_path, removed=True).close()
    with pytest.raises(
        DataDirError, match="removed from its cluster: to come back it has to be added"
    ):
        DataDir(tmp_path, "c1")


def test_a_flipped_bit_of_the_identity_is_seen_or_changes_nothing(tmp_path: Path) -> None:
    first = bound(tmp_path)
    first.close()
    refused = 0
    path = tmp_path / "identity.json"
    content = path.read_bytes()
    for place in range(0, len(content.rstrip()) * 8, 3):
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << (place % 8)
        path.write_bytes(flipped)
        try:
            data_dir = DataDir(tmp_path, "c1")
        except DataDirError:
            refused += 1
        else:  # the name of a field that has its default
            assert data_dir.identity == first.identity
            data_dir.close()
    assert refused > len(content) * 2


def test_a_second_process_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(DataDirError, match=f"in use by process {holder.pid}: stop that one"):
            DataDir(tmp_path, "c1")
        holder.kill()
    DataDir(tmp_path, "c1").close()


def test_a_file_in_its_place_is_a_bad_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("notes")
    with pytest.raises(DataDirError, match=r"file is a file.*--data-dir") as refusal:
        DataDir(tmp_path / "file", "c1")
    assert refusal.value.exit_code == 2
    with pytest.raises(DataDirError, match=r"cannot be used as data directory") as refusal:
        DataDir(tmp_path / "file" / "below", "c1")
    assert refusal.value.exit_code == 2
    assert (tmp_path / "file").read_text() == "notes"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_cannot_be_written_is_a_bad_setting(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(DataDirError, match="make it writable for this user"):
        DataDir(tmp_path, "c1")


def test_a_failing_disk_is_not_the_fault_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir = DataDir(tmp_path, "c1")

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageBroken, match="Input/output error"):
        data_dir.write_identity(data_dir.new_identity("c1"))
    data_dir.close()
