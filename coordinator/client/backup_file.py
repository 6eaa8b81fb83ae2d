"""The file that a backup is: frames with checksums, under a seal if the operator named a key. Pure: bytes in, bytes out.

    magic, then frames: kind (1 byte), length (4, big end first), crc32 (4, over number, kind, length and payload), payload
    HEADER  JSON: what this is a picture of; the first frame
    STATE   a piece of the replicated state, in order
    HISTORY a piece of the history of runs, in order
    END     JSON: how many frames and bytes there were, and the SHA-256 of every byte before this frame
    FATES   a piece of what became of fire times, in order
    AUDIT   a piece of what operators changed, in order
    SEAL    HMAC-SHA256 of every byte before this frame; there if and only if the header says so

The coordinator writes frames as they come and the client checks them while it stores them, so a file that was saved is
a file that can be read. What STATE and HISTORY hold is the coordinator's business. Whatever does not fit makes the file
as a whole unusable (B3): nothing is mended, nothing is left out.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from enum import IntEnum
from zlib import crc32

import msgspec

FORMAT = 1
MAGIC = b"\x89ptasks-backup\r\n\x1a\n"
KEY_BYTES_MIN = 16
FRAME_BYTES_MAX = 16 * 1024 * 1024
_FRAME_HEAD = 9
_NUMBER_BYTES = 8
_DIGEST_BYTES = 32


class Kind(IntEnum):
    """What a frame holds. Append only: these numbers are in files."""

    HEADER = 1
    STATE = 2
    HISTORY = 3
    END = 4
    SEAL = 5
    FATES = 6
    AUDIT = 7


_KINDS = frozenset(int(kind) for kind in Kind)


class BackupError(Exception):
    """A file that cannot be used as a backup."""


class ForeignFile(BackupError):
    """No backup at all, or one of a later format."""


class DamagedBackup(BackupError):
    """Cut short, altered, or put together wrongly."""


class SealBroken(BackupError):
    """The seal is missing, or is not one of this key."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What the backup is a picture of. Fields are only added; `format` is looked at before the rest."""

    format: int = FORMAT
    cluster_id: str
    revision: int
    term: int
    feature_level: int
    restore_epoch: int
    last_allocation_id: int
    state_at: int
    """The cluster's own clock at that revision, ms since 1970."""
    created_at: int
    member: str
    """Who took it."""
    release: str
    is_stale: bool = False
    """Taken from what that member had applied, without asking a quorum."""
    has_history: bool = True
    is_sealed: bool = False
    source: str = ""
    """Of what a member was restored from: digest of that file. Empty in what a cluster saved."""


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What the END frame says: frames and bytes before it, bytes of payload by kind, and the digest (hex)."""

    frames: int
    bytes: int
    state_bytes: int
    history_bytes: int
    digest: str


class _Format(msgspec.Struct, frozen=True):
    format: int


class FrameWriter:
    """Makes the bytes of a file, frame by frame: `header`, any number of `state` and `history`, `end`."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._number = self._size = 0
        self._payloads = dict.fromkeys(Kind, 0)

    def header(self, header: Header) -> bytes:
        """The first bytes."""
        self._digest.update(MAGIC)
        self._size += len(MAGIC)
        return MAGIC + self._frame(Kind.HEADER, msgspec.json.encode(header))

    def state(self, payload: bytes) -> bytes:
        """A piece of the state."""
        return self._frame(Kind.STATE, payload)

    def history(self, payload: bytes) -> bytes:
        """A piece of the history."""
        return self._frame(Kind.HISTORY, payload)

    def fates(self, payload: bytes) -> bytes:
        """A piece of what became of fire times."""
        return self._frame(Kind.FATES, payload)

    def audit(self, payload: bytes) -> bytes:
        """A piece of what operators changed."""
        return self._frame(Kind.AUDIT, payload)

    def end(self) -> bytes:
        """The last bytes, unless a seal follows."""
        totals = Totals(
            frames=self._number,
            bytes=self._size,
            state_bytes=self._payloads[Kind.STATE],
            history_bytes=self._payloads[Kind.HISTORY],
            digest=self._digest.hexdigest(),
        )
        return self._frame(Kind.END, msgspec.json.encode(totals))

    def _frame(self, kind: Kind, payload: bytes) -> bytes:
        made = frame(self._number, kind, payload)
        self._digest.update(made)
        self._number += 1
        self._size += len(made)
        self._payloads[kind] += len(payload)
        return made


