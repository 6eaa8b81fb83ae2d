"""What `task-coordinator` does beside running: commands on files and directories of a coordinator that is not running.

`snapshot inspect`, `restore`, `recover`. They take the settings of a start (flags, environment, file) beside flags of
their own, say what they found on stdout and what went wrong in one line on stderr, and change nothing before everything
was verified. Exit statuses are those of EX-69.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from coordinator.client.backup_file import BackupError, DamagedBackup
from coordinator.codec.snapshots import MalformedSnapshot, UnknownFormat
from coordinator.machine.failures import InvariantBroken, UpgradeNeeded
from coordinator.shell.settings import SettingsError
from coordinator.shell.store_port import (
    EXIT_BAD_SETTINGS,
    EXIT_DATA_DIR,
    EXIT_STORAGE,
    StoreError,
)

EXIT_DIFFERS: Final = 70


class NotDone(Exception):
    """The command ends here; the text says why and what to do."""

    def __init__(self, text: str, exit_code: int = EXIT_BAD_SETTINGS) -> None:
        super().__init__(text)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Words:
    """A command line taken apart: flags of the command itself, what stands alone, and the words of a start."""

    flags: Mapping[str, str] = field(default_factory=dict)
    alone: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()

    def says(self, flag: str) -> bool:
        return flag in self.flags


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its help, its own flags (those that take a value, and those that do not), and its work."""

    usage: str
    valued: tuple[str, ...]
    bare: tuple[str, ...]
    run: Callable[[Words, Mapping[str, str]], None]


def run_offline(command: Command, argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """The exit status; everything is said by then."""
    if {"-h", "--help"} & set(argv):
        say(command.usage)
        return 0
    try:
        command.run(words_of(command, argv), environ)
    except SettingsError as error:
        return _complain(error.lines, EXIT_BAD_SETTINGS)
    except (BackupError, MalformedSnapshot, UpgradeNeeded, InvariantBroken) as error:
        return _complain([str(error)], _status_of(error))
    except (NotDone, StoreError) as error:
        return _complain([str(error)], error.exit_code)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError)
        refused = missing or isinstance(error, PermissionError)
        why = (error.strerror or str(error)).lower()
        where = f"{error.filename}: {why}" if error.filename else why
        return _complain([where], EXIT_BAD_SETTINGS if refused else EXIT_STORAGE)
    except KeyboardInterrupt:
        return _complain(["interrupted; nothing was changed"], 130)
    return 0


def words_of(command: Command, argv: Sequence[str]) -> Words:
    """Flags of a start take a value each, so a word behind one of them does not stand alone. Raises NotDone."""
    flags: dict[str, str] = {}
    alone: list[str] = []
    settings: list[str] = []
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        flag, equals, value = word.partition("=")
        if word in command.bare:
            flags[word] = ""
        elif flag in command.valued:
            flags[flag] = value if equals else _value(flag, rest)
        elif word.startswith("-") and word != "-":
            settings += [word] if equals else [word, _value(word, rest)]
        else:
            alone.append(word)
    return Words(flags, tuple(alone), tuple(settings))


def say(text: str) -> None:
    """On stdout, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _value(flag: str, rest: list[str]) -> str:
    if not rest:
        raise NotDone(f"{flag}: needs a value")
    return rest.pop(0)


def _status_of(error: Exception) -> int:
    if isinstance(error, DamagedBackup | MalformedSnapshot):
        return EXIT_STORAGE
    if isinstance(error, BackupError | UnknownFormat):
        return EXIT_DATA_DIR
    return EXIT_DIFFERS


def _complain(lines: Sequence[str], exit_code: int) -> int:
    for line in lines:
        sys.stderr.write(f"task-coordinator: {line}\n")
    return exit_code
