"""`-p K=V` by the executor's parameter schema, `--params` as JSON, `@FILE` or `-` (EX-9). Pure but for reading files.

A string field takes the text as it stands, so that a version 1.10 stays what it is; any other field takes JSON. Where
there is no schema, what parses as JSON is JSON and the rest is text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from coordinator.cli import exits
from coordinator.cli.failures import Failure, usage
from coordinator.cli.hints import schema_hint
from coordinator.cli.reading import NotFinite, parse_json, read_source

_NAMES = {
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "array": "a JSON list",
    "object": "a JSON object",
    "null": "null",
}


def read_params(text: str) -> dict[str, Any]:
    """`--params`: JSON, @FILE or - for stdin. Raises Failure when it is no JSON object."""
    path = text.removeprefix("@")
    source = read_source(path, f"--params: {path}") if text == "-" or path != text else text
    try:
        value = parse_json(source, "params")
    except NotFinite as error:
        raise usage(f"--params: {error}") from None
    except ValueError as error:
        raise usage(f"--params: no JSON: {error}") from None
    if not isinstance(value, dict):
        raise usage('--params: must be a JSON object, as in {"until": 3}')
    return value


def split_pair(text: str, flag: str = "-p") -> tuple[str, str]:
    """K=V. Raises Failure."""
    key, equals, value = text.partition("=")
    if not (equals and key):
        raise usage(f"{flag}: {text} is not K=V")
    return key, value


def pairs_to_params(
    pairs: Sequence[tuple[str, str]], schema: Mapping[str, Any] | None, doing: str, executor: str
) -> dict[str, Any]:
    """All -p flags. Raises Failure, exit 8, naming the field that cannot be read and where to see what it takes."""
    params: dict[str, Any] = {}
    for key, text in pairs:
        try:
            params[key] = read_field(key, text, schema)
        except ValueError as error:
            raise Failure(
                f"{doing}: params.{key}: must be {error} (got {text})",
                why=f"invalid_params: params.{key} takes {error}",
                hint=schema_hint(executor),
                exit_code=exits.CONTENT_REFUSED,
                reason="invalid_params",
            ) from None
    return params


def read_field(key: str, text: str, schema: Mapping[str, Any] | None) -> Any:
    """One value by what its field takes. Raises ValueError saying what that is."""
    kinds = field_kinds(schema, key) if schema is not None else None
    if kinds == {"string"} or kinds == {"string", "null"}:
        return None if text == "null" and kinds is not None and "null" in kinds else text
    try:
        return parse_json(text)
    except ValueError as error:
        if kinds is None and isinstance(error, NotFinite):
            raise ValueError("a finite number, or a text in quotes") from None
        if kinds is None or "string" in kinds:
            return text
        wanted = " or ".join(_NAMES.get(kind, kind) for kind in sorted(kinds - {"null"}))
        raise ValueError(wanted) from None


def field_kinds(schema: Mapping[str, Any], key: str) -> set[str] | None:
    """The JSON types that a field takes; None when the schema does not say."""
    field = schema.get("properties", {}).get(key)
    return None if field is None else _kinds(field, schema, depth=0)


def _kinds(field: Mapping[str, Any], schema: Mapping[str, Any], depth: int) -> set[str] | None:
    if depth > 8:
        return None
    if "$ref" in field:
        name = str(field["$ref"]).rpartition("/")[2]
        target = schema.get("$defs", {}).get(name)
        return None if target is None else _kinds(target, schema, depth + 1)
    if "type" in field:
        kind = field["type"]
        return set(kind) if isinstance(kind, list) else {kind}
    if "enum" in field or "const" in field:
        values = field.get("enum", [field.get("const")])
        return {"string"} if all(isinstance(value, str) for value in values) else None
    branches = field.get("anyOf") or field.get("oneOf")
    if not branches:
        return None
    kinds: set[str] = set()
    for branch in branches:
        found = _kinds(branch, schema, depth + 1)
        if found is None:
            return None
        kinds |= found
    return kinds
