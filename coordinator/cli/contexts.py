"""Contexts: named ways to clusters, in `~/.config/taskctl/config.toml` (EX-22).

```toml
current = "dev"

[contexts.dev]
addr = "127.0.0.1:7101,127.0.0.1:7102,127.0.0.1:7103"
```

The file is private (0600) and replaced as a whole, so that no reader ever sees half of it. `TASKCTL_CONFIG` names
another file. Whoever starts a cluster may write a context: `write_context("dev", {"addr": ...}, select_if_none=True)`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

KEYS = {"addr": str, "output": str, "time": str, "read_only": bool, "banner": str}
"""What a context can hold, and of which type."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class ConfigError(Exception):
    """The config file cannot be read or says something that we do not understand."""


class Config:
    """What the file holds: the contexts by name, and which is selected (None: none)."""

    def __init__(
        self, contexts: dict[str, dict[str, Any]] | None = None, current: str | None = None
    ) -> None:
        self.contexts = contexts or {}
        self.current = current


def config_path() -> Path:
    """Where the contexts are kept."""
    given = os.environ.get("TASKCTL_CONFIG")
    if given:
        return Path(given)
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "taskctl" / "config.toml"


def load(path: Path | None = None) -> Config:
    """The contexts; none when there is no file. Raises ConfigError."""
    path = path or config_path()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Config()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: no text in UTF-8: byte {error.start}") from None
    import tomllib

    try:
        tree = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: {error}") from None
    return _checked(tree, path)


def _checked(tree: dict[str, Any], path: Path) -> Config:
    contexts = tree.get("contexts", {})
    current = tree.get("current")
    if not isinstance(contexts, dict) or not isinstance(current, str | None):
        raise ConfigError(f"{path}: expected current = NAME and a table [contexts.NAME] for each")
    for name, values in contexts.items():
        if not isinstance(values, dict):
            raise ConfigError(f"{path}: contexts.{name}: expected a table [contexts.{name}]")
        for key, value in values.items():
            check_value(f"{path}: contexts.{name}.{key}", key, value)
    return Config(contexts, current)


def check_value(where: str, key: str, value: object) -> None:
    """Raises ConfigError when a context cannot hold this."""
    kind = KEYS.get(key)
    if kind is None:
        raise ConfigError(f"{where}: unknown; a context has {', '.join(KEYS)}")
    if not isinstance(value, kind):
        raise ConfigError(f"{where}: must be {'true or false' if kind is bool else 'text'}")


def save(config: Config, path: Path | None = None) -> None:
    """Replace the file, readable by its owner only."""
    path = path or config_path()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(_to_toml(config))
    draft.replace(path)


def _to_toml(config: Config) -> str:
    lines = [] if config.current is None else [f"current = {_text(config.current)}", ""]
    for name, values in sorted(config.contexts.items()):
        lines.append(f"[contexts.{name if _BARE_KEY.fullmatch(name) else _text(name)}]")
        lines += [
            f"{key} = {str(value).lower() if isinstance(value, bool) else _text(value)}"
            for key, value in values.items()
        ]
        lines.append("")
    return "\n".join(lines)


def _text(value: str) -> str:
    """A TOML basic string: the escapes of JSON, which are a subset of TOML's."""
    import json

    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def write_context(name: str, values: Mapping[str, Any], *, select_if_none: bool = False) -> Path:
    """Add or change a context, keeping what else it holds; select it if none is. Returns the file's path."""
    path = config_path()
    config = load(path)
    merged = {**config.contexts.get(name, {}), **values}
    for key, value in merged.items():
        check_value(f"context {name}: {key}", key, value)
    config.contexts[name] = merged
    if select_if_none and config.current is None:
        config.current = name
    save(config, path)
    return path
