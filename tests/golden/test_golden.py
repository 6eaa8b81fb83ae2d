"""Every build replays every log of every release to the digest that was recorded then."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from coordinator.codec.envelope import decode_batch
from coordinator.codec.snapshots import digest, load
from coordinator.machine.commands import Command
from coordinator.machine.invariants import check
from coordinator.machine.restoring import begin_anew
from coordinator.shell.backup_reading import read_backup, runs_of
from tests.golden.record import HERE, main, replay

FILES = sorted(HERE.glob("*/*.json"))
BACKUPS = sorted(HERE.glob("*/*.backup"))


def golden(path: Path) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return kept | {key: [base64.b64decode(x) for x in kept[key]] for key in ("entries", "snapshot")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_log_leads_where_it_led(path: Path) -> None:
    kept = golden(path)
    state, answers = replay(kept["entries"])
    check(state)
    assert answers == kept["answers"]
    assert digest(state) == kept["digest"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_snapshot_is_read_as_it_was_written(path: Path) -> None:
    kept = golden(path)
    state = load(kept["snapshot"])
    check(state)
    assert digest(state) == kept["digest"]


@pytest.mark.parametrize("path", BACKUPS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_backup_can_be_restored_as_it_was_written(path: Path) -> None:
    backup = read_backup(path, None)
    assert digest(backup.state) == golden(path.with_suffix(".json"))["digest"]
    assert backup.runs == sum(len(rows) for rows in runs_of(backup)) > 0
    begin_anew(backup.state, 1)
    check(backup.state)


def test_every_release_has_a_golden_backup() -> None:
    assert {path.parent for path in BACKUPS} == {path.parent for path in FILES}


def test_every_command_has_its_golden_line() -> None:
    seen = {
        type(request.command)
        for path in FILES
        for payload in golden(path)["entries"]
        for request in decode_batch(payload).requests
    }
    assert seen == set(Command.__args__)


def test_golden_files_are_written_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([FILES[0].parent.name]) == 1
    assert "written once" in capsys.readouterr().err
