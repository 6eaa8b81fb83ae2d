"""Reads a coordinator's settings: flag, then environment, then TOML file, then default (EX-65).

All mistakes are found before anything starts; each is one line that names the value, where it came from and what
would do. Read by hand and not by pydantic-settings, which keeps no source of a value and costs a start 0.2 s.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coordinator.client.release import rehearsed
from coordinator.machine.commands import Command
from coordinator.machine.features import Build, level_needed
from coordinator.model.settings import Settings, SettingValue, objection
from coordinator.shell.options import BY_NAME, OPTIONS, Option, ServerSettings

# Variables that are read by others of ours: task-node, dev, scripts.
_OF_OTHERS = frozenset(
    {
        "PTASKS_ADDR",
        "PTASKS_ATTR",
        "PTASKS_CAPACITY",
        "PTASKS_CONFIG",
        "PTASKS_COORDINATORS",
        "PTASKS_FAILPOINT",
        "PTASKS_FENCING_TOKEN",
        "PTASKS_MAX_STARTING",
        "PTASKS_NODE_INCARNATION",
        "PTASKS_NODE_UID",
        "PTASKS_ORPHAN_LIMIT",
        "PTASKS_OVERLOAD_DOWN",
        "PTASKS_OVERLOAD_FLOOR",
        "PTASKS_OVERLOAD_UP",
        "PTASKS_OVERLOAD_WINDOW",
        "PTASKS_COMMANDS",
        "PTASKS_PYTHON",
        "PTASKS_SHUTDOWN_GRACE",
        "PTASKS_SPARE_WORKERS",
        "PTASKS_WORKER_LOOP_WARN",
    }
)
_HELP_WIDTH = 26
_BAD = object()

Found = dict[str, tuple[list[str], str]]  # option -> its texts, where they came from


class SettingsError(Exception):
    """All that is wrong, one line each."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)


class HelpWanted(Exception):
    """--help was given."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the sources say: the values that are well formed, and all that is wrong with the others."""

    values: Mapping[str, Any]
    origin: Mapping[str, str]
    mistakes: tuple[str, ...]
    warnings: tuple[str, ...]


def read_sources(argv: Sequence[str], environ: Mapping[str, str]) -> Reading:
    """Flags, environment, file and defaults. Raises HelpWanted."""
    mistakes: list[str] = []
    flags = _from_flags(argv, mistakes)
    variables, warnings = _from_environment(environ)
    config = flags.pop("config", None) or _config_variable(environ)
    file = _from_file(Path(config[0][-1]), mistakes) if config is not None else {}
    values, origin = _parse_all({**file, **variables, **flags}, mistakes)
    if not mistakes:
        mistakes += _contradictions(values, origin)
    if not values.get("peers", True) and {"name", "listen"} <= values.keys():
        values["peers"] = ((values["name"], values["listen"]),)
    return Reading(values, origin, tuple(mistakes), tuple(warnings))


def load_settings(argv: Sequence[str], environ: Mapping[str, str]) -> ServerSettings:
    """The settings of this process. Raises SettingsError or HelpWanted."""
    reading = read_sources(argv, environ)
    if reading.mistakes:
        raise SettingsError(reading.mistakes)
    try:
        level, commands = rehearsed(environ)
    except ValueError as error:
        raise SettingsError([str(error)]) from None
    return ServerSettings(
        **reading.values,
        origin=reading.origin,
        warnings=reading.warnings,
        build=build_of(level, commands),
    )


def build_of(level: int, commands: Mapping[str, int]) -> Build:
    """The build that follows up to `level`; `commands`: what those of this name need instead of their own."""

    def needed(command: Command) -> int:
        return commands.get(type(command).__name__, level_needed(command))

    return Build(level, needed) if commands else Build(level)


def help_text() -> str:
    """What --help prints: every setting with type, default and environment twin."""
    lines = [
        "usage: task-coordinator --data-dir DIR [settings]",
        "       task-coordinator config check|show [--origin] [settings]",
        "       task-coordinator snapshot inspect FILE | restore FILE ... | recover ... | log verify",
        "",
        "One coordinator of a ptasks cluster. Settings come from flags, then environment,",
        "then a TOML file (--config FILE, PTASKS_CONFIG) with the flags' names, then defaults.",
        "",
    ]
    for option in OPTIONS:
        head = f"  {option.flag} {option.kind}"
        default = "required" if option.default is None and not option.many else option.default
        notes = [option.variable]
        if option.many:
            notes.append("may be repeated")
        if default:
            notes.append(default if default == "required" else f"default {default}")
        gap = head.ljust(_HELP_WIDTH) if len(head) < _HELP_WIDTH else f"{head}\n{'':{_HELP_WIDTH}}"
        lines.append(f"{gap}{option.meaning}")
        lines.append(f"{'':{_HELP_WIDTH}}[{', '.join(notes)}]")
    lines += [
        "  --config FILE".ljust(_HELP_WIDTH) + "TOML file with any of these [PTASKS_CONFIG]",
        "  --version".ljust(_HELP_WIDTH) + "print the version and exit",
        "",
        "exit codes: 0 asked to stop, 1 bug, 2 bad settings, 70 replica differs, 74 storage,",
        "78 data directory of another member or cluster, newer, or in use.",
    ]
    return "\n".join(lines)


