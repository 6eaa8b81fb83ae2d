"""Calls that reach a run from outside (PT-85): what its code is asked, and its answer as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

CALL_BYTES_MAX = 256 * 1024  # of a payload, and of an answer


@dataclass(frozen=True, slots=True)
class Call:
    """What somebody asks a run: a method of your own naming, a payload of JSON, the headers of the request."""

    method: str
    payload: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class AnswerTooLarge(ValueError):
    """What on_call returned does not fit into an answer."""


async def answer_call(instance: Any, handle: Any, call: Call) -> bytes:
    """The answer of the author's `on_call` as JSON. Raises what it raises, TypeError for no JSON, AnswerTooLarge."""
    value = await instance.on_call(handle, call)
    text = json.dumps(
        value, ensure_ascii=False, allow_nan=False, default=_model, separators=(",", ":")
    )
    data = text.encode()
    if len(data) > CALL_BYTES_MAX:
        raise AnswerTooLarge(f"the answer is {len(data)} bytes, at most {CALL_BYTES_MAX}")
    return data


def _model(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    raise TypeError(f"{type(value).__name__} is not JSON")
