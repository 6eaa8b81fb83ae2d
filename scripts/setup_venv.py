"""Builds `.venv`; started by `scripts/setup-venv`, which finds the Python for it. Standard library only.

A marker inside `.venv`, written last and in one move, names what it was built from: the hash of the lock, the hash of
`pyproject.toml` and the place of the checkout (scripts in a venv carry its path). No marker, or another lock or place:
the environment is built anew from nothing, so an interrupted build leaves nothing to be careful about. Another
`pyproject.toml` alone: only the project is installed again, which needs no network. Two starts at once wait for each
other by a file lock, which ends with its process.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

PACKAGES = ("coordinator", "node", "executors")
UNSET = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_USER",
    "PIP_REQUIRE_VIRTUALENV",
)
EXIT_UNAVAILABLE = 69


class SetupFailed(Exception):
    """A step ended badly; its own output, already shown, says why."""


def wanted(root: Path) -> dict[str, str]:
    """What an environment of this checkout would be built from."""
    return {
        "lock": hashlib.sha256((root / "requirements.lock").read_bytes()).hexdigest(),
        "project": hashlib.sha256((root / "pyproject.toml").read_bytes()).hexdigest(),
        "root": str(root),
    }


def found(root: Path) -> dict[str, str]:
    """What the environment that is there was built from; empty if there is none, or half of one."""
    try:
        marker = json.loads(_marker(root).read_text())
    except (OSError, ValueError):
        return {}
    return marker if isinstance(marker, dict) else {}


def set_up(root: Path) -> None:
    """Make `.venv` what it should be, or raise SetupFailed with the old marker gone."""
    with _alone(root):
        want, have = wanted(root), found(root)
        if have == want:
            return
        started = time.monotonic()
        if {**have, "project": want["project"]} != want:
            _build_from_nothing(root)
        _marker(root).unlink(missing_ok=True)
        _say("installing ptasks itself")
        _pip(root, "install", "--no-deps", "--no-build-isolation", "--editable", str(root))
        _compile(root)
        _write_marker(root, want)
        _say(f"ready after {time.monotonic() - started:.0f} s")


def _build_from_nothing(root: Path) -> None:
    venv = root / ".venv"
    if venv.is_symlink() or venv.is_file():
        venv.unlink()
    elif venv.exists():
        _say("replacing .venv, which is unfinished or built from another lock")
        _marker(root).unlink(missing_ok=True)
        shutil.rmtree(venv)
    version = ".".join(str(part) for part in sys.version_info[:3])
    _say(f"making .venv with Python {version}")
    _run([sys.executable, "-m", "venv", str(venv)])
    lock = root / "requirements.lock"
    count = sum("==" in line for line in lock.read_text().splitlines())
    _say(f"installing {count} locked packages; this needs a package index and takes about a minute")
    _pip(root, "install", "--require-hashes", "--requirement", str(lock))


def _compile(root: Path) -> None:
    """Byte code beside the sources: a start of `taskctl` should not wait for the compiler."""
    present = [str(root / name) for name in PACKAGES if (root / name).is_dir()]
    python = str(root / ".venv/bin/python")
    subprocess.run([python, "-m", "compileall", "-q", *present], check=False, stdout=sys.stderr)


def _pip(root: Path, *arguments: str) -> None:
    quiet = ("-qq", "--disable-pip-version-check", "--no-input", "--progress-bar", "off")
    command, *rest = arguments
    _run([str(root / ".venv/bin/python"), "-m", "pip", command, *quiet, *rest])


def _run(command: Sequence[str]) -> None:
    environment = _environment(os.environ)
    done = subprocess.run(command, env=environment, stdout=sys.stderr, close_fds=False, check=False)
    if done.returncode != 0:
        raise SetupFailed(f"{' '.join(command)} ended with {done.returncode}")


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Settings that would put packages anywhere but into `.venv` are left out; where from is the user's choice."""
    return {key: value for key, value in environ.items() if key not in UNSET}


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    with (root / ".venv.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("another start is setting up .venv; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        os.set_inheritable(handle.fileno(), True)  # a pip that outlives us keeps the lock
        yield


def _marker(root: Path) -> Path:
    return root / ".venv" / "ptasks-setup.json"


def _write_marker(root: Path, content: Mapping[str, str]) -> None:
    draft = _marker(root).with_suffix(".draft")
    draft.write_text(json.dumps(content, indent=1) + "\n")
    draft.replace(_marker(root))


def _say(text: str) -> None:
    print(f"setup-venv: {text}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str]) -> int:
    """`--is-current` only answers, by the exit code; without it the environment is made."""
    root = Path(__file__).resolve().parent.parent
    if "--is-current" in arguments:
        return 0 if found(root) == wanted(root) else 1
    try:
        set_up(root)
    except SetupFailed as failure:
        _say(f"failed: {failure}")
        return EXIT_UNAVAILABLE
    except KeyboardInterrupt:
        _say("interrupted; the next start begins anew")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
