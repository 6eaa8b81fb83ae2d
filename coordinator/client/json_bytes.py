"""What callers hand in as params, state or payload, as bytes of JSON. Pure.

JSON has no NaN and no infinity: the encoder would write null for them, and the task would run with another value than
it was given. So they are refused here, with the name of the field, before anything is sent.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from coordinator.client.errors import InvalidRequest


def json_bytes(value: Any, field: str) -> bytes:
    """The value as JSON; `field` is what it is called.

    Raises InvalidRequest for a number that JSON lacks: `invalid_params` if the field is params, else `invalid_field`.
    """
    encoded = msgspec.json.encode(value)
    if b"null" in encoded:  # written for None, too: only a look at the value tells
        _require_finite(msgspec.to_builtins(value), field)
    return encoded


def _require_finite(value: Any, field: str) -> None:
    left = [(field, value)]
    while left:
        name, one = left.pop()
        if isinstance(one, float) and not math.isfinite(one):
            reason = "invalid_params" if field.endswith("params") else "invalid_field"
            raise _not_finite(name, one, reason)
        if isinstance(one, dict):
            left += [(f"{name}.{key}", part) for key, part in one.items()]
        elif isinstance(one, list | tuple):
            left += [(f"{name}.{number}", part) for number, part in enumerate(one)]


def _not_finite(name: str, number: float, reason: str) -> InvalidRequest:
    wrong = f"must be a finite number (got {number})"
    return InvalidRequest(
        f"{name}: {wrong}",
        reason=reason,
        code="INVALID_ARGUMENT",
        violations=((name, wrong),),
    )
