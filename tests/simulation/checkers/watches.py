"""Watches: every change once, in order, all of one revision together; or an explicit new beginning (spec 2.8)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

Change = tuple[str, str, int]  # created updated removed, task id, revision of the record


@dataclass(frozen=True)
class Delivered:
    """What a watcher got. `list`: a beginning, with all up to the revision; `bookmark`: it has seen all up to here."""

    kind: str  # list change bookmark
    revision: int
    changes: tuple[Change, ...] = ()


def objections(
    delivered: Sequence[Delivered], truth: Mapping[int, tuple[Change, ...]]
) -> Iterator[str]:
    """What is wrong with what this watcher got. `truth`: all changes by revision, as they were applied."""
    seen = -1
    revisions = sorted(truth)
    for one in delivered:
        if one.kind == "list":
            if one.revision < seen:
                yield f"listed at {one.revision} after {seen} was seen"
            seen = one.revision
        elif one.kind == "bookmark":
            missing = _between(revisions, seen, one.revision)
            if missing:
                yield f"told that all up to {one.revision} was seen, but {missing[:5]} never came"
            if one.revision < seen:
                yield f"bookmark {one.revision} after {seen}"
            seen = max(seen, one.revision)
        else:
            yield from _change(one, seen, revisions, truth)
            seen = max(seen, one.revision)


def _change(
    one: Delivered, seen: int, revisions: Sequence[int], truth: Mapping[int, tuple[Change, ...]]
) -> Iterator[str]:
    if one.revision <= seen:
        yield f"revision {one.revision} came after {seen}"
        return
    missing = _between(revisions, seen, one.revision - 1)
    if missing:
        yield f"gap before {one.revision}: {missing[:5]} never came"
    if one.revision not in truth:
        yield f"revision {one.revision} changed nothing, but {one.changes} came"
    elif sorted(one.changes) != sorted(truth[one.revision]):
        yield f"revision {one.revision}: {one.changes} came, {truth[one.revision]} happened"


def _between(revisions: Sequence[int], after: int, upto: int) -> list[int]:
    return list(revisions[bisect_right(revisions, after) : bisect_right(revisions, upto)])
