"""Bounds of what a caller asks of nodes (PT-83)."""

from __future__ import annotations

from collections.abc import Sequence

from coordinator.api.errors import invalid
from coordinator.model.limits import LABEL_KEY_BYTES_MAX, LABEL_VALUE_BYTES_MAX, LABELS_MAX
from coordinator.wire.v1 import tasks_pb2 as wire

TERMS_MAX = 16  # of one kind
WEIGHT_MAX = 100


def check_constraints(asked: wire.Constraints) -> None:
    """Raises Rejected naming the field."""
    for kind in ("require", "avoid", "prefer", "spread", "apart"):
        found = getattr(asked, kind)
        if len(found) > TERMS_MAX:
            raise invalid(f"constraints.{kind}", f"{len(found)} of them, at most {TERMS_MAX}")
    _check_tests("require", asked.require)
    _check_tests("avoid", asked.avoid)
    _check_tests("prefer", [one.test for one in asked.prefer])
    for one in asked.prefer:
        if not 1 <= one.weight <= WEIGHT_MAX:
            raise invalid("constraints.prefer", f"weight {one.weight}: 1 .. {WEIGHT_MAX}")
    for name in asked.spread:
        _check_name("spread", name)
    for label in asked.apart:
        _check_name("apart", label.partition("=")[0])
        _check_value("apart", label.partition("=")[2])


def _check_tests(kind: str, tests: Sequence[wire.AttributeTest]) -> None:
    for test in tests:
        _check_name(kind, test.attribute)
        if len(test.values) > LABELS_MAX:
            why = f"{len(test.values)} values, at most {LABELS_MAX}"
            raise invalid(f"constraints.{kind}.{test.attribute}", why)
        for value in test.values:
            _check_value(kind, value)


def _check_name(kind: str, name: str) -> None:
    if not 0 < len(name.encode()) <= LABEL_KEY_BYTES_MAX:
        raise invalid(f"constraints.{kind}", f"a name has 1 .. {LABEL_KEY_BYTES_MAX} bytes")


def _check_value(kind: str, value: str) -> None:
    if len(value.encode()) > LABEL_VALUE_BYTES_MAX:
        raise invalid(f"constraints.{kind}", f"a value has at most {LABEL_VALUE_BYTES_MAX} bytes")
