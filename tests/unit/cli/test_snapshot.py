"""`cluster snapshot save`: a whole file or none."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import grpc
import pytest

from coordinator.cli import snapshot_commands
from coordinator.client.backup_file import FrameReader, FrameWriter
from coordinator.wire.v1 import cluster_pb2 as wire
from tests.unit.cli.conftest import Taskctl
from tests.unit.cli.fake_server import FakeCluster, Refusal
from tests.unit.client.test_backup_file import KEY, header


def pieces(request: wire.BackupRequest) -> list[bytes]:
    writer = FrameWriter()
    begin = writer.header(header(is_sealed=request.sealed, is_stale=request.read.stale))
    return [begin, writer.state(b"s" * 5_000), writer.history(b"h"), writer.end()]


@pytest.fixture
def saving(cluster: FakeCluster) -> FakeCluster:
    cluster.backup = pieces
    return cluster


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder / "one.ptasks"


def whole(path: Path, key: bytes | None = None) -> FrameReader:
    reader = FrameReader(key)
    list(reader.feed(path.read_bytes()))
    reader.finish()
    return reader


def test_a_file_is_saved_readable_by_its_owner_alone(
    taskctl: Taskctl, saving: FakeCluster, file: Path
) -> None:
    ran = taskctl("cluster", "snapshot", "save", str(file))
    assert (ran.code, ran.err) == (0, "")
    first, second = ran.out.splitlines()
    assert first.startswith(f"{file}  revision 41 of cluster c0ffee (c1), 5.3 KiB in ")
    assert second == f"look at it with: task-coordinator snapshot inspect {file}"
    assert whole(file).header == header()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(file.parent) == [file.name]


def test_json_says_what_it_is_a_picture_of(
    taskctl: Taskctl, saving: FakeCluster, file: Path
) -> None:
    ran = taskctl("cluster", "snapshot", "save", str(file), "--stale", "--no-history", "-o", "json")
    assert ran.err == ""
    tree = json.loads(ran.out)
    assert (tree["kind"], tree["revision"], tree["path"]) == ("Snapshot", 10, str(file))
    assert (tree["cluster_id"], tree["from_stale_read"]) == ("c0ffee", True)
    assert tree["created_at"] == "1970-01-01T00:00:02.000Z"
    assert tree["size_bytes"] == file.stat().st_size
    asked = saving.asked("Backup")[0]
    assert (asked.read.stale, asked.without_history, asked.sealed) == (True, True, False)
    assert saving.asked("Health") == []


def test_a_file_that_is_there_is_replaced_by_force_only(
    taskctl: Taskctl, saving: FakeCluster, file: Path
) -> None:
    file.write_text("mine")
    ran = taskctl("cluster", "snapshot", "save", str(file))
    assert ran.code == 4
    assert ran.err.splitlines() == [
        f"error: cluster snapshot save {file}: {file} is there already; nothing was written",
        "try:   name another file, or replace it with --force",
    ]
    assert file.read_text() == "mine"
    assert saving.calls == []
    assert taskctl("cluster", "snapshot", "save", str(file), "--force").code == 0
    assert whole(file).header == header()


def test_a_file_that_appears_meanwhile_is_not_replaced(
    taskctl: Taskctl, saving: FakeCluster, file: Path
) -> None:
    def late(request: wire.BackupRequest) -> list[bytes]:
        file.write_text("mine")
        return pieces(request)

    saving.backup = late
    assert taskctl("cluster", "snapshot", "save", str(file)).code == 4
    assert file.read_text() == "mine"
    assert os.listdir(file.parent) == [file.name]


def test_sec_16_a_key_seals_it(
    taskctl: Taskctl, saving: FakeCluster, file: Path, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_bytes(KEY + b"\n")
    assert taskctl("cluster", "snapshot", "save", str(file), "--key-file", str(key)).code == 0
    assert whole(file, KEY).header == header(is_sealed=True)
    key.write_bytes(b"short")
    ran = taskctl("cluster", "snapshot", "save", f"{file}2", "--key-file", str(key))
    assert ran.code == 2
    assert "16 bytes or more, this one has 5" in ran.err
    assert taskctl("cluster", "snapshot", "save", f"{file}2", "--key-file", f"{key}x").code == 2


def test_a_stream_that_breaks_is_begun_anew_and_nothing_of_it_stays(
    taskctl: Taskctl, saving: FakeCluster, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coordinator.client.backups.PAUSE_S", 0.01)
    unavailable = Refusal(grpc.StatusCode.UNAVAILABLE, "unavailable", "unavailable (not_leader)")
    saving.refuse["Backup"] = [unavailable, unavailable]
    assert taskctl("cluster", "snapshot", "save", str(file)).code == 0
    assert whole(file).size == file.stat().st_size
    assert len(saving.asked("Backup")) == 3
    saving.refuse["Backup"] = [unavailable] * 5
    ran = taskctl("cluster", "snapshot", "save", f"{file}2")
    assert ran.code == 6, ran.err
    assert os.listdir(file.parent) == [file.name]


def test_what_comes_in_damaged_or_cut_short_is_no_file(
    taskctl: Taskctl, saving: FakeCluster, file: Path
) -> None:
    saving.backup = lambda request: pieces(request)[:-1]
    ran = taskctl("cluster", "snapshot", "save", str(file))
    assert ran.code == 1
    assert "cut short" in ran.err
    assert os.listdir(file.parent) == []


def test_what_the_cluster_refuses_is_told_in_its_words(
    taskctl: Taskctl, saving: FakeCluster, file: Path
) -> None:
    saving.refuse["Backup"] = [
        Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "limit_reached", "limit_reached: 2 backups")
    ]
    ran = taskctl("cluster", "snapshot", "save", str(file))
    assert ran.code == 9
    assert "limit_reached" in ran.err


def test_a_place_that_cannot_be_written_is_named(
    taskctl: Taskctl, saving: FakeCluster, tmp_path: Path
) -> None:
    nowhere = tmp_path / "no" / "such" / "file"
    ran = taskctl("cluster", "snapshot", "save", str(nowhere))
    assert ran.code == 2
    assert "no such file or directory" in ran.err
    ran = taskctl("cluster", "snapshot", "save", str(tmp_path))
    assert ran.code == 4
    assert "is a directory" in ran.err


def test_a_full_disk_leaves_nothing_behind(
    taskctl: Taskctl, saving: FakeCluster, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    ran = taskctl("cluster", "snapshot", "save", str(file))
    assert ran.code == 9
    assert "no space left on device" in ran.err
    monkeypatch.undo()
    assert os.listdir(file.parent) == []


def test_progress_is_shown_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    shown = snapshot_commands.Progress()
    shown.show(1_500)
    shown.show(3_000_000)  # too soon after the first
    shown.clear()
    assert capsys.readouterr().err == "\r1.5 KiB saved\x1b[K\r\x1b[K"
    assert [snapshot_commands.size_text(size) for size in (812, 12 << 20)] == [
        "812 bytes",
        "12.0 MiB",
    ]
