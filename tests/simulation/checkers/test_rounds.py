"""A read that is answered by a round from before it arrived has to be convicted."""

from __future__ import annotations

import pytest

from tests.simulation.checkers.rounds import Rounds

THREE = ((1, 2, 3),)


def test_r1_a_round_that_began_later_proves_it() -> None:
    rounds = Rounds(1)
    rounds.arrived("read 1", 5)
    rounds.left(1, 5)
    rounds.confirmed(3, 1)
    assert not rounds.objection("read 1", THREE)


def test_r1_a_read_that_joins_an_earlier_round_is_found() -> None:
    rounds = Rounds(1)
    rounds.arrived("read 1", 5)
    rounds.left(1, 5)
    rounds.arrived("read 2", 6)
    rounds.confirmed(2, 1)
    rounds.confirmed(3, 1)
    assert not rounds.objection("read 1", THREE)
    assert "read 2 arrived at 6" in rounds.objection("read 2", THREE)


def test_r1_a_round_that_is_told_again_is_no_younger() -> None:
    rounds = Rounds(1)
    rounds.left(1, 5)
    rounds.arrived("read 1", 6)
    rounds.left(1, 7)
    rounds.confirmed(2, 1)
    assert rounds.objection("read 1", THREE)


def test_r1_a_late_answer_takes_nothing_back() -> None:
    rounds = Rounds(1)
    rounds.left(1, 5)
    rounds.arrived("read 1", 6)
    rounds.left(2, 6)
    rounds.confirmed(2, 2)
    rounds.confirmed(2, 1)
    assert not rounds.objection("read 1", THREE)


@pytest.mark.parametrize(
    "voters",
    [
        pytest.param(((1, 2, 3, 4),), id="half-of-four"),
        pytest.param(((1, 2, 3), (1, 4, 5)), id="old-configuration-only"),
        pytest.param(((2, 3, 4),), id="leader-without-a-vote"),
    ],
)
def test_r1_less_than_a_majority_proves_nothing(voters: tuple[tuple[int, ...], ...]) -> None:
    rounds = Rounds(1)
    rounds.arrived("read 1", 5)
    rounds.left(1, 5)
    rounds.confirmed(2, 1)
    assert rounds.objection("read 1", voters)


def test_l5_what_never_arrived_is_not_accepted() -> None:
    assert Rounds(1).objection("beat 7", ((1,),))


def test_an_answer_to_a_round_that_never_left_proves_nothing() -> None:
    rounds = Rounds(1)
    rounds.arrived("read 1", 5)
    rounds.confirmed(2, 9)
    assert rounds.objection("read 1", THREE)
