"""Servers that are told wrong things: one line that names the value, the exit status of EX-69, nothing stored."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.cluster import Cluster
from tests.end_to_end.processes import CHECKOUT

Make = Callable[..., Cluster]


def program(module: str, *argv: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run to its end."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PTASKS_", "TASKCTL_"))}
    return subprocess.run(
        [sys.executable, "-m", module, *argv],
        cwd=cwd,
        env={**clean, "PYTHONPATH": str(CHECKOUT), "TASKCTL_CONFIG": str(cwd / "config.toml")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


PEERS = "c1=127.0.0.1:7101,c2=127.0.0.1:7102,c3=127.0.0.1:7103"


@pytest.mark.parametrize(
    "module, argv, word",
    [
        ("coordinator", ("--listen", "0.0.0.0:7101"), "0.0.0.0:7101"),
        ("coordinator", ("--listen", "192.0.2.7:7101"), "192.0.2.7:7101"),
        ("coordinator", ("--listen", "example.org:7101"), "example.org:7101"),
        ("coordinator", ("--listen", "127.0.0.1"), "127.0.0.1"),
        ("coordinator", ("--peers", PEERS.replace("c1=", "c4=")), "c1"),
        ("coordinator", ("--peers", PEERS.replace("127.0.0.1:7102", "192.0.2.7:1")), "192.0.2.7"),
        ("coordinator", ("--peers", PEERS.replace("7101", "7109")), "7109"),
        ("coordinator", ("--peers", PEERS.replace("c3", "c2")), "c2"),
        ("coordinator", ("--set", "nodes.lease=1s"), "nodes.lease"),
        ("coordinator", ("--set", "nodes.reassign_after=6s"), "1.3"),
        ("coordinator", ("--set", "nodes.laese=9s"), "nodes.lease"),
        ("coordinator", ("--log-file", "."), "irectory"),
        ("node", ("--coordinators", "0.0.0.0:7101"), "0.0.0.0:7101"),
        ("node", ("--coordinators", "192.0.2.7:7101"), "192.0.2.7:7101"),
        ("node", ("--coordinators", "127.0.0.1:0"), "127.0.0.1:0"),
        ("node", ("--capacity", "many"), "many"),
        ("node", ("--log-file", "no/such/dir/log"), "no/such/dir/log"),
    ],
)
def test_ex_69_bad_settings_are_one_line_and_exit_2(
    tmp_path: Path, module: str, argv: tuple[str, ...], word: str
) -> None:
    name = "c1" if module == "coordinator" else "n1"
    done = program(module, "--name", name, "--data-dir", "data", *argv, cwd=tmp_path)
    assert done.returncode == 2, done
    assert len(done.stderr.splitlines()) == 1
    assert word in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_d10_a_directory_of_another_cluster_is_not_served_under_this_one_s_addresses(
    make_cluster: Make,
) -> None:
    other, cluster = make_cluster(coordinators=1), make_cluster(coordinators=3)
    other.start()
    other.leader()
    other.stop("c1")
    cluster.start()
    cluster.leader()
    cluster.kill("c1")
    own, foreign = cluster.root / "c1", other.root / "c1"
    own.rename(cluster.root / "own")
    shutil.copytree(foreign, own)
    before = len(cluster["c1"].lines())
    cluster.start("c1")
    assert cluster["c1"].wait() == 78
    said = [line for line in cluster["c1"].lines()[before:] if not line.startswith("{")]
    assert len(said) == 1
    assert str(own) in said[0]
    assert "--data-dir" in said[0]
    assert not (own / "pid").exists()

    shutil.rmtree(own)
    (cluster.root / "own").rename(own)
    cluster.start("c1")
    cluster.wait_member("c1")
    other.start()
    assert other.leader() == "c1"


def test_ex_8_taskctl_where_nobody_or_somebody_else_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        for port in (closed.getsockname()[1], silent.getsockname()[1]):
            address = f"127.0.0.1:{port}"
            done = program(
                "coordinator.cli.main",
                *("--addr", address, "--timeout", "2s", "start", "demo.noop"),
                cwd=tmp_path,
            )
            assert done.returncode in (6, 7), done
            assert address in done.stderr
            assert 2 <= len(done.stderr.splitlines()) <= 3
            assert "Traceback" not in done.stderr
            assert done.stdout == ""
