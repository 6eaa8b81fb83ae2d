"""What a node offers: executors as plain JSON, so that a coordinator without their code can check and place tasks.

A manifest is canonical JSON (sorted keys, no spaces), so equal content has equal bytes and an equal digest:

    {"name", "version", "title", "doc", "params_schema", "state_schema", "policy", "own_validate", "own_assignment",
     "has_describe"}

and `declares`, where the executor declares tasks (`executors.declared`).

`policy` has every field with its value in force, durations in ms, and `declared`: the names of those the author gave
(the others give way to the cluster's settings). Schemas are JSON Schema 2020-12, closed at every depth.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from executors.declared import declarations_document
from executors.definition import Definition


@dataclass(frozen=True, slots=True)
class Manifest:
    """One executor's manifest. `body` is the JSON, `digest` its SHA-256 in hex."""

    name: str
    version: int
    digest: str
    body: bytes

    def document(self) -> dict[str, Any]:
        """The JSON as a dict."""
        document: dict[str, Any] = json.loads(self.body)
        return document


def manifest_of(definition: Definition) -> Manifest:
    """The manifest of a defined executor."""
    document = {
        "name": definition.name,
        "version": definition.version,
        "title": definition.title,
        "doc": definition.doc,
        "params_schema": definition.params.schema,
        "state_schema": definition.state.schema,
        "policy": definition.policy.document(),
        "own_validate": "validate" in definition.own_hooks,
        "own_assignment": "get_assignment" in definition.own_hooks,
        "has_describe": "describe" in definition.own_hooks,
    }
    if definition.declares:
        document["declares"] = declarations_document(definition.declares, definition.params)
    body = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return Manifest(definition.name, definition.version, hashlib.sha256(body).hexdigest(), body)
