"""Logs that nobody reads: a full pipe behind stderr holds up neither reads nor heartbeats (S13)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coordinator.client import NewTask
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.load import Load
from tests.end_to_end.processes import Process, until
from tests.end_to_end.runs import PLUGIN, lines_of, running_on, start

Make = Callable[..., Cluster]
LINES = 30  # of a run that writes ten a second: longer than an election, and than the first warnings of a lease


@pytest.fixture
def full_pipe(tmp_path: Path) -> Iterator[Path]:
    """A pipe by name; whoever writes to it waits for ever."""
    path = tmp_path / "nobody-reads"
    os.mkfifo(path)
    both_ends = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(both_ends, b"." * 4096)
    yield path
    os.close(both_ends)


def speak_into(pipe: Path, process: Process) -> None:
    """From its next start on."""
    process.command = ["sh", "-c", 'exec "$@" 2>"$0"', str(pipe), *process.command]


def test_s13_a_log_that_nobody_reads_holds_up_neither_reads_nor_heartbeats(
    make_cluster: Make, full_pipe: Path
) -> None:
    flags = {"coordinators": ("--log-level", "debug"), "nodes": ("--log-level", "debug")}
    cluster = make_cluster(coordinators=3, nodes=1, executors=[PLUGIN], flags=flags)
    for process in cluster.processes.values():
        speak_into(full_pipe, process)
    cluster.start()
    cluster.wait_ready()
    path = cluster.root / "lines"
    start(cluster, "x.writer", "writer", path=str(path))
    before, _ = running_on(cluster, path, "writer")
    leader, term = cluster.leader(), cluster.status_of(cluster.leader()).member.term

    with Load(cluster, "unread") as load:
        away = cluster.followers()[0]
        cluster.kill(away)  # all others have something to say about it
        load.wait_for_more(20)
        cluster.start(away)
        cluster.wait_member(away)
        load.wait_for_more(20)
        count = len(lines_of(path))
        until(lambda: len(lines_of(path)) > count + LINES, "the run to go on")
    load.check()
    after, _ = running_on(cluster, path, "writer")
    assert after.allocation_id == before.allocation_id
    assert (cluster.leader(), cluster.status_of(leader).member.term) == (leader, term)
    cluster.call(lambda client: client.create(NewTask(executor="demo.noop", id="last")))
    assert cluster.stop(*cluster.followers(), leader) == [0, 0, 0]
