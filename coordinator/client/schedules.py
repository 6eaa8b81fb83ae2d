"""Schedules (TM section 2) in the form that people write and read, and on the wire.

{"cron": "30 2 * * *", "time_zone": "Europe/Berlin", "overlap": "queue_one", "jitter": "5m",
 "start_at": "2026-11-21T00:00:00Z", "blackouts": ["Mon 09:00-Mon 17:00 Europe/Berlin shift"]}
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from coordinator.client.durations import format_duration, parse_duration
from coordinator.client.instants import parse_rfc3339, rfc3339
from coordinator.wire.v1 import tasks_pb2 as wire

KINDS = ("every", "cron", "rrule")
_TEXTS = ("cron", "rrule", "time_zone", "misfire", "overlap", "dst_gap")
_SPANS = ("every", "jitter", "misfire_grace", "start_deadline")
_INSTANTS = ("start_at", "end_at")
_INT32 = (-(2**31), 2**31 - 1)
_NUMBERS = ("max_catch_up", "pause_after_failures")
FIELDS = (*KINDS, "time_zone", *_INSTANTS, "from", "jitter", "misfire", "misfire_grace", "max_catch_up",
          "overlap", "start_deadline", "dst_gap", "blackouts", "pause_after_failures")  # fmt: skip


def schedule_to_wire(given: Mapping[str, Any]) -> wire.Schedule:
    """Durations as text, instants as RFC 3339 text or ms since 1970. ValueError or TypeError names what is not understood.

    Bounds and words are the server's to judge.
    """
    unknown = sorted(set(given) - set(FIELDS))
    if unknown:
        known = ", ".join(FIELDS)
        raise ValueError(f"schedule: unknown field {', '.join(unknown)}; known: {known}")
    asked = {name: value for name, value in given.items() if value is not None}
    made = wire.Schedule(count_from=_text("from", asked.get("from", "")))
    for name, value in asked.items():
        if name in _TEXTS:
            setattr(made, name, _text(name, value))
        elif name in _SPANS:
            setattr(made, f"{name}_ms", _span(name, value))
        elif name in _INSTANTS:
            setattr(made, name, _instant(name, value))
        elif name in _NUMBERS:
            setattr(made, name, _number(name, value))
    made.blackouts.extend(_texts("blackouts", asked.get("blackouts", ())))
    return made


def schedule_objection(said: bytes | None) -> str | None:
    """What cannot be read of a schedule that a run returned (a JSON object); None: nothing, or there is none."""
    if said is None:
        return None
    try:
        schedule_to_wire(msgspec.json.decode(said, type=dict[str, Any]))
    except (msgspec.MsgspecError, TypeError, ValueError) as error:
        return str(error)
    return None


def schedule_from_wire(found: wire.Schedule) -> dict[str, Any]:
    """Every field, None where nothing is set; it reads back as the same schedule."""
    has = found.HasField
    return {
        "every": _or_none(found.every_ms),
        "cron": found.cron or None,
        "rrule": found.rrule or None,
        "time_zone": found.time_zone or "UTC",
        "start_at": rfc3339(found.start_at) if found.start_at else None,
        "end_at": rfc3339(found.end_at) if found.end_at else None,
        "from": found.count_from or "due",
        "jitter": format_duration(found.jitter_ms),
        "misfire": found.misfire or "once",
        "misfire_grace": format_duration(found.misfire_grace_ms)
        if has("misfire_grace_ms")
        else None,
        "max_catch_up": found.max_catch_up if has("max_catch_up") else 1_000,
        "overlap": found.overlap or "skip",
        "start_deadline": _or_none(found.start_deadline_ms),
        "dst_gap": found.dst_gap or "skip",
        "blackouts": list(found.blackouts),
        "pause_after_failures": found.pause_after_failures or None,
    }


def expression_of(schedule: Mapping[str, Any]) -> str:
    """`every 5m`, or the cron expression or rrule as it stands."""
    every = schedule.get("every")
    return f"every {every}" if every else str(schedule.get("cron") or schedule.get("rrule") or "")


def _or_none(millis: int) -> str | None:
    return format_duration(millis) if millis else None


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"schedule.{name}: must be text (got {value!r})")
    return value


def _texts(name: str, value: Any) -> list[str]:
    if isinstance(value, str) or not all(isinstance(one, str) for one in value):
        raise TypeError(f"schedule.{name}: must be a list of texts (got {value!r})")
    return list(value)


def _span(name: str, value: Any) -> int:
    text = _text(name, value)
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ValueError(f"schedule.{name}: {error}") from None


def _instant(name: str, value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, datetime):  # TOML has a form of its own for it
        value = value.isoformat()
    text = _text(name, value)
    try:
        return parse_rfc3339(text)
    except ValueError as error:
        raise ValueError(f"schedule.{name}: {error}") from None


def _number(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"schedule.{name}: must be a whole number (got {value!r})")
    if not _INT32[0] <= value <= _INT32[1]:
        raise ValueError(f"schedule.{name}: {value} does not fit")
    return value
