"""`demo.digest`: a SHA-256 manifest of a directory tree, in the format of sha256sum.

The manifest is a file that grows line by line. Every half second it is forced to disk and then its length is
checkpointed, together with the last path in it. A run that takes over cuts the manifest back to the checkpointed
length and goes on behind that path, so no line is missing and none is there twice, wherever the run before it died.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import quote_from_bytes, unquote_to_bytes

from pydantic import BaseModel, Field
from typing_extensions import override

from executors import (
    AllocatedPersistentTask,
    BlockingTask,
    ClusterView,
    PersistentTasksExecutor,
    RunResult,
    ValidationError,
)

CHECKPOINT_SECONDS = 0.5
CHUNK_BYTES = 1024 * 1024
LEFT_OUT = b"__pycache__"

Parts = tuple[bytes, ...]


class DigestParams(BaseModel):
    """`root`: the directory. `manifest`: the file to write. `files_per_second` limits the pace."""

    root: str
    manifest: str
    files_per_second: float | None = Field(default=None, gt=0)


class DigestState(BaseModel):
    """How far the manifest is good: its length in bytes, and the last path in it (percent-encoded, below root)."""

    files: int = 0
    bytes: int = 0
    offset: int = 0
    last: str = ""


class Digest(PersistentTasksExecutor[DigestParams, DigestState]):
    """Writes a SHA-256 manifest of a directory tree and survives the death of its node."""

    name = "demo.digest"

    @override
    def validate(self, params: DigestParams, cluster: ClusterView) -> None:
        """Paths have to mean the same on every node."""
        for field in ("root", "manifest"):
            if not getattr(params, field).startswith("/"):
                raise ValidationError(field, "must be an absolute path")

    @override
    def describe(self, params: DigestParams) -> str:
        """What is read."""
        return f"digest of {params.root}"

    @override
    def node_operation(
        self,
        task: AllocatedPersistentTask[DigestState],
        params: DigestParams,
        state: DigestState | None,
    ) -> RunResult:
        """The result is `{"files", "bytes", "manifest"}`."""
        root = os.fsencode(params.root).rstrip(b"/")
        if not os.path.isdir(root or b"/"):
            raise FileNotFoundError(f"root {params.root} is no directory on this node")
        begin = state or DigestState()
        with open(params.manifest, "ab", buffering=CHUNK_BYTES) as file:
            begin = _cut_back(file, begin)
            manifest = _Manifest(task.blocking, file, begin)
            pace = _Pace(task.blocking, params.files_per_second)
            for parts in _files(root, behind=_decoded(begin.last)):
                pace.wait()
                manifest.add(root, parts)
            final = manifest.save()
        result = {"files": final.files, "bytes": final.bytes, "manifest": params.manifest}
        return RunResult(result, state=final)


class _Manifest:
    """The growing file, and the state that says how much of it is good."""

    def __init__(self, task: BlockingTask[DigestState], file: BinaryIO, begin: DigestState) -> None:
        self._task = task
        self._file = file
        self._own = _identity(os.fstat(file.fileno()))
        self._now = begin.model_copy()
        self._saved_at = time.monotonic()

    def add(self, root: bytes, parts: Parts) -> None:
        """One line for one file; a checkpoint if it is time for one."""
        path = b"/".join((root, *parts))
        try:
            with open(path, "rb", buffering=0) as source:
                if _identity(os.fstat(source.fileno())) == self._own:
                    return
                digest, size = self._digest(source)
        except FileNotFoundError:
            self._task.log.warning("file vanished", path=os.fsdecode(path))
            return
        line = sum_line(digest, path)
        self._file.write(line)
        self._now.files += 1
        self._now.bytes += size
        self._now.offset += len(line)
        self._now.last = _encoded(parts)
        self._task.progress(self._now.files, message=os.fsdecode(path))
        if time.monotonic() - self._saved_at >= CHECKPOINT_SECONDS:
            self._task.update_state(self.save())

    def save(self) -> DigestState:
        """Force the file to disk; from then on the state that is returned may be stored."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._saved_at = time.monotonic()
        return self._now.model_copy()

    def _digest(self, source: BinaryIO) -> tuple[str, int]:
        digest, size = hashlib.sha256(), 0
        while chunk := source.read(CHUNK_BYTES):
            self._task.raise_if_cancelled()
            digest.update(chunk)
            size += len(chunk)
        return digest.hexdigest(), size


class _Pace:
    """Lets through so many a second."""

    def __init__(self, task: BlockingTask[DigestState], per_second: float | None) -> None:
        self._task = task
        self._gap = 1 / per_second if per_second else 0.0
        self._next = time.monotonic()

    def wait(self) -> None:
        """Returns when the next one may go. Raises CancelledError when the run is asked to end."""
        self._task.raise_if_cancelled()
        if self._gap:
            now = time.monotonic()
            if self._next > now:
                self._task.sleep(self._next - now)
            self._next = max(self._next, now - 1) + self._gap


def sum_line(digest: str, path: bytes) -> bytes:
    """A line as sha256sum writes it: a name with a backslash or line feed is escaped, and the line says so."""
    escaped = path.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
    mark = b"\\" if escaped != path else b""
    return mark + digest.encode() + b"  " + escaped + b"\n"


def _cut_back(file: BinaryIO, begin: DigestState) -> DigestState:
    """Cut the file to what the checkpoint vouches for; a file shorter than that was lost, so begin anew."""
    size = os.fstat(file.fileno()).st_size
    kept = begin if size >= begin.offset else DigestState()
    file.truncate(kept.offset)
    return kept


def _files(root: bytes, behind: Parts) -> Iterator[Parts]:
    """The regular files below root in the order of their path's parts, those up to `behind` left out."""
    pending: list[Parts] = [()]
    while pending:
        parts = pending.pop()
        here = b"/".join((root, *parts))
        if parts and not os.path.isdir(here):
            yield parts
            continue
        found = [(*parts, entry.name) for entry in os.scandir(here or b"/") if _is_wanted(entry)]
        ahead = (one for one in found if one > behind or one == behind[: len(one)] != behind)
        pending.extend(sorted(ahead, reverse=True))


def _is_wanted(entry: os.DirEntry[bytes]) -> bool:
    """Files, also through a link; directories, but not through one."""
    if entry.is_dir(follow_symlinks=False):
        return entry.name != LEFT_OUT
    return entry.is_file()


def _encoded(parts: Parts) -> str:
    """A path that JSON can hold, whatever bytes are in it."""
    return quote_from_bytes(b"/".join(parts))


def _decoded(text: str) -> Parts:
    return tuple(unquote_to_bytes(text).split(b"/")) if text else ()


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
