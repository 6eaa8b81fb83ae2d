"""Settings of `task-node`: flags, then environment, then a TOML file, then defaults (EX-65).

Everything that is wrong is found at once; each mistake is one line that names the value and where it came from.
"""

from __future__ import annotations

import argparse
import difflib
import importlib.metadata
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from typing_extensions import override

from node.setting_table import BY_KEY, PREFIX, TABLE, Setting, Settings, plain

# Variables of the coordinator, and those that processes of ours hand on to each other.
OTHERS_VARIABLES = frozenset(
    {
        "LISTEN",
        "PEER_LISTEN",
        "PEERS",
        "SET",
        "SNAPSHOT_EVERY",
        "SNAPSHOT_BYTES",
        "KEEP_ENTRIES",
        "UNSAFE_FAILPOINTS",
        "NODE_UID",
        "NODE_INCARNATION",
        "FENCING_TOKEN",
        "ALLOWED_COMMANDS",
        "FAILPOINT",
        "ADDR",
        "PYTHON",
        "CONFIG",
    }
)
OTHERS_PREFIXES = (PREFIX + "TLS_", PREFIX + "DEV_")


class SettingsError(Exception):
    """One or more settings are wrong. One line each; exit code 2."""


@dataclass(frozen=True, slots=True)
class Given:
    """A text and where it came from."""

    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What the sources say: the values that are well formed, where each is from, and all that is wrong with the others."""

    values: Mapping[str, Any]
    origin: Mapping[str, str]
    mistakes: tuple[str, ...]
    warnings: tuple[str, ...]


def release() -> str:
    """The release that is installed."""
    try:
        return importlib.metadata.version("ptasks")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


class _Parser(argparse.ArgumentParser):
    @override
    def error(self, message: str) -> NoReturn:
        raise SettingsError(message)


def parser() -> argparse.ArgumentParser:
    """The command line. `--help` lists every setting with type, default and meaning."""
    made = _Parser(
        prog="task-node",
        usage="task-node [settings]\n       task-node config check|show [--origin] [settings]",
        description="Runs executors for a ptasks cluster. Each setting: flag, else environment variable "
        f"({PREFIX}NAME and so on), else the TOML file of --config, else its default.",
        epilog="exit codes: 0 asked to stop, 1 bug, 2 bad settings, 74 storage, "
        "78 data directory of another node, newer, or in use",
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
    reading = read_sources(arguments, environment)
    if reading.mistakes:
        raise SettingsError("\n".join(reading.mistakes))
    return Settings(**reading.values), reading.warnings


def read_sources(arguments: Sequence[str], environment: Mapping[str, str]) -> Reading:
    """All sources as they are now; mistakes are told, not raised. Ends the process for --help and --version."""
    mistakes: list[str] = []
    flags = _from_flags(arguments, mistakes)
    config = flags.pop("config", None) or environment.get(PREFIX + "CONFIG")
    given = _from_file(config, mistakes) if config else {}
    for row in TABLE:
        if row.variable in environment:
            given[row.key] = Given(environment[row.variable], row.variable)
        flag = flags.get(row.key)
        if flag is not None:
            given[row.key] = Given(",".join(flag) if isinstance(flag, list) else flag, row.flag)
    values: dict[str, Any] = {}
    for row in TABLE:
        try:
            values[row.key] = _value(row, given.get(row.key))
        except ValueError as error:
            mistakes.append(str(error))
    origin = {row.key: given[row.key].source if row.key in given else "default" for row in TABLE}
    return Reading(values, origin, tuple(mistakes), _warnings(environment))


def _from_flags(arguments: Sequence[str], mistakes: list[str]) -> dict[str, Any]:
    try:
        known, unknown = parser().parse_known_args(arguments)
    except SettingsError as error:
        mistakes.append(str(error))
        return {}
    wrong = [word for word in unknown if word.startswith("-")] or unknown
    for word in wrong:
        near = _nearest(word.partition("=")[0], [row.flag for row in TABLE])
        mistakes.append(f"{word}: no such flag{near}")
    return vars(known)


def _value(row: Setting, given: Given | None) -> object:
    """Raises ValueError, naming the source."""
    if given is None:
        if row.is_required:
            raise ValueError(f"{row.flag}: missing; give it, or set {row.variable}")
        return None if row.default is None else row.read(row.default)
    try:
        return row.read(given.text)
    except ValueError as error:
        raise ValueError(f"{given.source}: {error}") from None


def _from_file(config: str, mistakes: list[str]) -> dict[str, Given]:
    try:
        document = tomllib.loads(Path(config).read_text(encoding="utf-8"))
    except OSError as error:
        mistakes.append(f"{config}: {error.strerror}")
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        mistakes.append(f"{config}: not TOML: {error}")
        return {}
    given: dict[str, Given] = {}
    for key, value in _flattened(document, ""):
        source = f"{Path(config).name}: {key}"
        if key in BY_KEY:
            given[key] = Given(plain(value), source)
        else:
            mistakes.append(f"{source}: unknown{_nearest(key, list(BY_KEY))}")
    return given


def _flattened(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """Keys of tables joined with `_`; `attr` is a table of its own."""
    for key, value in table.items():
        if isinstance(value, dict) and prefix + key not in BY_KEY:
            yield from _flattened(value, f"{prefix}{key}_")
        else:
            yield prefix + key, value


def _nearest(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; meant {near[0]}?" if near else ""


def _warnings(environment: Mapping[str, str]) -> tuple[str, ...]:
    known = {row.variable for row in TABLE} | {PREFIX + other for other in OTHERS_VARIABLES}
    return tuple(
        f"{each} is no setting of task-node"
        for each in sorted(environment)
        if each.startswith(PREFIX) and each not in known and not each.startswith(OTHERS_PREFIXES)
    )
