"""What a restored member brings to the founding of its cluster: the state of the backup, begun anew, as a file.

`task-coordinator restore` with several `--peers` cannot found: cluster id and storage ids are agreed upon by all members
when they first meet. So it leaves this file, and the founding takes place as ever, with two differences: members tell
one another the digest of their seed and found only if all have the same, and what each stores as its first snapshot is
its own seed under the cluster id and members that the founder names. The founder says which digest that state has, so
two releases that make different states of one backup do not become one cluster.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from coordinator.client.backup_file import BackupError, FrameReader, FrameWriter, Header, Kind
from coordinator.codec.framing import framed, unframed
from coordinator.codec.snapshots import digest, encode, freeze, load
from coordinator.consensus.messages import ConfState, Snapshot
from coordinator.model.state import ClusterState
from coordinator.shell.store_port import Damaged, StorageBroken
from coordinator.wire.v1.internal_pb2 import FoundRequest

NAME = "seed"
_READ_BYTES = 1024 * 1024


class Seed(msgspec.Struct, frozen=True):
    """A seed that is whole. `digest` covers the state and which backup it came from."""

    path: Path
    digest: str
    header: Header


class OtherState(Exception):
    """The founder made another state of its seed than we of ours."""


def write_seed(directory: Path, state: ClusterState, header: Header) -> None:
    """Waits for the disk, but for the name. Raises OSError."""
    frames = FrameWriter()
    handle = os.open(directory / NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(frames.header(header))
        for chunk in encode(freeze(state)):
            file.write(frames.state(chunk))
        file.write(frames.end())
        file.flush()
        os.fsync(file.fileno())


def find_seed(directory: Path) -> Seed | None:
    """None where there is none. Raises Damaged, StorageBroken."""
    path = directory / NAME
    reader = FrameReader()
    try:
        for _ in _states(path, reader):
            pass
        header, totals = reader.finish()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageBroken(f"{path}: {error.strerror}") from error
    except BackupError as error:
        raise Damaged(f"{path}: {error}; restore again, into an empty directory") from error
    return Seed(path, totals.digest, header)


def drop_seed(directory: Path) -> None:
    """It has done its work: the first snapshot holds all of it."""
    (directory / NAME).unlink(missing_ok=True)


def first_state(seed: Seed, record: FoundRequest) -> ClusterState:
    """The seed's state as that of the cluster that is being founded."""
    state = load(_states(seed.path, FrameReader()))
    born = load(unframed(record.snapshot))
    state.cluster_id = born.cluster_id
    for member in born.members_by_id():
        state.put_member(member)
    state.begin_entry(state.revision, born.at)
    return state


def first_snapshot(seed: Seed, record: FoundRequest, conf: ConfState) -> Snapshot:
    """What a restored member stores as its first snapshot. Raises OtherState."""
    state = first_state(seed, record)
    found = digest(state)
    if found != record.digest:
        raise OtherState(
            f"made state {found} of this backup where {record.founder} made {record.digest}: "
            "use the same release on all members"
        )
    return snapshot_of(state, seed.header.term, conf)


def snapshot_of(state: ClusterState, term: int, conf: ConfState) -> Snapshot:
    """A state as a snapshot at its own revision."""
    data = b"".join(framed(encode(freeze(state))))
    return Snapshot(state.revision, term, conf, data)


def differing(own: str, own_seed: str, other: str, other_seed: str) -> str:
    """Why these two members do not found together."""
    if own_seed and other_seed:
        return f"{other} was restored from another backup than {own}, or under another epoch"
    restored, empty = (own, other) if own_seed else (other, own)
    return (
        f"{restored} was restored from a backup, {empty} was not: "
        "restore the same one for every member, or for none"
    )


def _states(path: Path, reader: FrameReader) -> Iterator[bytes]:
    with path.open("rb") as file:
        while data := file.read(_READ_BYTES):
            yield from (payload for kind, payload in reader.feed(data) if kind is Kind.STATE)
    reader.finish()
