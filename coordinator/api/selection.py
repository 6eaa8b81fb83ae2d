"""Filters and pages over tasks: one page at a time, in id order, no door builds more."""

from __future__ import annotations

import base64
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator

import msgspec

from coordinator.api.checks import content_hash
from coordinator.api.errors import Code, Rejected, invalid
from coordinator.model.ids import NodeName, TaskId
from coordinator.model.instants import Instant
from coordinator.model.limits import PAGE_BYTES, PAGE_DEFAULT, PAGE_MAX, RECORD_BYTES
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Status, Task
from coordinator.wire.v1 import tasks_pb2 as wire

Test = Callable[[Task], bool]
HIDDEN = frozenset({Status.SUCCEEDED, Status.CANCELLED})
IN_USER_CODE = frozenset({Status.RUNNING, Status.STOPPING})


class Token(msgspec.Struct, frozen=True, array_like=True):
    """Where a page ended; opaque to callers, and bound to the filter."""

    filter: int
    revision: int
    after: str  # key of the last one told


class SortedIds:
    """Task ids in order, sorted anew only when ids came or went."""

    def __init__(self) -> None:
        self._version = -1
        self._ids: list[TaskId] = []

    def of(self, state: ClusterState) -> list[TaskId]:
        if self._version != state.names_version:
            self._ids = sorted(state.tasks)
            self._version = state.names_version
        return self._ids


class Page(msgspec.Struct, frozen=True):
    tasks: list[Task]
    next_token: str
    list_revision: int


def size_of(asked: int, field: str = "page_size") -> int:
    """Of a page. Raises Rejected."""
    size = asked or PAGE_DEFAULT
    if not 0 < size <= PAGE_MAX:
        raise invalid(field, f"must be 1 .. {PAGE_MAX} (got {size})")
    return size


def page_of(state: ClusterState, ids: SortedIds, request: wire.ListRequest, now: Instant) -> Page:
    """The page asked for. Raises Rejected for a size or token that does not fit."""
    size = size_of(request.page_size)
    kind = content_hash(request.filter.SerializeToString(deterministic=True))
    token = read_token(request.page_token, kind) if request.page_token else None
    revision = token.revision if token is not None else state.revision
    found: list[Task] = []
    left = PAGE_BYTES
    test = matcher(request.filter, now)
    for task in _candidates(state, ids, request.filter, token.after if token else ""):
        if test(task):
            left -= weight_of(task)
            if len(found) == size or (found and left < 0):
                last = write_token(Token(kind, revision, found[-1].id))
                return Page(found, last, revision)
            found.append(task)
    return Page(found, "", revision)


def weight_of(task: Task) -> int:
    """Bytes of the record in a message, roughly."""
    spec = sum(len(key) + len(value) for key, value in (*task.spec.labels, *task.spec.headers))
    return RECORD_BYTES + len(task.params) + len(task.state or b"") + spec


def split(tasks: Iterable[Task], count: int) -> Iterator[list[Task]]:
    """In order, in messages of at most `count` records and PAGE_BYTES; at least one, perhaps empty."""
    page: list[Task] = []
    left = PAGE_BYTES
    for task in tasks:
        left -= weight_of(task)
        if page and (len(page) == count or left < 0):
            yield page
            page, left = [], PAGE_BYTES - weight_of(task)
        page.append(task)
    yield page


def count_of(state: ClusterState, wanted: wire.Filter, now: Instant) -> int:
    test = matcher(wanted, now)
    return sum(1 for task in state.tasks.values() if test(task))


def matcher(wanted: wire.Filter, now: Instant) -> Test:
    """Whether a task is meant at `now`; everything given must hold. Raises Rejected."""
    tests = about(wanted)
    if wanted.statuses:
        statuses = _statuses(wanted.statuses)
        tests.append(lambda task: task.status in statuses)
    elif not wanted.include_finished and not wanted.ids:
        tests.append(lambda task: task.status not in HIDDEN)
    if wanted.executor:
        fits = fitting(wanted.executor)
        tests.append(lambda task: fits(task.executor))
    if wanted.id_pattern:
        named_so = fitting(wanted.id_pattern)
        tests.append(lambda task: named_so(task.id))
    if wanted.node:
        tests.append(lambda task: task.assignment.node == wanted.node)
    if wanted.running_longer_ms:
        began_before = now - wanted.running_longer_ms
        tests.append(lambda task: task.status in IN_USER_CODE and task.started_at < began_before)
    if wanted.ids:
        named = frozenset(wanted.ids)
        tests.append(lambda task: task.id in named)
    return lambda task: all(test(task) for test in tests)


