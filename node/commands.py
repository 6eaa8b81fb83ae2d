"""Which commands `command.run` may run on this node: the operator's file, read when the node starts.

TOML, one table per command. `argv` is what is started, its first word an absolute path. `arguments`: a pattern that each
further argument a task gives must match as a whole; without it a task gives none. `arguments_max`: how many, 20.
`directory`: where it runs, `/`. `environment`: what it gets besides the little every command gets.

    [backup]
    argv = ["/usr/local/bin/backup", "--verbose"]
    arguments = "[a-z0-9][a-z0-9_-]*"

Workers get it as JSON in their environment; the coordinators learn the names, as attributes `command.NAME` of the node.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

VARIABLE = "PTASKS_ALLOWED_COMMANDS"
ATTRIBUTE_PREFIX = "command."
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_JSON_BYTES_MAX = 64 * 1024  # one variable of the environment holds twice that

Commands = dict[str, dict[str, Any]]


def commands_file(text: str) -> Commands:
    """The value of `--commands`. Raises ValueError that names the file, the command and the key."""
    if not text:
        return {}
    try:
        document = tomllib.loads(Path(text).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{text}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{text}: not TOML: {error}") from None
    try:
        commands = {name: _command(name, table) for name, table in document.items()}
    except ValueError as error:
        raise ValueError(f"{text}: {error}") from None
    if len(json.dumps(commands)) > _JSON_BYTES_MAX:
        raise ValueError(f"{text}: more than {_JSON_BYTES_MAX} bytes of commands")
    return commands


def names(commands: Mapping[str, object]) -> str:
    """As `config show` shows it."""
    return ",".join(sorted(commands))


def attributes(commands: Mapping[str, object]) -> dict[str, str]:
    """What the coordinators are told of them."""
    return {f"{ATTRIBUTE_PREFIX}{name}": "allowed" for name in sorted(commands)}


def environment(commands: Mapping[str, object]) -> dict[str, str]:
    """What workers are told of them; nothing is told over from the environment of the node itself."""
    return {VARIABLE: json.dumps(commands)}


def _command(name: str, table: object) -> dict[str, Any]:
    if not _NAME.fullmatch(name):
        raise ValueError(f"[{name}]: a name is of a-z, 0-9, _ and -, at most 63 characters")
    if not isinstance(table, dict):
        told = f"{name}: not a table; write [{name}] and argv = [...] below it"
        raise ValueError(told)  # noqa: TRY004  (whoever reads settings knows ValueError)
    unknown = sorted(set(table) - _CHECKS.keys())
    if unknown:
        raise ValueError(f"[{name}] {unknown[0]}: unknown; known are {', '.join(_CHECKS)}")
    if "argv" not in table:
        raise ValueError(f"[{name}] argv: missing")
    for key, value in table.items():
        if not _CHECKS[key](value):
            raise ValueError(f"[{name}] {key}: {_WANTED[key]}")
    return {"arguments": None, "arguments_max": 20, "directory": "/", "environment": {}, **table}


def _is_argv(value: object) -> bool:
    return _are_words(value) and bool(value) and Path(_first(value)).is_absolute()


def _first(words: Any) -> str:
    return str(words[0])


def _are_words(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, str) and "\0" not in one for one in value
    )


def _is_pattern(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(re.compile(value))
    except re.error:
        return False


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= 1_000


def _is_directory(value: object) -> bool:
    return isinstance(value, str) and Path(value).is_absolute()


def _is_environment(value: object) -> bool:
    return isinstance(value, dict) and _are_words([*value.keys(), *value.values()])


_CHECKS = {
    "argv": _is_argv,
    "arguments": _is_pattern,
    "arguments_max": _is_count,
    "directory": _is_directory,
    "environment": _is_environment,
}
_WANTED = {
    "argv": "a list of texts, the first an absolute path",
    "arguments": "a regular expression that a whole argument must match",
    "arguments_max": "a whole number from 0 to 1000",
    "directory": "an absolute path",
    "environment": "a table of texts",
}
