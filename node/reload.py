"""SIGHUP: the settings anew, from the same sources. What is bad, or takes a restart, is named and stays as it was (EX-67)."""

from __future__ import annotations

from coordinator.client.start_checks import refused_changes
from node.logs import Log
from node.setting_table import RELOADABLE, Settings
from node.settings import Reading


def reload_settings(settings: Settings, level: str, reading: Reading, log: Log) -> str:
    """The log level from now on; says what changed and what was refused, at any level. `level` is the one in force."""
    found = reading.values.get("log_level", level)
    running = {name: getattr(settings, name) for name in reading.values}
    refused = [*reading.mistakes, *refused_changes(running, reading.values, RELOADABLE)]
    log.set_level("debug")  # whoever asked gets the answer, whatever is logged otherwise
    log.write("info", "settings reloaded", changed=["log_level"] if found != level else [])
    if refused:
        log.write("warning", "settings not reloaded", refused=refused)
    log.set_level(found)
    return str(found)
