"""Each story in `texts/` must still be told in the same words."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stories.runner import rewritten

TEXTS = sorted((Path(__file__).parent / "texts").glob("*.txt"))


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_story_is_told_in_the_same_words(path: Path, request: pytest.FixtureRequest) -> None:
    text = path.read_text(encoding="utf-8")
    told = rewritten(text)
    if request.config.getoption("--rewrite", default=False):
        path.write_text(told, encoding="utf-8")
    else:
        assert told == text


def test_a_wrong_answer_is_noticed() -> None:
    assert rewritten("join n1\n----\nrefused\n") != "join n1\n----\nrefused\n"
