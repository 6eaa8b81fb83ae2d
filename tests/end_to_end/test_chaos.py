"""The small edition of `scripts/chaos`: a few rounds of real faults under load, promises compared with facts (G1-G14)."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from scripts.chaos_rounds.arena import Arena
from scripts.chaos_rounds.flip_many import flip
from scripts.chaos_rounds.plan import DEFAULT, Fault
from scripts.chaos_rounds.rounds import Rounds

ROUNDS, LEADERS = 5, 2
BITS = 30
RATE_S01 = 100.0
OFTEN = tuple(fault for fault in DEFAULT if fault not in (Fault.ALL, Fault.FLIP))


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rounds]:
    """A cluster under load; at the end everything that was ever asked for is read back."""
    seed = Random().getrandbits(32)
    print(f"seed {seed}")
    arena = Arena(tmp_path_factory.mktemp("chaos"))
    made = Rounds(arena, seed, OFTEN, rate=RATE_S01)
    try:
        made.begin()
        yield made
        made.finish()
        arena.end()
        assert flip(arena.root / "c2", "c2", seed, BITS)["wrong"] == []
    except BaseException:
        print(arena.last_lines())
        raise
    finally:
        made.end()
        arena.end()


@pytest.mark.timeout(400)
def test_s01_the_leader_is_killed_every_five_seconds_under_load(rounds: Rounds) -> None:
    """At full length: `scripts/chaos --faults leader --rate 100 --minutes 10 --look-every 10`."""
    rounds.faults = (Fault.LEADER,)
    for number in range(LEADERS):
        result = rounds.play(look=number == LEADERS - 1)
        print(*result.said, sep="\n")
    assert rounds.inflicter.kills["coordinator"] == LEADERS
    assert rounds.ledger.acknowledged > 0


@pytest.mark.timeout(400)
def test_rounds_of_every_kind_of_fault(rounds: Rounds) -> None:
    rounds.faults = OFTEN
    for _ in range(ROUNDS):
        print(*rounds.play().said, sep="\n")
    assert rounds.lines.overlaps == 0
