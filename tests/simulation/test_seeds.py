"""Seeds: those that found something, fifty that are always the same, fifty that are new every time.

A failure prints the seed, the dials and the command that repeats it.
"""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from tests.simulation import runs
from tests.simulation.dials import draw
from tests.simulation.main import told

FIXED = range(1, 51)
FRESH = [secrets.randbelow(2**31) for _ in range(50)]
KEPT = [
    line.split()[:2]
    for line in (Path(__file__).parent / "regressions.txt").read_text().splitlines()
    if line and not line.startswith("#")
]


def live_through(seed: int, kinds: tuple[str, ...] | None = None) -> None:
    dials = draw(seed)
    result = runs.run(seed, dials if kinds is None else dials.only(kinds))
    if not result.ok:
        pytest.fail(f"{told(result)}\n{result.detail}")


@pytest.mark.parametrize("seed, kinds", KEPT)
def test_a_seed_that_found_something_once(seed: str, kinds: str) -> None:
    live_through(int(seed), None if kinds == "drawn" else tuple(kinds.split(",")))


@pytest.mark.parametrize("seed", FIXED)
def test_a_fixed_seed(seed: int) -> None:
    live_through(seed)


def test_fresh_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\nfresh seeds: {' '.join(map(str, FRESH))}")
    for seed in FRESH:
        live_through(seed)
