"""`taskctl dev` on real processes: cluster.json stays true whoever kills and starts, and nothing outlives its parent."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.processes import CHECKOUT, free_ports, is_alive, until
from tests.end_to_end.runs import PLUGIN, assert_no_overlap, lines_of

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Run]:
    """Runs `taskctl ARGS` with a config and a cluster directory of its own; ends the cluster with the test."""
    environ = {
        **os.environ,
        "PYTHONPATH": str(CHECKOUT),
        "TASKCTL_CONFIG": str(tmp_path / "config.toml"),
        "TASKCTL_DEV_DIR": str(tmp_path / "dev"),
    }

    def run(*argv: str, timeout: float = 110) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "coordinator.cli.main", *argv],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        print(f"$ taskctl {' '.join(argv)}\n{done.stdout}{done.stderr}")
        return done

    yield run
    run("dev", "down", timeout=60)


def up(dev: Run, *flags: str) -> subprocess.CompletedProcess[str]:
    (port,) = free_ports(1)
    return dev("dev", "up", "--base-port", str(min(port, 60_000)), *flags)


def members(root: Path) -> dict[str, dict[str, Any]]:
    found = json.loads((root / "dev" / "cluster.json").read_text())
    return {member["name"]: member for member in found["coordinators"] + found["nodes"]}


def test_x25_somebody_else_kills_and_starts_and_the_file_stays_true(
    dev: Run, tmp_path: Path
) -> None:
    started = up(dev, "--detach", "--no-demo", "--nodes", "1")
    assert started.returncode == 0, started.stderr
    before = members(tmp_path)
    assert all(is_alive(member["pid"]) for member in before.values())
    assert dev("dev", "up").stdout.startswith("runs already")

    os.kill(before["c1"]["pid"], signal.SIGKILL)
    until(lambda: members(tmp_path)["c1"]["pid"] is None, "null for what is down", 5)
    bare = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    stranger = subprocess.Popen(before["c1"]["command"], cwd="/", env=bare)
    try:
        until(lambda: members(tmp_path)["c1"]["pid"] == stranger.pid, "the new pid", 10)
        assert dev("wait", "--timeout", "1s", "none").returncode == 3  # it answers
        status = json.loads(dev("dev", "status", "-o", "json").stdout)
        assert {row["state"] for row in status["processes"]} == {"up"}

        pid = members(tmp_path)["n1"]["pid"]
        assert dev("dev", "pause", "n1").returncode == 0
        until(lambda: "paused" in dev("dev", "status").stdout, "n1 to be stopped", 20)
        assert "continues" in dev("dev", "start", "n1").stdout
        assert f"n1 (pid {pid}) killed" in dev("dev", "kill", "n1").stdout
        assert dev("dev", "kill", "c9").returncode == 2
        assert "leader of term" in dev("dev", "kill", "leader").stdout
        assert dev("dev", "start", "--all").returncode == 0
        assert all(is_alive(member["pid"]) for member in members(tmp_path).values())

        down = dev("dev", "down")
        assert "4 processes stopped" in down.stdout
        assert stranger.wait(10) == 0  # adopted, so it was stopped as well
    finally:
        if stranger.poll() is None:
            stranger.kill()
            stranger.wait()
    assert dev("dev", "kill", "n1").returncode == 3
    assert dev("dev", "down", "--purge").returncode == 0
    assert not (tmp_path / "dev").exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_x25_nothing_outlives_dev_up(tmp_path: Path, number: signal.Signals) -> None:
    environ = {
        **os.environ,
        "PYTHONPATH": str(CHECKOUT),
        "TASKCTL_CONFIG": str(tmp_path / "config.toml"),
    }
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "coordinator.cli.main", "dev", "up", "--no-demo"]
    command += ["--coordinators", "1", "--nodes", "1", "--base-port", str(min(port, 60_000))]
    command += ["--data-dir", str(tmp_path / "dev")]
    out = tmp_path / "out"
    with out.open("wb") as file:
        parent = subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=file, stderr=file)
    try:
        until(lambda: "ready in" in out.read_text(), "the cluster is ready", 60)
        pids = [member["pid"] for member in members(tmp_path).values()]
        assert all(is_alive(pid) for pid in pids)
        parent.send_signal(number)
        status = parent.wait(90)
    finally:
        parent.kill()
        parent.wait()
    until(lambda: not any(is_alive(pid) for pid in pids), "all have followed", 5)
    if number is not signal.SIGKILL:
        assert status == 130
        assert "2 processes stopped" in out.read_text()
        assert "Traceback" not in out.read_text()
        assert all(member["pid"] is None for member in members(tmp_path).values())


def test_once_shows_everything_and_leaves_a_manifest(dev: Run, tmp_path: Path) -> None:
    done = up(dev, "--once")
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.startswith("manifest: ")
    manifest = last.removeprefix("manifest: ")
    checked = subprocess.run(
        ["sha256sum", "--quiet", "-c", manifest], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    for step in range(1, 7):
        assert f"[{step}/6]" in done.stdout
    assert all(member["pid"] is None for member in members(tmp_path).values())


def test_a_foreign_directory_is_left_alone(dev: Run, tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "precious").write_text("")
    assert up(dev).returncode == 2
    assert dev("dev", "down", "--purge").returncode == 2
    assert (tmp_path / "dev" / "precious").exists()


def told(dev: Run, *argv: str) -> dict[str, Any]:
    """What a command says as JSON."""
    found: dict[str, Any] = json.loads(dev(*argv, "-o", "json").stdout)
    return found


def test_x26_a_node_that_slept_beyond_r_goes_on_without_its_old_runs(
    dev: Run, tmp_path: Path
) -> None:
    flags = ("--coordinators", "1", "--nodes", "2", "--executors", PLUGIN)
    assert up(dev, "--detach", "--no-demo", *flags).returncode == 0
    place = tmp_path / "lines"
    dev("start", "x.writer", "--id", "w", "-p", f"path={place}")
    until(lambda: lines_of(place), "the first run writes")
    old = lines_of(place)[-1]

    paused = dev("dev", "pause", "node-of:w").stdout
    node = paused.split()[0]
    assert "it was running w" in paused
    assert dev("wait", "w", "--for", f"allocation_id>{old.token}").returncode == 0
    until(lambda: lines_of(place)[-1].token > old.token, "the second run writes")
    new = lines_of(place)[-1]

    assert f"{node} (pid {members(tmp_path)[node]['pid']}) continues" in (
        dev("dev", "start", node).stdout
    )
    until(lambda: not is_alive(old.pid), "nothing is left of the old run")
    until(lambda: told(dev, "node", "get", node)["status"] == "ready", "the node is back")
    written = len(lines_of(place))
    until(lambda: len(lines_of(place)) > written + 5, "the second run goes on")
    assert {line.token for line in lines_of(place)} == {old.token, new.token}
    assert_no_overlap(place)
    task = told(dev, "get", "w")
    assert (task["status"], task["allocation_id"]) == ("running", new.token)
    ended = {run["allocation_id"]: run["outcome"] for run in told(dev, "history", "w")["items"]}
    assert ended[old.token] == "lost"


def test_x27_ports_that_are_taken_are_told_and_the_printed_commands_work(
    dev: Run, tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text(
        'current = "prod"\n\n[contexts.prod]\naddr = "127.0.0.1:1"\n'
    )
    directory = ("--data-dir", str(tmp_path / "a dev"))
    port = min(*free_ports(1), 60_000)
    with socket.create_server(("127.0.0.1", port)):
        flags = ("--coordinators", "1", "--nodes", "1", "--detach", "--no-demo", *directory)
        started = dev("dev", "up", "--base-port", str(port), *flags)
    try:
        assert started.returncode == 0, started.stderr
        moved = re.match(rf"port {port} or one near it is taken; using (\d+) up", started.stdout)
        assert moved is not None, started.stdout
        used = int(moved.group(1))
        assert f"c1  127.0.0.1:{used}  http://127.0.0.1:{used + 100}/" in started.stdout
        assert dev("list", "--context", "dev").returncode == 0  # prod is still selected
        stop = shlex.split(started.stdout.rpartition("stop with: ")[2])
        assert Path(stop[0]).name == "taskctl"
        assert "2 processes stopped" in dev(*stop[1:]).stdout
    finally:
        dev("dev", "down", *directory)
