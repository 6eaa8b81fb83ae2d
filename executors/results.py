"""What a run leaves behind when its code returns."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel
from typing_extensions import override

RESULT_BYTES_MAX = 64 * 1024
UNSUPPORTED = "is not supported by this cluster yet"


class _Keep:
    """Stands for 'leave the state as it is'; None would clear it."""

    @override
    def __repr__(self) -> str:
        return "<as it is>"


KEEP: Any = _Keep()


@dataclass(frozen=True)
class RunResult:
    """A return value that says more than the result. `state` is stored together with the outcome; None clears it.

    `run_again_at`, `schedule` and `then` say when the task comes again; they raise NotImplementedError on a cluster
    that has no schedules yet.
    """

    result: object = None
    state: BaseModel | None = KEEP
    run_again_at: datetime | None = None
    schedule: object = None
    then: Literal["pause", "end"] | None = None

    def __post_init__(self) -> None:
        if self.run_again_at is not None and self.schedule is not None:
            raise ValueError("RunResult takes run_again_at or schedule, not both")
        for name in ("run_again_at", "schedule", "then"):
            if getattr(self, name) is not None:
                raise NotImplementedError(f"RunResult({name}=...) {UNSUPPORTED}")


def encode_result(value: object) -> bytes:
    """JSON of a returned value; models count as their JSON. Raises ValueError saying why it cannot be kept."""
    if value is None:
        return b"null"
    try:
        text = json.dumps(
            value, ensure_ascii=False, allow_nan=False, default=_model, separators=(",", ":")
        )
        data = text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"the result is no JSON: {error}") from None
    if len(data) > RESULT_BYTES_MAX:
        raise ValueError(f"the result is {len(data)} bytes, at most {RESULT_BYTES_MAX}")
    return data


def _model(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    raise TypeError(f"{type(value).__name__} is not JSON")
