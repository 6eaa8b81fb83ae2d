"""Settings of `task-node`: flags, then environment, then a TOML file, then defaults (EX-65).

One table says everything about each setting; flags, environment names, `--help` and checks follow from it.
"""

from __future__ import annotations

import argparse
import difflib
import importlib.metadata
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from coordinator.client.durations import parse_duration
from node.setting_kinds import (
    address_list,
    attributes,
    count,
    duration,
    level,
    name,
    path,
    word_list,
)

PREFIX = "PTASKS_"
# Variables of the coordinator, and those that processes of ours hand on to each other.
OTHERS_VARIABLES = frozenset(
    {
        "LISTEN",
        "HTTP",
        "PEERS",
        "SET",
        "SNAPSHOT_EVERY",
        "SNAPSHOT_BYTES",
        "UNSAFE_FAILPOINTS",
        "NODE_UID",
        "NODE_INCARNATION",
        "FENCING_TOKEN",
        "FAILPOINT",
        "ADDR",
    }
)
HOUR_MS = 3_600_000


class SettingsError(Exception):
    """One or more settings are wrong. One line each; exit code 2."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a node was told at its start. Durations are ms."""

    name: str
    data_dir: Path
    coordinators: tuple[str, ...]
    executors: tuple[str, ...]
    attr: Mapping[str, str]
    capacity: int
    spare_workers: int
    max_starting: int
    shutdown_grace: int
    orphan_limit: int
    log_file: Path | None
    log_level: str


@dataclass(frozen=True, slots=True)
class Setting:
    """One row: how a text becomes a value, and what `--help` says. `default` None: must be given, or means none."""

    key: str
    read: Callable[[str], object]
    kind: str
    default: str | None
    help: str
    is_required: bool = False

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
        "executors",
        word_list,
        "module[:Class],...",
        "",
        "plugins to offer besides entry points; repeatable",
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
    ),
    Setting(
        "orphan_limit",
        duration(0, 24 * HOUR_MS),
        "0s..24h",
        "10m",
        "how long runs of non-exclusive executors go on without a leader",
    ),
    Setting("log_file", path, "path", None, "log file (default: stderr)"),
    Setting("log_level", level, "debug|info|warning|error", "info", "least level that is logged"),
)
_BY_KEY = {row.key: row for row in TABLE}


@dataclass(frozen=True, slots=True)
class Given:
    """A text and where it came from."""

    text: str
    source: str


def release() -> str:
    """The release that is installed."""
    try:
        return importlib.metadata.version("ptasks")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def parser() -> argparse.ArgumentParser:
    """The command line. `--help` lists every setting with type, default and meaning."""
    made = argparse.ArgumentParser(
        prog="task-node",
        description="Runs executors for a ptasks cluster. Each setting: flag, else environment variable "
        f"({PREFIX}NAME and so on), else the TOML file of --config, else its default.",
        allow_abbrev=False,
    )
    made.add_argument("--version", action="version", version=f"task-node {release()}")
    made.add_argument("--config", metavar="path", help=f"TOML file (environment: {PREFIX}CONFIG)")
    for row in TABLE:
        default = "required" if row.is_required else f"default: {row.default or 'none'}"
        made.add_argument(
            row.flag,
            metavar=row.kind,
            action="append" if row.key in ("executors", "attr") else "store",
            help=f"{row.help} ({default}; {row.variable})".replace("%", "%%"),
        )
    return made


def read_settings(
    arguments: Sequence[str], environment: Mapping[str, str]
) -> tuple[Settings, tuple[str, ...]]:
    """Settings and warnings. Raises SettingsError naming every mistake with its source."""
    flags = vars(parser().parse_args(arguments))
    config = flags.pop("config") or environment.get(PREFIX + "CONFIG")
    problems: list[str] = []
    given = _from_file(config, problems) if config else {}
    for row in TABLE:
        if row.variable in environment:
            given[row.key] = Given(environment[row.variable], row.variable)
        flag = flags[row.key]
        if flag is not None:
            given[row.key] = Given(",".join(flag) if isinstance(flag, list) else flag, row.flag)
    values = {row.key: _value(row, given.get(row.key), problems) for row in TABLE}
    if problems:
        raise SettingsError("\n".join(problems))
    return Settings(**values), _warnings(environment)  # type: ignore[arg-type]  # the table made them


def _value(row: Setting, given: Given | None, problems: list[str]) -> object:
    if given is None:
        if row.is_required:
            problems.append(f"{row.flag}: missing; give it, or set {row.variable}")
            return None
        return None if row.default is None else row.read(row.default)
    try:
        return row.read(given.text)
    except ValueError as error:
        problems.append(f"{given.source}: {error}")
        return None


def _from_file(config: str, problems: list[str]) -> dict[str, Given]:
    try:
        with open(config, "rb") as file:
            fields = tomllib.load(file)
    except OSError as error:
        problems.append(f"{config}: {error.strerror}")
        return {}
    except tomllib.TOMLDecodeError as error:
        problems.append(f"{config}: {error}")
        return {}
    given: dict[str, Given] = {}
    for key, value in fields.items():
        if key in _BY_KEY:
            given[key] = Given(_text(value), f"{config}: {key}")
        else:
            near = difflib.get_close_matches(key, _BY_KEY, n=1)
            problems.append(f"{config}: {key}: unknown" + (f"; meant {near[0]}?" if near else ""))
    return given


def _text(value: object) -> str:
    """A TOML value in the spelling of the command line."""
    if isinstance(value, Mapping):
        return ",".join(f"{key}={each}" for key, each in value.items())
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value)


def _warnings(environment: Mapping[str, str]) -> tuple[str, ...]:
    known = {row.variable for row in TABLE} | {PREFIX + other for other in OTHERS_VARIABLES}
    known.add(PREFIX + "CONFIG")
    return tuple(
        f"{each} is no setting of task-node"
        for each in sorted(environment)
        if each.startswith(PREFIX) and each not in known and not each.startswith(PREFIX + "TLS_")
    )


def default_ms(key: str) -> int:
    """The default of a duration, for those who build a node without a command line."""
    return parse_duration(_BY_KEY[key].default or "0s")
