"""Says which seeds are fresh in this run, so that it can be repeated even if nothing fails."""

from __future__ import annotations

from tests.simulation.fresh_seeds import FRESH


def pytest_report_header() -> str:
    return f"fresh seeds of the simulator: {' '.join(map(str, FRESH))}"
