"""Whose directory this is, and that nobody else uses it (D10, D11).

`lock` is held by flock as long as the process lives and names its pid; `identity.json` says which member it belongs
to, under which storage id, and in which format. Both are looked at before anything else of the directory is opened.
The lock dies with its last holder: children must not inherit the descriptor (it is close-on-exec; never fork without
exec).
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from pathlib import Path
from zlib import crc32

import msgspec

from coordinator.shell.store_port import (
    EXIT_BAD_SETTINGS,
    FORMAT,
    DataDirError,
    Identity,
    StorageBroken,
)

__all__ = ["DataDir", "Identity"]

_REFUSED_BY_SYSTEM = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOENT)


class _Kept(msgspec.Struct, frozen=True):
    identity: Identity
    crc: int


class DataDir:
    """A directory held under its lock. Raises DataDirError or StorageBroken when made."""

    def __init__(self, path: Path, member: str) -> None:
        self.path = path
        self.database = path / "member.db"
        self.wal = path / "member.db-wal"
        self.mark = path / "synced"
        self._lock = self._take()
        try:
            self.identity = self._read_identity()
            if self.identity is not None:
                self.check(self.identity, member)
        except BaseException:
            self.close()
            raise

    def check(self, identity: Identity, member: str) -> None:
        """Raises DataDirError unless the directory is this member's and readable by this release."""
        if identity.format != FORMAT:
            raise DataDirError(
                f"{self.path} has data format {identity.format}, this release reads format {FORMAT}: "
                "start the release that wrote it, or upgrade"
            )
        if identity.member != member:
            raise DataDirError(
                f"{self.path} belongs to member {identity.member!r}, not to {member!r}: "
                "give each member a directory of its own (--data-dir), or start it as --name "
                f"{identity.member}"
            )
        if identity.removed:
            raise DataDirError(left_text(self.path, member))

    def check_cluster(self, cluster_id: str) -> None:
        """Raises DataDirError if the directory is bound to another cluster than the one met."""
        bound = self.identity.cluster_id if self.identity else None
        if bound not in (None, cluster_id):
            raise DataDirError(
                f"{self.path} belongs to cluster {bound}, but the other members are of cluster "
                f"{cluster_id}: check --peers, or start with the directory of this cluster"
            )

    def new_identity(self, member: str) -> Identity:
        return Identity(member=member, storage_id=secrets.token_hex(16))

    def write_identity(self, identity: Identity) -> None:
        """Replaces the file in one step and waits for the disk. Raises StorageBroken."""
        encoded = msgspec.json.encode(identity)
        kept = msgspec.json.encode(_Kept(identity, crc32(encoded)))
        target = self.path / "identity.json"
        fresh = self.path / "identity.json.new"
        try:
            with fresh.open("wb") as file:
                file.write(kept + b"\n")
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(target)
            self.sync()
        except OSError as error:
            raise StorageBroken(f"{target}: {error.strerror}") from error
        self.identity = identity

    def sync(self) -> None:
        """Makes names of files durable, and that of the directory itself (D1)."""
        for path in (self.path, self.path.absolute().parent):
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def close(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _take(self) -> int:
        if self.path.exists() and not self.path.is_dir():
            raise DataDirError(
                f"{self.path} is a file, and the data directory must be a directory: "
                "name another path with --data-dir, or move the file away",
                EXIT_BAD_SETTINGS,
            )
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unusable(self.path, error) from error
        try:
            self._own(handle)
        except BaseException:
            os.close(handle)
            raise
        return handle

    def _own(self, handle: int) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
            raise DataDirError(
                f"{self.path} is in use by process {holder}: stop that one first, "
                "or give this member a directory of its own (--data-dir)"
            ) from error
        try:
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            if error.errno != errno.ENOSPC:  # a full disk is no reason to stay away (D9)
                raise _unusable(self.path, error) from error

    def _read_identity(self) -> Identity | None:
        path = self.path / "identity.json"
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageBroken(f"{path}: {error.strerror}") from error
        try:
            self._check_format(content)
            kept = msgspec.json.decode(content, type=_Kept)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise self._unreadable() from error
        if crc32(msgspec.json.encode(kept.identity)) != kept.crc:
            raise self._unreadable()
        return kept.identity

    def _check_format(self, content: bytes) -> None:
        """A later format may have other fields, so its number is looked at before the rest."""
        found = msgspec.json.decode(content, type=dict[str, object]).get("identity")
        number = found.get("format") if isinstance(found, dict) else None
        if isinstance(number, int) and number > FORMAT:
            raise DataDirError(
                f"{self.path} has data format {number}, this release reads format {FORMAT}: upgrade"
            )

    def _unreadable(self) -> DataDirError:
        return DataDirError(
            f"{self.path}/identity.json is not readable, so nobody knows whose directory this is: "
            "restore the file, or replace this member (taskctl cluster replace) with an empty directory"
        )


def left_text(path: Path, member: str) -> str:
    """Of a member that was removed, and what to do (M4)."""
    return (
        f"{path} belongs to member {member!r} that was removed from its cluster: "
        f"to come back it has to be added (taskctl cluster add {member}=HOST:PORT) and start with an empty directory"
    )


def _unusable(path: Path, error: OSError) -> DataDirError | StorageBroken:
    if error.errno in _REFUSED_BY_SYSTEM:
        return DataDirError(
            f"{path} cannot be used as data directory ({error.strerror}): "
            "make it writable for this user, or name another path with --data-dir",
            EXIT_BAD_SETTINGS,
        )
    return StorageBroken(f"{path}: {error.strerror}")
