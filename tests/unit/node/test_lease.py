"""The lease as such: L1, L2, L8."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.lease import OUTSTANDING_MAX, Lease, Stage


@pytest.fixture
def lease() -> Lease:
    made = Lease(1_000)
    made.welcomed(3, 1_000)
    return made


def test_without_an_acceptance_there_is_no_lease(lease: Lease) -> None:
    lease.sending(100)
    assert lease.until is None
    assert lease.stage(100) is Stage.OVER
    assert not lease.allows_exclusive(100)


@pytest.mark.parametrize(
    "spent, stage",
    [
        (0, Stage.HELD),
        (599, Stage.HELD),
        (600, Stage.CANCEL),
        (899, Stage.CANCEL),
        (900, Stage.KILL),
        (999, Stage.KILL),
        (1_000, Stage.OVER),
        (99_999, Stage.OVER),
    ],
)
def test_stages(lease: Lease, spent: int, stage: Stage) -> None:
    lease.accepted(3, lease.sending(5_000), 1_000)
    assert lease.stage(5_000 + spent) is stage


def test_it_runs_from_the_reading_before_sending(lease: Lease) -> None:
    first, second = lease.sending(100), lease.sending(600)
    assert lease.accepted(3, first, 1_000)
    assert lease.until == 1_100
    assert lease.accepted(3, second, 1_000)
    assert (lease.until, lease.accepted_sequence) == (1_600, second)


@pytest.mark.parametrize("term, sequence", [(2, 2), (3, 9), (3, 1)])
def test_what_moves_nothing(lease: Lease, term: int, sequence: int) -> None:
    """A lower term, a heartbeat never sent, one that an acceptance has overtaken."""
    lease.sending(100)
    lease.accepted(3, lease.sending(200), 1_000)
    assert not lease.accepted(term, sequence, 1_000)
    assert lease.until == 1_200


def test_answers_of_an_earlier_session_are_of_no_use(lease: Lease) -> None:
    old = lease.sending(100)
    lease.welcomed(3, 1_000)
    assert not lease.accepted(3, old, 1_000)


def test_a_shorter_lease_counts_at_once_a_longer_one_from_the_next_acceptance(
    lease: Lease,
) -> None:
    lease.accepted(3, lease.sending(0), 1_000)
    lease.welcomed(4, 500)
    assert lease.until == 500
    lease.welcomed(5, 4_000)
    assert lease.until == 500
    lease.accepted(5, lease.sending(300), 4_000)
    assert lease.until == 4_300


def test_unanswered_heartbeats_do_not_pile_up(lease: Lease) -> None:
    first = lease.sending(0)
    for at in range(OUTSTANDING_MAX):
        lease.sending(at)
    assert not lease.accepted(3, first, 1_000)


@given(
    length=st.integers(2_000, 60_000),
    reading=st.integers(0, 10**9),
    spent=st.integers(0, 120_000),
)
def test_stages_agree_with_the_instants(length: int, reading: int, spent: int) -> None:
    lease = Lease(length)
    lease.accepted(0, lease.sending(reading), length)
    now = reading + spent
    cancel_at, kill_at, until = lease.cancel_at, lease.kill_at, lease.until
    assert cancel_at is not None
    assert kill_at is not None
    assert until is not None
    assert lease.stage(now) == (now >= cancel_at) + (now >= kill_at) + (now >= until)
    assert lease.allows_exclusive(now) == (until - now > 0.4 * length - 1 and now < cancel_at)
