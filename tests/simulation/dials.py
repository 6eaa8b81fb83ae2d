"""How hard the world is: one number for each kind of fault, and the settings that bring rare paths about.

All are drawn from the seed, whatever is switched off afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from typing_extensions import override

from tests.simulation.dice import Dice

MANY = 10_000
FAULTS = (
    "loss",  # of messages between members, of calls and their answers
    "duplicate",
    "delay",  # single messages up to 30 s late, so they arrive out of order
    "clog",  # a link that stands still for up to 5 s and then gives everything back
    "partition",  # both ways, one way, ring, halves, one member
    "slow_disk",  # up to 2 s per transaction
    "disk_full",
    "disk_error",  # an fsync fails; the next one would succeed
    "rot",
    "wipe",  # a data directory emptied
    "crash",  # of members: kill -9 between any two effects, with or without the transaction in flight
    "pause",  # of members, agents, whole nodes: SIGSTOP
    "suspend",  # of machines
    "clock",  # skew, jumps of the wall clock, rates up to 1 % off
    "node_kill",  # agent, worker or everything of a node; some stay down for long
    "node_cut",  # a node sees no coordinator
    "session",  # streams of nodes that break
    "blackout",  # all coordinators at once
    "leave",  # nodes asked to stop
    "operator",  # drains, moves of leadership, settings
    "plugin",  # foreign code that is late, raises, answers nonsense
    "liar",  # reports of runs that are not (any more) the node's
    "members",  # added, removed, replaced, the leader among them
    "ghost",  # a node twice out of one data directory, in another container or machine
)


@dataclass(frozen=True)
class Dials:
    """`faults`: name -> 0 (none) to 100. The rest is what the world is made of."""

    members: int = 3
    nodes: int = 4
    clients: int = 4
    seconds: int = 60
    faults: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FAULTS, 0))
    snapshot_every: int = 10_000
    log_kept: int = 5_000
    inflight: int = 256
    message_bytes: int = 1024 * 1024
    uncommitted_bytes: int = 64 * 1024 * 1024
    batch: int = 1_000
    equal_timeouts: bool = False
    short_leases: bool = False
    late_answers: bool = False  # of the disk: written, but told late
    hub_kept: int = 50_000
    brisk: bool = False  # callers hardly rest
    era: int = 0  # 1 to 6: half a minute before the clocks change somewhere

    def only(self, kinds: tuple[str, ...]) -> Dials:
        """The same world with no other faults than these."""
        kept = {name: value if name in kinds else 0 for name, value in self.faults.items()}
        return replace(self, faults=kept)

    def without(self, kind: str) -> Dials:
        return replace(self, faults={**self.faults, kind: 0})

    def but(self, text: str) -> Dials:
        """With `name=number` pairs, by comma, in place of what was drawn. Raises ValueError."""
        changes: dict[str, Any] = {}
        for pair in filter(None, text.split(",")):
            name, _, value = pair.partition("=")
            if name == "faults" or name not in self.__dataclass_fields__:
                raise ValueError(f"no such dial: {name}")
            changes[name] = type(getattr(self, name))(int(value))
        return replace(self, **changes)

    def differences(self, other: Dials) -> str:
        """What `but` needs to make these from the others, faults left out."""
        names = [name for name in self.__dataclass_fields__ if name != "faults"]
        return ",".join(
            f"{name}={int(getattr(self, name))}"
            for name in names
            if getattr(self, name) != getattr(other, name)
        )

    @property
    def switched_on(self) -> tuple[str, ...]:
        return tuple(name for name in FAULTS if self.faults[name])

    @override
    def __str__(self) -> str:
        plain = Dials()
        own = [
            f"{name}={getattr(self, name)}"
            for name in self.__dataclass_fields__
            if name != "faults" and getattr(self, name) != getattr(plain, name)
        ]
        return " ".join([*own, *(f"{name}:{self.faults[name]}" for name in self.switched_on)])


def _strength(dice: Dice) -> int:
    """Each kind has a stream of its own, so that a new one changes nothing of the others."""
    return dice.between(1, 100) if dice.percent(55) else 0


def draw(seed: int) -> Dials:
    """The dials of this seed. One in twenty has no faults at all, one in twenty has one of them at its end."""
    dice = Dice(seed, "dials")
    kind, extreme = dice.below(20), dice.below(MANY)
    values = {name: _strength(dice.split(name)) for name in FAULTS}
    if kind == 0:
        values = dict.fromkeys(FAULTS, 0)
    elif kind == 1:
        values[FAULTS[extreme % len(FAULTS)]] = 100
    members = dice.pick((3, 3, 3, 5, 5, 1, 4))
    rare = dice.percent(50)  # whether rare paths are sought at all
    return Dials(
        members=members,
        nodes=dice.between(2, 5),
        clients=dice.between(2, 5),
        faults=values,
        snapshot_every=dice.pick((5, 20, 60, 10_000)) if rare else 10_000,
        log_kept=dice.pick((0, 3, 40)) if rare else 5_000,
        inflight=dice.pick((1, 4, 256)) if rare else 256,
        message_bytes=dice.pick((1, 2_000, 1024 * 1024)) if rare else 1024 * 1024,
        uncommitted_bytes=dice.pick((1_024, 64 * 1024 * 1024)) if rare else 64 * 1024 * 1024,
        batch=dice.pick((1, 10, 1_000)) if rare else 1_000,
        equal_timeouts=dice.percent(4),
        short_leases=dice.percent(30),
        late_answers=dice.percent(30),
        hub_kept=dice.pick((10, 50_000)) if rare else 50_000,
        brisk=dice.percent(15),
        era=dice.below(7) if rare else 0,
    )
