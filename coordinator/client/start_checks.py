"""What has to hold before a server of ours starts: a port that is free, a directory that is its own.

Coordinators and nodes check the same; it stands here because a node enters by this room alone.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Mapping, Sequence, Set
from pathlib import Path


class PortTaken(Exception):
    """The address cannot be listened on. The text names it and says what to do."""


def listen_on(address: str, flag: str = "--listen") -> socket.socket:
    """A socket that listens on `host:port` and that no child inherits. Raises PortTaken."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, int(port)))
        listener.listen()
    except OSError as error:
        listener.close()
        if error.errno != errno.EADDRINUSE:
            why = f"{(error.strerror or str(error)).lower()}; give another address"
        else:
            why = "the port is in use by another process; stop it, or give another port"
        raise PortTaken(f"{flag}: {address}: {why}") from error
    return listener


def check_port(address: str, flag: str = "--listen") -> None:
    """Raises PortTaken unless we could listen there now."""
    listen_on(address, flag).close()


def directory_objection(path: Path, flag: str = "--data-dir") -> str:
    """Why a server could not keep its data there, with the remedy; empty if nothing speaks against it.

    Of a directory that is not there yet, the nearest one above it is looked at.
    """
    try:
        nearest = next(one for one in (path, *path.absolute().parents) if one.exists())
        mode = nearest.stat().st_mode & 0o777
    except OSError as error:
        return f"{flag}: {path}: {(error.strerror or str(error)).lower()}: name another path"
    if not nearest.is_dir():
        return f"{flag}: {nearest} is a file: name another path, or move the file away"
    if not os.access(nearest, os.W_OK | os.X_OK):
        return f"{flag}: {nearest} is not writable for this user"
    if nearest == path and mode & 0o077:
        return f"{flag}: {path} has mode {mode:o}: others could read it; chmod 700 it"
    return ""


def refused_changes(
    running: Mapping[str, object], found: Mapping[str, object], reloadable: Set[str]
) -> list[str]:
    """What a reload by SIGHUP leaves as it was: each changed setting that only a new start can take (EX-67)."""
    return [
        f"{name}: changed; takes a restart"
        for name, value in found.items()
        if name not in reloadable and name in running and running[name] != value
    ]


def tell_config(program: str, code: int, out: Sequence[str], err: Sequence[str]) -> int:
    """Print what a `config` command has to say, also to a reader who has heard enough; gives the exit code back."""
    try:
        sys.stdout.write("".join(f"{line}\n" for line in out))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.stderr.write("".join(f"{program}: {line}\n" for line in err))
    return code
