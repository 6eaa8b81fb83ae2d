"""JSON everywhere, help everywhere, pipes, colours, imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from coordinator.cli.tree import root
from coordinator.wire.v1 import cluster_pb2
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.cli.conftest import Taskctl
from tests.unit.cli.fake_server import FakeCluster

CHECKOUT = Path(__file__).parents[3]
BANNED = (
    "pydantic", "pydantic_settings", "starlette", "uvicorn", "structlog", "executors", "rich",
    "coordinator.model", "coordinator.machine", "coordinator.consensus", "coordinator.replica", "coordinator.shell",
    "coordinator.duties", "coordinator.codec", "coordinator.api",
)  # fmt: skip


def commands(group: click.Group = root, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every path of the tree, groups included."""
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        yield (*path, name)
        command = group.get_command(ctx, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


READS: tuple[tuple[str, ...], ...] = (
    ("list",),
    ("list", "--group-by", "status"),
    ("get", "hello"),
    ("get", "hello", "other"),
    ("explain", "hello"),
    ("wait", "over"),
    ("wait", "over", "done"),
    ("logs", "hello"),
    ("history", "hello"),
    ("history",),
    ("history", "hello", "--fates"),
    ("history", "--count"),
    ("history", "--group-by", "node"),
    ("node", "list"),
    ("node", "get", "n1"),
    ("executor", "list"),
    ("executor", "get", "demo.ticker"),
    ("executor", "schema", "demo.ticker"),
    ("executor", "validate", "demo.ticker", "-p", "until=3"),
    ("cluster", "status"),
    ("cluster", "health"),
    ("cluster", "capacity"),
    ("cluster", "members"),
    ("cluster", "events"),
    ("cluster", "state"),
    ("cluster", "state", "tasks/hello"),
    ("cluster", "settings"),
    ("cluster", "rebalance"),
    ("limit", "list"),
    ("schedule", "list"),
    ("schedule", "preview", "--every", "5m"),
    ("schedule", "lint", "{schedules}"),
    ("context", "list"),
    ("context", "show", "here"),
    ("completion", "show", "bash"),
    ("version",),
    ("version", "--server"),
)


@pytest.fixture
def furnished(cluster: FakeCluster, own_config: Path) -> FakeCluster:
    task = cluster.put("hello", state=b'{"tick":1}')
    cluster.put("other")
    cluster.put("over", status="succeeded")
    cluster.put("done", status="succeeded")
    cluster.parts = {"tasks/hello": {"id": "hello"}}
    cluster.explanations["hello"] = wire.ExplainResponse(task=task, stage=5, code="assigned")
    cluster.runs["hello"] = [
        wire.Run(task="hello", allocation_id=1, status="running", cause="start")
    ]
    cluster.nodes["n1"] = cluster_pb2.NodeView(name="n1", status="ready", capacity=10, units=20)
    own_config.write_text(f'[contexts.here]\naddr = "{cluster.address}"\n')
    (own_config.parent / "schedules").write_text(
        '[{"id": "a", "executor": "demo.ticker", "schedule": {"every": "5m"}}]'
    )
    return cluster


@pytest.mark.parametrize("args", READS, ids=" ".join)
def test_x01_one_json_value_and_nothing_on_stderr(
    taskctl: Taskctl, furnished: FakeCluster, own_config: Path, args: tuple[str, ...]
) -> None:
    path = str(own_config.parent / "schedules")
    ran = taskctl(*(path if arg == "{schedules}" else arg for arg in args), "-o", "json")
    assert ran.code == 0, ran.err
    tree = json.loads(ran.out)
    assert tree["apiVersion"] == "ptasks/v1"
    assert tree["kind"][0].isupper()
    assert "revision" in tree
    assert ran.err == ""


def test_x01_every_command_that_reads_is_tried() -> None:
    changing = {"start", "call", "cancel", "move", "rm", "watch", "update", "pause", "resume", "retry", "run-now", "new-executor"} | {
        ("schedule", "apply"), ("executor", "pause"), ("executor", "resume"),
        ("node", "drain"), ("node", "undrain"), ("node", "rm"), ("cluster", "set"), ("cluster", "unset"),
        ("cluster", "recheck"), ("cluster", "snapshot"), ("cluster", "add"), ("cluster", "remove"),
        ("cluster", "replace"), ("cluster", "transfer-leader"), ("cluster", "upgrade"), ("limit", "set"), ("limit", "rm"), ("context", "use"), ("context", "set"), ("context", "rm"), ("completion", "install"),
    }  # fmt: skip
    tried = {
        args[:2]
        if args[0] in ("node", "executor", "cluster", "limit", "schedule", "context", "completion")
        else args[:1]
        for args in READS
    }
    groups = {path[0] for path in commands() if len(path) == 2}
    leaves = {path for path in commands() if path[0] not in groups or len(path) == 2}
    leaves -= {path for path in leaves if path[0] == "dev"}  # tried where it is written
    untried = {
        path
        for path in leaves
        if path not in tried and path not in changing and path[0] not in changing
    }
    assert untried == set()


@pytest.mark.parametrize("form", ["table", "wide", "jsonl", "csv", "name"])
@pytest.mark.parametrize("args", READS[:10], ids=" ".join)
def test_every_form(
    taskctl: Taskctl, furnished: FakeCluster, args: tuple[str, ...], form: str
) -> None:
    ran = taskctl(*args, "-o", form)
    assert ran.code == 0, ran.err


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_x02_help(bare: Taskctl, path: tuple[str, ...]) -> None:
    ran = bare(*path, "--help")
    assert ran.code == 0
    for name in (
        "--addr",
        "TASKCTL_ADDR",
        "--timeout",
        "TASKCTL_TIMEOUT",
        "--stale",
        "TASKCTL_STALE",
    ):
        assert name in ran.out


def run_apart(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """taskctl in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "coordinator.cli.main", *args],
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def modules_after(*args: str, **environment: str) -> set[str]:
    """What a command has imported when it is done."""
    code = (
        "import sys\nfrom coordinator.cli.main import main\n"
        f"try:\n    main({list(args)!r})\nexcept SystemExit:\n    pass\n"
        "sys.stderr.write('MODULES ' + ' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(done.stderr.rpartition("MODULES ")[2].split())


def touches(modules: set[str], *names: str) -> set[str]:
    return {one for one in modules for name in names if one == name or one.startswith(name + ".")}


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("--help",),
        ("version",),
        ("version", "-o", "json"),
        ("start", "--help"),
        ("completion", "show", "zsh"),
    ],
)
def test_ex27_no_grpc_where_nothing_is_asked(args: tuple[str, ...]) -> None:
    assert touches(modules_after(*args), "grpc", "google", "asyncio", *BANNED) == set()


def test_x23_completion_imports_no_grpc() -> None:
    modules = modules_after(_TASKCTL_COMPLETE="bash_complete", COMP_WORDS="taskctl get ", COMP_CWORD="2",
                            TASKCTL_ADDR="127.0.0.1:1")  # fmt: skip
    assert touches(modules, "grpc", "google", *BANNED) == set()


@pytest.mark.parametrize(
    "args", [("list",), ("start", "demo.noop"), ("cluster", "status"), ("node", "list")]
)
def test_ex27_no_inner_room_and_no_framework(furnished: FakeCluster, args: tuple[str, ...]) -> None:
    modules = modules_after(*args, TASKCTL_ADDR=furnished.address)
    assert "grpc" in modules
    assert touches(modules, *BANNED) == set()
    if args == ("list",):
        assert "coordinator.wire.v1.cluster_pb2" not in modules


def test_x03_a_closed_pipe_ends_silently_with_0(cluster: FakeCluster) -> None:
    for number in range(2_500):
        cluster.put(f"task-{number:04}")
    first = subprocess.Popen(
        [sys.executable, "-m", "coordinator.cli.main", "list", "-o", "jsonl"],
        cwd=CHECKOUT,
        env={**os.environ, "TASKCTL_ADDR": cluster.address},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert first.stdout is not None
    assert first.stderr is not None
    line = first.stdout.readline()
    first.stdout.close()
    assert json.loads(line)["id"] == "task-0000"
    assert (first.wait(30), first.stderr.read()) == (0, b"")
    first.stderr.close()


def test_all_pages_are_listed(taskctl: Taskctl, cluster: FakeCluster) -> None:
    for number in range(2_500):
        cluster.put(f"task-{number:04}")
    assert len(taskctl("list", "-q").out.splitlines()) == 2_500
    limited = json.loads(taskctl("list", "-o", "json", "--limit", "3").out)
    assert (len(limited["items"]), limited["next_page"]) == (3, "3")


def test_x04_a_file_gets_no_colour_and_nothing_cut(
    furnished: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    furnished.put("long", code="no_capacity", status="unassigned", explanation="n" * 300)
    environment = {"TASKCTL_ADDR": furnished.address, "COLUMNS": "60"}
    plain = run_apart("list", **environment).stdout
    assert "\x1b" not in plain
    assert "n" * 300 in plain
    forced = run_apart("list", **environment, FORCE_COLOR="1").stdout
    assert "\x1b[32mrunning\x1b[0m" in forced
    assert "\x1b" not in run_apart("list", **environment, FORCE_COLOR="1", NO_COLOR="1").stdout
    assert "\x1b" in run_apart("list", "--color", "always", **environment, NO_COLOR="1").stdout


def test_flags_before_and_after_the_verb(taskctl: Taskctl, furnished: FakeCluster) -> None:
    before = taskctl("-o", "name", "list").out
    assert before == taskctl("list", "-o", "name").out == "hello\nother\n"
    assert taskctl("-o", "json", "list", "-o", "name").out == before  # the later one counts


def test_flag_environment_context_default(
    taskctl: Taskctl, furnished: FakeCluster, own_config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_config.write_text('current = "a"\n[contexts.a]\noutput = "name"\n')
    assert taskctl("list").out == "hello\nother\n"
    monkeypatch.setenv("TASKCTL_OUTPUT", "csv")
    assert taskctl("list").out.startswith("id,executor")
    assert taskctl("list", "-o", "jsonl").out.startswith('{"kind":"Task"')


def test_stale_is_said(taskctl: Taskctl, furnished: FakeCluster) -> None:
    ran = taskctl("list", "--stale")
    assert "stale: as c1 had it, 1.2 s after it last heard a leader" in ran.err
    tree = json.loads(taskctl("list", "--stale", "-o", "json").out)
    assert (tree["stale"], tree["age_ms"]) == (True, 1200)
    assert furnished.asked("List")[0].read.stale


def test_x23_completion_of_a_dead_server_is_short_and_silent() -> None:
    started = time.monotonic()
    done = run_apart(_TASKCTL_COMPLETE="bash_complete", COMP_WORDS="taskctl get ", COMP_CWORD="2",
                     TASKCTL_ADDR="127.0.0.1:1")  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        time.monotonic() - started < 10
    )  # a guard against waiting for the server; speed is the bench's business


def test_completion_of_live_ids(furnished: FakeCluster) -> None:
    environment = {
        "_TASKCTL_COMPLETE": "bash_complete", "COMP_WORDS": "taskctl get he", "COMP_CWORD": "2",
        "TASKCTL_ADDR": furnished.address,
    }  # fmt: skip
    give_up = time.monotonic() + 90
    while time.monotonic() < give_up:
        done = run_apart(**environment)
        if done.stdout.strip():
            break
    assert done.stdout == "plain,hello\n"


def test_completion_of_commands() -> None:
    done = run_apart(
        _TASKCTL_COMPLETE="bash_complete", COMP_WORDS="taskctl cluster se", COMP_CWORD="2"
    )
    assert done.stdout.split() == ["plain,settings", "plain,set"]


def test_the_release_is_that_of_the_distribution() -> None:
    import tomllib

    from coordinator.client.release import RELEASE

    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == RELEASE
