"""The replicated state as a tree of JSON: sections, in them records by key, in them fields. One page at a time.

All that `apply` reads is there, as the machine holds it (the words of the model, not those of a view), and nothing that
can be derived from it. A section that is added to the state shows here by itself. A path is `section/key/field/...`;
keys may hold slashes themselves, and the longest key that is there wins.
"""

from __future__ import annotations

import base64
import heapq
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

import msgspec

from coordinator.api.errors import Code, Rejected, invalid
from coordinator.client.instants import rfc3339
from coordinator.codec.snapshots import Frozen, Header
from coordinator.model.limits import PAGE_BYTES
from coordinator.model.requests import RequestMemory
from coordinator.model.state import ClusterState

ELSEWHERE = {"counters": "node_counters"}  # names of the snapshot that the state has under another
NO_SECTION = frozenset({"format", "header"})
MISSING = {"tasks": "task_not_found", "nodes": "node_not_found", "members": "member_not_found"}
SEPARATOR = "/"


class Entry(NamedTuple):
    """One part of the state; `value` is JSON."""

    path: str
    value: bytes


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The last part told: its section and, where that has keys, its key."""

    section: str = ""
    key: str = ""


class Part(NamedTuple):
    """Parts of one answer, and where to go on; None at the end."""

    entries: list[Entry]
    rest: Cursor | None


def read(
    state: ClusterState, path: str, after: Cursor, limit: int, task_ids: Sequence[str]
) -> Part:
    """Up to `limit` parts of what `path` names; `task_ids`: all of them, in order. Raises Rejected.

    The whole state and its sections come in parts, anything below them as one.
    """
    section, _, rest = path.strip(SEPARATOR).partition(SEPARATOR)
    if not section:
        return _page(_walk(state, task_ids, after, limit), limit)
    value = _section(state, section)
    if rest:
        return Part([_entry(f"{section}/{rest}", _below(section, value, rest))], None)
    if not isinstance(value, Mapping):
        return Part([_entry(section, value)], None)
    return _page(_keyed(section, value, task_ids, after.key, limit), limit)


def sections(state: ClusterState) -> list[str]:
    """Names of all there is, in order: what a snapshot holds, which is what cannot be derived."""
    named = {*Header.__struct_fields__, *Frozen.__struct_fields__} - NO_SECTION
    return sorted(
        name for name in (ELSEWHERE.get(one, one) for one in named) if hasattr(state, name)
    )


def _section(state: ClusterState, name: str) -> Any:
    if name not in sections(state):
        known = ", ".join(sections(state))
        raise invalid("path", f"there is no {name}; there are {known}")
    value = getattr(state, name)
    if isinstance(value, RequestMemory):
        return dict(value.oldest())
    return _instant(value) if name == "at" else value


def _walk(
    state: ClusterState, task_ids: Sequence[str], after: Cursor, limit: int
) -> Iterator[tuple[Cursor, Entry]]:
    for name in sections(state):
        if name < after.section:
            continue
        value = _section(state, name)
        if isinstance(value, Mapping):
            begin = after.key if name == after.section else ""
            yield from _keyed(name, value, task_ids, begin, limit)
        elif name > after.section:
            yield Cursor(name), _entry(name, value)


def _keyed(
    section: str, value: Mapping[Any, Any], task_ids: Sequence[str], after: str, limit: int
) -> Iterator[tuple[Cursor, Entry]]:
    """In the order of keys, those after this one; one more than a page holds."""
    for key in _keys(section, value, task_ids, after, limit + 1):
        name = _name(key)
        yield Cursor(section, name), _entry(f"{section}/{name}", value[key])


def _keys(
    section: str, value: Mapping[Any, Any], task_ids: Sequence[str], after: str, limit: int
) -> Iterable[Any]:
    if section == "tasks":
        begin = bisect_right(task_ids, after) if after else 0
        return (task_ids[n] for n in range(begin, len(task_ids)) if task_ids[n] in value)
    later = (key for key in value if not after or _name(key) > after)
    return heapq.nsmallest(limit, later, key=_name)


def _name(key: Any) -> str:
    return ":".join(map(str, key)) if isinstance(key, tuple) else str(key)


def _page(parts: Iterable[tuple[Cursor, Entry]], limit: int) -> Part:
    found: list[Entry] = []
    last: Cursor | None = None
    room = PAGE_BYTES
    for cursor, entry in parts:
        room -= len(entry.value)
        if len(found) == limit or (found and room < 0):
            return Part(found, last)
        found.append(entry)
        last = cursor
    return Part(found, None)


def _below(section: str, value: Any, rest: str) -> Any:
    """What stands at the rest of a path. Raises Rejected."""
    if not isinstance(value, Mapping):
        return _fields(f"{section}/{rest}", plain(value), rest)
    has_names = isinstance(next(iter(value), ""), str)
    by_name = value if has_names else {_name(key): key for key in value}
    key, fields = rest, ""
    while True:
        if key in by_name:
            found = value[key if has_names else by_name[key]]
            return _fields(f"{section}/{rest}", plain(found), fields)
        key, slash, last = key.rpartition(SEPARATOR)
        if not slash:
            reason = MISSING.get(section, "invalid_field")
            code = Code.NOT_FOUND if section in MISSING else Code.INVALID_ARGUMENT
            raise Rejected(code, reason, f"path: there is nothing at {section}/{rest}")
        fields = f"{last}{SEPARATOR}{fields}" if fields else last


def _fields(path: str, tree: Any, fields: str) -> Any:
    for name in filter(None, fields.split(SEPARATOR)):
        if isinstance(tree, dict) and name in tree:
            tree = tree[name]
        elif isinstance(tree, list) and name.isdecimal() and int(name) < len(tree):
            tree = tree[int(name)]
        else:
            known = f"; there are {', '.join(map(str, tree))}" if isinstance(tree, dict) else ""
            raise invalid("path", f"there is no {name} at {path}{known}")
    return tree


def _entry(path: str, value: Any) -> Entry:
    return Entry(path, msgspec.json.encode(plain(value)))


def plain(value: Any) -> Any:
    """As dicts, lists and scalars. Instants are RFC 3339, null where the machine has 0; bytes are the JSON they hold,
    or base64 where they hold none.
    """
    match value:
        case msgspec.Struct():
            return {
                name: _instant(item) if name == "at" or name.endswith("_at") else plain(item)
                for name, item in msgspec.structs.asdict(value).items()
            }
        case Mapping():
            return {_name(key): plain(item) for key, item in value.items()}
        case Enum():
            return value.value
        case bytes():
            return _bytes(value)
        case tuple() | list():
            return [plain(item) for item in value]
        case _:
            return value


def _instant(value: Any) -> Any:
    return (rfc3339(value) if value else None) if isinstance(value, int) else plain(value)


def _bytes(value: bytes) -> Any:
    try:
        return msgspec.json.decode(value) if value else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return base64.b64encode(value).decode()
