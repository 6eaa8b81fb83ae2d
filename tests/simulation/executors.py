"""The executors of the simulated world: what their manifests say, and how a run of theirs behaves.

A run's behaviour is drawn from its allocation id, so it does not depend on what else happens.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from coordinator.client.node_values import Offer
from coordinator.model.schedules import Schedule
from tests.simulation.dice import Dice
from tests.simulation.timeline import MS, SECOND

Policy = dict[str, Any]
EXPONENTIAL = {"kind": "exponential", "first_ms": 500, "base_ms": 1_000, "cap_ms": 4_000}


@dataclass(frozen=True)
class Executor:
    """`ends`: weights of how a run ends by itself. Durations are true microseconds."""

    name: str
    policy: Policy
    shortest: int
    longest: int
    ends: tuple[tuple[str, int], ...] = (("succeeded", 1),)
    stop_shortest: int = 0
    stop_longest: int = 200 * MS
    heeds_stop: bool = True
    writes_state: int = 0  # every so many us; 0: never
    own_validate: bool = False
    own_assignment: bool = False
    children: tuple[str, ...] = ()  # executors of the tasks that a run starts under its own

    @property
    def exclusive(self) -> bool:
        return bool(self.policy.get("exclusive", True))

    def offer(self) -> Offer:
        body = json.dumps(
            {
                "name": self.name,
                "policy": self.policy,
                "own_validate": self.own_validate,
                "own_assignment": self.own_assignment,
            },
            sort_keys=True,
        ).encode()
        return Offer(self.name, 1, hashlib.sha256(body).hexdigest(), body)


def _policy(*, exclusive: bool = True, **more: Any) -> Policy:
    return {"exclusive": exclusive, "cancel_grace_ms": 2_000, **more}


SPEAKER = "sim.speaker"
MIXED = (("succeeded", 5), ("failed", 4), ("aborted", 1))
CATALOGUE = (
    Executor("sim.quick", _policy(exclusive=False), MS, 300 * MS),
    Executor("sim.steady", _policy(), 15 * SECOND, 120 * SECOND, writes_state=2 * SECOND),
    Executor(
        "sim.brief",
        _policy(concurrency=[{"scope": "cluster", "key": "", "max": 2}]),
        20 * MS,
        3 * SECOND,
        writes_state=700 * MS,
        own_validate=True,
    ),
    Executor(
        "sim.flaky", _policy(max_attempts=5, backoff=EXPONENTIAL), 5 * MS, 800 * MS, ends=MIXED
    ),
    Executor("sim.deaf", _policy(cancel_grace_ms=700), SECOND, 60 * SECOND, heeds_stop=False),
    Executor(
        "sim.slow-stop",
        _policy(),
        SECOND,
        40 * SECOND,
        stop_shortest=SECOND,
        stop_longest=4 * SECOND,
    ),
    Executor(
        "sim.crasher",
        _policy(isolation="process", max_attempts=4, backoff=EXPONENTIAL),
        50 * MS,
        5 * SECOND,
        ends=(("succeeded", 2), ("crash", 2), ("failed", 1)),
    ),
    Executor(
        "sim.tolerant", _policy(exclusive=False), 5 * SECOND, 90 * SECOND, writes_state=3 * SECOND
    ),
    Executor(
        "sim.limited",
        _policy(timeout_ms=1_500, max_attempts=2, backoff=EXPONENTIAL),
        SECOND,
        4 * SECOND,
    ),
    Executor(
        "sim.parent",
        _policy(max_attempts=2, backoff=EXPONENTIAL),
        300 * MS,
        15 * SECOND,
        ends=(("succeeded", 2), ("failed", 2)),
        children=("sim.quick", "sim.steady"),
    ),
    Executor(
        SPEAKER,
        _policy(max_attempts=2, backoff=EXPONENTIAL),
        20 * MS,
        2 * SECOND,
        ends=(
            ("succeeded", 6),
            ("again", 4),
            ("pause", 1),
            ("end", 1),
            ("hourly", 1),
            ("often", 2),
            ("permanent", 1),
        ),
    ),
    Executor(
        "sim.chooser", _policy(), 100 * MS, 20 * SECOND, own_validate=True, own_assignment=True
    ),
)


SAYS: dict[str, dict[str, Any]] = {
    "again": {"again_in_ms": 2_500},
    "pause": {"then": "pause"},
    "end": {"then": "end"},
    "hourly": {"schedule": b'{"every": "1h"}'},
    "often": {"schedule": b'{"every": "3s", "misfire": "all", "overlap": "queue_one"}'},
}
"""What a run that has succeeded may ask for besides (TM-4)."""
SAID = (
    Schedule(every_ms=3_600_000),
    Schedule(every_ms=3_000, misfire="all", overlap="queue_one"),
)
"""The schedules of them, as they are in the record then."""


class LIMITED:
    """The executor of which only so many runs may be placed at a time (TM-60)."""

    name, declared = "sim.brief", 2


RECURRING = (
    "sim.quick",
    "sim.quick",
    "sim.speaker",
    "sim.brief",
    "sim.flaky",
    "sim.limited",
    "sim.crasher",
)
BY_NAME = {each.name: each for each in CATALOGUE}
PLUGINS_KNOWN = tuple(
    (each.name, 1, each.own_validate, each.own_assignment)
    for each in CATALOGUE
    if each.own_validate or each.own_assignment
)


@dataclass(frozen=True)
class Behaviour:
    """What one run is going to do if nobody stops it."""

    end: str
    lasts: int
    stops_in: int  # after it was asked to; -1: never by itself


def behaviour(seed: int, allocation_id: int, executor: Executor) -> Behaviour:
    dice = Dice(seed, f"run/{allocation_id}")
    ends = [end for end, weight in executor.ends for _ in range(weight)]
    lasts = dice.between(executor.shortest, executor.longest)
    stops = dice.between(executor.stop_shortest, executor.stop_longest)
    return Behaviour(dice.pick(ends), lasts, stops if executor.heeds_stop else -1)
