"""The set-up: what it counts as done, what it does again, and how it fails. Packages are not installed here."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from scripts import setup_venv


class Steps:
    """Stands in for the processes the set-up starts; `python -m venv` makes the folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.done: list[str] = []
        self.fail_at: str | None = None

    def run(self, command: Sequence[str]) -> None:
        words = " ".join(command)
        step = next(w for w in ("-m venv", "--require-hashes", "--editable") if w in words)
        self.done.append(step)
        if step == self.fail_at:
            raise setup_venv.SetupFailed(step)
        if step == "-m venv":
            (self.root / ".venv").mkdir()


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Steps:
    (tmp_path / "requirements.lock").write_text("a==1 \\\n    --hash=sha256:0\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    steps = Steps(tmp_path)
    monkeypatch.setattr(setup_venv, "_run", steps.run)
    monkeypatch.setattr(setup_venv, "_compile", lambda root: None)
    return steps


ALL = ["-m venv", "--require-hashes", "--editable"]


def test_the_first_start_does_everything_and_the_second_nothing(steps: Steps) -> None:
    setup_venv.set_up(steps.root)
    assert steps.done == ALL
    setup_venv.set_up(steps.root)
    assert steps.done == ALL
    assert setup_venv.found(steps.root) == setup_venv.wanted(steps.root)


def test_another_lock_means_a_new_environment(steps: Steps) -> None:
    setup_venv.set_up(steps.root)
    (steps.root / ".venv/stale").touch()
    (steps.root / "requirements.lock").write_text("a==2\n")
    setup_venv.set_up(steps.root)
    assert steps.done == ALL * 2
    assert not (steps.root / ".venv/stale").exists()


def test_another_pyproject_alone_installs_the_project_again_and_needs_no_network(
    steps: Steps,
) -> None:
    setup_venv.set_up(steps.root)
    (steps.root / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    setup_venv.set_up(steps.root)
    assert steps.done == [*ALL, "--editable"]


def test_a_checkout_that_moved_gets_a_new_environment(steps: Steps) -> None:
    setup_venv.set_up(steps.root)
    moved = {**setup_venv.found(steps.root), "root": "/elsewhere"}
    (steps.root / ".venv/ptasks-setup.json").write_text(json.dumps(moved))
    setup_venv.set_up(steps.root)
    assert steps.done == ALL * 2


@pytest.mark.parametrize("step", ALL)
def test_what_was_interrupted_is_not_taken_for_done(steps: Steps, step: str) -> None:
    steps.fail_at = step
    with pytest.raises(setup_venv.SetupFailed):
        setup_venv.set_up(steps.root)
    assert setup_venv.found(steps.root) == {}
    steps.fail_at = None
    setup_venv.set_up(steps.root)
    assert steps.done[-3:] == ALL
    assert setup_venv.found(steps.root) == setup_venv.wanted(steps.root)


def test_a_failed_reinstallation_of_the_project_takes_the_marker_back(steps: Steps) -> None:
    setup_venv.set_up(steps.root)
    (steps.root / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    steps.fail_at = "--editable"
    with pytest.raises(setup_venv.SetupFailed):
        setup_venv.set_up(steps.root)
    assert setup_venv.found(steps.root) == {}


@pytest.mark.parametrize("content", ["", "[]", "{", "\x00"])
def test_a_marker_that_is_none_counts_as_missing(steps: Steps, content: str) -> None:
    (steps.root / ".venv").mkdir()
    (steps.root / ".venv/ptasks-setup.json").write_text(content)
    assert setup_venv.found(steps.root) == {}


def test_a_second_start_waits_for_the_first(
    steps: Steps, capfd: pytest.CaptureFixture[str]
) -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX);"
            "print('held', flush=True); sys.stdin.read(1)",
            str(steps.root / ".venv.lock"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == b"held\n"
        with (steps.root / ".venv.lock").open("w") as ours, pytest.raises(BlockingIOError):
            fcntl.flock(ours, fcntl.LOCK_EX | fcntl.LOCK_NB)
        waiting = subprocess.Popen(
            [sys.executable, "-c", WAIT, str(steps.root)], stderr=subprocess.PIPE, cwd=Path.cwd()
        )
        with waiting:
            assert waiting.stderr is not None
            assert b"waiting for it" in waiting.stderr.readline()
            assert waiting.poll() is None
            holder.stdin.write(b"x")
            holder.stdin.close()
            assert waiting.wait(timeout=30) == 0


WAIT = """
import pathlib, sys
from scripts import setup_venv
with setup_venv._alone(pathlib.Path(sys.argv[1])):
    pass
"""


def test_settings_that_would_install_elsewhere_are_left_out() -> None:
    given = {"PIP_USER": "1", "PYTHONPATH": "/x", "PIP_INDEX_URL": "mine", "PATH": "/bin"}
    assert setup_venv._environment(given) == {"PIP_INDEX_URL": "mine", "PATH": "/bin"}
