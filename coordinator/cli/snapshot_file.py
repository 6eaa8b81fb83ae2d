"""A file that is there as a whole or not at all: written under another name, synced, then given its own."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from coordinator.cli import exits
from coordinator.cli.failures import Failure

_CODES = {
    errno.ENOSPC: exits.LIMIT,
    errno.EDQUOT: exits.LIMIT,
    errno.EACCES: exits.FORBIDDEN,
    errno.EPERM: exits.FORBIDDEN,
    errno.EROFS: exits.FORBIDDEN,
    errno.ENOENT: exits.USAGE,
    errno.ENOTDIR: exits.USAGE,
    errno.EISDIR: exits.USAGE,
}


class WholeFile:
    """A context manager; what is not published when it ends leaves nothing behind. Readable by its owner alone.

    Raises Failure where the file is there already and may not be replaced, and for what the disk refuses.
    """

    def __init__(self, path: Path, doing: str, *, replace: bool) -> None:
        self.path = path
        self._doing = doing
        self._replace = replace
        self._fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        self._file: BinaryIO | None = None

    def __enter__(self) -> WholeFile:
        self._refuse_present()
        try:
            handle = os.open(self._fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._failure(error) from error
        self._file = os.fdopen(handle, "wb")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            try:
                self._file.close()
            except OSError:
                pass  # what could not be written is thrown away here
            self._fresh.unlink(missing_ok=True)

    def restart(self) -> None:
        """Forget what was written."""
        try:
            self._open().seek(0)
            self._open().truncate()
        except OSError as error:
            raise self._failure(error) from error

    def write(self, data: bytes) -> None:
        """The next bytes."""
        try:
            self._open().write(data)
        except OSError as error:
            raise self._failure(error) from error

    def publish(self) -> None:
        """Onto the disk, then under its own name; the name is on the disk as well when this returns."""
        file = self._open()
        try:
            file.flush()
            os.fsync(file.fileno())
            self._name()
            folder = os.open(self.path.absolute().parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise self._failure(error) from error

    def _name(self) -> None:
        if self._replace:
            self._fresh.replace(self.path)
            return
        try:
            os.link(self._fresh, self.path)  # unlike a rename it never takes the place of another
        except FileExistsError:
            self._refuse_present()
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
                raise
            self._refuse_present()
            self._fresh.replace(self.path)

    def _refuse_present(self) -> None:
        if self.path.is_dir() or (not self._replace and self.path.exists()):
            what = "is a directory" if self.path.is_dir() else "is there already"
            raise Failure(
                f"{self._doing}: {self.path} {what}; nothing was written",
                hint="name another file"
                + ("" if self.path.is_dir() else ", or replace it with --force"),
                exit_code=exits.CONFLICT,
                reason="file_exists",
            )

    def _open(self) -> BinaryIO:
        if self._file is None:
            raise ValueError("not open")
        return self._file

    def _failure(self, error: OSError) -> Failure:
        return Failure(
            f"{self._doing}: {self.path}: {(error.strerror or str(error)).lower()}",
            hint="name a file in a directory that exists, may be written, and has room",
            exit_code=_CODES.get(error.errno or 0, exits.BUG),
            reason="file_not_written",
        )
