"""The one serializer of views: CLI, HTTP API and golden files all write JSON through it (EX-17 to EX-19)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from coordinator.client.instants import rfc3339
from coordinator.client.views import Answer

API_VERSION = "ptasks/v1"
_PLANS: dict[type, tuple[tuple[str, bool], ...]] = {}


def plain(value: Any) -> Any:
    """A view as dicts, lists and scalars, instants as RFC 3339. The user's own JSON inside it stays as it is."""
    if isinstance(value, Struct):
        return {
            name: ((rfc3339(item) if item is not None else None) if is_instant else plain(item))
            for name, is_instant in _plan(type(value))
            for item in (getattr(value, name),)
        }
    if isinstance(value, list):
        return [plain(item) for item in value] if value and _holds_views(value) else value
    return value


def _holds_views(items: list[Any]) -> bool:
    return isinstance(items[0], Struct)


def _plan(kind: type) -> tuple[tuple[str, bool], ...]:
    found = _PLANS.get(kind)
    if found is None:
        names: tuple[str, ...] = kind.__struct_fields__  # type: ignore[attr-defined]
        found = _PLANS[kind] = tuple((name, name == "at" or name.endswith("_at")) for name in names)
    return found


def head(kind: str, answer: Answer | None) -> dict[str, Any]:
    """The start of every envelope. A stale answer says so, and how old it is."""
    envelope: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": kind,
        "revision": answer.revision if answer is not None else None,
    }
    if answer is not None and answer.stale:
        envelope |= {"stale": True, "age_ms": answer.age_ms}
    return envelope


def envelope(kind: str, answer: Answer | None, view: Struct | dict[str, Any]) -> dict[str, Any]:
    """A single object: its fields at the top level."""
    return {**head(kind, answer), **plain_dict(view)}


def list_envelope(
    kind: str, answer: Answer | None, items: Sequence[Any], next_page: str = ""
) -> dict[str, Any]:
    """A list: items without an envelope of their own, and the token of the next page or null."""
    return {
        **head(kind, answer),
        "items": [plain_dict(item) for item in items],
        "next_page": next_page or None,
    }


def line(kind: str, view: Struct | dict[str, Any]) -> dict[str, Any]:
    """One object of a jsonl stream: its kind, then its fields."""
    return {"kind": kind, **plain_dict(view)}


def plain_dict(view: Struct | dict[str, Any]) -> dict[str, Any]:
    """The fields of one view."""
    result: dict[str, Any] = plain(view)
    return result


def to_json(value: Any) -> str:
    """Compact JSON text, one line."""
    return msgspec.json.encode(value).decode()


def to_pretty_json(value: Any) -> str:
    """Indented JSON text, for people."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
