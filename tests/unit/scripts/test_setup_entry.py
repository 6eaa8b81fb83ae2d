"""scripts/setup-venv as a program: which Python it takes, and what it says when there is none to take."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose set-up only tells which Python was chosen, and a PATH with nothing but the shell's tools."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(SCRIPTS / "setup-venv", tmp_path / "scripts")
    (tmp_path / "scripts/setup_venv.py").write_text("print('set up')\n")
    (tmp_path / "bin").mkdir()
    for tool in ("bash", "dirname", "env"):
        found = shutil.which(tool)
        assert found is not None
        (tmp_path / "bin" / tool).symlink_to(found)
    return tmp_path


def fake_python(checkout: Path, name: str, body: str) -> None:
    path = checkout / "bin" / name
    path.write_text(f"#!/usr/bin/env bash\n{body}\n")
    path.chmod(0o755)


def start(checkout: Path) -> subprocess.CompletedProcess[str]:
    script = checkout / "scripts/setup-venv"
    text = script.read_text().replace(" /usr/bin/python3.11 /usr/bin/python3", "")
    script.write_text(text)
    return subprocess.run(
        [str(checkout / "bin/bash"), str(script)],
        env={"PATH": str(checkout / "bin")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_no_python_is_one_line(checkout: Path) -> None:
    done = start(checkout)
    assert done.returncode == 69
    assert done.stderr == (
        "setup-venv: no Python 3.11 or newer found; install one, or name it in PTASKS_PYTHON\n"
    )


def test_an_old_python_is_no_python(checkout: Path) -> None:
    fake_python(checkout, "python3", "exit 1")
    assert "no Python 3.11 or newer" in start(checkout).stderr


def test_a_python_without_venv_is_one_line_that_says_what_to_install(checkout: Path) -> None:
    fake_python(checkout, "python3.11", WITHOUT_VENV)
    done = start(checkout)
    assert done.returncode == 69
    assert done.stderr == (
        "setup-venv: python3.11 has no venv module; "
        "install it (Debian, Ubuntu: apt-get install python3.11-venv)\n"
    )


def test_a_python_with_venv_is_preferred_to_one_without(checkout: Path) -> None:
    fake_python(checkout, "python3.11", WITHOUT_VENV)
    (checkout / "bin/python3.12").symlink_to(os.path.realpath(sys.executable))
    done = start(checkout)
    assert (done.returncode, done.stdout, done.stderr) == (0, "set up\n", "")


WITHOUT_VENV = 'case "$2" in *ensurepip*) exit 1 ;; *print*) echo 3.11 ;; esac'
