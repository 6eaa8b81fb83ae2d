"""Which faults a round has is decided by its seed and the classes allowed, and by nothing else."""

from __future__ import annotations

import argparse
from collections import Counter
from random import Random

import pytest

from scripts.chaos_rounds.main import faults_of, parser
from scripts.chaos_rounds.plan import (
    DEFAULT,
    KILL_WITHIN_S,
    LINK_WAYS,
    Event,
    Fault,
    Scope,
    events_of_round,
)

SCOPE = Scope(("c1", "c2", "c3"), ("n1", "n2", "n3"), 3.0, 4.0, "c1")
ROUNDS = 600


def rounds(seed: int, faults: tuple[Fault, ...], scope: Scope = SCOPE) -> list[list[Event]]:
    dice = Random(seed)
    return [events_of_round(dice, scope, faults) for _ in range(ROUNDS)]


def test_one_seed_gives_the_same_rounds() -> None:
    assert rounds(7, DEFAULT) == rounds(7, DEFAULT)
    assert rounds(7, DEFAULT) != rounds(8, DEFAULT)


def test_the_default_mix_has_everything_but_the_leader_every_five_seconds() -> None:
    found = Counter(event.fault for events in rounds(1, DEFAULT) for event in events)
    assert set(found) == set(DEFAULT)
    assert found[Fault.KILL] > ROUNDS
    assert all(events for events in rounds(1, DEFAULT))


def test_every_kind_of_process_and_of_link_is_hurt() -> None:
    events = [event for each in rounds(2, DEFAULT) for event in each]
    kills = {event.target for event in events if event.fault is Fault.KILL}
    parts = [f"{node}{part}" for node in SCOPE.nodes for part in ("", ".agent", ".worker", ".all")]
    assert kills == {*SCOPE.coordinators, "leader", *parts}
    assert {e.how for e in events if e.fault is Fault.LINK} == set(LINK_WAYS)
    pauses = {event.for_s for event in events if event.fault is Fault.PAUSE}
    for around in (1.0, 3.0, 4.0):  # R - L, L, R
        assert min(pauses) < around < max(pauses)
    assert all(0 <= e.at_s <= KILL_WITHIN_S for e in events)


@pytest.mark.parametrize("fault", list(Fault))
def test_a_class_alone(fault: Fault) -> None:
    found = rounds(3, (fault,))
    assert all(events and {event.fault for event in events} == {fault} for events in found)


def test_no_small_disk_no_full_one() -> None:
    scope = Scope(SCOPE.coordinators, SCOPE.nodes, 3.0, 4.0)
    assert all(e.fault is not Fault.FULL for each in rounds(4, DEFAULT, scope) for e in each)
    assert rounds(4, (Fault.FULL,), scope) == [[]] * ROUNDS


def test_faults_are_named_or_left_out() -> None:
    assert faults_of("kill, link") == (Fault.KILL, Fault.LINK)
    assert faults_of("-full,-flip") == tuple(
        f for f in DEFAULT if f not in (Fault.FULL, Fault.FLIP)
    )
    for text in ("kil", "", "-kil"):
        with pytest.raises(argparse.ArgumentTypeError, match="there are: kill, leader"):
            faults_of(text)


def test_the_help_explains_every_fault(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    for fault in Fault:
        assert f"\n  {fault.value} " in told
