"""Wall clocks of members: whose is believed, and what a leader does whose own is not (T3)."""

from __future__ import annotations

from coordinator.model.instants import Now
from coordinator.replica.peer_clocks import SKEW_MS, WINDOW_MS, PeerClocks

WALL, HOUR = 1_700_000_000_000, 3_600_000
VOTERS = (1, 2, 3)


def clocks(**offsets: int) -> PeerClocks:
    """Of member 1; others said theirs at steady 0, so far from the true one."""
    found = PeerClocks(1)
    for member, offset in offsets.items():
        found.heard(int(member[1:]), WALL + offset, 0)
    return found


def shown(found: PeerClocks, own: int, steady: int = 0, voters: tuple[int, ...] = VOTERS) -> int:
    """What our clock comes to, less the true time."""
    return found.corrected(Now(steady, WALL + steady + own), frozenset(voters)).wall - WALL - steady


def test_t3_a_clock_near_the_others_is_believed() -> None:
    found = clocks(m2=0, m3=10)
    for own in (0, -SKEW_MS, SKEW_MS + 10):
        assert shown(found, own) == own
        assert found.skew == 0


def test_t3_a_clock_that_a_majority_contradicts_gives_way_to_the_median() -> None:
    found = clocks(m2=0, m3=400)
    assert shown(found, HOUR) == 400
    assert shown(found, -HOUR) == 0
    assert found.skew == HOUR - SKEW_MS


def test_t3_one_other_clock_alone_proves_nothing() -> None:
    assert shown(clocks(m2=HOUR), 0) == 0
    assert shown(clocks(m2=0, m3=HOUR), 0) == 0
    assert shown(clocks(), HOUR) == HOUR
    assert shown(clocks(m2=0), HOUR, voters=(1, 2, 3, 4, 5)) == HOUR


def test_t3_the_clock_of_who_is_no_voter_counts_for_nothing() -> None:
    assert shown(clocks(m2=0, m3=0), HOUR, voters=(1, 2)) == HOUR


def test_t3_what_was_said_long_ago_counts_no_more() -> None:
    found = clocks(m2=0, m3=0)
    assert shown(found, HOUR, steady=WINDOW_MS) == 0
    assert shown(found, HOUR, steady=2 * WINDOW_MS) == HOUR


def test_t3_a_frame_that_came_late_moves_nothing() -> None:
    found = clocks(m2=0, m3=0)
    found.heard(2, WALL - 30_000, 10)  # half a minute under way
    assert shown(found, 0, steady=10) == 0
    assert found.agrees(2, Now(10, WALL + 10))


def test_t3_clocks_that_are_set_together_agree_again_soon() -> None:
    found = clocks(m2=0, m3=0)
    for steady in range(100, 3 * WINDOW_MS, 100):
        for member in (2, 3):
            found.heard(member, WALL + steady - HOUR, steady)
        if steady <= WINDOW_MS:
            assert shown(found, -HOUR, steady) == 0
    assert shown(found, -HOUR, 3 * WINDOW_MS) == -HOUR
    assert found.skewed_ms(3 * WINDOW_MS) == 0


def test_t3_it_is_known_for_how_long_a_clock_has_been_wrong() -> None:
    found = clocks(m2=0, m3=0)
    shown(found, HOUR, 100)
    shown(found, HOUR, 1_100)
    assert found.skewed_ms(1_100) == 1_000
    shown(found, 0, 1_200)
    assert found.skewed_ms(1_200) == 0


def test_t3_members_with_the_same_wrong_clock_do_not_agree_with_the_median() -> None:
    found = PeerClocks(1)
    for member, offset in ((2, HOUR), (3, 0), (4, 0), (5, 300)):
        found.heard(member, WALL + offset, 0)
    now = found.corrected(Now(0, WALL + HOUR), frozenset({1, 2, 3, 4, 5}))
    assert now.wall == WALL + 300 or now.wall == WALL
    assert [found.agrees(member, now) for member in (2, 3, 4, 5, 6)] == [
        False, True, True, True, False,
    ]  # fmt: skip
