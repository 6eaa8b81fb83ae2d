"""`python -m executors try`: an executor seen at work, killed on request, without a cluster."""

from __future__ import annotations

import pytest

from executors.__main__ import main


def test_a_run_to_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try", "demo.ticker", "-p", "interval=10ms", "-p", "until=3"]) == 0
    out, err = capsys.readouterr()
    assert out == "3\n"
    assert 'state: {"tick":3}' in err
    assert err.endswith("succeeded\n")


def test_killed_and_resumed(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["try", "demo.ticker", "-p", "interval=50ms", "-p", "until=8", "--kill-after", "180ms"]
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert out == "8\n"
    assert "killed; run 2 goes on from " in err


def test_a_failure_is_exit_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try", "demo.flaky", "-p", "permanent=true"]) == 1
    assert "failed permanent PermanentError: failure 1 of 1, as asked" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words,told",
    [
        (["demo.nobody"], "no executor demo.nobody; there are demo.noop"),
        (["demo.ticker", "-p", "until=x"], "until: Input should be a valid integer"),
        (["demo.ticker", "-p", "until"], "'until' is not K=V"),
        (["demo.ticker", "--executors", "no_such_module"], ""),
    ],
)
def test_what_cannot_be_run_is_exit_2(
    capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    if words[-1] == "no_such_module":
        words, told = ["demo.nobody", *words[1:]], "No module named 'no_such_module'"
    assert main(["try", *words]) == 2
    assert told in capsys.readouterr().err
