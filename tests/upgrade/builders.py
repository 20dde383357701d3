"""Values of any record type, whatever its fields, drawn from what msgspec knows of the type."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

TEXT = st.text(max_size=8)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXT, lambda few: st.lists(few, max_size=2), max_leaves=3
)


def values(kind: inspect.Type) -> st.SearchStrategy[Any]:
    """Return the values of a type, as JSON has them."""
    if isinstance(kind, inspect.StructType):
        return st.fixed_dictionaries(
            {field.encode_name: values(field.type) for field in kind.fields if field.required},
            optional={field.encode_name: values(field.type) for field in kind.fields if not field.required},
        )
    if isinstance(kind, inspect.UnionType):
        return st.one_of(*(values(one) for one in kind.types))
    if isinstance(kind, (inspect.ListType, inspect.VarTupleType, inspect.CollectionType)):
        return st.lists(values(kind.item_type), max_size=2)
    if isinstance(kind, inspect.DictType):
        return st.dictionaries(TEXT, values(kind.value_type), max_size=2)
    if isinstance(kind, inspect.LiteralType):
        return st.sampled_from(kind.values)
    return _PLAIN[type(kind)]


_PLAIN: dict[type[inspect.Type], st.SearchStrategy[Any]] = {
    inspect.StrType: TEXT,
    inspect.IntType: st.integers(-(2**31), 2**31),
    inspect.FloatType: st.floats(-1e6, 1e6),
    inspect.BoolType: st.booleans(),
    inspect.NoneType: st.none(),
    inspect.BytesType: st.binary(max_size=8).map(msgspec.to_builtins),
    inspect.AnyType: ANYTHING,
    inspect.RawType: ANYTHING,
}


def with_more(kind: inspect.Type, value: Any) -> Any:
    """Return a value with a field in every struct of it that this release does not know."""
    if isinstance(kind, inspect.StructType) and isinstance(value, dict):
        known = {field.encode_name: field.type for field in kind.fields}
        grown = {name: with_more(known[name], part) for name, part in value.items()}
        return {**grown, "field_of_a_later_release": {"deep": [1, None]}}
    if isinstance(kind, inspect.UnionType):
        return next((grown for one in kind.types if (grown := with_more(one, value)) != value), value)
    if isinstance(kind, (inspect.ListType, inspect.VarTupleType, inspect.CollectionType)) and isinstance(value, list):
        return [with_more(kind.item_type, part) for part in value]
    if isinstance(kind, inspect.DictType) and isinstance(value, dict):
        return {name: with_more(kind.value_type, part) for name, part in value.items()}
    return value


@cache
def optional_fields(kind: type[msgspec.Struct]) -> list[str]:
    """Return the fields that have a default."""
    return [field.name for field in msgspec.structs.fields(kind) if not field.required]


@cache
def older(kind: type[msgspec.Struct], without: str) -> type[msgspec.Struct]:
    """Return a struct as it was before it had a field."""
    kept = [field for field in msgspec.structs.fields(kind) if field.name != without]
    return msgspec.defstruct(kind.__name__, [_defined(field) for field in kept], frozen=True, kw_only=True)


def _defined(field: msgspec.structs.FieldInfo) -> Any:
    if field.required:
        return field.name, field.type
    if field.default_factory is not msgspec.NODEFAULT:
        return field.name, field.type, msgspec.field(default_factory=field.default_factory)
    return field.name, field.type, field.default
