"""Seeds: those that found something, fifty that are always the same, fifty that are new every time.

A failure prints the seed, the dials and the command that repeats it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation import runs
from tests.simulation.dials import draw
from tests.simulation.fresh_seeds import FRESH
from tests.simulation.main import told

FIXED = range(1, 51)
KEPT = [
    line.split()[:2]
    for line in (Path(__file__).parent / "regressions.txt").read_text().splitlines()
    if line and not line.startswith("#")
]


def live_through(seed: int, kinds: tuple[str, ...] | None = None) -> None:
    """A third of the time that `scripts/simulate` gives it, so that a hundred take a minute."""
    dials = draw(seed) if kinds is None else draw(seed).only(kinds)
    result = runs.run(seed, dials.but("seconds=20"))
    if not result.ok:
        pytest.fail(f"{told(result)}\n{result.detail}")


@pytest.mark.parametrize("seed, kinds", KEPT)
def test_a_seed_that_found_something_once(seed: str, kinds: str) -> None:
    live_through(int(seed), None if kinds == "drawn" else tuple(kinds.split(",")))


@pytest.mark.parametrize("seed", FIXED)
def test_a_fixed_seed(seed: int) -> None:
    live_through(seed)


@pytest.mark.parametrize("seed", FRESH)
def test_a_fresh_seed(seed: int) -> None:
    live_through(seed)
