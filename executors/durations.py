"""Durations as people write them: `500ms`, `90s`, `5m`, `1h30m`, `2d`. Inside, int milliseconds.

A bare number is refused: nobody can tell seconds from milliseconds by looking at it.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema
from typing_extensions import override

Span = str | timedelta

EXAMPLES = "500ms, 90s, 5m, 1h30m or 2d"
PATTERN = r"^(?=[0-9])([0-9]{1,15}d)?([0-9]{1,15}h)?([0-9]{1,15}m)?([0-9]{1,15}s)?([0-9]{1,15}ms)?$"

_TEXT = re.compile(PATTERN)
_UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_PART = re.compile(r"([0-9]+)(ms|[dhms])")
_MS_MAX = 36_525 * 86_400_000  # a hundred years


def parse_ms(text: str) -> int:
    """Milliseconds in a written duration. Raises ValueError naming what was given."""
    if not _TEXT.fullmatch(text):
        raise ValueError(f"{text!r} is no duration; write {EXAMPLES}")
    total = sum(int(number) * _UNITS_MS[unit] for number, unit in _PART.findall(text))
    if total > _MS_MAX:
        raise ValueError(f"{text!r} is longer than a hundred years")
    return total


def format_ms(ms: int) -> str:
    """The shortest way to write a duration: 5400000 -> `1h30m`."""
    parts = []
    rest = ms
    for unit, size in _UNITS_MS.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def span_ms(span: object) -> int:
    """Milliseconds of a duration text or timedelta. Raises ValueError, for a bare number too."""
    if isinstance(span, str):
        return parse_ms(span)
    if isinstance(span, timedelta):
        if span < timedelta(0):
            raise ValueError(f"{span!r} is negative")
        return span // timedelta(milliseconds=1)
    raise ValueError(f"{span!r} is no duration; write {EXAMPLES}, or a timedelta")


class Duration(timedelta):
    """A timedelta that is written as `90s` or `1h30m`, for fields of params and state.

    `interval: Duration = Duration("1s")`. In JSON it is a string; a bare number is refused.
    """

    def __new__(cls, span: Span) -> Duration:
        """From a text or a timedelta. Raises ValueError."""
        return super().__new__(cls, milliseconds=span_ms(span))

    @property
    def ms(self) -> int:
        """Whole milliseconds."""
        return self // timedelta(milliseconds=1)

    @override
    def __str__(self) -> str:
        return format_ms(self.ms)

    @override
    def __repr__(self) -> str:
        return f"Duration({str(self)!r})"

    @override
    def __reduce__(self) -> tuple[type[Duration], tuple[str]]:
        return (Duration, (str(self),))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls,
        core: CoreSchema,
        handler: GetJsonSchemaHandler,
    ) -> dict[str, Any]:
        return {"type": "string", "pattern": PATTERN, "examples": ["500ms", "90s", "1h30m"]}
