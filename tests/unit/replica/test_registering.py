"""What a registration proves about the life before it (N6)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from coordinator.machine.commands import JoinNode
from coordinator.model.ids import Incarnation, NodeName
from coordinator.model.nodes import Node, NodeStatus
from coordinator.replica.registering import join_command
from coordinator.replica.sayings import Registration

BEFORE = Node(
    NodeName("n1"), Incarnation("1-a"), "uid", 1, NodeStatus.READY, 4, (), 0,
    boot_id="boot-2", pid_namespace="host", boot_counter=2_000, machine="machine",
)  # fmt: skip
SAME_PLACE = Registration(
    NodeName("n1"), "uid", 2, Incarnation("2-b"), 4, (),
    boot_id="boot-2", pid_namespace="host", old_is_dead=True, boot_counter=2_000, machine="machine",
)  # fmt: skip
LATER: dict[str, Any] = {"boot_id": "boot-3", "boot_counter": 3_000}


def join(said: Registration, node: Node | None = BEFORE) -> JoinNode:
    return join_command(said, node, {})


@pytest.mark.parametrize(
    "differs, proven",
    [
        ({}, True),
        ({"boot_counter": 1_000}, True),  # one boot, whatever became of the wall clock
        ({"pid_namespace": "container"}, False),
        (LATER, True),
        (LATER | {"pid_namespace": "container"}, True),  # nothing of a namespace outlives a boot
        (LATER | {"machine": "another"}, False),
        (LATER | {"machine": ""}, False),
        (LATER | {"uid": "another"}, False),
        (LATER | {"old_is_dead": False}, False),
        (LATER | {"boot_counter": 1_000}, False),  # an earlier boot came back
        (LATER | {"boot_counter": 2_000}, False),
        (LATER | {"boot_counter": 0}, False),
    ],
)
def test_n6_what_is_proof_of_death(differs: dict[str, Any], *, proven: bool) -> None:
    assert join(msgspec.structs.replace(SAME_PLACE, **differs)).old_is_dead is proven


@pytest.mark.parametrize("unknown", [{"boot_counter": 0}, {"machine": ""}])
def test_n6_over_a_boot_nothing_is_proof_where_the_order_is_unknown(
    unknown: dict[str, Any],
) -> None:
    said = msgspec.structs.replace(SAME_PLACE, **LATER | unknown)
    assert not join(said, msgspec.structs.replace(BEFORE, **unknown)).old_is_dead


def test_n6_the_log_keeps_which_boot_of_which_machine_it_was() -> None:
    command = join(SAME_PLACE, None)
    assert not command.old_is_dead
    assert (command.boot_counter, command.machine) == (2_000, "machine")
