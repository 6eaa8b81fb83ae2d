"""Patterns of a params schema, matched in time that grows with the text alone (PT-20).

`jsonschema` hands them to Python's `re`, which may need exponential time: one submission would stop the event loop of
whoever checks it, and a client that repeats the call elsewhere the next one. Here the engine of pydantic matches them, by
which the author's own model goes as well. A pattern that it does not know (look-around, back-references) is left to the
worker, which validates the params again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

if TYPE_CHECKING:
    from pydantic_core import SchemaValidator

PATTERNS_KEPT = 1_000


def matches(pattern: str, text: str) -> bool | None:
    """Whether it is found anywhere in the text; None if this pattern cannot be looked for here. Raises re.error."""
    engine = _engine(pattern)
    return None if engine is None else engine.isinstance_python(text)


@lru_cache(PATTERNS_KEPT)
def _engine(pattern: str) -> SchemaValidator | None:
    from pydantic_core import SchemaError, SchemaValidator, core_schema  # most schemas have none

    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except (SchemaError, UnicodeError):
        re.compile(pattern)  # what is none at all makes the schema useless, and is said
        return None


def _pattern(
    _validator: Draft202012Validator, pattern: object, instance: object, _schema: object
) -> Iterator[ValidationError]:
    if not isinstance(instance, str) or not isinstance(pattern, str):
        return
    if matches(pattern, instance) is False:
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Draft202012Validator, patterns: object, instance: object, _schema: object
) -> Iterator[ValidationError]:
    if not isinstance(instance, dict) or not isinstance(patterns, dict):
        return
    for pattern, inner in patterns.items():
        for name, value in instance.items():
            if matches(pattern, name):
                yield from validator.descend(value, inner, path=name, schema_path=pattern)


def _additional_properties(
    validator: Draft202012Validator, extra: object, instance: object, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    patterns = schema.get("patternProperties") or {}
    yield from Draft202012Validator.VALIDATORS["additionalProperties"](
        validator,
        extra,
        {
            name: value
            for name, value in instance.items()
            if all(matches(pattern, name) is False for pattern in patterns)
        },
        {key: inner for key, inner in schema.items() if key != "patternProperties"},
    )


def _unevaluated_properties(
    _validator: Draft202012Validator, _extra: object, _instance: object, _schema: object
) -> Iterator[ValidationError]:
    """Left to the worker: which names the patterns beside it take is not asked of `re`."""
    yield from ()


_PATTERNS = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
}
_Checker = extend(Draft202012Validator, _PATTERNS)  # type: ignore[no-untyped-call]
_WithNamesByPattern = extend(  # type: ignore[no-untyped-call]
    _Checker, {"unevaluatedProperties": _unevaluated_properties}
)


def checker_of(manifest_body: bytes) -> type[Draft202012Validator]:
    """The class that checks by a schema of this manifest."""
    has_names_by_pattern = b"patternProperties" in manifest_body
    found: type[Draft202012Validator] = _WithNamesByPattern if has_names_by_pattern else _Checker
    return found
