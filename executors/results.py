"""What a run leaves behind when its code returns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel
from typing_extensions import override

RESULT_BYTES_MAX = 64 * 1024


class _Keep:
    """Stands for 'leave the state as it is'; None would clear it."""

    @override
    def __repr__(self) -> str:
        return "<as it is>"


KEEP: Any = _Keep()


@dataclass(frozen=True)
class Follow:
    """What is to come after a success. `again_at`: ms since 1970; `schedule`: a JSON object; `then`: pause, end or empty."""

    again_at: int | None = None
    schedule: bytes | None = None
    then: str = ""


@dataclass(frozen=True)
class RunResult:
    """A return value that says more than the result. `state` is stored together with the outcome; None clears it.

    `run_again_at` (with a time zone): once more then, of a recurring task beside its schedule. `schedule`: from now on
    this one, with the fields of a task file, such as `{"cron": "30 2 * * *", "time_zone": "Europe/Berlin"}`. `then`:
    `pause` after this run, or `end` the series. They count where the run succeeds. Raises ValueError for
    `run_again_at` and `schedule` at once, and TypeError or ValueError for what is neither.
    """

    result: object = None
    state: BaseModel | None = KEEP
    run_again_at: datetime | None = None
    schedule: Mapping[str, object] | None = None
    then: Literal["pause", "end"] | None = None

    def __post_init__(self) -> None:
        if self.run_again_at is not None and self.schedule is not None:
            raise ValueError("RunResult takes run_again_at or schedule, not both")
        if self.run_again_at is not None and self.run_again_at.tzinfo is None:
            raise ValueError("run_again_at needs a time zone, such as datetime.now(timezone.utc)")
        if self.schedule is not None and not isinstance(self.schedule, Mapping):
            raise TypeError(
                f"schedule must be a mapping such as {{'every': '10m'}}, not {self.schedule!r}"
            )
        if self.then not in (None, "pause", "end"):
            raise ValueError(f"then must be 'pause' or 'end', not {self.then!r}")
        self.follow()  # a schedule that is no JSON shows here, where the author sees it

    def follow(self) -> Follow | None:
        """What is to come, as it travels; None: nothing was said."""
        again, schedule = self.run_again_at, self.schedule
        if again is None and schedule is None and self.then is None:
            return None
        return Follow(
            None if again is None else round(again.timestamp() * 1_000),
            None if schedule is None else json.dumps(dict(schedule), allow_nan=False).encode(),
            self.then or "",
        )


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
