"""How the evidence is judged and told. The rows themselves need the network, so they are run by hand."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scripts.raftos_evidence import main as evidence

CLAIM = evidence.Claim("one_process", "two votes", "vote twice")


@pytest.fixture
def bench(tmp_path: Path) -> evidence.Bench:
    """A Python that answers every row with what stands in the file `answer`."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\ncat "{tmp_path}/answer"; exit $(cat "{tmp_path}/code")\n')
    python.chmod(0o755)
    return evidence.Bench(python, tmp_path, tmp_path)


def answer(bench: evidence.Bench, text: str, code: int = 0) -> tuple[str, str]:
    (bench.work / "answer").write_text(text)
    (bench.work / "code").write_text(str(code))
    return evidence.show(bench, CLAIM, rounds=1)


def test_a_row_is_shown_only_if_it_says_so(bench: evidence.Bench) -> None:
    assert answer(bench, '{"text": "granted", "holds": true}\n') == ("shown", "granted")
    assert answer(bench, '{"text": "denied", "holds": false}\n') == ("NOT SEEN", "denied")


def test_what_the_row_printed_before_its_answer_is_left_aside(bench: evidence.Bench) -> None:
    text = 'noise\n{"text": "granted", "holds": true}\n'
    assert answer(bench, text) == ("shown", "granted")


def test_a_row_that_breaks_is_not_shown(bench: evidence.Bench) -> None:
    assert answer(bench, '{"text": "x", "holds": true}\n', code=1) == ("NOT SHOWN", "no output")


def test_without_the_source_one_line_says_which_step_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(what: str, command: object) -> None:
        raise evidence.NotFetched(f"{what} failed: no network")

    monkeypatch.setattr(evidence, "_step", refuse)
    assert evidence.main([]) == 69
    assert capsys.readouterr().err == (
        "raftos-evidence: making an environment failed: no network\n"
    )


@pytest.mark.parametrize(
    "arguments,code", [([], 1), (["two votes"], 0), (["datagram"], 1), (["--quick"], 0)]
)
def test_chosen_rows_decide_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, bench: evidence.Bench, arguments: list[str], code: int
) -> None:
    claims = [CLAIM, evidence.Claim("three_processes", "one datagram", "write much")]
    monkeypatch.setattr(evidence, "fetch", lambda work: bench)
    monkeypatch.setattr(evidence, "listed", lambda bench: claims)
    monkeypatch.setattr(
        evidence,
        "show",
        lambda bench, claim, rounds: ("shown" if claim is CLAIM else "NOT SEEN", "text"),
    )
    assert evidence.main(arguments) == code


def test_rows_run_without_the_projects_environment(bench: evidence.Bench) -> None:
    path = bench.environment()["PYTHONPATH"].split(":")
    assert path == [str(bench.source), str(evidence.ROOT)]
    assert str(Path(sys.prefix)) not in path
