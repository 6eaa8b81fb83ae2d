"""`task-coordinator config check | show`: the same sources as a start, all mistakes at once, nothing started (EX-66)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from coordinator.shell.options import OPTIONS, ServerSettings
from coordinator.shell.settings import SettingsError, load_settings

EXIT_OK, EXIT_BAD = 0, 2
USAGE = "usage: task-coordinator config check|show [--origin] [settings]"


def run_config(argv: Sequence[str], environ: Mapping[str, str]) -> tuple[int, list[str], list[str]]:
    """Exit status, lines for stdout, lines for stderr."""
    verb, rest = (argv[0], list(argv[1:])) if argv else ("", [])
    if verb not in ("check", "show"):
        return EXIT_BAD, [], [USAGE]
    with_origin = "--origin" in rest
    settings: ServerSettings | None = None
    mistakes: list[str] = []
    try:
        settings = load_settings([word for word in rest if word != "--origin"], environ)
    except SettingsError as error:
        mistakes += error.lines
    if verb == "show" and settings is not None:
        return EXIT_OK, show(settings, with_origin=with_origin), list(settings.warnings)
    if settings is not None:
        mistakes += obstacles(settings)
        if not mistakes:
            return EXIT_OK, ["ok"], list(settings.warnings)
    return EXIT_BAD, [], mistakes


def show(settings: ServerSettings, *, with_origin: bool) -> list[str]:
    """`name = value`, with the source of each behind it."""
    lines = []
    for option in OPTIONS:
        value = getattr(settings, option.name)
        if option.name == "peers":
            value = ",".join(settings.peer_texts)
        elif option.name == "set":
            value = ",".join(f"{key}={text}" for key, text in value)
        elif option.many:
            value = ",".join(value)
        shown = f"{option.name} = {'' if value is None else value}"
        lines.append(f"{shown}  ({settings.origin[option.name]})" if with_origin else shown)
    return lines


def obstacles(settings: ServerSettings) -> list[str]:
    """What would keep a start from succeeding here and now: ports in use, a directory we may not write."""
    from coordinator.shell.grpc_server import PortTaken, check_port

    found = []
    for flag, address in (("--listen", settings.listen), ("--http", settings.http)):
        try:
            if address:
                check_port(address, flag)
        except PortTaken as error:
            found.append(str(error))
    found += _directory(settings.data_dir)
    return found


def _directory(path: Path) -> list[str]:
    """Of the directory itself, or of the nearest one above it that exists."""
    if path.exists() and not path.is_dir():
        return [f"--data-dir: {path} is a file: name another path, or move the file away"]
    nearest = next(one for one in (path, *path.parents) if one.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        return [f"--data-dir: {nearest} is not writable for this user"]
    if path.exists() and path.stat().st_mode & 0o077:
        mode = path.stat().st_mode & 0o777
        return [f"--data-dir: {path} has mode {mode:o}: others could read it; chmod 700 it"]
    return []
