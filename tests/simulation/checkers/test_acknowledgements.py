"""A leader that counts what was said to it in an earlier term, or to somebody else, has to be convicted."""

from __future__ import annotations

from tests.simulation.checkers.acknowledgements import Acknowledgements


def test_c7_what_was_said_in_the_term_may_be_believed() -> None:
    acknowledgements = Acknowledgements()
    acknowledgements.said(2, 3, 1, 10)
    acknowledgements.said(2, 3, 1, 8)
    assert not acknowledgements.objection(2, 1, 3, 10)
    assert not acknowledgements.objection(2, 1, 3, 9)


def test_c3_a_reply_of_an_older_term_is_found() -> None:
    acknowledgements = Acknowledgements()
    acknowledgements.said(2, 3, 1, 10)
    acknowledgements.said(4, 3, 1, 6)
    assert "in that term it was told of 6" in acknowledgements.objection(4, 1, 3, 10)


def test_c7_more_than_was_said_is_found() -> None:
    acknowledgements = Acknowledgements()
    acknowledgements.said(2, 3, 1, 10)
    assert acknowledgements.objection(2, 1, 3, 11)


def test_c7_what_another_leader_or_another_member_was_told_is_found() -> None:
    acknowledgements = Acknowledgements()
    acknowledgements.said(2, 3, 1, 10)
    assert acknowledgements.objection(2, 5, 3, 10)
    assert acknowledgements.objection(2, 1, 4, 10)
