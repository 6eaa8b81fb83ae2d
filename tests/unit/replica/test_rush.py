"""S34: after a leader change a thousand nodes come back at once, and none of them is lost because of the rush."""

from __future__ import annotations

import io
import random
from collections import Counter

import pytest
from typing_extensions import override

from coordinator.client.node_values import Registration
from coordinator.replica import inputs as i
from node.core_beats import own_share
from node.logs import Log
from node.session import PAUSE_MAX_S, Events, Session
from tests.unit.replica.world import TICK_MS, FakeNode, World

NODES = 1_000
R_MS = 9_000
BEAT_MS = 1_500  # a quarter of L: the leader stretches the beat of so many nodes


class QuietNode(FakeNode):
    """Its words are handled with those of all others that come in the same tick."""

    @property
    @override
    def incarnation(self) -> str:
        return f"1-{self.name}"

    @override
    def say(self, one: i.Input) -> None:
        self.world.leader().inbox.append(one)

    @override
    def beat(self) -> None:
        self.listen()  # what was accepted meanwhile
        super().beat()


def pauses(seed: int) -> list[int]:
    """When each of the nodes knocks again, in ms, as a node's session decides it."""
    random.seed(seed)
    said = Events(lambda _frame: None, lambda: None, lambda _allocation: (b"", 0))
    who = Registration(
        name="n",
        node_uid="u",
        counter=1,
        incarnation="1-x",
        boot_id="b",
        pid_namespace="p",
        boot_counter=1,
        old_is_dead=False,
        attributes={},
        capacity=10,
        max_starting=4,
        version="0",
        python="3",
    )
    found = []
    for _ in range(NODES):
        session = Session(["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"], who, said, Log("x", None))
        session._failures = 1
        found.append(int(session._pause() * 1_000))
    return found


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", io.StringIO())


def test_s34_reconnections_are_spread() -> None:
    knocks = Counter(pause // 10 for pause in pauses(7))
    assert max(knocks.values()) < NODES / 2
    assert max(knocks) <= PAUSE_MAX_S * 100


def test_s34_no_node_is_lost_because_of_the_rush() -> None:
    world = World(3)
    nodes = [QuietNode(world, f"n{number}") for number in range(NODES)]
    for node in nodes:
        node.register()
    world.settle()
    world.crash(world.leader().number)
    leader = world.leader()
    began = world.now.steady
    due: dict[int, list[QuietNode]] = {}
    for node, pause in zip(nodes, pauses(7), strict=True):
        due.setdefault(began + pause - pause % TICK_MS + TICK_MS, []).append(node)
    is_back: set[str] = set()
    knocks: Counter[int] = Counter()
    while world.now.steady < began + 2 * R_MS:
        now = world.now.steady
        for node in due.pop(now, ()):
            if node.name in is_back:
                node.beat()
            else:
                node.register()
                node.beat()
            wait = BEAT_MS if node.name in is_back else own_share(node.incarnation, BEAT_MS)
            is_back.add(node.name)
            due.setdefault(now + wait - wait % TICK_MS + TICK_MS, []).append(node)
            knocks[now] += 1
        world.run(TICK_MS)
    assert leader.replica.is_leader
    assert sorted(leader.replica.state.nodes) == sorted(node.name for node in nodes)
    settled = [count for at, count in knocks.items() if at > began + 2 * BEAT_MS]
    assert max(settled) < NODES / 10
    assert not [reason for reason in world.closed.values() if reason]
