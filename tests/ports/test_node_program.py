"""`task-node` as a program: its command line, its data directory, its signals (EX-65, EX-68, EX-69, PT-72)."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from coordinator.wire.v1 import internal_pb2 as wire
from node.setting_table import TABLE
from tests.end_to_end.processes import free_ports
from tests.ports.fake_leader import FakeLeader, run_of
from tests.ports.node_process import HANG_S, ROOT, NodeProcess, is_alive

SLEEP = b'{"seconds": 3600}'


def task_node(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run to its end; for starts that fail."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PTASKS_")}
    return subprocess.run(
        [sys.executable, "-m", "node", *arguments],
        env={**clean, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )


@pytest.fixture
async def leader() -> AsyncIterator[FakeLeader]:
    async with FakeLeader() as fake:
        yield fake


@pytest.fixture
def node(leader: FakeLeader, tmp_path: Path) -> Iterator[NodeProcess]:
    with NodeProcess(tmp_path / "n1", leader.address, "--shutdown-grace", "500ms") as started:
        yield started


# --- starts that fail ------------------------------------------------------------------------------------------------


def test_help_lists_every_setting_with_its_default() -> None:
    shown = " ".join(task_node("--help").stdout.split())
    for row in TABLE:
        assert row.flag in shown
        assert row.variable in shown
    assert "default: 30s" in shown


@pytest.mark.parametrize(
    "arguments, words",
    [
        ((), "--name: missing"),
        (("--name", "n 1"), "--name: 'n 1' is no name"),
        (("--capacity", "0"), "--capacity: '0' is not a whole number from 1 to 100000"),
        (("--coordinators", "10.0.0.1:7101"), "'10.0.0.1:7101' is not a loopback address"),
        (("--coordinators", "nonsense"), "'nonsense' is not host:port"),
        (("--shutdown-grace", "30"), "'30' is no duration"),
        (("--attr", "zone"), "'zone' is not key=value"),
        (("--config", "/nowhere.toml"), "/nowhere.toml: No such file"),
    ],
)
def test_bad_settings_are_one_line_each_and_exit_2(arguments: tuple[str, ...], words: str) -> None:
    done = task_node("--data-dir", "d", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not Path("d").exists()


def test_a_bad_value_names_its_source(tmp_path: Path) -> None:
    config = tmp_path / "node.toml"
    config.write_text('name = "n1"\ncapcity = 3\nmax_starting = 0\n')
    done = task_node("--config", str(config), PTASKS_ORPHAN_LIMIT="soon")
    assert done.returncode == 2
    assert "capcity: unknown; meant capacity?" in done.stderr
    assert "node.toml: max_starting: '0' is not" in done.stderr
    assert "PTASKS_ORPHAN_LIMIT: 'soon' is no duration" in done.stderr


def test_a_file_in_place_of_the_data_directory(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    done = task_node("--name", "n1", "--data-dir", str(file))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"{file} is a file; name a directory" in done.stderr
    assert file.read_text() == "mine"


def test_a_port_for_probes_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        arguments = ("--name", "n1", "--data-dir", str(tmp_path / "d"), "--http", address)
        done = task_node(*arguments)
        checked = task_node("config", "check", *arguments)
    words = f"task-node: --http: {address}: the port is in use by another process; stop it, or give another port\n"
    assert (done.returncode, done.stderr) == (2, words)
    assert (checked.returncode, checked.stdout) == (2, "")
    assert words in checked.stderr
    assert not (tmp_path / "d" / "pid").exists()


def test_config_show_and_check(tmp_path: Path) -> None:
    arguments = ("--name", "n1", "--data-dir", str(tmp_path / "d"))
    shown = task_node("config", "show", "--origin", *arguments, PTASKS_CAPACITY="3")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "capacity = 3  (PTASKS_CAPACITY)" in shown.stdout.splitlines()
    checked = task_node("config", "check", *arguments)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "ok\n", "")
    assert not (tmp_path / "d").exists()


async def test_a_directory_in_use_or_of_another_node(leader: FakeLeader, node: NodeProcess) -> None:
    await leader.registrations(1)
    locked = task_node("--name", "n1", "--data-dir", str(node.directory))
    assert (locked.returncode, locked.stderr.count("\n")) == (78, 1)
    assert "in use by another task-node" in locked.stderr
    node.close()
    foreign = task_node("--name", "n2", "--data-dir", str(node.directory))
    assert foreign.returncode == 78
    assert "belongs to node 'n1', not 'n2'" in foreign.stderr


def test_executors_that_share_a_name_stop_the_start(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(
            "from executors import executor\nfrom pydantic import BaseModel\n"
            "class P(BaseModel): pass\n@executor('x.same')\nasync def same(task, params: P): ...\n"
        )
    done = task_node(
        *("--name", "n1", "--data-dir", str(tmp_path / "d"), "--coordinators", "127.0.0.1:1"),
        *("--executors", f"{tmp_path}/one.py", "--executors", f"{tmp_path}/two.py"),
    )
    assert done.returncode == 2
    assert "x.same is offered twice" in done.stderr


# --- signals ---------------------------------------------------------------------------------------------------------


async def test_sigterm_drains_cancels_says_goodbye_and_exits_0(
    leader: FakeLeader, node: NodeProcess
) -> None:
    leader.want(run_of("t1", 7, "demo.sleep", params=SLEEP))
    await leader.started(7)
    others = node.everything
    node.process.terminate()
    await leader.until(lambda: leader.drains, "the wish to be drained")
    end = (await leader.ended(7)).ended
    assert (end.outcome, end.reason) == ("aborted", "shutdown")
    await leader.until(lambda: leader.goodbyes, "goodbye")
    await leader.until(lambda: node.process.poll() is not None, "the exit")
    assert node.process.returncode == 0
    assert not any(map(is_alive, others))
    assert not (node.directory / "pid").exists()


async def test_the_second_sigterm_skips_the_wait(leader: FakeLeader, tmp_path: Path) -> None:
    with NodeProcess(tmp_path / "n1", leader.address, "--shutdown-grace", "1h") as node:
        leader.want(run_of("t1", 7, "demo.sleep", params=SLEEP))
        await leader.started(7)
        node.process.terminate()
        await leader.until(lambda: leader.drains, "the wish to be drained")
        node.process.terminate()
        await leader.ended(7)
        await leader.until(lambda: node.process.poll() is not None, "the exit")
        assert node.process.returncode == 0


async def test_the_third_sigterm_kills(leader: FakeLeader, tmp_path: Path) -> None:
    with NodeProcess(tmp_path / "n1", leader.address, "--shutdown-grace", "1h") as node:
        leader.want(run_of("t1", 7, "n.stubborn", cancel_grace_ms=3_600_000))
        await leader.started(7)
        others = node.everything
        for _ in range(3):
            node.process.send_signal(signal.SIGINT)
            await leader.until(lambda: leader.drains, "the wish to be drained")
            beats = len(leader.heartbeats)  # two signals at once would be one
            await leader.until(
                lambda n=beats: len(leader.heartbeats) > n + 3 or node.process.poll() is not None,  # type: ignore[misc]
                "a moment",
            )
        await leader.until(lambda: node.process.poll() is not None, "the exit")
        assert node.process.returncode == 1
        assert not any(map(is_alive, others))


async def test_a_run_that_may_move_ends_by_the_leaders_word(
    leader: FakeLeader, tmp_path: Path
) -> None:
    with NodeProcess(tmp_path / "n1", leader.address, "--shutdown-grace", "1h") as node:
        leader.want(run_of("t1", 7, "demo.sleep", params=SLEEP))
        await leader.started(7)
        node.process.terminate()
        await leader.until(lambda: leader.drains, "the wish to be drained")
        leader.stop_run("t1", "move")
        assert (await leader.ended(7)).ended.outcome == "aborted"
        await leader.until(lambda: node.process.poll() is not None, "the exit")
        assert node.process.returncode == 0


async def test_a_removed_node_stops_for_good(leader: FakeLeader, node: NodeProcess) -> None:
    await leader.registrations(1)
    leader.say(wire.LeaderFrame(term=leader.term, close="removed"))
    await leader.until(lambda: node.process.poll() is not None, "the exit")
    assert node.process.returncode == 0


async def test_sighup_takes_the_log_level_and_leaves_the_runs(
    leader: FakeLeader, tmp_path: Path
) -> None:
    config = tmp_path / "node.toml"
    config.write_text('log_level = "error"\ncapacity = 3\n')
    with NodeProcess(tmp_path / "n1", leader.address, "--config", str(config)) as node:
        leader.want(run_of("t1", 7, "demo.sleep", params=SLEEP))
        await leader.started(7)
        others = node.everything
        config.write_text('log_level = "info"\ncapacity = 4\n')
        for pid in (node.supervisor, node.agent):  # as whoever sends it to all processes of a unit
            os.kill(pid, signal.SIGHUP)
        await leader.until(lambda: len(node.lines()) >= 2, "the answer in the log")
        reloaded, refused = node.lines()[:2]
        assert (reloaded["event"], reloaded["changed"]) == ("settings reloaded", ["log_level"])
        assert refused["refused"] == ["capacity: changed; takes a restart"]
        leader.hang_up()
        await leader.registrations(2)
        await leader.until(
            lambda: ("agent", "session open") in {(x["logger"], x["event"]) for x in node.lines()},
            "the agent writes what it had kept to itself",
        )
        assert node.everything == others


# --- probes ----------------------------------------------------------------------------------------------------------


def probe(port: int, path: str) -> tuple[int, str]:
    """Status and body; 0 while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HANG_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except ConnectionError:  # refused, or the agent that had it was killed
        return 0, ""
    finally:
        connection.close()


