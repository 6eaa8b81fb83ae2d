"""Snapshots: the whole state as chunks of bytes, in one order, so equal states give equal bytes.

`freeze` runs on the loop and only copies dictionaries; records are frozen, so `encode` may then
work in another thread, chunk by chunk, while entries go on. The first chunk is the header, whose
first field is the format number; the last says how many chunks there were. Everything that
`apply` reads is in it (D13), and nothing that can be derived: `load` rebuilds the indexes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import TypeAlias, TypeVar

import msgspec
from msgspec.structs import replace

from coordinator.machine.failures import UpgradeNeeded
from coordinator.model.audit import EarlyDrops
from coordinator.model.concurrency import LimitOverride
from coordinator.model.ids import AllocationId, NodeName, TaskId
from coordinator.model.instants import Instant
from coordinator.model.members import MemberChange, MemberRecord
from coordinator.model.nodes import Drain, Manifest, Node
from coordinator.model.pauses import ExecutorPause
from coordinator.model.requests import Remembered, RequestMemory
from coordinator.model.settings import ReassignFloor, Settings, SettingValue
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Task

FORMAT = 1
FORMATS_READ = (1,)
CHUNK_BYTES = 256 * 1024
DIGEST_BYTES = 8
SMALL_BYTES = 64  # of a short record: a request id with its answer, a counter
FIXED_BYTES = 400  # of a task beside its params, state and result


class UnknownFormat(UpgradeNeeded):
    """A snapshot in a format that this build does not read: upgrade me."""


class MalformedSnapshot(Exception):
    """Chunks are missing, out of order or not what was written."""


class Header(msgspec.Struct, frozen=True, array_like=True):
    """`format` comes first for ever; what follows is the format's business."""

    format: int
    cluster_id: str
    feature_level: int
    revision: int
    at: Instant
    last_allocation_id: AllocationId
    members: tuple[MemberRecord, ...]
    settings: tuple[tuple[str, SettingValue], ...]
    reassign_floor: ReassignFloor | None = None
    restore_epoch: int = 0
    predecessors: tuple[str, ...] = ()
    last_member_id: int = 0
    member_change: MemberChange | None = None
    limit_overrides: tuple[tuple[tuple[str, str], LimitOverride], ...] = ()
    paused_executors: tuple[tuple[str, ExecutorPause], ...] = ()
    audited: int = 0
    early_drops: EarlyDrops = EarlyDrops()


class _Format(msgspec.Struct, frozen=True, array_like=True):
    format: int


class Nodes(msgspec.Struct, frozen=True, array_like=True, tag=1):
    items: list[Node]


class Counters(msgspec.Struct, frozen=True, array_like=True, tag=2):
    items: list[tuple[str, int]]


class Manifests(msgspec.Struct, frozen=True, array_like=True, tag=3):
    items: list[Manifest]


class Tasks(msgspec.Struct, frozen=True, array_like=True, tag=4):
    items: list[Task]


class Requests(msgspec.Struct, frozen=True, array_like=True, tag=5):
    items: list[tuple[str, Remembered]]


class End(msgspec.Struct, frozen=True, array_like=True, tag=6):
    chunks: int  # header and this one included


class Drains(msgspec.Struct, frozen=True, array_like=True, tag=7):
    items: list[tuple[NodeName, Drain]]


Chunk: TypeAlias = Nodes | Counters | Manifests | Tasks | Requests | Drains | End


class Frozen(msgspec.Struct, frozen=True):
    """A picture of the state at its revision, safe to read from another thread."""

    header: Header
    nodes: dict[NodeName, Node]
    counters: dict[str, int]
    manifests: dict[str, dict[str, Manifest]]
    tasks: dict[TaskId, Task]
    requests: RequestMemory
    drains: dict[NodeName, Drain]


_encoder = msgspec.msgpack.Encoder()
_header_decoder = msgspec.msgpack.Decoder(Header)
_format_decoder = msgspec.msgpack.Decoder(_Format)
_chunk_decoder: msgspec.msgpack.Decoder[Chunk] = msgspec.msgpack.Decoder(Chunk)

_Item = TypeVar("_Item")


def freeze(state: ClusterState) -> Frozen:
    """Shallow copies, on the loop. A few milliseconds for 100,000 tasks."""
    header = Header(
        FORMAT,
        state.cluster_id,
        state.feature_level,
        state.revision,
        state.at,
        state.last_allocation_id,
        tuple(state.members_by_id()),
        tuple(sorted(state.settings.values.items())),
        state.reassign_floor,
        state.restore_epoch,
        state.predecessors,
        state.last_member_id,
        state.member_change,
        tuple(sorted(state.limit_overrides.items())),
        tuple((name, state.paused_executors[name]) for name in sorted(state.paused_executors)),
        state.audited,
        state.early_drops,
    )
    manifests = {name: contents.copy() for name, contents in state.manifests.items()}
    return Frozen(
        header,
        state.nodes.copy(),
        state.node_counters.copy(),
        manifests,
        state.tasks.copy(),
        state.requests.copy(),
        state.drains.copy(),
    )


def encode(frozen: Frozen) -> Iterator[bytes]:
    """The chunks one by one, each of 256 KiB or of one record: take a breath between them."""
    yield _encoder.encode(frozen.header)
    count = 2
    for chunk in _bodies(frozen):
        yield _encoder.encode(chunk)
        count += 1
    yield _encoder.encode(End(count))


