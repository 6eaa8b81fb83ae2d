"""`task-node` (`python -m node`): reads its settings, takes its data directory, and supervises an agent."""

from __future__ import annotations

import os
import sys

from node.data_dir import DataDir, DataDirError
from node.effects import EXIT_BAD_SETTINGS, EXIT_DATA_DIR
from node.logs import Log
from node.settings import SettingsError, read_settings
from node.supervisor import Supervisor


def main() -> int:
    """Exit codes: 0 asked to stop, 1 bug, 2 bad settings, 78 data directory of somebody else or in use (EX-69)."""
    try:
        settings, warnings = read_settings(sys.argv[1:], os.environ)
    except SettingsError as error:
        print("\n".join(f"task-node: {line}" for line in str(error).splitlines()), file=sys.stderr)
        return EXIT_BAD_SETTINGS
    try:
        log = Log("supervisor", settings.log_file, settings.log_level, node=settings.name)
    except OSError as error:
        print(f"task-node: log_file: {settings.log_file}: {error.strerror}", file=sys.stderr)
        return EXIT_BAD_SETTINGS
    try:
        data_dir = DataDir.take(settings.data_dir, settings.name)
    except DataDirError as error:
        print(f"task-node: data_dir: {error}", file=sys.stderr)
        return EXIT_DATA_DIR
    for warning in warnings:
        log.write("warning", "unknown environment variable", detail=warning)
    data_dir.write_pid()
    try:
        return Supervisor(settings, data_dir, log).run()
    except DataDirError as error:
        print(f"task-node: data_dir: {error}", file=sys.stderr)
        return EXIT_DATA_DIR
    finally:
        data_dir.clear_pid()
        log.close()


if __name__ == "__main__":
    sys.exit(main())
