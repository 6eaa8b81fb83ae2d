"""Which faults a round has, where and when: pure, from one dice. Times are seconds after the round's beginning.

Targets are names: `c1`; `leader`, whoever that is by then; `n2` for the supervisor of a node, `n2.agent`, `n2.worker`
(one of them, by `pick`), `n2.all` for every process of the node at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from typing_extensions import override

KILL_WITHIN_S = 2.0
DOWN_S = 1.0
LEADER_EVERY_S = 5.0


class Fault(StrEnum):
    """Classes of faults; each can be switched off."""

    KILL = "kill"  # SIGKILL to one or two processes, each started again
    LEADER = "leader"  # SIGKILL to whoever leads; the round lasts five seconds
    ALL = "all"  # SIGKILL to everything at once
    PAUSE = "pause"  # SIGSTOP, and SIGCONT later
    LINK = "link"  # delay, silence, silence one way, broken connections, half-closed ones
    FULL = "full"  # no space left for one coordinator
    FLIP = "flip"  # bits of a stopped coordinator's files


EVERY_ROUND = frozenset({Fault.KILL, Fault.LEADER})
CHANCES = {  # of the others to be part of a round
    Fault.PAUSE: 0.22,
    Fault.LINK: 0.25,
    Fault.ALL: 0.04,
    Fault.FULL: 0.06,
    Fault.FLIP: 0.03,
}
DEFAULT = tuple(fault for fault in Fault if fault is not Fault.LEADER)
LINK_WAYS = ("hold", "there", "back", "cut", "delay", "half-close")
KILL_CHANCES = (("coordinator", 0.4), ("supervisor", 0.2), ("agent", 0.15), ("worker", 0.15))


@dataclass(frozen=True)
class Event:
    """One fault with its beginning and its end; `pick` in 0..1 settles what is only known by then."""

    fault: Fault
    target: str
    at_s: float
    for_s: float
    how: str = ""
    pick: float = 0.0

    @override
    def __str__(self) -> str:
        how = f" {self.how}" if self.how else ""
        return f"{self.fault}{how} {self.target} at {self.at_s:.2f} for {self.for_s:.2f} s"


@dataclass(frozen=True)
class Scope:
    """What there is to be hurt. L and R in seconds; `disk` is the coordinator with a small one, if any."""

    coordinators: tuple[str, ...]
    nodes: tuple[str, ...]
    lease_s: float
    reassign_s: float
    disk: str = ""

    @property
    def pauses(self) -> tuple[float, ...]:
        """Both sides of R - L, L and R, and one that nobody should notice."""
        late = self.reassign_s - self.lease_s
        around = (late, self.lease_s, self.reassign_s)
        return (0.2, *(round(length + side, 2) for length in around for side in (-0.4, 0.5)))


def events_of_round(dice: Random, scope: Scope, faults: Sequence[Fault]) -> list[Event]:
    """In order of their beginning. Rotten files leave no time for others, nor does the end of everything."""
    wanted = [f for f in CHANCES if dice.random() < CHANCES[f] and f in faults]
    if Fault.FULL in wanted and not scope.disk:
        wanted.remove(Fault.FULL)
    for alone in (Fault.FLIP, Fault.ALL):
        if alone in wanted:
            return _MAKERS[alone](dice, scope)
    wanted += [fault for fault in (Fault.KILL, Fault.LEADER) if fault in faults]
    if not wanted and faults:  # classes that are rare in company are not when alone
        possible = [f for f in faults if f is not Fault.FULL or scope.disk]
        wanted = [dice.choice(possible)] if possible else []
    events = [event for fault in wanted for event in _MAKERS[fault](dice, scope)]
    return sorted(events, key=lambda event: (event.at_s, str(event)))


def _kills(dice: Random, scope: Scope) -> list[Event]:
    victims: list[str] = []
    for _ in range(dice.choice((1, 1, 2))):
        victim = _victim(dice, scope)
        if victim not in victims:
            victims.append(victim)
    together = dice.random() < 0.5  # two in the same instant are another fault than two in a row
    at_s = dice.uniform(0, KILL_WITHIN_S)
    return [
        Event(
            Fault.KILL,
            victim,
            at_s if together else dice.uniform(0, KILL_WITHIN_S),
            dice.uniform(0, DOWN_S),
            pick=dice.random(),
        )
        for victim in victims
    ]


def _victim(dice: Random, scope: Scope) -> str:
    node = dice.choice(scope.nodes)
    thrown = dice.random()
    for kind, chance in KILL_CHANCES:
        thrown -= chance
        if thrown < 0:
            names = {
                "coordinator": dice.choice((*scope.coordinators, "leader")),
                "supervisor": node,
            }
            return names.get(kind, f"{node}.{kind}")
    return f"{node}.all"


def _leader(dice: Random, _scope: Scope) -> list[Event]:
    return [Event(Fault.LEADER, "leader", 0.0, dice.uniform(0.2, DOWN_S))]


def _all(dice: Random, _scope: Scope) -> list[Event]:
    return [Event(Fault.ALL, "all", dice.uniform(0.5, KILL_WITHIN_S), dice.uniform(0, 0.5))]


def _pauses(dice: Random, scope: Scope) -> list[Event]:
    node = dice.choice(scope.nodes)
    kinds = ("", ".agent", ".worker", ".all", ".all")
    targets = [*(node + kind for kind in kinds), dice.choice(scope.coordinators), "leader"]
    target = dice.choice(targets)
    lengths = scope.pauses if target.startswith(node) else scope.pauses[:3]
    return [
        Event(Fault.PAUSE, target, dice.uniform(0, 1), dice.choice(lengths), pick=dice.random())
    ]


def _links(dice: Random, scope: Scope) -> list[Event]:
    """Between one process and all coordinators, or one of them."""
    one = dice.choice((*scope.coordinators, *scope.nodes))
    others = [name for name in scope.coordinators if name != one]
    other = dice.choice([*others, "coordinators"])
    lengths = (*scope.pauses[1:4], 1.5)
    return [
        Event(
            Fault.LINK,
            f"{one}-{other}",
            dice.uniform(0, 1),
            dice.choice(lengths),
            dice.choice(LINK_WAYS),
            dice.random(),
        )
    ]


def _full(dice: Random, scope: Scope) -> list[Event]:
    how = dice.choice(("low", "none"))  # too little to begin a write, or nothing at all
    return [Event(Fault.FULL, scope.disk, dice.uniform(0, 0.5), dice.uniform(1.5, 3), how)]


def _flip(dice: Random, scope: Scope) -> list[Event]:
    return [Event(Fault.FLIP, dice.choice(scope.coordinators), 0.0, 0.0, pick=dice.random())]


_MAKERS = {
    Fault.KILL: _kills,
    Fault.LEADER: _leader,
    Fault.ALL: _all,
    Fault.PAUSE: _pauses,
    Fault.LINK: _links,
    Fault.FULL: _full,
    Fault.FLIP: _flip,
}
