"""A leader that no majority has voted for has to be convicted."""

from __future__ import annotations

import pytest

from tests.simulation.checkers.rounds import Voters
from tests.simulation.checkers.votes import objection

THREE: Voters = ((1, 2, 3),)


@pytest.mark.parametrize(
    "votes, voters",
    [
        pytest.param({(1, 4): 1, (3, 4): 1}, THREE, id="own-and-one-of-three"),
        pytest.param({}, ((1,),), id="alone"),
        pytest.param({(2, 4): 1, (4, 4): 1}, ((1, 2, 3), (1, 4, 5)), id="both-halves"),
    ],
)
def test_c3_a_majority_is_enough(votes: dict[tuple[int, int], int], voters: Voters) -> None:
    assert not objection(votes, 4, 1, voters)


@pytest.mark.parametrize(
    "votes, voters",
    [
        pytest.param({(1, 4): 1, (2, 4): 1}, ((1, 2, 3, 4, 5),), id="one-vote-twice-of-five"),
        pytest.param({(1, 4): 1, (2, 4): 1}, ((1, 2, 3, 4),), id="half"),
        pytest.param({(1, 4): 1, (2, 3): 1}, THREE, id="a-vote-of-another-term"),
        pytest.param({(1, 4): 1, (2, 4): 3}, THREE, id="a-vote-for-another"),
        pytest.param({(1, 4): 1, (9, 4): 1}, THREE, id="a-vote-of-a-stranger"),
        pytest.param({(2, 4): 1}, ((1, 2, 3), (1, 4, 5)), id="one-half-of-a-joint-configuration"),
    ],
)
def test_c3_less_is_found(votes: dict[tuple[int, int], int], voters: Voters) -> None:
    assert objection(votes, 4, 1, voters)
