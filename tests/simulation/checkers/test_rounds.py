"""A read that is answered by a round from before it arrived has to be convicted."""

from __future__ import annotations

import pytest

from tests.simulation.checkers.rounds import Rounds, Voters


def leader(voters: Voters = ((1, 2, 3),)) -> Rounds:
    rounds = Rounds(1)
    rounds.in_force(voters, 1)
    return rounds


def test_r1_a_round_that_began_later_proves_it() -> None:
    rounds = leader()
    rounds.arrived("read 1", 5)
    rounds.left(1, 5)
    rounds.confirmed(3, 1)
    assert not rounds.objection("read 1")


def test_r1_a_read_that_joins_an_earlier_round_is_found() -> None:
    rounds = leader()
    rounds.arrived("read 1", 5)
    rounds.left(1, 5)
    rounds.arrived("read 2", 6)
    rounds.confirmed(2, 1)
    rounds.confirmed(3, 1)
    assert not rounds.objection("read 1")
    assert "read 2 arrived at 6" in rounds.objection("read 2")


def test_r1_a_round_that_is_told_again_is_no_younger() -> None:
    rounds = leader()
    rounds.left(1, 5)
    rounds.arrived("read 1", 6)
    rounds.left(1, 7)
    rounds.confirmed(2, 1)
    assert rounds.objection("read 1")


def test_r1_a_late_answer_takes_nothing_back() -> None:
    rounds = leader()
    rounds.left(1, 5)
    rounds.arrived("read 1", 6)
    rounds.left(2, 6)
    rounds.confirmed(2, 2)
    rounds.confirmed(2, 1)
    assert not rounds.objection("read 1")


@pytest.mark.parametrize(
    "voters",
    [
        pytest.param(((1, 2, 3, 4),), id="half-of-four"),
        pytest.param(((1, 2, 3), (1, 4, 5)), id="one-half-of-a-joint-configuration"),
        pytest.param(((2, 3, 4),), id="leader-without-a-vote"),
    ],
)
def test_r1_less_than_a_majority_proves_nothing(voters: Voters) -> None:
    rounds = leader(voters)
    rounds.arrived("read 1", 5)
    rounds.left(1, 5)
    rounds.confirmed(2, 1)
    assert rounds.objection("read 1")


def test_r1_voters_may_change_between_the_proof_and_the_answer() -> None:
    rounds = leader(((1,),))
    rounds.arrived("read 1", 5)
    rounds.in_force(((1, 2),), 6)
    rounds.in_force(((1, 2, 3),), 7)
    assert not rounds.objection("read 1")
    rounds.arrived("read 2", 8)
    assert rounds.objection("read 2")


def test_r1_voters_of_the_past_prove_nothing() -> None:
    rounds = leader(((1,),))
    rounds.in_force(((1, 2, 3),), 4)
    rounds.arrived("read 1", 5)
    assert rounds.objection("read 1")


def test_l5_what_never_arrived_is_not_accepted() -> None:
    assert leader(((1,),)).objection("beat 7")


def test_an_answer_to_a_round_that_never_left_proves_nothing() -> None:
    rounds = leader()
    rounds.arrived("read 1", 5)
    rounds.confirmed(2, 9)
    assert rounds.objection("read 1")
