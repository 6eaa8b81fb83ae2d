"""What a JSON schema objects to, in words that say what to do: field, expectation, what was given."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from jsonschema.exceptions import ValidationError

SHOWN_CHARS = 80

_BOUNDS = {
    "minimum": "must be at least",
    "exclusiveMinimum": "must be more than",
    "maximum": "must be at most",
    "exclusiveMaximum": "must be less than",
    "multipleOf": "must be a multiple of",
    "const": "must be",
    "pattern": "must match",
}
_TYPES = {"integer": "a whole number", "number": "a number", "string": "a text", "null": "null"}
_TYPES |= {"boolean": "true or false", "object": "an object", "array": "a list"}


def told(error: ValidationError, of: str = "params") -> Iterator[tuple[str, str]]:
    """(field, what is wrong with it), one for each field that the error concerns. `of`: what was judged."""
    path = ".".join((of, *(str(step) for step in error.absolute_path)))
    keyword, limit = str(error.validator), error.validator_value
    if keyword == "required" and isinstance(error.instance, dict):
        for name in limit if isinstance(limit, list) else ():
            if name not in error.instance:
                yield f"{path}.{name}", "is missing"
    elif keyword == "additionalProperties" and isinstance(error.instance, dict):
        known = sorted(_properties(error.schema))
        for name in sorted(set(error.instance) - set(known)):
            yield f"{path}.{name}", f"is unknown; there is {', '.join(known) or 'nothing'}"
    elif keyword in _BOUNDS:
        yield path, f"{_BOUNDS[keyword]} {limit} (got {_shown(error.instance)})"
    elif keyword == "type":
        words = limit if isinstance(limit, list) else [limit]
        expected = " or ".join(_TYPES.get(str(word), str(word)) for word in words)
        yield path, f"must be {expected} (got {_shown(error.instance)})"
    elif keyword == "enum":
        choices = ", ".join(_shown(one) for one in limit) if isinstance(limit, list) else ""
        yield path, f"must be one of {choices} (got {_shown(error.instance)})"
    else:
        yield path, error.message


def _properties(schema: object) -> dict[str, Any]:
    found = schema.get("properties") if isinstance(schema, dict) else None
    return found if isinstance(found, dict) else {}


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= SHOWN_CHARS else text[:SHOWN_CHARS] + "…"
