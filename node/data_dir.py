"""The data directory of a node: its lock, its uid, and the counter of its incarnations (N1, N6).

`node.lock` is held by supervisor and agent for as long as either lives. `node.json` says who the node is. `incarnation`
holds the counter, raised and synced before anything of the new incarnation is started.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import secrets
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from node.effects import EXIT_BAD_SETTINGS, EXIT_DATA_DIR, EXIT_STORAGE

FORMAT = 1
LOCK_PATIENCE_S = 1.0
_HOST_PID_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO, the same number on every Linux
_REFUSED_BY_SYSTEM = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT)


class DataDirError(Exception):
    """The directory cannot be used. The text says what is wrong with it and what to do.

    `exit_code`: 78 where it belongs to another node, is newer or in use; 2 where it is no directory that could be used
    (a bad setting); 74 where the disk fails (EX-69).
    """

    def __init__(self, text: str, exit_code: int = EXIT_DATA_DIR) -> None:
        super().__init__(text)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Machine:
    """Where this process runs.

    `machine_id`: empty in a container, where `/etc/machine-id` is that of an image and many machines may have it.
    `boot_counter`: the instant of the boot in ms, so later boots have larger ones; 0 where the system does not say.
    """

    boot_id: str
    pid_namespace: str
    machine_id: str
    boot_counter: int

    @classmethod
    def here(cls) -> Self:
        namespace = _link("/proc/self/ns/pid")
        return cls(
            _read("/proc/sys/kernel/random/boot_id"),
            namespace,
            _read("/etc/machine-id") if namespace == _HOST_PID_NAMESPACE else "",
            _booted_at(),
        )

    @property
    def public_name(self) -> str:
        """The machine id as others may see it: machine-id(5) wants the number itself kept from the network."""
        return (
            self.machine_id
            and hashlib.sha256(b"ptasks " + self.machine_id.encode()).hexdigest()[:32]
        )

    def proves_dead(self, before: Machine) -> bool:
        """Whether clearing up here proves that nothing of an incarnation `before` lives: same boot, or a later one."""
        if not self.boot_id or not self.pid_namespace:
            return sys.platform != "linux"
        if self.boot_id == before.boot_id:
            return self.pid_namespace == before.pid_namespace
        is_later = 0 < before.boot_counter < self.boot_counter
        return bool(self.machine_id) and self.machine_id == before.machine_id and is_later


@dataclass(frozen=True, slots=True)
class Identity:
    """Content of `node.json`. `machine` is where the last incarnation ran."""

    name: str
    node_uid: str
    format: int
    machine: Machine | None = None


class DataDir:
    """A locked data directory. Open it with `take`; it stays locked until every holder of `lock_fd` is gone."""

    def __init__(self, path: Path, lock_fd: int, identity: Identity) -> None:
        self.path = path
        self.lock_fd = lock_fd
        self.identity = identity

    @classmethod
    def take(cls, path: Path, name: str) -> Self:
        """Lock the directory, making it if it is absent, and check that it is this node's. Raises DataDirError."""
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock_fd = os.open(path / "node.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except (FileExistsError, NotADirectoryError):
            raise DataDirError(f"{path} is a file; name a directory", EXIT_BAD_SETTINGS) from None
        except OSError as error:
            raise _unusable(path, error) from None
        try:
            _lock(lock_fd, path)
            return cls(path, lock_fd, _identify(path, name))
        except BaseException:
            os.close(lock_fd)
            raise

    def remember(self, machine: Machine) -> bool:
        """Note where the next incarnation runs. True if that proves that every earlier one is dead, once cleared up."""
        before = self.identity.machine
        self.identity = replace(self.identity, machine=machine)
        _write(self.path / "node.json", json.dumps(asdict(self.identity), indent=1))
        return before is None or machine.proves_dead(before)

    def next_incarnation(self) -> tuple[int, str]:
        """Raise the counter, on disk, and draw the tail: (counter, `<counter>-<tail>`)."""
        file = self.path / "incarnation"
        try:
            counter = int(file.read_text(encoding="ascii")) + 1
        except FileNotFoundError:
            counter = 1
        except ValueError:
            raise DataDirError(f"{file} holds no number; it must not be edited") from None
        _write(file, f"{counter}\n")
        return counter, f"{counter}-{secrets.token_hex(4)}"

    def write_pid(self) -> None:
        """Leave the supervisor's pid for scripts. Nothing here relies on it, so a full disk is no reason to end."""
        with contextlib.suppress(OSError):
            (self.path / "pid").write_text(f"{os.getpid()}\n", encoding="ascii")

    def clear_pid(self) -> None:
        (self.path / "pid").unlink(missing_ok=True)


def _unusable(path: Path, error: OSError) -> DataDirError:
    if error.errno in _REFUSED_BY_SYSTEM:
        text = f"{path}: {error.strerror}; name a directory that this user can write"
        return DataDirError(text, EXIT_BAD_SETTINGS)
    return DataDirError(f"{path}: {error.strerror}", EXIT_STORAGE)


def _lock(lock_fd: int, path: Path) -> None:
    """Wait a moment: a killed node's processes let go of it one after the other."""
    deadline = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise DataDirError(
                    f"{path} is in use by another task-node; stop that one or name another directory"
                ) from None
            time.sleep(0.02)


def _identify(path: Path, name: str) -> Identity:
    file = path / "node.json"
    try:
        identity = _read_identity(file)
    except FileNotFoundError:
        return _found(path, name)
    if identity.format > FORMAT:
        raise DataDirError(
            f"{path} has format {identity.format}, this release reads {FORMAT}; install the newer one"
        )
    if identity.name != name:
        raise DataDirError(
            f"{path} belongs to node {identity.name!r}, not {name!r}; name another directory"
        )
    return identity


def _read_identity(file: Path) -> Identity:
    try:
        fields = json.loads(file.read_text(encoding="utf-8"))
        machine = fields.pop("machine", None)
        return Identity(**fields, machine=None if machine is None else Machine(**machine))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unusable(file, error) from None
    except (ValueError, TypeError, AttributeError):
        raise DataDirError(
            f"{file} is not readable as a node's identity; name another directory"
        ) from None


def _found(path: Path, name: str) -> Identity:
    """A new node's directory. One that holds a coordinator's files is not taken."""
    foreign = sorted(p.name for p in path.iterdir() if p.suffix in (".sqlite", ".sqlite3", ".db"))
    if foreign:
        raise DataDirError(
            f"{path} holds {foreign[0]}, which is no node's; name a directory of its own"
        )
    identity = Identity(name, secrets.token_hex(16), FORMAT)
    _write(path / "node.json", json.dumps(asdict(identity), indent=1))
    return identity


def _write(file: Path, text: str) -> None:
    """Replace a file so that after a crash it is the old one or the new one, whole. Raises DataDirError."""
    draft = file.with_name(file.name + ".new")
    try:
        with draft.open("w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(file)
        directory = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise _unusable(file, error) from error


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _booted_at() -> int:
    try:
        with open("/proc/stat", encoding="ascii") as file:
            for line in file:
                if line.startswith("btime "):
                    return int(line.split()[1]) * 1_000
    except OSError:
        pass  # not Linux
    return 0
