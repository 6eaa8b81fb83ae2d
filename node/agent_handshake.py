"""What the supervisor tells the agent it starts. One JSON text in the environment, taken out before anything else."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

import msgspec

VARIABLE = "PTASKS_AGENT_HANDSHAKE"
BEAT = b"."


class Handshake(msgspec.Struct, frozen=True, kw_only=True):
    """Identity, settings (durations in ms) and inherited descriptors of one incarnation.

    `beat_fd` is read: a byte per beat of the supervisor, `BEAT` or the first letter of a log level that counts from then
    on. `lock_fd` is only held. `http_fd` listens for probes. `adopts`: the supervisor inherits orphans. `group`: the
    directory of the control group to be in.
    """

    name: str
    node_uid: str
    counter: int
    incarnation: str
    boot_id: str
    pid_namespace: str
    boot_counter: int
    machine: str
    old_is_dead: bool
    data_dir: str
    coordinators: tuple[str, ...]
    executors: tuple[str, ...]
    commands: dict[str, dict[str, Any]]
    attributes: dict[str, str]
    capacity: int
    spare_workers: int
    max_starting: int
    shutdown_grace_ms: int
    orphan_limit_ms: int
    overload_window_ms: int
    overload_down: float
    overload_up: float
    overload_floor: int
    worker_loop_warn_ms: int
    log_file: str | None
    log_level: str
    http_fd: int | None
    beat_fd: int
    lock_fd: int
    supervisor_pid: int
    adopts: bool
    group: str | None


def give(handshake: Handshake, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with which the agent is started."""
    return {**environment, VARIABLE: msgspec.json.encode(handshake).decode()}


def take(environment: MutableMapping[str, str]) -> Handshake:
    """In the agent. Raises KeyError if nobody gave one: an agent is never started by hand."""
    return msgspec.json.decode(environment.pop(VARIABLE), type=Handshake)
