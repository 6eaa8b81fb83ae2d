"""What a node makes of what it is told: scenarios PT-A31, A32, A43, A50, TM-A58."""

from __future__ import annotations

import pytest

from coordinator.client.node_values import Wanted as WantedFrame
from coordinator.client.node_values import Welcome
from node.frames import Start
from tests.unit.node.core_kit import CoreKit, wanted


@pytest.fixture
def kit() -> CoreKit:
    made = CoreKit()
    made.open_session()
    made.clear()
    return made


def test_pt_a31_what_is_wanted_here_runs_exactly_once_and_nothing_else(kit: CoreKit) -> None:
    kit.want()
    kit.want(gone=["elsewhere"])
    assert kit.starts == []
    kit.want(wanted("mine", 4))
    kit.want(wanted("mine", 4))
    kit.close_session()
    kit.open_session(wanted("mine", 4))
    kit.started(4)
    kit.close_session()
    kit.open_session(wanted("mine", 4))
    assert kit.starts == [4]


def test_pt_a32_a_run_gets_the_params_and_the_last_state_of_the_record(kit: CoreKit) -> None:
    kit.want(
        wanted(
            "t", 9, params=b'{"a":1}', executor_version=3, state=b'{"n":7}', state_version=2,
            state_allocation_id=5, attempt=2, labels={"team": "x"}, headers={"x-opaque-id": "o"},
            invalid_state="raw",
        )
    )  # fmt: skip
    (start,) = kit.told(Start)
    assert (start.params, start.params_version) == (b'{"a":1}', 3)
    assert (start.state, start.state_version, start.state_is_current) == (b'{"n":7}', 2, False)
    assert start.invalid_state == "raw"
    assert (start.attempt, start.labels, start.headers) == (
        2,
        {"team": "x"},
        {"x-opaque-id": "o"},
    )


def test_pt_a43_a_start_that_raises_is_tried_once_however_often_the_set_changes(
    kit: CoreKit,
) -> None:
    kit.want(wanted("t", 1))
    kit.ended(1, "failed", "start_failed")
    for attempt in range(2, 8):
        kit.want(wanted("t", 1, attempt=attempt), wanted(f"u{attempt}", 100 + attempt))
    kit.close_session()
    kit.open_session(wanted("t", 1))
    answered = next(report for report in kit.reports if report.ended is not None)
    kit.answer(answered)
    for attempt in range(2, 8):
        kit.want(wanted("t", 1, attempt=attempt))
    assert kit.starts.count(1) == 1
    assert set(kit.ends) == {(1, "failed", "start_failed")}
    assert {r.number for r in kit.reports if r.ended is not None} == {answered.number}
    kit.want(gone=["t"])
    assert kit.core.runs.of_task("t") == ()
    kit.want(wanted("t", 2))
    assert kit.starts.count(2) == 1


def test_tm_a58_an_outcome_that_nobody_could_take_stays_and_its_run_is_not_started_again(
    kit: CoreKit,
) -> None:
    kit.running(wanted("t", 1))
    kit.ended(1)
    (report,) = kit.reports
    kit.answer(report, "overloaded")
    kit.after(400)
    kit.want(wanted("t", 1, attempt=2))
    for _ in range(3):  # other leaders, to whom the run is still under way
        kit.close_session()
        kit.clear()
        kit.open_session(wanted("t", 1))
        assert kit.ends == [(1, "succeeded", "")]
        assert kit.starts == []
    kit.answer(kit.reports[-1])
    kit.clear()
    kit.close_session()
    kit.open_session(wanted("t", 1))
    assert (kit.ends, kit.starts) == ([], [])


@pytest.mark.parametrize("hears", ["nothing", "the first part"])
def test_pt_a50_a_leader_that_has_not_told_its_set_stops_nothing(kit: CoreKit, hears: str) -> None:
    kit.running(wanted("t", 1, exclusive=False))
    kit.close_session()
    kit.clear()
    kit.term += 1
    kit.beat()
    kit.hear(welcome=Welcome("c", "c1", 100, 1_000, 2_000))
    if hears == "the first part":
        kit.hear(wanted=WantedFrame(True, 9, runs=(), more=True))
    kit.after(500)
    assert (kit.stops, kit.starts, kit.ends) == ([], [], [])
    kit.hear(wanted=WantedFrame(True, 9, runs=(wanted("t", 1),)))
    assert (kit.stops, kit.starts) == ([], [])
