"""What this machine can do at all, whoever asks: a durable append, a call over loopback."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.bench_figures.bench import Bench, Entry
from scripts.bench_figures.callers import Served, send_all
from scripts.bench_figures.figure import Figure
from scripts.bench_figures.processes import CHECKOUT, WAIT_S, cpu_seconds, environment

APPEND_BYTES = 512
FILE_BYTES = 4 * 1024 * 1024
APPENDS = 500
SPIN_TURNS, SPIN_TRIES = 1_000_000, 5
ECHO = "/echo/Echo"
PAYLOAD = b"x" * 256
ONE_CALLER_CALLS, MANY_CALLS, MANY_CALLERS, ROUNDS = 1_000, 6_000, 64, 3


def fdatasync(bench: Bench) -> Iterator[Figure]:
    """512 bytes written into a file and made durable."""
    path = bench.directory("fdatasync")
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    samples = []
    try:
        os.write(fd, b"\0" * FILE_BYTES)
        os.fsync(fd)
        for number in range(APPENDS):
            began = time.perf_counter()
            os.pwrite(fd, b"x" * APPEND_BYTES, number * APPEND_BYTES)
            _datasync(fd)
            samples.append((time.perf_counter() - began) * 1000)
    finally:
        os.close(fd)
        path.unlink()
    yield Figure("fdatasync", "ms", samples)


def spin_ms() -> float:
    """A million turns of a loop in this very interpreter: the middle of five. A shared machine changes its speed by
    half within a minute, and nothing but this tells.
    """
    samples = []
    for _ in range(SPIN_TRIES):
        began = time.perf_counter()
        for _ in range(SPIN_TURNS):
            pass
        samples.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(samples), 1)


def _datasync(fd: int) -> None:
    if sys.platform == "darwin":
        os.fsync(fd)
    else:
        os.fdatasync(fd)


@contextmanager
def _echo_server(log: Path) -> Iterator[tuple[str, int]]:
    """Address and pid of a server that gives back what it gets, in a process of its own."""
    with log.open("wb") as errors:
        server = subprocess.Popen(
            [sys.executable, "-m", "scripts.bench_figures.echo_server"],
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment(),
            start_new_session=True,
        )
    try:
        if server.stdout is None:
            raise OSError("no pipe to the echo server")
        yield server.stdout.readline().decode().strip(), server.pid
    finally:
        server.kill()
        server.communicate(timeout=WAIT_S)
        log.unlink()


def echo_round_trip(bench: Bench) -> Iterator[Figure]:
    """A grpc.aio unary call that does nothing, 1 in flight, then 64."""
    with _echo_server(bench.directory("echo")) as (address, pid):

        def served(calls: int, callers: int) -> Served:
            return send_all(address, ECHO, [PAYLOAD] * calls, callers)

        served(MANY_CALLS // 10, MANY_CALLERS)
        one = served(ONE_CALLER_CALLS, 1).latencies_ms()
        yield Figure("echo_round_trip", "ms", one)
        rates, server_s, own_s = [], 0.0, 0.0
        for _ in range(ROUNDS):
            before = cpu_seconds([pid])
            many = served(MANY_CALLS, MANY_CALLERS)
            server_s += cpu_seconds([pid]) - before
            own_s += many.own_cpu_s
            rates.append(MANY_CALLS / many.seconds())
    each = 1e6 / (MANY_CALLS * ROUNDS)
    costs: dict[str, object] = {"server": round(server_s * each), "caller": round(own_s * each)}
    yield Figure("echo_per_s", "1/s", rates, more={"cpu_us_per_call": costs})


FIGURES = (
    Entry("fdatasync", fdatasync),
    Entry("echo_round_trip", echo_round_trip, also=("echo_per_s",)),
)
