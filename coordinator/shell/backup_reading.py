"""A backup read back: all of it verified before any of it is used (B3, SEC-16)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from coordinator.client.backup_file import (
    BackupError,
    DamagedBackup,
    FrameReader,
    Header,
    Kind,
    SealBroken,
    Totals,
    key_of,
)
from coordinator.codec.history import (
    FateRecord,
    RunRecord,
    decode_audit,
    decode_fates,
    decode_runs,
)
from coordinator.codec.snapshots import MalformedSnapshot, load
from coordinator.machine.invariants import check
from coordinator.model.audit import AuditEvent
from coordinator.model.state import ClusterState
from coordinator.shell.offline import NotDone

_READ_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Backup:
    """A file that is whole. `seal_checked`: under a key that was given."""

    path: Path
    size: int
    header: Header
    totals: Totals
    state: ClusterState
    runs: int
    fates: int
    audit: int
    seal_checked: bool


def read_backup(path: Path, key: bytes | None) -> Backup:
    """Checksums, digest, seal if a key is given, what the frames hold, and every invariant of the state.

    Raises BackupError, MalformedSnapshot, UpgradeNeeded, InvariantBroken, OSError.
    """
    reader = FrameReader(key)
    frames = _Frames(path, reader)
    try:
        state = load(frames.states())
        header, totals = reader.finish()
        check_agreement(header, state)
    except (BackupError, MalformedSnapshot) as error:
        raise _named(path, _worst(path, key, error)) from error
    check(state)
    return Backup(
        path,
        reader.size,
        header,
        totals,
        state,
        frames.runs,
        frames.fates,
        frames.audit,
        key is not None,
    )


def runs_of(backup: Backup) -> Iterator[list[RunRecord]]:
    """The history, some rows at a time, from the same bytes as before. Raises BackupError, OSError."""
    for kind, payload in _again(backup):
        if kind is Kind.HISTORY:
            yield decode_runs(payload)


def fates_of(backup: Backup) -> Iterator[list[FateRecord]]:
    """The fates of all series, some ranges at a time, from the same bytes as before. Raises BackupError, OSError."""
    for kind, payload in _again(backup):
        if kind is Kind.FATES:
            yield decode_fates(payload)


def audit_of(backup: Backup) -> Iterator[list[AuditEvent]]:
    """What operators changed, some events at a time, from the same bytes as before. Raises BackupError, OSError."""
    for kind, payload in _again(backup):
        if kind is Kind.AUDIT:
            yield decode_audit(payload)


def key_in(path: str | None) -> bytes | None:
    """The content of the key file. Raises NotDone, OSError."""
    if path is None:
        return None
    try:
        return key_of(Path(path).read_bytes())
    except ValueError as error:
        raise NotDone(f"--key-file: {path}: {error}") from error


def check_agreement(header: Header, state: ClusterState) -> None:
    """What the file says of itself is what is in it. Raises DamagedBackup."""
    said = (
        header.cluster_id,
        header.revision,
        header.feature_level,
        header.restore_epoch,
        header.last_allocation_id,
    )
    found = (
        state.cluster_id,
        state.revision,
        state.feature_level,
        state.restore_epoch,
        state.last_allocation_id,
    )
    if said != found:
        raise DamagedBackup("its header does not belong to what is in it")


class _Frames:
    """The frames of a file in one pass: pieces of the state for the loader, rows counted on the way."""

    def __init__(self, path: Path, reader: FrameReader) -> None:
        self._frames = _frames(path, reader)
        self.runs = self.fates = self.audit = 0

    def states(self) -> Iterator[bytes]:
        for kind, payload in self._frames:
            if kind is Kind.STATE:
                yield payload
            elif kind is Kind.HISTORY:
                self.runs += len(decode_runs(payload))
            elif kind is Kind.FATES:
                self.fates += len(decode_fates(payload))
            elif kind is Kind.AUDIT:
                self.audit += len(decode_audit(payload))


def _again(backup: Backup) -> Iterator[tuple[Kind, bytes]]:
    """All frames of a file that was found whole. Raises BackupError, OSError."""
    reader = FrameReader()
    yield from _frames(backup.path, reader)
    if reader.finish()[1] != backup.totals:
        raise DamagedBackup(f"{backup.path}: it was changed while it was being read")


def _frames(path: Path, reader: FrameReader) -> Iterator[tuple[Kind, bytes]]:
    with path.open("rb") as file:
        while data := file.read(_READ_BYTES):
            yield from reader.feed(data)
    reader.finish()


def _worst(path: Path, key: bytes | None, error: Exception) -> Exception:
    """A state that does not load is most often a damaged file: say so, if the rest of the file does."""
    if not isinstance(error, MalformedSnapshot):
        return error
    reader = FrameReader(key)
    try:
        for _ in _frames(path, reader):
            pass
    except BackupError as damage:
        return damage
    return DamagedBackup(f"its checksums are right, but what is in it is not: {error}")


def _named(path: Path, error: Exception) -> Exception:
    """The same, with the file's name in front, and what to do."""
    hint = "name a file that `taskctl cluster snapshot save` wrote"
    if isinstance(error, DamagedBackup):
        hint = "take another backup, this one is of no use"
    elif isinstance(error, SealBroken):
        hint = "give the key it was saved with"
    return type(error)(f"{path}: {error}; {hint}")
