"""A limit that several executors share has one `max`: whoever declares another one cannot be loaded beside them (TM-60)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from executors.definition import Definition
from executors.errors import ExecutorDefinitionError

FIELD_ROOTS = ("params.", "labels.")

_Group = tuple[str, str]  # scope, name


class GroupLimits:
    """What the executors of this process declare for groups."""

    def __init__(self) -> None:
        self._declared: dict[_Group, tuple[int, Definition]] = {}

    def add(self, definitions: Sequence[Definition]) -> None:
        """Those of one plugin, all or none. Raises ExecutorDefinitionError where two members of a group differ."""
        declared = dict(self._declared)
        for definition in definitions:
            for group, most in _groups_of(definition):
                known, first = declared.setdefault(group, (most, definition))
                if known != most:
                    scope, name = group
                    raise ExecutorDefinitionError(
                        f"limit {name} ({scope}): {first.name} declares max={known} ({first.location}), "
                        f"{definition.name} max={most} ({definition.location}); members of a group declare the same"
                    )
        self._declared = declared


def _groups_of(definition: Definition) -> Iterator[tuple[_Group, int]]:
    for limit in definition.policy.concurrency:
        if limit.key and not limit.key.startswith(FIELD_ROOTS):
            yield (limit.scope, limit.key), limit.max