def _from_flags(argv: Sequence[str], mistakes: list[str]) -> Found:
    found: Found = {}
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if word in ("-h", "--help"):
            raise HelpWanted
        flag, equals, text = word.partition("=")
        name = flag.removeprefix("--").replace("-", "_")
        if not flag.startswith("--") or (name not in BY_NAME and name != "config"):
            mistakes.append(_unknown(f"{word}: no such flag", flag, [o.flag for o in OPTIONS]))
            continue
        if not equals:
            if not rest:
                mistakes.append(f"{flag}: needs a value")
                continue
            text = rest.pop(0)
        found.setdefault(name, ([], flag))[0].append(text)
    return found


def _from_environment(environ: Mapping[str, str]) -> tuple[Found, list[str]]:
    """Values, and a warning for each PTASKS_ variable that nobody knows."""
    found: Found = {}
    known = {option.variable: option for option in OPTIONS}
    warnings = []
    for variable in sorted(v for v in environ if v.startswith("PTASKS_")):
        option = known.get(variable)
        if option is not None:
            text = environ[variable]
            texts = [t for t in text.split(",") if t] if option.many else [text]
            found[option.name] = (texts, variable)
        elif variable not in _OF_OTHERS and not variable.startswith("PTASKS_DEV_"):
            warnings.append(_unknown(f"{variable}: nobody reads it", variable, list(known)))
    return found, warnings


def _config_variable(environ: Mapping[str, str]) -> tuple[list[str], str] | None:
    path = environ.get("PTASKS_CONFIG")
    return ([path], "PTASKS_CONFIG") if path else None


def _from_file(path: Path, mistakes: list[str]) -> Found:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        mistakes.append(f"{path}: {(error.strerror or str(error)).lower()}")
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        mistakes.append(f"{path}: not TOML: {error}")
        return {}
    found: Found = {}
    for key, value in _flattened(document, ""):
        if key not in BY_NAME:
            mistakes.append(_unknown(f"{path.name}: {key}: no such setting", key, list(BY_NAME)))
            continue
        found[key] = (_texts(value), f"{path.name}: {key}")
    return found


def _flattened(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """Keys of tables joined with `_`; `set` and `peers` may be tables of their own."""
    for key, value in table.items():
        name = prefix + key
        if isinstance(value, dict) and name == "set":
            yield name, [f"{k}={v}" for k, v in _dotted(value, "")]
        elif isinstance(value, dict) and name == "peers":
            yield name, ",".join(f"{k}={v}" for k, v in value.items())
        elif isinstance(value, dict):
            yield from _flattened(value, name + "_")
        else:
            yield name, value


def _dotted(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _dotted(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _texts(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _parse_all(found: Found, mistakes: list[str]) -> tuple[dict[str, Any], dict[str, str]]:
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for option in OPTIONS:
        texts, where = found.get(option.name, ([], "default"))
        origin[option.name] = where
        text = texts[-1] if texts else option.default
        if text is None and not option.many:
            mistakes.append(f"{option.flag}: missing; give {option.kind}: {option.meaning}")
            continue
        parsed = [_parsed(option, t, where, mistakes) for t in (texts if option.many else [text])]
        if _BAD not in parsed:
            values[option.name] = tuple(parsed) if option.many else parsed[0]
    return values, origin


def _parsed(option: Option, text: str | None, where: str, mistakes: list[str]) -> Any:
    """The value, or `_BAD` with a line in `mistakes`."""
    if not text and option.default == "":  # an empty text unsets what may be unset
        return () if option.name == "peers" else None if option.name == "log_file" else ""
    try:
        return option.parse(text or "")
    except ValueError as error:
        mistakes.append(f"{where}: {text}: {error}")
        return _BAD


def _contradictions(values: Mapping[str, Any], origin: Mapping[str, str]) -> list[str]:
    """What is wrong between values that are each well formed."""
    peers, name, listen = dict(values["peers"]), values["name"], values["listen"]
    found = []
    if peers and name not in peers:
        found.append(
            f"{origin['peers']}: {name} is not among {', '.join(peers)}; the list names every member, this one too"
        )
    elif peers and peers[name] != listen:
        found.append(
            f"{origin['peers']}: {name}={peers[name]} differs from --listen {listen}; make them one"
        )
    first = {key: SettingValue(value, "", 0) for key, value in values["set"]}
    wrong = objection(Settings(first))
    if wrong is not None:
        found.append(f"{origin['set']}: {wrong}")
    return found + _ports_shared(values, origin)


def _ports_shared(values: Mapping[str, Any], origin: Mapping[str, str]) -> list[str]:
    taken = {values["listen"]: "--listen"}
    found = []
    for name in ("peer_listen", "http"):
        address = values[name]
        if address in taken:
            found.append(
                f"{origin[name]}: {address} is taken by {taken[address]}; give it another port"
            )
        elif address:
            taken[address] = BY_NAME[name].flag
    return found


def _unknown(what: str, word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"{what}; did you mean {near[0]}?" if near else what
