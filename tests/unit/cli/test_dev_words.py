"""Commands that `dev` prints reach the cluster they were printed for (X27)."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import pytest
from click.core import ParameterSource

from coordinator.cli.contexts import write_context
from coordinator.cli.dev_commands import dev
from coordinator.cli.dev_words import typed


@pytest.fixture
def on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "taskctl"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))


def within(source: ParameterSource) -> click.Context:
    ctx = click.Context(dev)
    ctx.params["directory"] = "my dev"
    ctx.set_parameter_source("directory", source)
    return ctx


@pytest.mark.usefixtures("on_path")
@pytest.mark.parametrize(
    "source, words",
    [
        (ParameterSource.DEFAULT, "taskctl dev down"),
        (ParameterSource.ENVIRONMENT, "taskctl dev down"),
        (ParameterSource.COMMANDLINE, "taskctl dev down --data-dir 'my dev'"),
    ],
)
def test_a_directory_named_by_its_flag_is_named_again(source: ParameterSource, words: str) -> None:
    with within(source).scope():
        assert typed("dev down") == words


@pytest.mark.usefixtures("on_path")
@pytest.mark.parametrize("selected, flag", [("dev", ""), ("prod", " --context dev")])
def test_the_context_is_named_where_another_one_is_selected(
    monkeypatch: pytest.MonkeyPatch, selected: str, flag: str
) -> None:
    write_context(selected, {"addr": "127.0.0.1:1"}, select_if_none=True)
    assert typed("list --all") == f"taskctl list --all{flag}"
    monkeypatch.setenv("TASKCTL_CONTEXT", "prod")
    assert typed("list --all") == "taskctl list --all --context dev"


def test_off_the_path_the_program_is_named_by_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    write_context("dev", {"addr": "127.0.0.1:1"}, select_if_none=True)
    assert typed("list") == f"{Path(sys.executable).parent}/taskctl list"
