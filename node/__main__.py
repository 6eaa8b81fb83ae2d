"""`task-node` (`python -m node`): reads its settings, takes its data directory, and supervises an agent."""

from __future__ import annotations

import os
import sys

from coordinator.client.start_checks import PortTaken, listen_on, tell_config
from node.data_dir import DataDir, DataDirError
from node.effects import EXIT_BAD_SETTINGS
from node.logs import Log
from node.setting_table import Settings
from node.settings import SettingsError, read_settings
from node.supervisor import Supervisor


def main() -> int:
    """Exit codes are those of EX-69; whatever keeps the node from starting is one line each on stderr."""
    if sys.argv[1:2] == ["config"]:
        from node.config_command import run_config

        return tell_config("task-node", *run_config(sys.argv[2:], os.environ))
    try:
        settings, warnings = read_settings(sys.argv[1:], os.environ)
    except SettingsError as error:
        return _complain(str(error), EXIT_BAD_SETTINGS)
    try:
        log = Log("supervisor", settings.log_file, settings.log_level, node=settings.name)
    except OSError as error:
        return _complain(f"log_file: {settings.log_file}: {error.strerror}", EXIT_BAD_SETTINGS)
    for warning in warnings:
        log.write("warning", "unknown environment variable", detail=warning)
    try:
        return _supervise(settings, log)
    except DataDirError as error:
        return _complain(f"data_dir: {error}", error.exit_code)
    except PortTaken as error:
        return _complain(str(error), EXIT_BAD_SETTINGS)
    finally:
        log.close()


def _supervise(settings: Settings, log: Log) -> int:
    """Raises DataDirError, PortTaken."""
    data_dir = DataDir.take(settings.data_dir, settings.name)
    listener = listen_on(settings.http, "--http") if settings.http else None
    data_dir.write_pid()
    try:
        return Supervisor(settings, data_dir, log, listener).run()
    finally:
        data_dir.clear_pid()


def _complain(lines: str, code: int) -> int:
    """Lines for a person; gives the exit code back."""
    print("".join(f"task-node: {line}\n" for line in lines.splitlines()), end="", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
