"""What Python and msgpack removed since 2017, given back from outside the package. Import before raftos."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from types import TracebackType
from typing import Any

import msgpack


class _Queue(asyncio.Queue[Any]):
    def __init__(self, maxsize: int = 0, *, loop: object = None) -> None:  # noqa: ARG002 - accepted and left aside
        super().__init__(maxsize)


class _Held:
    def __init__(self, lock: asyncio.Lock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.release()


class _Lock(asyncio.Lock):
    def __await__(self) -> Generator[Any, Any, _Held]:
        yield from self.acquire().__await__()
        return _Held(self)


def _unpackb(data: bytes, *, encoding: str | None = None, **options: Any) -> Any:
    return _unpackb_now(data, raw=encoding is None, **options)


_unpackb_now = msgpack.unpackb


def install() -> None:
    """Once per process."""
    for name, value in (("Queue", _Queue), ("Lock", _Lock)):
        setattr(asyncio, name, value)
    setattr(asyncio.futures, "InvalidStateError", asyncio.InvalidStateError)  # noqa: B010 - unknown to types
    msgpack.unpackb = _unpackb
