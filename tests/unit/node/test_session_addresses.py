"""Where an agent looks for the leader: what it was started with, and what the last welcome named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from coordinator.client.node_values import FromLeader, Welcome
from node.logs import Log
from node.session import Events, Session

GIVEN = ("127.0.0.1:1", "127.0.0.1:2")


@pytest.fixture
def one(tmp_path: Path) -> Session:
    nothing: Any = lambda *_: None  # noqa: E731 - nobody listens
    who: Any = None  # nobody is called here
    return Session(GIVEN, who, Events(nothing, nothing, nothing), Log("agent", tmp_path / "log"))


def welcome(*coordinators: str) -> FromLeader:
    return FromLeader(
        term=1,
        welcome=Welcome(
            cluster_id="k", leader="", heartbeat_ms=500, lease_ms=6_000, reassign_ms=9_000,
            coordinators=coordinators, disconnect_grace_ms=1_000,
        ),
    )  # fmt: skip


def test_m5_coordinators_that_came_are_learned_and_those_that_left_forgotten(one: Session) -> None:
    one._welcomed(welcome("127.0.0.1:2", "127.0.0.1:3"))
    assert one._addresses == ["127.0.0.1:2", "127.0.0.1:3", "127.0.0.1:1"]
    one._welcomed(welcome("127.0.0.1:4", "127.0.0.1:5", "127.0.0.1:6"))
    assert one._addresses == ["127.0.0.1:4", "127.0.0.1:5", "127.0.0.1:6", *GIVEN]


def test_whose_turn_it_is_stays_where_that_one_is_still_there(one: Session) -> None:
    one._welcomed(welcome("127.0.0.1:3", "127.0.0.1:4"))
    one._next = one._addresses.index("127.0.0.1:2")
    one._welcomed(welcome("127.0.0.1:3"))
    assert one._addresses[one._next] == "127.0.0.1:2"
    one._next = one._addresses.index("127.0.0.1:3")
    one._welcomed(welcome())
    assert one._addresses[one._next] in GIVEN


def test_addresses_that_may_not_be_spoken_to_are_left_out(one: Session) -> None:
    one._welcomed(welcome("192.0.2.1:7101", "nonsense"))
    assert one._addresses == list(GIVEN)
