"""What the agent's parts are told for ever, made from the handshake."""

from __future__ import annotations

import os

from coordinator.client.node_values import Registration
from coordinator.client.release import supported_level
from node import commands
from node.agent_handshake import Handshake
from node.core_desk import CoreConfig
from node.process_marks import INCARNATION_MARK, UID_MARK
from node.worker_pool import PoolConfig


def core_config(handshake: Handshake) -> CoreConfig:
    """What NodeCore is told for ever. A capacity counts normal tasks, of two units each."""
    return CoreConfig(
        incarnation=handshake.incarnation,
        units=2 * handshake.capacity,
        spare_workers=handshake.spare_workers,
        max_starting=handshake.max_starting,
        shutdown_grace_ms=handshake.shutdown_grace_ms,
        orphan_limit_ms=handshake.orphan_limit_ms,
        overload_window_ms=handshake.overload_window_ms,
        overload_down=handshake.overload_down,
        overload_up=handshake.overload_up,
        overload_floor=handshake.overload_floor,
    )


def pool_config(handshake: Handshake) -> PoolConfig:
    """Workers carry the marks by which a later incarnation would find them."""
    environment = {
        **os.environ,
        UID_MARK: handshake.node_uid,
        INCARNATION_MARK: handshake.incarnation,
        **commands.environment(handshake.commands),
    }
    adopter = handshake.supervisor_pid if handshake.adopts else None
    warn_ms = handshake.worker_loop_warn_ms
    return PoolConfig(handshake.executors, environment, adopter, warn_ms)


def registration(handshake: Handshake, version: str, python: str) -> Registration:
    return Registration(
        name=handshake.name,
        node_uid=handshake.node_uid,
        counter=handshake.counter,
        incarnation=handshake.incarnation,
        boot_id=handshake.boot_id,
        pid_namespace=handshake.pid_namespace,
        boot_counter=handshake.boot_counter,
        machine=handshake.machine,
        old_is_dead=handshake.old_is_dead,
        attributes=handshake.attributes,
        capacity=handshake.capacity,
        max_starting=handshake.max_starting,
        version=version,
        python=python,
        feature_level=supported_level(os.environ),
    )
