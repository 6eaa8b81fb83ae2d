"""The README does what it says: its five minutes line by line, and the executor that it teaches (X24).

A console block is run in one shell. Under each `$ command` stands what it says, stdout and stderr alike: `…` matches
anything, alone on a line any number of lines, and the width of columns is free. Ports are moved to free ones, files
below /tmp to the test's directory; data, HOME and contexts are the test's own.
"""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.end_to_end.processes import CHECKOUT

COMMAND_S = 75.0
END_MARK = "-- end of command --"
LOCAL_CLUSTER = "scripts/local-cluster"


class Step(NamedTuple):
    """A command of a console block, and the lines that the README shows under it."""

    command: str
    shown: tuple[str, ...]


def block(heading: str, language: str) -> str:
    """The first code block of a language in the section of that heading."""
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    _, found, rest = text.partition(f"\n## {heading}\n")
    section = rest.partition("\n## ")[0]
    match = re.search(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    if not found or match is None:
        raise LookupError(f"README.md has no {language} block under '{heading}'")
    return match.group(1)


def steps_of(console: str) -> list[Step]:
    steps: list[Step] = []
    for line in console.splitlines():
        if line.startswith("$ "):
            steps.append(Step(line.removeprefix("$ "), ()))
        else:
            steps[-1] = steps[-1]._replace(shown=(*steps[-1].shown, line))
    return steps


def unmatched(shown: Sequence[str], got: Sequence[str]) -> str | None:
    """None if all of `got` is as shown; else the first shown line that cannot be met, or the end."""
    text = "".join(f"{line.rstrip()}\n" for line in got)
    pattern = "".join(_pattern(line) for line in shown)
    if re.fullmatch(pattern, text):
        return None
    met = ""
    for line in shown:
        met += _pattern(line)
        if not re.match(met, text):
            return line
    return "(the end)"


def _pattern(shown: str) -> str:
    if shown == "…":
        return r"(?:.*\n)*?"
    words = (".*".join(map(re.escape, word.split("…"))) for word in shown.split())
    indent = r"\s*" if shown[:1].isspace() else ""
    return indent + r"[ ]+".join(words) + r"\n"


class Shell:
    """One bash for a whole block."""

    def __init__(self, environ: dict[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=CHECKOUT,
            env=environ,
            process_group=0,
        )

    def run(self, command: str) -> list[str]:
        """The lines it says. Raises TimeoutError."""
        if self._bash.stdin is None or self._bash.stdout is None:
            raise RuntimeError("the shell has no pipes")
        script = f"{{ {command}\n}} </dev/null\necho; echo '{END_MARK}'\n"
        self._bash.stdin.write(script.encode())
        self._bash.stdin.flush()
        deadline = time.monotonic() + COMMAND_S
        said, end = b"", f"\n{END_MARK}\n".encode()
        while not said.endswith(end):
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self._bash.stdout], [], [], left)[0]:
                raise TimeoutError(f"$ {command}\n{said.decode()}")
            more = os.read(self._bash.stdout.fileno(), 65_536)
            if not more:
                raise EOFError(f"the shell ended in: {command}\n{said.decode()}")
            said += more
        return said.removesuffix(end).decode().splitlines()

    def end(self) -> None:
        try:
            os.killpg(self._bash.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._bash.communicate()


class Reader:
    """Somebody who types what the README shows."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.data = directory / ".ptasks-dev"
        self.base_port = free_base_port()
        self.is_installed = venv_is_current()
        if not self.is_installed:
            make_taskctl(directory / "bin" / "taskctl")
        self.environ = {
            **{key: value for key, value in os.environ.items() if not key.startswith("TASKCTL_")},
            "HOME": str(directory),
            "TASKCTL_CONFIG": str(directory / "config.toml"),
            "TASKCTL_DEV_DIR": str(self.data),
            "PATH": f"{directory / 'bin'}:{os.environ['PATH']}",
        }
        self.shell = Shell(self.environ)

    def follow(self, steps: Sequence[Step], *more_flags: str) -> None:
        """Type every command; every line of its answer has to be as shown."""
        for step in steps:
            got = self.shell.run(self.typed(step.command, more_flags))
            print(f"$ {step.command}", *got, sep="\n")
            line = unmatched([self.moved(line) for line in step.shown], got)
            assert line is None, f"$ {step.command}\nshown: {line}\ngot:\n" + "\n".join(got)

    def typed(self, command: str, more_flags: Sequence[str] = ()) -> str:
        if command.startswith(LOCAL_CLUSTER):
            command = " ".join((command, "--base-port", str(self.base_port), *more_flags))
            if not self.is_installed:
                command = command.replace(LOCAL_CLUSTER, "taskctl dev up")
        return command.replace("/tmp/", f"{self.directory}/")

    def moved(self, line: str) -> str:
        """With the ports of this test."""
        return re.sub(r"\b7[12]0\d\b", lambda m: str(self.base_port + int(m[0]) - 7101), line)

    def leave(self) -> None:
        self.shell.end()
        program = CHECKOUT / ".venv/bin/taskctl"
        if not self.is_installed:
            program = self.directory / "bin" / "taskctl"
        command = [str(program), "dev", "down", "--purge"]
        if self.data.exists():
            subprocess.run(command, env=self.environ, cwd=self.directory, timeout=60, check=False)


def free_base_port() -> int:
    """Below the ports that the system gives to others; free together with those that `dev up` needs beside it."""
    for base in range(23_101 + os.getpid() % 300 * 20, 32_000, 20):
        try:
            for port in (*range(base, base + 3), *range(base + 100, base + 103)):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return base
    raise OSError("no free block of ports")


def venv_is_current() -> bool:
    """Whether scripts/local-cluster would need no set-up, hence no network."""
    python = CHECKOUT / ".venv/bin/python"
    if not python.exists():
        return False
    ask = [str(python), "-ISB", str(CHECKOUT / "scripts/setup_venv.py"), "--is-current"]
    return subprocess.run(ask, check=False).returncode == 0


def make_taskctl(path: Path) -> None:
    """The command as an installation has it, for the interpreter that runs this test."""
    path.parent.mkdir()
    run = f"exec '{sys.executable}' -m coordinator.cli.main \"$@\""
    path.write_text(f"#!/bin/sh\nexport PYTHONPATH='{CHECKOUT}'\n{run}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    found = Reader(tmp_path)
    yield found
    found.leave()


@pytest.mark.timeout(240)
def test_x24_the_first_five_minutes(reader: Reader) -> None:
    reader.follow(steps_of(block("The first five minutes", "console")))


@pytest.mark.timeout(180)
def test_an_executor_written_from_the_readme_alone(reader: Reader) -> None:
    code = block("Write an executor", "python")
    steps = steps_of(block("Write an executor", "console"))
    assert any("--executors /tmp/words.py" in step.command for step in steps)
    (reader.directory / "words.py").write_text(code, encoding="utf-8")
    prepare = [Step('export PATH="$PWD/.venv/bin:$PATH"', ())]
    reader.follow([*prepare, *steps], "--coordinators", "1", "--nodes", "2")


@pytest.mark.parametrize(
    "shown, got, first",
    [
        (["a  b"], ["a   b"], None),
        (["a …", "…", "z"], ["a 1", "x", "y", "z"], None),
        (["…", "z"], ["z"], None),
        (["n… (pid …) killed"], ["n2 (pid 17) killed"], None),
        (["  1  lost"], ["    1    lost "], None),
        (["a", "b"], ["a", "c"], "b"),
        (["a"], ["a", "and more"], "(the end)"),
        (["a.b"], ["axb"], "a.b"),
        ([], ["Traceback"], "(the end)"),
    ],
)
def test_lines_are_met_or_named(shown: list[str], got: list[str], first: str | None) -> None:
    assert unmatched(shown, got) == first
