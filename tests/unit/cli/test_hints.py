"""The third line of an error: there for every reason, naming commands that exist, on a line of its own (EX-8)."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import grpc
import pytest

from coordinator.api.errors import FAILURE_CODES, REFUSAL_CODES
from coordinator.cli.failures import describe
from coordinator.cli.lazy import LazyGroup
from coordinator.cli.tree import root
from coordinator.client.errors import InvalidRequest, Refused, error_of
from tests.unit.cli.conftest import Taskctl
from tests.unit.cli.fake_server import FakeCluster, Refusal

Code = grpc.StatusCode
ROOT = Path(__file__).resolve().parents[3]
SPEAKING = ("coordinator/cli", "coordinator/api", "coordinator/client", "node", "executors")
# Reasons of EX-51 that this release does not give yet, but another one may.
OTHERS = [
    "invalid_page_token",
    "run_not_found",
    "member_not_found",
    "already_running",
    "paused",
    "parent_ended",
    "not_recurring",
    "change_pending",
    "feature_level",
    "wrong_cluster",
    "rate_limited",
    "too_many_watches",
    "not_supported",
    "forbidden",
    "node_mismatch",
    "unauthenticated",
    "would_lose_quorum",
    "invalid_schedule",
    "unknown_dependency",
]


def command_named(words: list[str]) -> click.Command | None:
    """The command that these words begin with; None if there is none."""
    found: click.Command = root
    ctx = click.Context(root)
    for word in words:
        if not isinstance(found, LazyGroup):
            return found
        next_one = found.get_command(ctx, word)
        if next_one is None:
            return None
        found = next_one
    return found


def commands_in(text: str) -> Iterator[list[str]]:
    """Words that follow `taskctl` in a text for people, as far as they look like verbs."""
    for match in re.finditer(r"taskctl((?: [a-z][a-z-]*)+)", text):
        yield match.group(1).split()


def texts_of(path: Path) -> Iterator[str]:
    """String literals that are no docstrings; parts of an f-string are joined by a word that is no verb."""
    tree = ast.parse(path.read_text())
    said = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (v.value if isinstance(v, ast.Constant) else "X" for v in node.values)
            yield "".join(map(str, parts))
        elif (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said
        ):
            yield node.value


@pytest.mark.parametrize("room", SPEAKING)
def test_every_command_that_a_text_names_exists(room: str) -> None:
    for path in sorted((ROOT / room).rglob("*.py")):
        for text in texts_of(path):
            for words in commands_in(text):
                assert command_named(words) is not None, f"{path.name}: taskctl {' '.join(words)}"


@pytest.mark.parametrize(
    "reason", [*(one.value for one in REFUSAL_CODES), *FAILURE_CODES, *OTHERS, "", "of_tomorrow"]
)
def test_every_reason_has_three_lines_and_names_commands_that_exist(reason: str) -> None:
    error = error_of("FAILED_PRECONDITION", f"{reason}: for a test", reason)
    error.metadata["executor"] = "demo.noop"
    lines = describe(error, "start x").lines().splitlines()
    assert [line[:7] for line in lines] == ["error: ", "why:   ", "try:   "]
    named = list(commands_in(lines[2]))
    assert all(command_named(words) is not None for words in named)


@pytest.mark.parametrize(
    "doing, hint",
    [
        ("start x", "see what it takes with: taskctl start --help"),
        ("node drain n1", "see what it takes with: taskctl node drain --help"),
        ("cluster set nodes.lease", "see what it takes with: taskctl cluster set --help"),
    ],
)
def test_an_invalid_field_leads_to_the_help_of_its_command(doing: str, hint: str) -> None:
    error = InvalidRequest("priority: must be 1 .. 100", reason="invalid_field")
    assert describe(error, doing).hint == hint


@pytest.mark.parametrize(
    "field, hint",
    [
        ("params", "keep the data elsewhere, and give its place in the params"),
        ("tasks", "send fewer in one call"),
        ("labels.a", "make labels.a smaller"),
    ],
)
def test_what_is_too_large_is_to_become_smaller(field: str, hint: str) -> None:
    told = {"field": field, "limit": "262144", "size": "300000"}
    error = Refused(f"{field}: 300000 bytes", reason="too_large", metadata=told)
    assert describe(error, "start x").hint == f"{hint}; at most 262144 bytes are taken"


def test_what_validate_refused_can_be_tried_without_starting_it(
    taskctl: Taskctl, cluster: FakeCluster
) -> None:
    cluster.refuse["Create"] = [Refusal(Code.INVALID_ARGUMENT, "validation_failed", "no such feed")]
    ran = taskctl("start", "demo.noop", "--id", "x")
    assert ran.err.splitlines() == [
        "error: start x: no such feed",
        "why:   validation_failed: no such feed",
        "try:   change the params; try them without starting anything: "
        "taskctl executor validate demo.noop -p K=V",
    ]


def test_a_wrong_parameter_names_the_executor_whose_schema_says_more(taskctl: Taskctl) -> None:
    ran = taskctl("start", "demo.ticker", "--id", "t", "-p", "until=x")
    last = ran.err.splitlines()[-1]
    assert last == "try:   see what it takes with: taskctl executor schema demo.ticker"
    ran = taskctl("executor", "validate", "demo.ticker", "-p", "until=x")
    assert ran.err.splitlines()[-1] == last


@pytest.mark.parametrize("typed", ["a\nb", "a\r\nb", "a\x1b[2Jb", "a\u2028b", "a\x85b"])
def test_what_was_typed_neither_breaks_the_lines_nor_speaks_to_the_terminal(
    taskctl: Taskctl, typed: str
) -> None:
    escaped = typed.encode("unicode_escape").decode()
    ran = taskctl("get", typed)
    assert ran.err.splitlines()[0] == f"error: get {escaped}: no such task"
    assert [line[:7] for line in ran.err.splitlines()] == ["error: ", "why:   ", "try:   "]
    assert "\x1b" not in ran.err
    error = json.loads(taskctl("get", typed, "-o", "json").err)
    assert error["message"] == f"get {typed}: no such task"


def test_one_of_several_tells_its_failure_on_one_line(taskctl: Taskctl) -> None:
    ran = taskctl("cancel", "a\nb", "c")
    assert [line.split(":")[0] for line in ran.err.splitlines()] == [
        "a\\nb  not_found",
        "c  not_found",
    ]


def test_an_id_that_a_shell_would_take_apart_is_quoted_in_hints() -> None:
    error = Refused("task is running", reason="not_finished")
    assert describe(error, "rm a b;c").hint == "taskctl cancel 'a b;c' --wait, then rm"


def test_wrong_usage_leads_to_the_help_of_its_command(taskctl: Taskctl) -> None:
    assert taskctl("start", "demo.noop", "-p", "x").err.splitlines()[-1] == (
        "try:   taskctl start --help"
    )
