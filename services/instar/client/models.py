"""Plain values to what an application works with, and back: pydantic models, dataclasses, or the dict itself.

Where an Avro union holds several named types, a plain value is the pair ``(full name, value)``. Models that name their
subject and version know that; for any other model the pair is taken apart before and put together after.
"""

import enum
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from instar.client.errors import SetupError
from instar.core.formats.schema import Schema
from instar.core.formats.shape import Array, Enum, Map, Object, Ref, Scalar, Shape, Union
from instar.core.rejected import INVALID_INPUT, Rejected

MODEL_MISMATCH = "model-mismatch"

Make = Callable[[Any], Any]
Take = Callable[[Any], "Any | Rejected"]
_Names = Mapping[str, Object]


def names_version(kind: object) -> bool:
    """Does the model say which subject and version it is of (``instar_subject``, ``instar_version``)?"""
    return isinstance(getattr(kind, "instar_subject", None), str) and isinstance(
        getattr(kind, "instar_version", None), str
    )


def maker(to: Any, schema: Schema) -> Make:
    """From a valid plain value of the schema to ``to``; None or ``dict`` is the value itself.

    The function returns ``Rejected`` (``model-mismatch``) for what the model does not take. Raises ``SetupError`` for a
    type that pydantic cannot validate.
    """
    if to is None or to is dict:
        return lambda value: value
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(to)
    except Exception as error:  # pydantic raises errors of many kinds, and what the class's own code raises
        raise SetupError(
            f"to={getattr(to, '__name__', to)!s} is not a type that records can be made into: {type(error).__name__}.",
            remedy="Name a pydantic model or a dataclass, or leave it out for a dict.",
        ) from error
    # A record's own names count, also where a model takes others from programs.
    names: dict[str, Any] = {"by_alias": True, "by_name": False} if names_version(to) else {}
    validate = adapter.validate_python
    bare = None if names_version(to) or not _has_pairs(schema.shape) else schema.shape

    def make(value: Any) -> Any:
        try:
            return validate(value if bare is None else _bare(bare, value, {}), **names)
        except ValidationError as error:
            return _mismatch(error, to)

    return make


def taker(schema: Schema) -> Take:
    """From an application's object to a plain value of the schema; Rejected where it is none.

    Takes dicts, models and dataclasses alike. In JSON a field that was not set is absent.
    """
    shape, has_pairs, is_json = schema.shape, _has_pairs(schema.shape), schema.kind == "json"

    def take(item: Any) -> Any:
        kind: Any = type(item)
        if isinstance(item, Mapping) or not (hasattr(kind, "__pydantic_serializer__") or is_dataclass(kind)):
            value = _settled(shape, item, {}) if has_pairs else item
        else:
            value = _settled(shape, _adapter(kind).dump_python(item, by_alias=True, exclude_unset=is_json), {})
        return schema.problem(value) or value

    def guarded(item: Any) -> Any:
        try:
            return take(item)
        except _Ambiguous as ambiguous:
            return Rejected(MODEL_MISMATCH, str(ambiguous))
        except Exception as error:  # serializers of the application's own models may raise anything
            return Rejected(MODEL_MISMATCH, f"The {type(item).__name__} cannot be read: {type(error).__name__}.")

    return guarded


def invalid(rejected: Rejected) -> Rejected:
    """What is wrong with an object that an application gave, under the code for input."""
    code = rejected.code if rejected.code == MODEL_MISMATCH else INVALID_INPUT
    return Rejected(code, rejected.message, path=rejected.path)


@lru_cache(maxsize=256)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _mismatch(error: ValidationError, to: Any) -> Rejected:
    """The first thing that a model does not take, without the value: it may be sensitive."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    path = ""
    for part in first["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    # The messages of a model's own validators (value_error, assertion_error) may quote what they were given.
    said = first["type"] if first["type"] in ("value_error", "assertion_error") else first["msg"]
    more = error.error_count() - 1
    others = f" (and {more} more)" if more else ""
    return Rejected(
        MODEL_MISMATCH,
        f"The record is valid, and {getattr(to, '__name__', to)} does not take it: {said}{others}.",
        path=path,
    )


# --------------------------------------------------------------------------------------------------- pairs


class _Ambiguous(Exception):
    """A value that may be of several named branches of a union."""


def _is_named(shape: Shape) -> bool:
    return isinstance(shape, Object | Ref | Enum) or (isinstance(shape, Scalar) and shape.kind == "fixed")


def _is_paired(shape: Union) -> bool:
    return sum(getattr(branch, "name", None) is not None and _is_named(branch) for branch in shape.branches) > 1


def _has_pairs(shape: Shape) -> bool:
    """Can a value of the shape hold a pair? Only Avro's named types make them."""
    match shape:
        case Union(branches):
            return _is_avro_paired(shape) or any(map(_has_pairs, branches))
        case Object():
            return any(_has_pairs(each.shape) for each in shape.fields.values())
        case Array(items=inner) | Map(values=inner):
            return _has_pairs(inner)
        case _:
            return False