def about(wanted: wire.Filter) -> list[Test]:
    """What a filter says of the record alone, whatever becomes of its runs."""
    tests: list[Test] = [_label_test(term) for term in wanted.label_terms]
    if wanted.parent:
        tests.append(lambda task: parent_of(task) == wanted.parent)
    if wanted.object_kind:
        kind, ident = wanted.object_kind, wanted.object_id
        tests.append(lambda t: t.spec.object_kind == kind and ident in ("", t.spec.object_id))
    if wanted.recurring:
        tests.append(lambda task: task.spec.schedule is not None)
    if wanted.standalone:
        tests.append(lambda task: not (task.spec.object_kind or task.spec.parent))
    return tests


def parent_of(task: Task) -> str:
    """Id of the task that it belongs to; empty for none."""
    return task.spec.parent


def fitting(pattern: str) -> Callable[[str], bool]:
    """Whether a name fits; `*` stands for anything, every other character for itself."""
    if "*" not in pattern:
        return lambda name: name == pattern
    regex = re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
    return lambda name: regex.fullmatch(name) is not None


def prefix_matches(ids: list[TaskId], prefix: str, limit: int) -> tuple[list[str], int]:
    """Ids that begin so: the first few, and how many there are."""
    at = bisect_right(ids, TaskId(prefix))
    found: list[str] = []
    count = 0
    while at < len(ids) and ids[at].startswith(prefix):
        count += 1
        if len(found) < limit:
            found.append(ids[at])
        at += 1
    return found, count


def _candidates(
    state: ClusterState, ids: SortedIds, wanted: wire.Filter, after: str
) -> Iterator[Task]:
    """Tasks after this id, in order; from an index where the filter allows it."""
    names: Iterable[TaskId]
    if wanted.ids:
        names = sorted(TaskId(i) for i in set(wanted.ids) if i > after)
    elif wanted.parent:
        names = sorted(i for i in state.children.get(TaskId(wanted.parent), ()) if i > after)
    elif wanted.node:
        names = sorted(i for i in state.on_node.get(NodeName(wanted.node), ()) if i > after)
    else:
        every = ids.of(state)
        names = every[bisect_right(every, TaskId(after)) :] if after else every
    return (state.tasks[name] for name in names if name in state.tasks)


def _statuses(words: Iterable[str]) -> frozenset[Status]:
    known = {status.value for status in Status}
    for word in words:
        if word not in known:
            raise invalid("status", f"{word} is none of {', '.join(sorted(known))}")
    return frozenset(Status(word) for word in words)


def _label_test(term: str) -> Test:
    if "!=" in term:
        key, _, value = term.partition("!=")
        return lambda task: dict(task.spec.labels).get(key) != value
    if "=" in term:
        key, _, value = term.partition("=")
        return lambda task: dict(task.spec.labels).get(key) == value
    if term.startswith("!"):
        return lambda task: term[1:] not in dict(task.spec.labels)
    return lambda task: term in dict(task.spec.labels)


def write_token(token: Token) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(token)).decode()


def read_token(text: str, kind: int) -> Token:
    """Raises Rejected for a token that is none of ours, or of another filter."""
    try:
        token = msgspec.msgpack.decode(base64.urlsafe_b64decode(text), type=Token)
    except (ValueError, msgspec.DecodeError) as error:
        raise _bad_token("is none of ours") from error
    if token.filter != kind:
        raise _bad_token("belongs to another filter")
    return token


def _bad_token(why: str) -> Rejected:
    return Rejected(Code.INVALID_ARGUMENT, "invalid_page_token", f"page_token: {why}")


def task_not_found(task_id: str) -> Rejected:
    return Rejected(Code.NOT_FOUND, "task_not_found", f"there is no task {task_id}")
