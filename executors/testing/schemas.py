"""The stored shapes of params and state: a change of shape without a new version is found by a test, not by a task.

Beside the test, in `schemas/NAME.json`: `{"1": {"params": ..., "state": ...}, ...}`, to be committed. A version that is
not in the file is added to it.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

from executors.definition import Definition


def check_schemas(definition: Definition, test: type) -> str:
    """Why the shapes differ from those stored for this version; empty if they do not, or were stored now."""
    file = Path(inspect.getfile(test)).parent / "schemas" / f"{definition.name}.json"
    now = {"params": definition.params.schema, "state": definition.state.schema}
    stored: dict[str, Any] = {}
    if file.is_file():
        stored = json.loads(file.read_text(encoding="utf-8"))
    known = stored.get(str(definition.version))
    if known is None:
        stored[str(definition.version)] = now
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(stored, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        return ""
    changed = [role for role in now if now[role] != known.get(role)]
    if not changed:
        return ""
    return (
        f"the schema of {' and '.join(changed)} differs from the one stored for version {definition.version} in {file};"
        f" raise the version of {definition.name} and write upgrade_{changed[0]}, or put the shape back"
        " (before the first release: delete the file)"
    )
