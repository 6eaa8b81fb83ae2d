"""PT-52: pokes within 100 ms are merged, and none is lost."""

from __future__ import annotations

from coordinator.replica.pokes import MERGED_MS, Pokes


def test_pt_52_the_first_counts_at_once_and_the_others_come_to_one_more_look() -> None:
    looks: list[int] = []
    now = 5_000
    pokes = Pokes(lambda: looks.append(now))
    for now in range(5_000, 5_100, 10):
        pokes.poke(now)
        pokes.tick(now)
    assert looks == [5_000]
    now = 5_000 + MERGED_MS
    pokes.tick(now)
    assert looks == [5_000, 5_100]
    now = 5_500
    pokes.tick(now)
    assert looks == [5_000, 5_100]
    pokes.poke(now)
    assert looks == [5_000, 5_100, 5_500]


def test_pt_52_a_thousand_pokes_in_a_second_are_eleven_looks() -> None:
    looks: list[int] = []
    pokes = Pokes(lambda: looks.append(0))
    for now in range(1_000, 2_000):
        pokes.poke(now)
        if now % 50 == 0:
            pokes.tick(now)
    pokes.tick(2_000)
    assert len(looks) == 11
