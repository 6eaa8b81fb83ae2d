"""Names, ports and command lines of a dev cluster, its files, and the independent check of a manifest."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from pathlib import Path

import pytest

from coordinator.cli import dev_processes as processes
from coordinator.cli.dev_demo import StepFailed, files_below, verify_manifest
from coordinator.cli.dev_layout import (
    Layout,
    Member,
    Wanted,
    free_block,
    make_layout,
    pids_of,
    read_cluster,
    read_layout,
    write_cluster,
    write_layout,
)
from coordinator.cli.dev_parent import parent_pid, take_lock


def layout(root: Path, **wanted: int) -> Layout:
    return make_layout(root / "dev", Wanted(**wanted))


def test_members_have_their_names_ports_and_directories(tmp_path: Path) -> None:
    made = layout(tmp_path, coordinators=3, nodes=2, base_port=8000)
    assert [m.name for m in made.members] == ["c1", "c2", "c3", "n1", "n2"]
    assert [m.grpc for m in made.members][:3] == [f"127.0.0.1:{n}" for n in (8000, 8001, 8002)]
    assert made.members[1].http == "127.0.0.1:8101"
    assert not made.members[3].is_coordinator
    assert len({m.directory for m in made.members}) == 5


def test_command_lines_are_absolute_and_complete(tmp_path: Path) -> None:
    for member in make_layout(tmp_path, Wanted(executors=("my_plugin",))).members:
        assert Path(member.command[0]).is_absolute()
        for flag, value in (
            ("--data-dir", str(member.directory)),
            ("--log-file", str(member.log)),
            ("--executors", "my_plugin"),
            ("--name", member.name),
        ):
            assert member.command[member.command.index(flag) + 1] == value
    first = make_layout(tmp_path, Wanted()).members[0]
    assert "nodes.lease=5s" in first.command


def test_cluster_json_has_exactly_its_keys_and_null_for_what_is_down(tmp_path: Path) -> None:
    made = layout(tmp_path, coordinators=1, nodes=1)
    write_layout(made)
    write_cluster(made, {"c1": 71, "n1": None})
    found = json.loads((made.directory / "cluster.json").read_text())
    assert set(found) == {"coordinators", "nodes"}
    assert set(found["coordinators"][0]) == {"name", "pid", "grpc", "http", "log", "command"}
    assert set(found["nodes"][0]) == {"name", "pid", "log", "command"}
    assert pids_of(made.directory) == {"c1": 71, "n1": None}


def test_a_layout_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    made = make_layout(tmp_path / "dev", Wanted(1, 2, 9000, ("a", "b:C")))
    assert read_layout(made.directory) is None
    write_layout(made)
    assert read_layout(made.directory) == made
    assert read_cluster(made.directory) is None
    assert pids_of(made.directory) == {}


def test_a_taken_port_moves_the_whole_block_by_ten() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        moved = free_block(Wanted(coordinators=1, base_port=port))
    assert moved.base_port > port
    assert (moved.base_port - port) % 10 == 0


def test_pid_files_are_believed_only_for_a_process_on_that_directory(tmp_path: Path) -> None:
    member = Member("n1", tmp_path, tmp_path / "log", ("x",))
    assert processes.noted_pid(member) is None
    (tmp_path / "pid").write_text(f"{os.getpid()}\n")
    assert processes.noted_pid(member) is None  # alive, and somebody else
    (tmp_path / "pid").write_text("nonsense")
    assert processes.noted_pid(member) is None
    assert processes.is_alive(os.getpid())
    assert not processes.is_paused(os.getpid())


def test_one_parent_per_directory(tmp_path: Path) -> None:
    assert parent_pid(tmp_path) is None
    lock = take_lock(tmp_path)
    assert lock is not None
    assert parent_pid(tmp_path) == os.getpid()
    assert take_lock(tmp_path) is None
    os.close(lock)
    assert parent_pid(tmp_path) is None


# -- the manifest -----------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "sub" / "__pycache__").mkdir(parents=True)
    (root / "a").write_text("one")
    (root / "sub" / "b c").write_text("two")
    (root / "sub" / "odd\nname\\x").write_text("three")
    (root / "sub" / "__pycache__" / "left-out").write_text("four")
    return root


def line(path: Path, digest: str = "") -> bytes:
    name = os.fsencode(path)
    escaped = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
    digest = digest or hashlib.sha256(path.read_bytes()).hexdigest()
    return (b"\\" if escaped != name else b"") + digest.encode() + b"  " + escaped + b"\n"


def test_a_true_manifest_is_accepted(tree: Path) -> None:
    files = files_below(tree)
    assert len(files) == 3
    manifest = tree.parent / "manifest"
    manifest.write_bytes(b"".join(line(Path(os.fsdecode(path))) for path in sorted(files)))
    assert verify_manifest(manifest, files) == 3


@pytest.mark.parametrize("fault", ["missing", "twice", "wrong", "more"])
def test_a_false_one_is_not(tree: Path, fault: str) -> None:
    files = files_below(tree)
    lines = [line(Path(os.fsdecode(path))) for path in sorted(files)]
    if fault == "missing":
        lines.pop()
    elif fault == "twice":
        lines.append(lines[0])
    elif fault == "wrong":
        lines[0] = line(tree / "a", "0" * 64)
    else:
        lines.append(line(tree / "sub" / "__pycache__" / "left-out"))
    manifest = tree.parent / "manifest"
    manifest.write_bytes(b"".join(lines))
    with pytest.raises(StepFailed):
        verify_manifest(manifest, files)
