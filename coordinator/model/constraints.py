"""Which nodes a task wants, by their attributes and by what runs there (PT-83)."""

from __future__ import annotations

import msgspec


class AttributeTest(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The attribute has one of the values; no values: it is there at all."""

    attribute: str
    values: tuple[str, ...] = ()


class Preference(msgspec.Struct, frozen=True, array_like=True, gc=False):
    test: AttributeTest
    weight: int = 50  # 1..100


class Constraints(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`require`, `avoid` and `apart` rule nodes out; `prefer` and `spread` order the others.

    `spread` names attributes. `apart` names labels, `KEY` or `KEY=VALUE`: not beside a task that has it.
    """

    require: tuple[AttributeTest, ...] = ()
    avoid: tuple[AttributeTest, ...] = ()
    prefer: tuple[Preference, ...] = ()
    spread: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
