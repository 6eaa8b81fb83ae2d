"""Headers that a caller sends along: `x-opaque-id` and `traceparent` come back, and stay with what was created (PT-74)."""

from __future__ import annotations

from typing import Any

import grpc.aio

from coordinator.api.errors import invalid, too_large
from coordinator.model.limits import HEADERS_BYTES_MAX
from coordinator.model.tasks import Pairs

KEPT = ("traceparent", "x-opaque-id")  # sorted


def headers_of(context: grpc.aio.ServicerContext[Any, Any]) -> Pairs:
    """Those of the call, sorted. Raises Rejected for what does not print or is over 4 KiB in all."""
    said = context.invocation_metadata() or ()
    kept = [(key, str(value)) for key, value in said if key in KEPT]
    if not kept:
        return ()
    found = tuple(sorted(kept))
    check_headers(found)
    return found


def check_headers(headers: Pairs) -> None:
    """Raises Rejected."""
    size = sum(len(key.encode()) + len(value.encode()) for key, value in headers)
    if size > HEADERS_BYTES_MAX:
        raise too_large("headers", HEADERS_BYTES_MAX, size)
    if not all(value.isprintable() for _, value in headers):
        raise invalid("headers", "only printable characters are allowed")


def joined(asked: Pairs, of_call: Pairs) -> Pairs:
    """What the task was asked to carry, with the headers of the call where it names none itself. Raises Rejected."""
    if not of_call:
        return asked
    headers = tuple(sorted((dict(of_call) | dict(asked)).items()))
    check_headers(headers)
    return headers