def load(chunks: Iterable[bytes]) -> ClusterState:
    """The state of a snapshot, indexes rebuilt, no events pending.

    Raises UnknownFormat for a newer format, MalformedSnapshot for anything that `encode` did not
    write.
    """
    source = iter(chunks)
    state = _begin(next(source, b""))
    count, ended = 1, False
    for data in source:
        if ended:
            raise MalformedSnapshot(f"chunk {count + 1} comes after the end")
        count += 1
        ended = _take(state, _decoded(data, count), count)
    if not ended:
        raise MalformedSnapshot(f"the snapshot ends after {count} chunks without its end mark")
    state.take_events()
    return state


def digest(state: ClusterState) -> str:
    """64 bits as hex over what a snapshot holds, records in sorted order (G12, D13)."""
    return digest_of(freeze(state))


def digest_of(frozen: Frozen) -> str:
    """The same over a picture taken earlier: may run in another thread."""
    found = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for chunk in encode(frozen):
        found.update(chunk)
    return found.hexdigest()


def _bodies(frozen: Frozen) -> Iterator[Chunk]:
    nodes = [frozen.nodes[name] for name in sorted(frozen.nodes)]
    yield from map(Nodes, _sliced((n, _node_bytes(n)) for n in nodes))
    yield from map(Counters, _sliced((c, SMALL_BYTES) for c in sorted(frozen.counters.items())))
    marks = [(name, frozen.drains[name]) for name in sorted(frozen.drains)]
    yield from map(Drains, _sliced((m, FIXED_BYTES + len(m[1].reason)) for m in marks))
    manifests = [
        frozen.manifests[executor][content]
        for executor in sorted(frozen.manifests)
        for content in sorted(frozen.manifests[executor])
    ]
    yield from map(Manifests, _sliced((m, SMALL_BYTES + len(m.body)) for m in manifests))
    tasks = (frozen.tasks[task_id] for task_id in sorted(frozen.tasks))
    yield from map(Tasks, _sliced((t, _task_bytes(t)) for t in tasks))
    requests = frozen.requests.oldest()
    yield from map(Requests, _sliced((r, 2 * SMALL_BYTES + len(r[1].detail)) for r in requests))


def _sliced(sized: Iterable[tuple[_Item, int]]) -> Iterator[list[_Item]]:
    """Lists of items whose sizes stay within a chunk; a larger item gets a list of its own."""
    items: list[_Item] = []
    total = 0
    for item, size in sized:
        if items and total + size > CHUNK_BYTES:
            yield items
            items, total = [], 0
        items.append(item)
        total += size
    if items:
        yield items


def _task_bytes(task: Task) -> int:
    return FIXED_BYTES + len(task.params) + len(task.state or b"")


def _node_bytes(node: Node) -> int:
    return FIXED_BYTES + SMALL_BYTES * (len(node.offers) + len(node.attributes))


def level_of(chunk: bytes) -> int:
    """The feature level of a snapshot, by its first chunk. Raises UnknownFormat, MalformedSnapshot."""
    return _header(chunk).feature_level


def _header(data: bytes) -> Header:
    try:
        number = _format_decoder.decode(data).format
        if number not in FORMATS_READ:
            raise UnknownFormat(
                f"a snapshot of format {number}; this build reads {FORMATS_READ}: upgrade me"
            )
        return _header_decoder.decode(data)
    except msgspec.DecodeError as error:
        raise MalformedSnapshot(f"the header of a snapshot is malformed: {error}") from error


def _begin(data: bytes) -> ClusterState:
    header = _header(data)
    state = ClusterState()
    state.cluster_id = header.cluster_id
    state.feature_level = header.feature_level
    state.revision = header.revision
    state.at = header.at
    state.last_allocation_id = header.last_allocation_id
    state.members = {member.id: member for member in header.members}
    state.last_member_id = max((header.last_member_id, *state.members))
    state.member_change = header.member_change
    state.limit_overrides = dict(header.limit_overrides)
    state.paused_executors = dict(header.paused_executors)
    state.settings = Settings(dict(header.settings))
    state.reassign_floor = header.reassign_floor
    state.restore_epoch = header.restore_epoch
    state.predecessors = header.predecessors
    state.audited = header.audited
    state.early_drops = header.early_drops
    return state


def _decoded(data: bytes, number: int) -> Chunk:
    try:
        return _chunk_decoder.decode(data)
    except msgspec.DecodeError as error:
        raise MalformedSnapshot(f"chunk {number} of a snapshot is malformed: {error}") from error


def _take(state: ClusterState, chunk: Chunk, number: int) -> bool:
    """Put the chunk's records into the state; True for the end mark."""
    match chunk:
        case End(chunks):
            if chunks != number:
                raise MalformedSnapshot(f"{number} chunks of a snapshot of {chunks}")
            return True
        case Tasks(items):
            _put_tasks(state, items)
        case Nodes(items):
            _put_nodes(state, items)
        case Counters(items):
            state.node_counters.update(items)
        case Drains(items):
            state.drains.update(items)
        case Manifests(items):
            _put_manifests(state, items)
        case Requests(items):  # pragma: no branch - the match is total
            for request_id, remembered in items:
                state.requests.put(request_id, remembered)
    return False


def _put_nodes(state: ClusterState, nodes: list[Node]) -> None:
    for node in nodes:
        state.put_node(node)


def _put_manifests(state: ClusterState, manifests: list[Manifest]) -> None:
    for manifest in manifests:
        state.manifests.setdefault(manifest.executor, {})[manifest.hash] = manifest


def _put_tasks(state: ClusterState, tasks: list[Task]) -> None:
    for task in tasks:
        executor, policy, spec = state.shared(task.executor, task.policy, task.spec)
        state.put_task(replace(task, executor=executor, policy=policy, spec=spec))
    state.take_events()
