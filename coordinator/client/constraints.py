"""Constraints (PT-83) in the form that people write and read, and on the wire.

{"require": {"zone": "a", "disk": ["ssd", "nvme"], "gpu": true}, "avoid": {...},
 "prefer": [{"attribute": "zone", "values": ["a"], "weight": 80}], "spread": ["zone"], "apart": ["app=db"]}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from coordinator.wire.v1 import tasks_pb2 as wire

KINDS = ("require", "avoid", "prefer", "spread", "apart")
WEIGHT = 50


def constraints_to_wire(given: Mapping[str, Any]) -> wire.Constraints:
    """ValueError or TypeError names what is not understood."""
    unknown = sorted(set(given) - set(KINDS))
    if unknown:
        raise ValueError(f"constraints: unknown field {', '.join(unknown)}")
    return wire.Constraints(
        require=_tests("require", given.get("require") or {}),
        avoid=_tests("avoid", given.get("avoid") or {}),
        prefer=[_preference(one) for one in given.get("prefer") or ()],
        spread=_words("spread", given.get("spread") or ()),
        apart=_words("apart", given.get("apart") or ()),
    )


def constraints_from_wire(found: wire.Constraints) -> dict[str, Any]:
    """What is not asked for is left out."""
    plain = {
        "require": {one.attribute: _plain(one.values) for one in found.require},
        "avoid": {one.attribute: _plain(one.values) for one in found.avoid},
        "prefer": [
            {
                "attribute": one.test.attribute,
                "values": list(one.test.values),
                "weight": one.weight,
            }
            for one in found.prefer
        ],
        "spread": list(found.spread),
        "apart": list(found.apart),
    }
    return {kind: value for kind, value in plain.items() if value}


def constraints_of_words(words: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    """From flags: `ATTRIBUTE`, `ATTRIBUTE=V,V`, for `prefer` with `:WEIGHT` at its end."""
    found: dict[str, Any] = {}
    for kind in ("require", "avoid"):
        if texts := list(words.get(kind, ())):
            found[kind] = dict(_cut(text) for text in texts)
    if preferred := list(words.get("prefer", ())):
        found["prefer"] = [_weighted(text) for text in preferred]
    for kind in ("spread", "apart"):
        if texts := list(words.get(kind, ())):
            found[kind] = texts
    return found


def _tests(kind: str, given: Any) -> list[wire.AttributeTest]:
    if not isinstance(given, Mapping):
        raise TypeError(f"constraints.{kind}: give attributes with their values")
    return [
        wire.AttributeTest(attribute=name, values=_values(f"{kind}.{name}", said))
        for name, said in sorted(given.items())
    ]


def _preference(given: Any) -> wire.Preference:
    if not isinstance(given, Mapping) or not isinstance(given.get("attribute"), str):
        raise TypeError("constraints.prefer: each has attribute, values and weight")
    values = _values(f"prefer.{given['attribute']}", given.get("values") or True)
    test = wire.AttributeTest(attribute=given["attribute"], values=values)
    return wire.Preference(test=test, weight=int(given.get("weight", WEIGHT)))


def _values(where: str, said: Any) -> list[str]:
    if said is True:
        return []
    values = [said] if isinstance(said, str) else said
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        raise ValueError(f"constraints.{where}: give a text, a list of texts, or true")
    return values


def _words(kind: str, given: Any) -> list[str]:
    if isinstance(given, str) or not all(isinstance(one, str) for one in given):
        raise ValueError(f"constraints.{kind}: give a list of texts")
    return list(given)


def _plain(values: Iterable[str]) -> Any:
    found = list(values)
    return found[0] if len(found) == 1 else found or True


def _cut(text: str) -> tuple[str, Any]:
    name, has_values, values = text.partition("=")
    return name, values.split(",") if has_values else True


def _weighted(text: str) -> dict[str, Any]:
    body, has_weight, weight = text.rpartition(":")
    if not has_weight or not weight.isdecimal():
        body, weight = text, str(WEIGHT)
    name, values = _cut(body)
    return {"attribute": name, "values": values, "weight": int(weight)}
