"""The memory of request ids: the same id and content gets the first answer again (G3)."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from coordinator.model.ids import AllocationId, TaskId
from coordinator.model.instants import Instant


class Remembered(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The first answer, short: enough to say it again."""

    content: int  # 64-bit hash of the request
    at: Instant
    task_id: TaskId
    allocation_id: AllocationId
    created: bool
    refusal: str = ""  # code, empty when accepted
    detail: str = ""


class RequestMemory:
    """Insertion order is the order of entries, the same on all members; expiry is a command."""

    def __init__(self) -> None:
        self._by_id: dict[str, Remembered] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, request_id: str) -> Remembered | None:
        return self._by_id.get(request_id)

    def put(self, request_id: str, remembered: Remembered) -> None:
        self._by_id[request_id] = remembered

    def copy(self) -> RequestMemory:
        """A shallow copy, for a snapshot that is written while entries go on."""
        copied = RequestMemory()
        copied._by_id = self._by_id.copy()
        return copied

    def oldest(self) -> Iterator[tuple[str, Remembered]]:
        return iter(self._by_id.items())

    def forget(self, count: int) -> None:
        """Drop the `count` oldest."""
        for request_id in [name for name, _ in zip(self._by_id, range(count), strict=False)]:
            del self._by_id[request_id]
