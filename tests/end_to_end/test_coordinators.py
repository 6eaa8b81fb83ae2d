"""Coordinators as processes: birth, death, restart, refusals at the command line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.end_to_end.cluster import Cluster
from tests.end_to_end.processes import CHECKOUT, WAIT_S, free_ports, until

Make = Callable[..., Cluster]


def run_coordinator(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "coordinator", *argv],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_three_found_together_and_go_on_after_restarts(make_cluster: Make) -> None:
    cluster = make_cluster(coordinators=3)
    cluster.start("c2")
    until(lambda: cluster.said("c2", "waiting to found"), "c2 waits for the others")
    assert not cluster.said("c2", "founded")
    cluster.start()
    first = cluster.leader()
    ids = {
        line.split('cluster_id": "')[1][:32]
        for n in cluster.coordinators
        for line in cluster[n].lines()
        if '"founded"' in line
    }
    assert len(ids) == 1

    cluster.kill(first)
    second = cluster.leader()
    assert second != first
    cluster.start(first)
    cluster.wait_member(first)

    cluster.kill(*cluster.coordinators)
    cluster.start()
    cluster.leader()
    for name in cluster.coordinators:
        cluster.wait_member(name)


def test_sigterm_hands_over_and_ends_with_zero(make_cluster: Make) -> None:
    cluster = make_cluster(coordinators=3)
    cluster.start()
    leader = cluster.leader()
    assert cluster.stop(leader) == [0]
    assert not cluster.said(leader, "leadership not handed over")
    assert cluster.leader() != leader
    assert cluster.stop(*cluster.followers()) == [0]


def test_one_alone_leads_at_once_and_writes_stacks_when_asked(make_cluster: Make) -> None:
    cluster = make_cluster(coordinators=1)
    cluster.start()
    assert cluster.leader() == "c1"
    pid_file = cluster.root / "c1" / "pid"
    assert int(pid_file.read_text()) == cluster["c1"].pid
    cluster["c1"].signal(signal.SIGQUIT)
    until(lambda: cluster.said("c1", "housekeeping|_keep_house"), "stacks in the log")
    cluster["c1"].signal(signal.SIGHUP)
    until(lambda: cluster.said("c1", "settings reloaded"), "settings are read again")
    assert cluster["c1"].is_alive
    assert cluster.stop("c1") == [0]
    assert not pid_file.exists()


def test_a_rotten_disk_is_left_alone_and_the_member_says_so(make_cluster: Make) -> None:
    cluster = make_cluster(coordinators=3)
    cluster.start()
    victim = next(n for n in cluster.coordinators if n != cluster.leader())
    cluster.kill(victim)
    http = f"127.0.0.1:{free_ports(1)[0]}"
    cluster[victim].command += ["--http", http]
    database = cluster.root / victim / "member.db"
    content = bytearray(database.read_bytes())
    content[len(content) // 2 :] = os.urandom(len(content) - len(content) // 2)
    database.write_bytes(content)
    cluster.start(victim)
    until(lambda: cluster.said(victim, '"damaged"'), "the rot is found")
    until(lambda: cluster.health(victim), "it listens")
    status = cluster.status_of(victim)
    assert status.member.condition == "damaged"
    assert "cluster replace" in (status.member.error or "")
    assert not cluster.health(victim, "ptasks.v1.Tasks")
    with urlopen(f"http://{http}/metrics", timeout=WAIT_S) as scraped:
        assert b"\nptasks_damaged 1.0\n" in scraped.read()
    with pytest.raises(HTTPError, match="503"):
        urlopen(f"http://{http}/readyz", timeout=WAIT_S)
    assert database.read_bytes() == content
    cluster.leader()
    assert cluster.stop(victim) == [0]


def test_a_directory_in_use_a_foreign_one_and_a_taken_port_are_one_line_each(
    make_cluster: Make, tmp_path: Path
) -> None:
    cluster = make_cluster(coordinators=1)
    cluster.start()
    cluster.leader()
    used = str(cluster.root / "c1")
    (port,) = free_ports(1)

    in_use = run_coordinator("--name", "c1", "--data-dir", used, "--listen", f"127.0.0.1:{port}")
    foreign = run_coordinator("--name", "c9", "--data-dir", used, "--listen", f"127.0.0.1:{port}")
    taken = run_coordinator(
        "--name", "c1", "--data-dir", str(tmp_path / "x"), "--listen", cluster.addresses["c1"]
    )
    file = tmp_path / "file"
    file.write_text("")
    no_dir = run_coordinator("--name", "c1", "--data-dir", str(file))
    assert [in_use.returncode, foreign.returncode, taken.returncode, no_dir.returncode] == [
        78,
        78,
        2,
        2,
    ]
    assert str(cluster["c1"].pid) in in_use.stderr
    assert cluster.addresses["c1"] in taken.stderr
    assert str(file) in no_dir.stderr
    for refused in (in_use, foreign, taken, no_dir):
        assert len(refused.stderr.splitlines()) == 1
        assert refused.stdout == ""
        assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    "argv, word",
    [
        (("--listen", "192.0.2.1:7101", "--data-dir", "d"), "192.0.2.1:7101"),
        (("--peers", "c2=127.0.0.1:7102", "--data-dir", "d"), "c1"),
        (("--nmae", "c1"), "--name"),
    ],
)
def test_bad_settings_end_with_two_and_a_line_each(argv: tuple[str, ...], word: str) -> None:
    done = run_coordinator(*argv)
    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_help_and_version_need_nothing() -> None:
    assert "PTASKS_DATA_DIR" in run_coordinator("--help").stdout
    assert run_coordinator("--version").stdout.strip()
