"""One value and an array of one: what ``wrap`` and ``head`` share, each the other's way back."""

from dataclasses import replace
from typing import Any, Final

from instar.core.formats.shape import (
    MISSING,
    NULL,
    Array,
    Field,
    Object,
    Shape,
    Union,
    is_null,
    is_nullable,
    without_null,
)
from instar.core.record import Context
from instar.core.rejected import CONVERSION_FAILED
from instar.core.upcasting.operation import HopFailed, Misfit, Run
from instar.core.upcasting.paths import Path
from instar.core.upcasting.records import article, kind_of

REFUSE: Final = object()  # in place of a value: there is none to put where an array is empty


def nothing_for(one: Field) -> Any:
    """What an empty array becomes in a field: null, MISSING (absent), or REFUSE."""
    if is_nullable(one.shape) or is_null(one.shape):
        return None
    return REFUSE if one.required else MISSING


def swapped(record: Object, old: str, new: str, made: Field) -> Object:
    """A record's shape with a field in place of another, at the same place among its neighbours."""
    fields = {new if name == old else name: made if name == old else each for name, each in record.fields.items()}
    return replace(record, fields=fields)


def to_array(one: str, many: str) -> Run:
    def run(record: dict[str, Any], _context: Context) -> None:
        if one in record:
            value = record.pop(one)
            record[many] = [] if value is None else [value]

    return run


def to_first(many: str, one: str, empty: Any) -> Run:
    def run(record: dict[str, Any], _context: Context) -> None:
        if many not in record:
            return
        values = record.pop(many)
        if values:
            record[one] = values[0]
        elif empty is REFUSE:
            raise HopFailed(CONVERSION_FAILED, f"{many} is empty, and {one} needs a value", many)
        elif empty is not MISSING:
            record[one] = empty

    return run


def check_same_record(name: str, old: str, new: str, parents: Path, new_parents: Path) -> None:
    """Raises ``Misfit`` unless the new place is a bare name, or in the same record as the old one."""
    if new_parents and new_parents != parents:
        raise Misfit(
            "rename-elsewhere",
            f"{name} keeps a field in its record, and {new} is in another one",
            remedy=f'{name} it under its own name and then: move("{old}", "{new}")',
            path=old,
        )


def array_of(field: Field, name: str) -> Array:
    """The array in a field, null aside. Raises ``Misfit`` for what is none."""
    shape = without_null(field.shape)
    if not isinstance(shape, Array):
        raise Misfit(
            "not-a-container",
            f"{name} is {article(kind_of(shape))}, and an array is needed",
            remedy=f'for a single value: rename("{name}", ...)',
            path=name,
        )
    return shape


def first_of(array: Array, target: Field) -> Shape:
    """The shape of the first element, null if the array may be empty and the new version takes null for that."""
    if is_nullable(target.shape) and not is_nullable(array.items):
        rest = array.items.branches if isinstance(array.items, Union) else (array.items,)
        first = isinstance(target.shape, Union) and is_null(target.shape.branches[0])
        return Union((NULL, *rest) if first else (*rest, NULL))
    return array.items
