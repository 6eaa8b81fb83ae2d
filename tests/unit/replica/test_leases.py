"""Who is believed to be alive, by arithmetic alone (spec 2.4)."""

from __future__ import annotations

from coordinator.replica.leases import Leases

R, L = 9_000, 6_000


def heard(*names: str, at: int = 0) -> Leases:
    leases = Leases()
    leases.on_first_commit(names, at)
    return leases


def test_l6_at_the_first_commit_everybody_counts_as_heard() -> None:
    leases = heard("a", "b", at=5_000)
    assert leases.lost(5_000 + R - 1, R) == []
    assert leases.lost(5_000 + R, R) == ["a", "b"]


def test_l3_counts_from_the_receipt_of_the_last_accepted_one() -> None:
    leases = heard("a")
    assert leases.accept("a", 1, received=4_000, now=4_300)
    assert leases.lost(4_000 + R - 1, R) == []
    assert leases.lost(4_000 + R, R) == ["a"]


def test_l3_an_older_receipt_accepted_late_takes_nothing_back() -> None:
    leases = heard("a")
    leases.accept("a", 2, received=4_000, now=4_000)
    leases.accept("a", 1, received=3_000, now=4_100)
    assert leases.age("a", 4_100) == 100


def test_each_loss_is_told_once_until_it_is_known_not_to_be_committed() -> None:
    leases = heard("a")
    assert leases.lost(R, R) == ["a"]
    assert leases.lost(R + 50, R) == []
    leases.spare("a")
    assert leases.lost(R + 100, R) == ["a"]


def test_l7_no_heartbeat_is_accepted_from_the_moment_a_loss_is_proposed() -> None:
    leases = heard("a")
    assert leases.lost(R, R) == ["a"]
    assert not leases.accept("a", 9, received=R, now=R)
    leases.joined("a", R + 200)
    assert leases.accept("a", 1, received=R + 300, now=R + 300)


def test_l6_a_loop_that_stood_still_blames_nobody() -> None:
    leases = heard("a")
    leases.on_stall(8_900)
    assert leases.lost(R + 8_899, R) == []
    assert leases.lost(R + 8_900, R) == ["a"]


def test_l8_a_node_that_sees_no_acceptance_for_half_its_lease_is_not_accepted() -> None:
    leases = heard("a")
    for now in range(1_000, 4_001, 500):
        leases.reported("a", seen=0, lease=L, now=now)
        assert leases.accept("a", now + 1, received=now, now=now)
    leases.reported("a", seen=0, lease=L, now=4_500)
    assert not leases.accept("a", 4_501, received=4_500, now=4_500)
    assert leases.lost(4_000 + R, R) == ["a"]


def test_l8_one_that_sees_them_late_is_accepted() -> None:
    leases = heard("a")
    for sequence, now in enumerate(range(0, 20_000, 500), 1):
        seen = max(0, sequence - 3)  # answers take a second and a half
        leases.reported("a", seen=seen, lease=L, now=now)
        assert leases.accept("a", sequence, received=now, now=now)


def test_l8_answers_lost_with_an_old_session_prove_nothing() -> None:
    leases = heard("a")
    leases.reported("a", 0, L, 0)
    leases.accept("a", 1, 0, 0)
    leases.reconnected("a")
    leases.reported("a", 0, L, 5_000)
    assert leases.accept("a", 2, received=5_000, now=5_000)


def beat(leases: Leases, name: str, sequence: int, seen: int) -> None:
    leases.reported(name, seen, L, sequence * 500)
    leases.accept(name, sequence, sequence * 500, sequence * 500)


def test_l4_a_node_has_confirmed_when_it_has_seen_an_acceptance_under_the_new_values() -> None:
    leases = heard("a", "b")
    beat(leases, "a", 1, seen=0)
    beat(leases, "a", 2, seen=1)
    leases.settings_changed()
    beat(leases, "a", 3, seen=2)  # an answer sent before the change
    assert leases.confirmed() == set()
    beat(leases, "a", 4, seen=3)
    assert leases.confirmed() == {"a"}
    leases.settings_changed()
    beat(leases, "a", 5, seen=4)
    assert leases.confirmed() == set()


def test_l4_what_an_earlier_leader_was_told_confirms_nothing() -> None:
    leases = heard("a")
    beat(leases, "a", 58, seen=57)
    assert leases.confirmed() == set()
    beat(leases, "a", 59, seen=58)
    assert leases.confirmed() == {"a"}


def test_l4_who_joins_now_learns_the_values_in_force_first_of_all() -> None:
    leases = heard("a")
    leases.joined("b", 0)
    assert leases.confirmed() == {"b"}
    leases.settings_changed()
    assert leases.confirmed() == set()


def test_strangers_are_neither_accepted_nor_lost() -> None:
    leases = heard("a")
    assert not leases.accept("b", 1, 0, 0)
    leases.reported("b", 1, L, 0)
    leases.spare("b")
    leases.reconnected("b")
    assert leases.age("b", 0) is None
    leases.forget("a")
    assert leases.lost(10 * R, R) == []
