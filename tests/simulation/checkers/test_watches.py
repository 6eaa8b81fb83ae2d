"""Watches that were cheated have to be convicted."""

from __future__ import annotations

import pytest

from tests.simulation.checkers.watches import Change, Delivered, objections

A: Change = ("created", "a", 3)
B: Change = ("created", "b", 5)
C: Change = ("updated", "a", 5)
D: Change = ("removed", "b", 9)
TRUTH = {3: (A,), 5: (B, C), 9: (D,)}


def change(revision: int, *changes: Change) -> Delivered:
    return Delivered("change", revision, changes or TRUTH[revision])


def convicted(*delivered: Delivered) -> list[str]:
    return list(objections(delivered, TRUTH))


def test_all_of_it_in_order_is_fine() -> None:
    begin, end = Delivered("list", 0), Delivered("bookmark", 12)
    assert convicted(begin, change(3), change(5), change(9), end) == []


def test_a_list_replaces_what_came_before_it() -> None:
    assert convicted(Delivered("list", 0), change(3), Delivered("list", 5), change(9)) == []


@pytest.mark.parametrize(
    "delivered",
    [
        pytest.param((change(3), change(9)), id="a gap"),
        pytest.param((change(3), change(3)), id="twice"),
        pytest.param((change(5), change(3)), id="backwards"),
        pytest.param((change(3), change(5, B)), id="half of a revision"),
        pytest.param((change(3), change(5, B, C, D)), id="more than happened"),
        pytest.param((change(3), change(4, A)), id="a revision of which nothing is known"),
        pytest.param((change(3), change(5, B, ("updated", "a", 4))), id="an older record"),
        pytest.param((change(3), Delivered("bookmark", 5)), id="a bookmark that lies"),
        pytest.param((change(3), change(5), Delivered("list", 3)), id="a list from the past"),
    ],
)
def test_g11_cheats_are_found(delivered: tuple[Delivered, ...]) -> None:
    assert convicted(Delivered("list", 0), *delivered)
