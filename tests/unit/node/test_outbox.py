"""The outbox: in order per run, kept until answered (PT-61, PT-6)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.client.node_values import Report, RunEnd, RunState
from node.outbox import Outbox


@pytest.fixture
def box() -> Outbox:
    return Outbox()


def state(seq: int) -> RunState:
    return RunState(seq, str(seq).encode(), 1)


def numbers(reports: tuple[Report, ...]) -> list[int]:
    return [report.number for report in reports]


def test_each_report_is_taken_once_per_session(box: Outbox) -> None:
    box.add_start("t", 1, 5)
    assert numbers(box.take()) == [1]
    assert box.take() == ()
    box.reopen()
    assert numbers(box.take()) == [1]
    assert box.answered(1) is not None
    box.reopen()
    assert box.take() == ()
    assert len(box) == 0


def test_a_stop_is_sent_in_its_place_until_it_is_answered(box: Outbox) -> None:
    box.add_start("t", 1, 5)
    box.add_stopping("t", 1, "timeout", 5)
    box.add_end("t", 1, RunEnd("timed_out"), 5)
    assert [(r.number, r.stopping) for r in box.take()] == [(1, ""), (2, "timeout"), (3, "")]
    box.answered(1)
    box.reopen()
    assert numbers(box.take()) == [2, 3]
    box.postpone(2)
    box.retry()
    assert box.take() == ()  # the end says it all


def test_one_state_write_of_a_run_at_a_time(box: Outbox) -> None:
    box.add_state("t", 1, state(1), 5)
    box.add_state("t", 1, state(2), 5)
    box.add_state("u", 2, state(1), 5)
    assert numbers(box.take()) == [1, 3]
    box.answered(1)
    assert numbers(box.take()) == [2]


def test_the_end_goes_at_once_and_takes_the_newest_state_along(box: Outbox) -> None:
    box.add_state("t", 1, state(1), 5)
    box.take()
    box.add_state("t", 1, state(2), 5)
    box.add_end("t", 1, RunEnd("succeeded"), 5)
    (end,) = box.take()
    assert (end.state, end.ended) == (state(2), RunEnd("succeeded"))


def test_an_answered_state_is_not_sent_again_with_the_end(box: Outbox) -> None:
    box.add_state("t", 1, state(1), 5)
    box.answered(box.take()[0].number)
    box.add_end("t", 1, RunEnd("succeeded"), 5)
    assert box.take()[0].state is None


def test_a_new_session_leaves_out_states_that_the_end_carries(box: Outbox) -> None:
    box.add_state("t", 1, state(1), 5)
    box.take()
    box.add_end("t", 1, RunEnd("succeeded"), 5)
    box.reopen()
    assert [report.ended is not None for report in box.take()] == [True]


def test_a_new_session_keeps_states_behind_the_one_under_way(box: Outbox) -> None:
    box.add_state("t", 1, state(1), 5)
    box.add_state("t", 1, state(2), 5)
    box.take()
    box.reopen()
    assert numbers(box.take()) == [1]
    box.answered(1)
    assert numbers(box.take()) == [2]


def test_a_postponed_report_keeps_its_number(box: Outbox) -> None:
    box.add_start("t", 1, 5)
    box.take()
    assert box.postpone(1)
    assert box.take() == ()
    box.retry()
    assert numbers(box.take()) == [1]
    assert not box.postpone(99)


def test_a_postponed_state_is_not_sent_after_the_end(box: Outbox) -> None:
    box.add_state("t", 1, state(1), 5)
    box.take()
    box.postpone(1)
    box.add_end("t", 1, RunEnd("failed"), 5)
    box.take()
    box.retry()
    assert box.take() == ()


def test_a_postponed_start_is_let_go_when_the_run_has_ended(box: Outbox) -> None:
    box.add_start("t", 1, 5)
    box.postpone(box.take()[0].number)
    box.add_end("t", 1, RunEnd("failed"), 5)
    box.retry()
    (end,) = box.take()
    box.answered(end.number)
    assert len(box) == 0


def test_a_superseded_run_writes_no_more(box: Outbox) -> None:
    box.add_state("t", 1, state(1), 5)
    box.add_state("t", 1, state(2), 5)
    box.take()
    box.answered(1)
    box.drop_states(1)
    box.add_end("t", 1, RunEnd("aborted"), 5)
    assert len(box.take()) <= 2


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["start", "state", "end", "take", "answer", "postpone", "retry", "reopen"]),
        st.integers(1, 3),
    ),
    max_size=60,
)


@given(STEPS)
def test_states_of_a_run_are_sent_in_order_and_nothing_is_lost(
    steps: list[tuple[str, int]],
) -> None:
    """Whatever happens in between: after all is answered the leader knows each run's last state and its end."""
    box = Outbox()
    leader = _Leader()
    written: dict[int, int] = {}
    ended: set[int] = set()
    for what, run in steps:
        if what == "state" and run not in ended:
            written[run] = written.get(run, 0) + 1
            box.add_state("t", run, state(written[run]), 5)
        elif what == "start" and run not in ended and run not in written:
            box.add_start("t", run, 5)
        elif what == "end" and run not in ended:
            ended.add(run)
            box.add_end("t", run, RunEnd("succeeded"), 5)
        else:
            leader.step(box, what)
    for _ in range(200):
        box.retry()
        leader.step(box, "take")
        leader.step(box, "answer")
    assert len(box) == 0
    assert {run: leader.seen.get(run, 0) for run in written} == written
    assert leader.ended == ended


class _Leader:
    """Applies what it is sent, by the sequence rule of PT-27, and refuses anything after the end."""

    def __init__(self) -> None:
        self.pending: list[Report] = []
        self.seen: dict[int, int] = {}
        self.ended: set[int] = set()

    def step(self, box: Outbox, what: str) -> None:
        if what == "take":
            self.pending += box.take()
        elif what == "answer":
            for report in self.pending:
                self._apply(report)
                box.answered(report.number)
            self.pending.clear()
        elif what == "postpone" and self.pending:
            box.postpone(self.pending.pop(0).number)
        elif what == "retry":
            box.retry()
        elif what == "reopen":
            self.pending.clear()
            box.reopen()

    def _apply(self, report: Report) -> None:
        run = report.allocation_id
        if run in self.ended:
            return
        if report.state is not None and report.state.seq > self.seen.get(run, 0):
            self.seen[run] = report.state.seq
        if report.ended is not None:
            self.ended.add(run)