async def test_probes_tell_what_is_missing_and_outlive_an_agent(tmp_path: Path) -> None:
    port, leader_port = free_ports(2)
    flags = ("--http", f"127.0.0.1:{port}")
    leader = FakeLeader(lease_ms=1_500)
    leader.port = leader_port

    async def until_ready(*wanted: object) -> None:
        await leader.until(lambda: probe(port, "/readyz") == wanted, f"{wanted} from /readyz")

    with NodeProcess(tmp_path / "n1", f"127.0.0.1:{leader_port}", *flags) as node:
        await until_ready(503, "no session with a leader\n")
        assert probe(port, "/livez") == (200, "ok\n")
        assert probe(port, "/startupz") == (503, "was not ready yet\n")
        async with leader:
            await until_ready(200, "ok\n")
            assert probe(port, "/startupz") == (200, "ok\n")
            assert "taskctl node list" in probe(port, "/")[1]
            node.kill(node.agent)
            await leader.registrations(2)
            await until_ready(200, "ok\n")  # by the next agent, on the same socket
            leader.answers_heartbeats = False
            await until_ready(503, "no valid lease\n")
        await until_ready(503, "no session with a leader\n")
        assert probe(port, "/livez") == (200, "ok\n")


# --- the leader is elsewhere -----------------------------------------------------------------------------------------


