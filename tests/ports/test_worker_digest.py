"""demo.digest in a real worker: killed at some point, resumed from its last durable state, read back independently."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from node.frames import Ended, Progress, State
from tests.ports.worker_driver import WorkerProcess

FILES = 60


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for number in range(FILES):
        folder = root / f"d{number % 7}" / ("deep" if number % 2 else ".")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"f{number}.txt").write_bytes(os.urandom(number * 100))
    (root / "d0" / "__pycache__").mkdir()
    (root / "d0" / "__pycache__" / "x.pyc").write_bytes(b"left out")
    (root / "back\\slash\nline").write_bytes(b"escaped")
    (root / os.fsdecode(b"bytes-\xff")).write_bytes(b"no utf-8")
    (root / "d1.txt").write_bytes(b"sorts beside d1")
    (root / "link").symlink_to("d1.txt")
    (root / "loop").symlink_to(root)
    (root / "gone").symlink_to("nowhere")
    return root


def request(root: Path, manifest: Path, **more: object) -> bytes:
    return json.dumps({"root": str(root), "manifest": str(manifest), **more}).encode()


def read_back(manifest: Path) -> dict[bytes, str]:
    """An independent reader of the format of sha256sum: path -> digest. Fails on a path that comes twice."""
    found: dict[bytes, str] = {}
    for line in manifest.read_bytes().removesuffix(b"\n").split(b"\n"):
        is_escaped = line.startswith(b"\\")
        digest, path = line.lstrip(b"\\")[:64], line.lstrip(b"\\")[66:]
        if is_escaped:
            path = path.replace(b"\\\\", b"\0").replace(b"\\n", b"\n").replace(b"\0", b"\\")
        assert path not in found
        found[path] = digest.decode()
    return found


def is_behind(done: int) -> Callable[[Ended | Progress], bool]:
    return lambda one: isinstance(one, Ended) or one.done > done


def expected(root: Path) -> dict[bytes, str]:
    found = {}
    for folder, _, names in os.walk(os.fsencode(root)):
        for name in names:
            path = os.path.join(folder, name)
            if b"__pycache__" not in path and os.path.isfile(path):
                with open(path, "rb") as file:
                    found[path] = hashlib.sha256(file.read()).hexdigest()
    return found


def test_manifest_of_a_tree(tree: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest"
    with WorkerProcess() as worker:
        ended = worker.run("demo.digest", params=request(tree, manifest))
    assert ended.outcome == "succeeded"
    assert read_back(manifest) == expected(tree)
    result = json.loads(ended.result or b"")
    assert result["files"] == len(expected(tree)) == FILES + 4
    assert result["manifest"] == str(manifest)
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "--quiet", "-c", manifest], check=True, cwd="/")


def test_a_manifest_inside_the_tree_leaves_itself_out(tree: Path) -> None:
    manifest = tree / "d3" / "manifest"
    with WorkerProcess() as worker:
        assert worker.run("demo.digest", params=request(tree, manifest)).outcome == "succeeded"
    wanted = expected(tree)
    del wanted[os.fsencode(manifest)]
    assert read_back(manifest) == wanted


def test_killed_again_and_again_no_line_is_lost_or_repeated(tree: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest"
    state: bytes | None = None
    ended: Ended | None = None
    resumed_at = []
    for allocation_id in range(1, 100):
        with WorkerProcess() as worker:
            worker.start(
                "demo.digest",
                allocation_id,
                params=request(tree, manifest, files_per_second=40),
                state=state,
            )
            before = state
            written = worker.wait_for_any(State, Ended)
            if isinstance(written, Ended) or worker.of(Ended):
                ended = worker.ended(allocation_id)
                break
            # Lines behind the checkpoint are on disk already when the kill comes.
            done = json.loads(written.data or b"")["files"]
            worker.wait_for_any(Ended, Progress, fits=is_behind(done))
            state = written.data
            assert state != before
            resumed_at.append(json.loads(state or b"")["files"])
    assert ended is not None
    assert ended.outcome == "succeeded"
    assert resumed_at == sorted(resumed_at)
    assert len(resumed_at) >= 2
    assert read_back(manifest) == expected(tree)


def test_a_torn_line_behind_the_checkpoint_is_cut_off(tree: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest"
    with WorkerProcess() as worker:
        worker.run("demo.digest", 1, params=request(tree, manifest))
        state = worker.of(State)[-1].data
        with manifest.open("ab") as file:
            file.write(b"0123")
        worker.run("demo.digest", 2, params=request(tree, manifest), state=state)
    assert read_back(manifest) == expected(tree)


def test_a_manifest_shorter_than_the_checkpoint_is_begun_anew(tree: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest"
    with WorkerProcess() as worker:
        worker.run("demo.digest", 1, params=request(tree, manifest))
        state = worker.of(State)[-1].data
        manifest.write_bytes(manifest.read_bytes()[:100])
        worker.run("demo.digest", 2, params=request(tree, manifest), state=state)
    assert read_back(manifest) == expected(tree)


def test_a_root_that_is_not_there_fails(tmp_path: Path) -> None:
    with WorkerProcess() as worker:
        ended = worker.run("demo.digest", params=request(tmp_path / "no", tmp_path / "m"))
    assert (ended.outcome, ended.error and ended.error.type) == ("failed", "FileNotFoundError")
