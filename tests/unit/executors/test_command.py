"""`command.run` in the harness, with real programs."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from executors import Assignment, Candidate, ValidationError
from executors.builtin.command import ALLOWED_VARIABLE, CommandParams, Run
from executors.builtin.output_tail import LINES_LOGGED_MAX, OutputTail
from executors.testing import ExecutorContract, HarnessFactory, HarnessRun

COMMANDS: dict[str, dict[str, Any]] = {
    "shell": {"argv": ["/bin/sh", "-c"], "arguments": "(?s).*", "arguments_max": 3},
    "python": {"argv": [sys.executable, "-c"], "arguments": "(?s).*"},
    "plain": {"argv": ["/bin/echo", "plain"]},
    "words": {"argv": ["/bin/echo"], "arguments": "[a-z]+", "arguments_max": 2},
    "there": {"argv": ["/bin/sh", "-c", "pwd; env"], "environment": {"CITY": "Ulm"}},
    "missing": {"argv": ["/nowhere/at/all"]},
}


@pytest.fixture(autouse=True)
def allowed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = {
        name: {
            "arguments": None,
            "arguments_max": 20,
            "directory": str(tmp_path),
            "environment": {},
        }
        | one
        for name, one in COMMANDS.items()
    }
    monkeypatch.setenv(ALLOWED_VARIABLE, json.dumps(given))
    monkeypatch.setenv("SECRET_OF_THE_NODE", "not for programs")


def shell(script: str, **more: Any) -> CommandParams:
    return CommandParams(command="shell", arguments=[script], **more)


async def started(harness: HarnessFactory, params: CommandParams) -> HarnessRun:
    return await harness(Run).start(params)


class TestCommand(ExecutorContract):
    executor = Run
    params = CommandParams(command="plain")
    candidates = tuple(
        Candidate(f"n{n}", attributes={"command.plain": "allowed"}) for n in range(3)
    )


class TestLongCommand(ExecutorContract):
    executor = Run
    params = shell("sleep 0.05; echo done")
    candidates = (Candidate("n1", attributes={"command.shell": "allowed"}),)


async def test_the_result_and_the_lines(executor_harness: HarnessFactory) -> None:
    run = await started(executor_harness, shell("echo one; echo two >&2; printf three"))
    assert await run.result() == {"exit_code": 0, "output": "one\ntwo\nthree", "output_bytes": 13}
    assert [one.event for one in run.log] == ["started", "one", "two", "three"]


@pytest.mark.parametrize(
    "code,outcome,permanent", [(0, "failed", False), (3, "warning", False), (4, "failed", True)]
)
async def test_exit_codes(
    executor_harness: HarnessFactory, code: int, outcome: str, permanent: bool
) -> None:
    rules: dict[str, Any] = {"succeed_on": [1], "warn_on": [3], "fail_on": [4]}
    run = await started(executor_harness, shell(f"echo last words; exit {code}", **rules))
    end = await run.ended()
    assert (end.outcome, end.permanent) == (outcome, permanent)
    if outcome == "failed":
        assert end.error.endswith(f"exit code {code}; its last line: last words")
    else:
        assert end.value["exit_code"] == code


async def test_a_death_by_a_signal_is_tried_again(executor_harness: HarnessFactory) -> None:
    end = await (await started(executor_harness, shell("kill -KILL $$"))).ended()
    assert (end.outcome, end.permanent, end.error) == (
        "failed",
        False,
        "CommandFailedError: ended by SIGKILL",
    )


@pytest.mark.parametrize(
    "command,arguments,told",
    [
        ("other", [], "command other is not allowed on this node; allowed: missing, plain, python"),
        ("plain", ["x"], "command plain takes no arguments from tasks"),
        ("words", ["a", "b", "c"], "takes at most 2 arguments"),
        ("words", ["a", "-rf"], "argument 2 does not match '[a-z]+'"),
        ("words", ["a\n"], "argument 1 does not match"),
        ("missing", [], "cannot be started on this node: [Errno 2]"),
    ],
)
async def test_what_goes_beyond_the_operators_word_fails_for_good(
    executor_harness: HarnessFactory, command: str, arguments: list[str], told: str
) -> None:
    params = CommandParams(command=command, arguments=arguments)
    end = await (await started(executor_harness, params)).ended()
    assert (end.outcome, end.reason) == ("failed", "permanent")
    assert told in end.error


async def test_no_shell_reads_the_arguments(executor_harness: HarnessFactory) -> None:
    params = CommandParams(
        command="python", arguments=["import sys; print(sys.argv[1:])", "$HOME; `id` *"]
    )
    assert (
        "['$HOME; `id` *']" in (await (await started(executor_harness, params)).result())["output"]
    )


async def test_directory_and_environment_are_the_operators(
    executor_harness: HarnessFactory, tmp_path: Path
) -> None:
    run = await started(executor_harness, CommandParams(command="there"))
    lines = (await run.result())["output"].splitlines()
    assert lines[0] == str(tmp_path)
    assert {"CITY=Ulm", f"PTASKS_TASK_ID={run.id}", "PTASKS_FENCING_TOKEN=1"} <= set(lines)
    assert "SECRET_OF_THE_NODE" not in "\n".join(lines)


async def test_stdin_reaches_it_and_may_be_left_unread(executor_harness: HarnessFactory) -> None:
    run = await started(executor_harness, shell("cat", stdin="to be read"))
    assert (await run.result())["output"] == "to be read"
    assert (await (await started(executor_harness, shell(":", stdin="x" * 60_000))).result())[
        "output"
    ] == ""


async def test_a_cancel_is_a_signal_to_the_whole_group(
    executor_harness: HarnessFactory, tmp_path: Path
) -> None:
    script = "trap 'echo ended; exit 0' TERM; sleep 600 & echo $!; wait"
    run = await started(executor_harness, shell(script))
    while len(run.log) < 2:
        await executor_harness(Run).clock.advance("10ms")
    end = await run.cancel()
    assert (end.outcome, end.was_killed) == ("cancelled", False)
    assert [one.event for one in run.log][2:] == ["ended"]
    assert not is_alive(int(run.log[1].event))


async def test_what_ignores_its_signal_is_killed(executor_harness: HarnessFactory) -> None:
    run = await started(
        executor_harness, shell("trap '' TERM; echo $$; while :; do :; done", stop_grace="200ms")
    )
    while len(run.log) < 2:
        await executor_harness(Run).clock.advance("10ms")
    end = await run.cancel()
    assert (end.outcome, end.was_killed) == ("cancelled", False)
    assert not is_alive(int(run.log[1].event))
    assert run.log[-1].event == "killed, it did not end within its stop_grace"


async def test_a_daemon_does_not_outlive_its_run(executor_harness: HarnessFactory) -> None:
    script = "setsid sh -c 'echo $$; exec sleep 600' & sleep 0.2"
    run = await started(executor_harness, shell(script))
    await run.result()
    assert not is_alive(int(run.log[1].event))


async def test_only_nodes_that_allow_it_are_chosen(executor_harness: HarnessFactory) -> None:
    harness = executor_harness(Run)
    params = CommandParams(command="backup")
    nodes = [Candidate("n1"), Candidate("n2", attributes={"command.backup": "allowed"})]
    assert harness.assign(params, nodes) == Assignment("least_loaded", ("n2",))
    assert harness.assign(params, nodes[:1]) == Assignment.none(
        "executor_refused", "no node that could take it allows the command backup"
    )
    with pytest.raises(ValidationError, match="command: String should match pattern"):
        harness.assign({"command": "rm -rf"}, nodes)


def test_the_tail_is_bounded_and_so_are_the_lines() -> None:
    lines: list[str] = []
    tail = OutputTail(lines.append, 10)
    for number in range(LINES_LOGGED_MAX + 50):
        tail.add(f"line {number}\n".encode())
    tail.add("ü".encode()[:1])
    tail.add("ü".encode()[1:] + b"x" * 9_000)
    tail.close()
    assert tail.text() == "x" * 10
    assert len(lines) == LINES_LOGGED_MAX + 1
    assert lines[-1] == "(only the first 2000 lines are logged)"
    assert tail.last_line() == "ü" + "x" * 499


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][:1]
    except OSError:
        return False
    if state == "Z":
        return False
    os.kill(pid, 9)
    return True
