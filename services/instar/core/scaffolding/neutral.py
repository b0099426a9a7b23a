"""Values to put where nothing is known: a schema's own default first, then null, then what is empty."""

from typing import Any, NamedTuple

from instar.core.formats.shape import (
    MISSING,
    NULL,
    Array,
    Field,
    Map,
    Object,
    Shape,
    is_null,
    is_nullable,
    without_null,
)
from instar.core.upcasting.defaults import default_value
from instar.core.upcasting.membership import fits


class Neutral(NamedTuple):
    """``guess`` says what speaks for the value; empty where the schema itself gives it."""

    value: Any
    guess: str


def neutral(field: Field, *, avro: bool, version: str) -> Neutral | None:
    """What to put into a field that has no value; None where only its owner can know. ``version`` is for the words."""
    given = default_value(field.shape, field.default, avro=avro) if field.default is not MISSING else MISSING
    if given is not MISSING and fits(field.shape, avro=avro)(given):
        return Neutral(given, "")
    if is_nullable(field.shape) or is_null(field.shape):
        return Neutral(None, f"{version} gives no default, and null says that nothing is known")
    empty = _empty(field.shape, avro=avro)
    if empty is not MISSING:
        return Neutral(empty, f"{version} gives no default, and empty says that there is nothing")
    return None


def _empty(shape: Shape, *, avro: bool) -> Any:
    bare = without_null(shape)
    match bare:
        case Array(constraints=constraints):
            return MISSING if _at_least_one(constraints, "minItems", "contains") else []
        case Map(constraints=constraints):
            return MISSING if _at_least_one(constraints, "minProperties") else {}
        case Object(fields=fields):
            made: dict[str, Any] = {}
            for name, field in fields.items():
                if not field.required and field.default is MISSING:
                    continue
                found = neutral(field, avro=avro, version="")
                if found is None:
                    return MISSING
                made[name] = found.value
            return made
    return None if bare == NULL else MISSING


def _at_least_one(constraints: tuple[tuple[str, Any], ...], *names: str) -> bool:
    return any(name in names and value not in (0, False) for name, value in constraints)
