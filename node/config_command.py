"""`task-node config check | show`: the same sources as a start, all mistakes at once, nothing started (EX-66)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from coordinator.client.start_checks import PortTaken, check_port, directory_objection
from node.effects import EXIT_ASKED, EXIT_BAD_SETTINGS
from node.setting_table import BY_KEY, TABLE
from node.settings import Reading, read_sources

USAGE = "usage: task-node config check|show [--origin] [settings]"


def run_config(argv: Sequence[str], environ: Mapping[str, str]) -> tuple[int, list[str], list[str]]:
    """Exit status, lines for stdout, lines for stderr."""
    if {"-h", "--help"} & set(argv):
        return EXIT_ASKED, [USAGE, "the settings: task-node --help"], []
    verb, rest = (argv[0], argv[1:]) if argv else ("", ())
    if verb not in ("check", "show"):
        return EXIT_BAD_SETTINGS, [], [USAGE]
    with_origin = "--origin" in rest
    reading = read_sources([word for word in rest if word != "--origin"], environ)
    mistakes = [*reading.mistakes]
    if verb == "check":
        mistakes += obstacles(reading.values)
    if mistakes:
        return EXIT_BAD_SETTINGS, [], mistakes
    shown = ["ok"] if verb == "check" else show(reading, with_origin=with_origin)
    return EXIT_ASKED, shown, list(reading.warnings)


def show(reading: Reading, *, with_origin: bool) -> list[str]:
    """`name = value`, with the source of each behind it."""
    lines = []
    for row in TABLE:
        shown = f"{row.key} = {row.show(reading.values[row.key])}".rstrip()
        lines.append(f"{shown}  ({reading.origin[row.key]})" if with_origin else shown)
    return lines


def obstacles(values: Mapping[str, Any]) -> list[str]:
    """What would keep a start from succeeding here and now: a port in use, a directory we may not write."""
    found = []
    try:
        if values.get("http"):
            check_port(values["http"], BY_KEY["http"].flag)
    except PortTaken as error:
        found.append(str(error))
    if "data_dir" in values and (objection := directory_objection(values["data_dir"])):
        found.append(objection)
    return found
