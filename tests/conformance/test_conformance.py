"""The stories of the published implementation, through our core: message for message."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conformance import runner

_CHECKOUT = Path(__file__).resolve().parents[2]
_PLACES = (_CHECKOUT / "shared/raft-testdata", _CHECKOUT.parent / "shared/raft-testdata")


def _folder() -> Path | None:
    """The folder that is named, else one in or beside the checkout."""
    named = os.environ.get("RAFT_TESTDATA")
    if named:
        return Path(named)
    return next((place for place in _PLACES if place.is_dir()), None)


def _stories() -> list[Path]:
    folder = _folder()
    return sorted(folder.rglob("*.txt")) if folder is not None and folder.is_dir() else []


def test_the_stories_are_there() -> None:
    folder = _folder()
    if folder is None:
        pytest.skip(
            f"RAFT_TESTDATA is not set, and there is neither {' nor '.join(map(str, _PLACES))}"
        )
    assert folder.is_dir(), f"RAFT_TESTDATA names {folder}, which is no folder"
    assert _stories(), f"no stories in {folder}"


@pytest.mark.parametrize("path", _stories(), ids=lambda path: runner.shown_path(path))
def test_story(path: Path) -> None:
    result = runner.run_text(runner.shown_path(path), path.read_text(encoding="utf-8"))
    assert result.passed > 0
    assert not result.failures, "\n".join([failure.summary() for failure in result.failures])