class FrameReader:
    """Checks a file while it comes in. `feed` gives the frames that are complete; `finish` says whether all was there.

    With a `key` the seal is checked as well, and a file without one is refused. Raises BackupError, and after that
    nothing it ever gave may be trusted.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self.header: Header | None = None
        self.totals: Totals | None = None
        self.size = 0  # bytes of complete frames so far
        self.frames = 0
        self._waiting = bytearray()
        self._digest = hashlib.sha256()
        self._seal = None if key is None else hmac.new(key, digestmod=hashlib.sha256)
        self._payloads = dict.fromkeys(Kind, 0)
        self._is_over = False

    def feed(self, data: bytes) -> Iterator[tuple[Kind, bytes]]:
        """The next frames. Iterate to the end before feeding more."""
        self._waiting += data
        if self.size == 0:
            if len(self._waiting) < len(MAGIC):
                return
            self._take_magic()
        while (found := self._next()) is not None:
            yield found

    def finish(self) -> tuple[Header, Totals]:
        """What the file says of itself, once all of it has been fed. Raises BackupError."""
        if self.size == 0:
            self._take_magic()
        if self.header is None or self.totals is None or not self._is_over or self._waiting:
            raise DamagedBackup(f"cut short: it ends after {self.size + len(self._waiting)} bytes")
        return self.header, self.totals

    def _take_magic(self) -> None:
        if not self._waiting.startswith(MAGIC):
            raise ForeignFile("not a backup of ptasks")
        self._passed(MAGIC)

    def _passed(self, raw: bytes) -> None:
        """These bytes are verified, and part of what the digest and the seal are over."""
        self._digest.update(raw)
        if self._seal is not None:
            self._seal.update(raw)
        self.size += len(raw)
        del self._waiting[: len(raw)]

    def _next(self) -> tuple[Kind, bytes] | None:
        if len(self._waiting) < _FRAME_HEAD:
            return None
        length = int.from_bytes(self._waiting[1:5])
        if length > FRAME_BYTES_MAX:
            raise self._damaged(f"announces {length} bytes")
        if len(self._waiting) < _FRAME_HEAD + length:
            return None
        raw = bytes(self._waiting[: _FRAME_HEAD + length])
        payload = raw[_FRAME_HEAD:]
        if int.from_bytes(raw[5:9]) != _crc(self.frames, raw[0], payload):
            raise self._damaged("fails its checksum")
        if self._is_over or raw[0] not in _KINDS:
            raise self._damaged("does not belong there")
        kind = Kind(raw[0])
        self._take(kind, payload)
        self._payloads[kind] += length
        self.frames += 1
        self._passed(raw)
        return kind, payload

    def _take(self, kind: Kind, payload: bytes) -> None:
        """Order, and what the frames say of one another."""
        if (kind is Kind.HEADER) != (self.header is None) or (
            (kind is Kind.SEAL) != (self.totals is not None)
        ):
            raise self._damaged("does not belong there")
        if kind is Kind.HEADER:
            self.header = self._header_of(payload)
        elif kind is Kind.STATE and self._payloads[Kind.HISTORY]:
            raise self._damaged("does not belong there")
        elif kind is Kind.END:
            self._take_totals(payload)
        elif kind is Kind.SEAL:
            self._take_seal(payload)

    def _header_of(self, payload: bytes) -> Header:
        try:
            number = msgspec.json.decode(payload, type=_Format).format
            if number != FORMAT:
                raise ForeignFile(
                    f"a backup of format {number}, this release reads format {FORMAT}: upgrade"
                )
            header = msgspec.json.decode(payload, type=Header)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise self._damaged(f"is no header: {error}") from error
        if self._seal is not None and not header.is_sealed:
            raise SealBroken("it was saved without --key-file, so there is no seal to check")
        return header

    def _take_totals(self, payload: bytes) -> None:
        try:
            totals = msgspec.json.decode(payload, type=Totals)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise self._damaged(f"is no end: {error}") from error
        counted = (self.frames, self.size, self._payloads[Kind.STATE], self._payloads[Kind.HISTORY])
        said = (totals.frames, totals.bytes, totals.state_bytes, totals.history_bytes)
        if counted != said or self._digest.hexdigest() != totals.digest:
            raise DamagedBackup("what came before the end is not what the end says")
        self.totals = totals
        self._is_over = self.header is not None and not self.header.is_sealed

    def _take_seal(self, payload: bytes) -> None:
        if self._seal is not None and not hmac.compare_digest(self._seal.digest(), payload):
            raise SealBroken("the seal is not one of this key: another key, or an altered file")
        if len(payload) != _DIGEST_BYTES:
            raise self._damaged("is no seal")
        self._is_over = True

    def _damaged(self, what: str) -> DamagedBackup:
        return DamagedBackup(f"frame {self.frames} at byte {self.size} {what}")


class Sealer:
    """Makes the SEAL frame of a file under a key. Feed it every byte before that frame."""

    def __init__(self, key: bytes) -> None:
        self._seal = hmac.new(key, digestmod=hashlib.sha256)

    def update(self, data: bytes) -> None:
        """These bytes come next."""
        self._seal.update(data)

    def frame(self, number: int) -> bytes:
        """The seal, as the frame of that number."""
        return frame(number, Kind.SEAL, self._seal.digest())


def frame(number: int, kind: Kind, payload: bytes) -> bytes:
    """One frame; its checksum is also over its number, so that a frame in the wrong place is found."""
    crc = _crc(number, kind, payload)
    return bytes((kind,)) + len(payload).to_bytes(4) + crc.to_bytes(4) + payload


def key_of(content: bytes) -> bytes:
    """The key in a key file: its content without white space at the end. Raises ValueError for one too short."""
    key = content.rstrip()
    if len(key) < KEY_BYTES_MIN:
        raise ValueError(f"a key has {KEY_BYTES_MIN} bytes or more, this one has {len(key)}")
    return key


def _crc(number: int, kind: int, payload: bytes) -> int:
    place = number.to_bytes(_NUMBER_BYTES) + bytes((kind,)) + len(payload).to_bytes(4)
    return crc32(payload, crc32(place))
