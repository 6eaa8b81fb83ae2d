"""`task-coordinator config check | show`: the same sources as a start, all mistakes at once, nothing started (EX-66)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from coordinator.client.start_checks import PortTaken, check_port, directory_objection
from coordinator.shell.options import BY_NAME, OPTIONS, Option
from coordinator.shell.settings import Reading, read_sources

EXIT_OK, EXIT_BAD = 0, 2
USAGE = "usage: task-coordinator config check|show [--origin] [settings]"


def run_config(argv: Sequence[str], environ: Mapping[str, str]) -> tuple[int, list[str], list[str]]:
    """Exit status, lines for stdout, lines for stderr."""
    if {"-h", "--help"} & set(argv):
        return EXIT_OK, [USAGE, "the settings: task-coordinator --help"], []
    verb, rest = (argv[0], list(argv[1:])) if argv else ("", [])
    if verb not in ("check", "show"):
        return EXIT_BAD, [], [USAGE]
    with_origin = "--origin" in rest
    reading = read_sources([word for word in rest if word != "--origin"], environ)
    if verb == "check":
        mistakes = [*reading.mistakes, *obstacles(reading.values)]
        if mistakes:
            return EXIT_BAD, [], mistakes
        return EXIT_OK, ["ok"], list(reading.warnings)
    if reading.mistakes:
        return EXIT_BAD, [], list(reading.mistakes)
    return EXIT_OK, show(reading, with_origin=with_origin), list(reading.warnings)


def show(reading: Reading, *, with_origin: bool) -> list[str]:
    """`name = value`, with the source of each behind it."""
    lines = []
    for option in OPTIONS:
        shown = f"{option.name} = {_text(option, reading.values[option.name])}".rstrip()
        lines.append(f"{shown}  ({reading.origin[option.name]})" if with_origin else shown)
    return lines


def _text(option: Option, value: Any) -> str:
    """A value in the spelling of the command line."""
    if option.name in ("peers", "set"):
        return ",".join(f"{key}={text}" for key, text in value)
    if option.many:
        return ",".join(value)
    return "" if value is None else str(value)


def obstacles(values: Mapping[str, Any]) -> list[str]:
    """What would keep a start from succeeding here and now: ports in use, a directory we may not write."""
    found = []
    for name in ("listen", "peer_listen", "http"):
        try:
            if address := values.get(name):
                check_port(address, BY_NAME[name].flag)
        except PortTaken as error:
            found.append(str(error))
    if "data_dir" in values and (objection := directory_objection(values["data_dir"])):
        found.append(objection)
    return found