async def test_follows_the_address_of_the_leader(leader: FakeLeader, tmp_path: Path) -> None:
    async with FakeLeader() as follower:
        follower.refuse_with = wire.LeaderFrame(
            term=5, close="not_leader", leader_address=leader.address
        )
        with NodeProcess(tmp_path / "n1", follower.address):
            await leader.registrations(1)
            leader.want(run_of("t1", 7))
            await leader.ended(7)


async def test_a_name_in_use_is_tried_again_under_the_same_incarnation(
    leader: FakeLeader, node: NodeProcess
) -> None:
    await leader.registrations(1)
    leader.refuse_with = wire.LeaderFrame(term=5, close="node_name_in_use")
    leader.hang_up()
    await leader.registrations(2)
    leader.refuse_with = None
    third = (await leader.registrations(3))[2]
    assert third.incarnation == leader.registered[0].incarnation


async def test_somebody_who_accepts_and_says_nothing_is_left_for_another(
    leader: FakeLeader, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        addresses = f"127.0.0.1:{mute.getsockname()[1]},{leader.address}"
        with NodeProcess(tmp_path / "n1", addresses) as node:
            agent = 0
            for times in range(1, 4):  # it begins anywhere: soon it has begun with the mute one
                await leader.registrations(times)
                agent = agent or node.agent
                leader.hang_up()
            assert node.agent == agent
            assert {who.counter for who in leader.registered} == {1}
