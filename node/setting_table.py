"""The table of a node's settings: one row each; flags, environment names, `--help` and checks follow from it (EX-65)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coordinator.client.durations import format_duration
from node.commands import commands_file, names
from node.setting_kinds import (
    address_list,
    attributes,
    count,
    duration,
    fraction,
    level,
    name,
    optional_address,
    path,
    word_list,
)

PREFIX = "PTASKS_"
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Settings:
    """What a node was told at its start. Durations are ms."""

    name: str
    data_dir: Path
    coordinators: tuple[str, ...]
    http: str | None
    executors: tuple[str, ...]
    commands: Mapping[str, Mapping[str, Any]]
    attr: Mapping[str, str]
    capacity: int
    spare_workers: int
    max_starting: int
    shutdown_grace: int
    orphan_limit: int
    overload_window: int
    overload_down: float
    overload_up: float
    overload_floor: int
    worker_loop_warn: int
    log_file: Path | None
    log_level: str


def plain(value: Any) -> str:
    """A value in the spelling of the command line."""
    if isinstance(value, Mapping):
        return ",".join(f"{key}={each}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Setting:
    """One row: how a text becomes a value, and what `--help` says. `default` None: must be given, or means none."""

    key: str
    read: Callable[[str], object]
    kind: str
    default: str | None
    help: str
    is_required: bool = False
    is_reloadable: bool = False  # by SIGHUP (EX-67)
    show: Callable[[Any], str] = plain

    @property
    def flag(self) -> str:
        return "--" + self.key.replace("_", "-")

    @property
    def variable(self) -> str:
        return PREFIX + self.key.upper()


TABLE: tuple[Setting, ...] = (
    Setting(
        "name", name, "text", None, "name of the node, unique in the cluster", is_required=True
    ),
    Setting("data_dir", path, "path", None, "directory of this node alone", is_required=True),
    Setting(
        "coordinators",
        address_list,
        "host:port,...",
        "127.0.0.1:7101,127.0.0.1:7102,127.0.0.1:7103",
        "coordinators to find the leader through; loopback addresses only without TLS",
    ),
    Setting(
        "http",
        optional_address,
        "host:port",
        None,
        "health and metrics: /livez, /readyz, /startupz, /metrics",
    ),
    Setting(
        "executors",
        word_list,
        "module[:Class],...",
        "",
        "plugins to offer besides entry points; repeatable",
    ),
    Setting(
        "commands",
        commands_file,
        "path",
        "",
        "TOML file of the commands that command.run may run here; none without it",
        show=names,
    ),
    Setting("attr", attributes, "key=value,...", "", "attributes for placement; repeatable"),
    Setting("capacity", count(1, 100_000), "1..100000", "10", "normal tasks that run here at once"),
    Setting("spare_workers", count(0, 100), "0..100", "1", "idle workers kept ready"),
    Setting("max_starting", count(1, 10_000), "1..10000", "50", "runs that start at the same time"),
    Setting(
        "shutdown_grace",
        duration(0, HOUR_MS),
        "0s..1h",
        "30s",
        "after SIGTERM: time for runs to move or end",
        show=format_duration,
    ),
    Setting(
        "orphan_limit",
        duration(0, 24 * HOUR_MS),
        "0s..24h",
        "10m",
        "how long runs of non-exclusive executors go on without a leader",
        show=format_duration,
    ),
    Setting(
        "overload_window",
        duration(1_000, 600_000),
        "1s..10m",
        "10s",
        "a node with too much to carry takes less: looked at so often",
        show=format_duration,
    ),
    Setting(
        "overload_down",
        fraction(0.1, 0.99),
        "0.1..0.99",
        "0.8",
        "factor for its capacity after a window with trouble",
    ),
    Setting(
        "overload_up",
        fraction(1.01, 2),
        "1.01..2",
        "1.05",
        "factor after a window without, up to --capacity",
    ),
    Setting(
        "overload_floor",
        count(1, 100_000),
        "1..capacity",
        "5",
        "it never takes less than that, nor more than --capacity",
    ),
    Setting(
        "worker_loop_warn",
        duration(10, 60_000),
        "10ms..1m",
        "5s",
        "warn of a worker whose event loop was blocked for longer",
        show=format_duration,
    ),
    Setting("log_file", path, "path", None, "log file (default: stderr)"),
    Setting(
        "log_level",
        level,
        "debug|info|warning|error",
        "info",
        "least level that is logged",
        is_reloadable=True,
    ),
)
BY_KEY: Mapping[str, Setting] = {row.key: row for row in TABLE}
RELOADABLE = frozenset(row.key for row in TABLE if row.is_reloadable)
