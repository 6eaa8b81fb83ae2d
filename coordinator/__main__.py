"""`task-coordinator`, also `python -m coordinator`: one coordinator process."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import NoReturn

# Before grpc is imported: its trouble comes to us as errors, not as lines on stderr; nothing here forks without exec;
# and the threads of its newer engine, between socket and loop, cost a call of ours a sixth of its time.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
os.environ.setdefault(
    "GRPC_EXPERIMENTS", "-event_engine_listener,-event_engine_client,-event_engine_callback_cq"
)

OFFLINE = {
    "snapshot": ("coordinator.shell.inspect_command", "INSPECT"),
    "restore": ("coordinator.shell.restore_command", "RESTORE"),
    "log": ("coordinator.shell.verify_command", "VERIFY"),
    "recover": ("coordinator.shell.recover_command", "RECOVER"),
}


def main() -> NoReturn:
    """Read the settings, say what is wrong with them in one line each, else run."""
    from coordinator.shell.settings import HelpWanted, SettingsError, help_text, load_settings

    arguments = sys.argv[1:]
    if "--version" in arguments:
        from coordinator.client.release import RELEASE

        print(RELEASE)
        sys.exit(0)
    if arguments[:1] == ["config"]:
        from coordinator.client.start_checks import tell_config
        from coordinator.shell.config_command import run_config

        sys.exit(tell_config("task-coordinator", *run_config(arguments[1:], os.environ)))
    if arguments[:1] and arguments[0] in OFFLINE:
        sys.exit(_offline(arguments[0], arguments[1:]))
    try:
        settings = load_settings(arguments, os.environ)
    except HelpWanted:
        print(help_text())
        sys.exit(0)
    except SettingsError as error:
        for line in error.lines:
            print(f"task-coordinator: {line}", file=sys.stderr)
        sys.exit(2)
    from coordinator.shell.daemon import run_coordinator

    sys.exit(run_coordinator(settings))


def _offline(name: str, arguments: list[str]) -> int:
    """A command on files and directories: nothing is served meanwhile."""
    from coordinator.shell.offline import run_offline

    module, attribute = OFFLINE[name]
    return run_offline(getattr(import_module(module), attribute), arguments, os.environ)


if __name__ == "__main__":
    main()