def _is_avro_paired(shape: Union) -> bool:
    # A JSON Schema's recursive objects have names, too: definitions, never paired. Avro's records are never open.
    return _is_paired(shape) and not any(isinstance(branch, Object) and branch.open for branch in shape.branches)


def _branch(shape: Union, name: str, names: _Names) -> Shape:
    found = next(branch for branch in shape.branches if getattr(branch, "name", None) == name)
    return names[name] if isinstance(found, Ref) else found


def _bare(shape: Shape, value: Any, names: _Names) -> Any:
    """The value without its pairs."""
    match shape:
        case Ref(name):
            return _bare(names[name], value, names)
        case Object():
            inner = names if shape.name is None else {**names, shape.name: shape}
            return {key: _bare(shape.fields[key].shape, each, inner) for key, each in value.items()}
        case Array(items):
            return [_bare(items, each, names) for each in value]
        case Map(values):
            return {key: _bare(values, each, names) for key, each in value.items()}
        case Union():
            if isinstance(value, tuple):
                return _bare(_branch(shape, value[0], names), value[1], names)
            branch = _fitting(shape, value, names)
            return value if branch is None else _bare(branch, value, names)
        case _:
            return value


def _settled(shape: Shape, value: Any, names: _Names) -> Any:
    """An application's value as a plain one: pairs put together, members of enumerations as what they stand for.

    What does not fit the shape is left as it is: the schema says then what is wrong with it. Raises ``_Ambiguous``.
    """
    if isinstance(value, enum.Enum):
        value = value.value
    match shape:
        case Ref(name):
            return _settled(names[name], value, names)
        case Object() if isinstance(value, Mapping):
            inner = names if shape.name is None else {**names, shape.name: shape}
            fields = shape.fields
            return {
                key: _settled(fields[key].shape, each, inner) if key in fields else each for key, each in value.items()
            }
        case Array(items) if isinstance(value, list | tuple):
            return [_settled(items, each, names) for each in value]
        case Map(values) if isinstance(value, Mapping):
            return {key: _settled(values, each, names) for key, each in value.items()}
        case Union():
            return _settled_union(shape, value, names)
        case _:
            return value


def _settled_union(shape: Union, value: Any, names: _Names) -> Any:
    is_paired = _is_avro_paired(shape)
    known = {getattr(branch, "name", None) for branch in shape.branches} if is_paired else set()
    if isinstance(value, tuple) and len(value) == 2 and value[0] in known:
        return value[0], _settled(_branch(shape, value[0], names), value[1], names)
    branch = _fitting(shape, value, names)
    if branch is None:
        return value
    settled = _settled(branch, value, names)
    name = getattr(branch, "name", None)
    return (name, settled) if is_paired and name is not None and _is_named(branch) else settled


def _fitting(shape: Union, value: Any, names: _Names) -> Shape | None:
    """The branch that a bare value is of, by what it looks like; None for one without parts or names."""
    candidates = [
        branch
        for each in shape.branches
        for branch in [names[each.name] if isinstance(each, Ref) and each.name in names else each]
        if _looks_like(branch, value)
    ]
    if len(candidates) > 1 and _is_avro_paired(shape):
        known = " or ".join(str(getattr(each, "name", each)) for each in candidates)
        raise _Ambiguous(f"A value may be {known}: give the pair (full name, value).")
    return candidates[0] if candidates else None


def _looks_like(shape: Shape, value: Any) -> bool:
    match shape:
        case Object():
            if not isinstance(value, Mapping):
                return False
            required = {key for key, each in shape.fields.items() if each.required}
            return required <= value.keys() and (shape.open or value.keys() <= shape.fields.keys())
        case Array():
            return isinstance(value, list | tuple)
        case Map():
            return isinstance(value, Mapping)
        case Enum(symbols):
            return value in symbols
        case Scalar("fixed", _, constraints):
            return isinstance(value, bytes) and len(value) == dict(constraints).get("size", len(value))
        case _:
            return False
