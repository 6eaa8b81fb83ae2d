"""Hypothesis strategies read off the types of the structs, so a new command needs none written."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect as mi

TEXTS = st.text(max_size=8)
INTS = st.integers(min_value=-(2**63), max_value=2**64 - 1)


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a type as msgspec understands it."""
    return _values(mi.type_info(kind))


def _values(info: mi.Type) -> st.SearchStrategy[Any]:
    simple = {
        mi.IntType: INTS,
        mi.StrType: TEXTS,
        mi.BytesType: st.binary(max_size=16),
        mi.BoolType: st.booleans(),
        mi.FloatType: st.floats(allow_nan=False),
        mi.NoneType: st.none(),
    }
    if type(info) in simple:
        return simple[type(info)]
    match info:
        case mi.EnumType(cls):
            return st.sampled_from(list(cls))
        case mi.UnionType(types):
            return st.one_of(*map(_values, types))
        case mi.VarTupleType(item_type=item):
            return st.lists(_values(item), max_size=3).map(tuple)
        case mi.TupleType(item_types=items):
            return st.tuples(*map(_values, items))
        case mi.StructType(cls=cls, fields=fields):
            return st.builds(cls, **{field.encode_name: _values(field.type) for field in fields})
        case _:
            raise TypeError(f"no values for {info}")


def fields_of(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    return kind.__struct_fields__
