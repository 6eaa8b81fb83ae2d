"""The executor that docs/executors/placing.md shows is one that can be used as it stands there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from executors import Candidate, ClusterView, ValidationError

PAGE = Path(__file__).parents[3] / "docs" / "executors" / "placing.md"
H264 = {"h264": "yes"}


@pytest.fixture
def shown() -> dict[str, Any]:
    block = PAGE.read_text().split("```python\n")[1].split("```")[0]
    names: dict[str, Any] = {"__name__": "shown"}
    exec(compile(block, str(PAGE), "exec", dont_inherit=True), names)
    return names


def test_it_refuses_a_codec_that_nobody_knows(shown: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="codec"):
        shown["Encode"]().validate(shown["Params"](codec="mp3"), ClusterView())


def test_it_takes_two_at_a_time_on_each_able_node(shown: dict[str, Any]) -> None:
    choose, params = shown["Encode"]().get_assignment, shown["Params"](codec="h264")
    other, full = Candidate("n1"), Candidate("n2", attributes=H264, runs={"video.encode": 2})
    free = Candidate("n3", attributes=H264, runs={"video.encode": 1})
    assert choose(params, [other, full, free], ClusterView()).nodes == ("n3",)
    assert choose(params, [other, full], ClusterView()).code == "awaiting_input"
    assert choose(params, [other], ClusterView()).code == "executor_refused"
