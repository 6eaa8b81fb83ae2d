"""What is taken, promises included; and who is kept away from where."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coordinator.assignment.exclusions import ABORT_CAP_MS, FOREVER, Exclusions
from coordinator.assignment.load import Claim
from tests.unit.assignment.kit import NOOP, Scene, node, task


def test_claims_count_like_runs_until_they_are_given_back() -> None:
    scene = Scene(node("a"))
    scene.put(task("t", on="a"))
    claim = Claim("a", 4, NOOP)
    scene.load.claim(claim)
    assert (scene.load.units("a"), scene.load.runs("a"), scene.load.runs_of("a", NOOP)) == (6, 2, 2)
    scene.load.release(claim)
    assert (scene.load.units("a"), scene.load.runs("a"), scene.load.runs_of("a", NOOP)) == (2, 1, 1)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9), st.sampled_from("xy"))))
def test_whatever_is_given_back_leaves_nothing(claims: list[tuple[str, int, str]]) -> None:
    scene = Scene(node("a"), node("b"))
    made = [Claim(*one) for one in claims]
    for claim in made:
        scene.load.claim(claim)
    assert scene.load.units("a") == sum(c.units for c in made if c.node == "a")
    for claim in reversed(made):
        scene.load.release(claim)
    assert [scene.load.units(n) + scene.load.runs(n) for n in "ab"] == [0, 0]
    assert [scene.load.runs_of(n, e) for n in "ab" for e in "xy"] == [0] * 4


def test_pt_41_no_slot_keeps_away_for_a_second() -> None:
    found = Exclusions()
    found.no_slot("t", "a", 1_000)
    assert found.of("t", 1_999)["a"].hard
    assert found.of("t", 2_000) == {}


def test_pt_41_aborts_in_a_row_double_up_to_five_minutes() -> None:
    found = Exclusions()
    at, waits = 0, []
    for _ in range(9):
        found.aborted("t", "a", at)
        until = found.of("t", at)["a"].until
        waits.append(until - at)
        at = until
        found.ended(at)
    assert waits == [5_000, 10_000, 20_000, 40_000, 80_000, 160_000] + [ABORT_CAP_MS] * 3


def test_pt_41_the_row_of_aborts_is_forgotten_after_a_while_or_another_end() -> None:
    found = Exclusions()
    found.aborted("t", "a", 0)
    found.ended(5_000)
    found.ended(5_000 + ABORT_CAP_MS)
    found.aborted("t", "a", 400_000)
    assert found.of("t", 400_000)["a"].until == 405_000
    found.failed("t", "a", 405_000)
    found.aborted("t", "a", 406_000)
    assert found.of("t", 406_000)["a"].until == 411_000


def test_pt_47_the_end_of_an_exclusion_is_told_once() -> None:
    found = Exclusions()
    found.aborted("t", "a", 0)
    found.no_slot("u", "a", 0)
    found.failed("v", "a", 0)
    assert found.ended(999) == []
    assert found.ended(1_000) == ["u"]
    assert found.ended(5_000) == ["t"]
    assert found.ended(5_050) == []
    assert found.ended(300_000) == []  # a soft one held nobody back
    assert found.of("v", 300_000) == {}


def test_pt_41_a_missing_executor_keeps_away_until_the_node_offers_anew() -> None:
    found = Exclusions()
    found.no_executor("t", "a")
    found.no_slot("t", "b", 0)
    assert found.of("t", FOREVER - 1)["a"].hard
    found.offers_anew("b")
    assert "a" in found.of("t", 10)
    found.offers_anew("a")
    assert list(found.of("t", 10)) == ["b"]


def test_a_move_prefers_other_nodes() -> None:
    found = Exclusions()
    found.moved("t", ("a", "b"), 0)
    assert {name: e.hard for name, e in found.of("t", 1).items()} == {"a": False, "b": False}
    found.forget("t")
    assert found.of("t", 1) == {}
