"""One field made of several, and several of one: what ``split`` and ``merge`` share, each the other's way back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from instar.core.formats.shape import MISSING, Field, Object, Shape, is_nullable
from instar.core.record import Context
from instar.core.rejected import HOP_RETURNED_WRONG_TYPE
from instar.core.upcasting.operation import HopFailed, Misfit, Run
from instar.core.upcasting.paths import Path, field_at
from instar.core.upcasting.routes import Route, not_in_target
from instar.core.upcasting.value import copy_of
from instar.core.upcasting.values import call

Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Place:
    """A field on one side: the route to it and what it may hold."""

    route: Route
    field: Field

    @property
    def nullable(self) -> bool:
        return is_nullable(self.field.shape)

    @property
    def optional(self) -> bool:
        return not self.field.required


def target_field(aim: Shape | None, path: Path, *, sure: bool) -> Field:
    """A field as the new version has it; required only where the values that it is made of are always there."""
    field = field_at(aim, path) if isinstance(aim, Object) else None
    if field is None:
        raise not_in_target(path[-1])
    return Field(field.shape, field.required and sure, field.default, field.aliases)


# A record on the way that exists only for these fields belongs to the first of those that were laid, and to the last
# of those that were lifted. It must be there before the others are put, and go after the others were taken.


def apart(one: Place, many: Sequence[Place], function: Function, *, laid: bool) -> Run:
    """Take one field and put what the function makes of it, a value for each of the others, in their order.

    ``laid`` says whether the others were put into the shape, or lifted out of it. Null becomes nulls where all of the
    others may be null. Where nothing is, nothing is put.
    """
    all_nullable = one.nullable and all(place.nullable for place in many)
    count = len(many)
    order = range(count) if laid else range(count)[::-1]
    said = getattr(function, "__name__", "the function")

    def run(record: dict[str, Any], _context: Context) -> None:
        value = one.route.take(record)
        if value is MISSING:
            parts: Sequence[Any] = (MISSING,) * count
        elif value is None and all_nullable:
            parts = (None,) * count
        else:
            parts = call(function, copy_of(value), at=one.route.path)
            if not isinstance(parts, tuple | list) or len(parts) != count:
                what = f"{len(parts)} values" if isinstance(parts, tuple | list) else f"a {type(parts).__name__}"
                message = f"{said} returned {what}, not a tuple of {count}"
                raise HopFailed(HOP_RETURNED_WRONG_TYPE, message, one.route.path)
        for index in order:
            many[index].route.put(record, copy_of(parts[index]))

    return run


def together(many: Sequence[Place], one: Place, function: Function, *, laid: bool) -> Run:
    """Take several fields and put what the function makes of them. ``laid`` is as in ``apart``.

    An absent one is given as None. When all are absent, so is the result if it may be; when all are null, it is null
    if it may be.
    """
    null_for_nulls = one.nullable and all(place.nullable for place in many)
    order = range(len(many))[::-1] if laid else range(len(many))

    def run(record: dict[str, Any], _context: Context) -> None:
        taken = {index: many[index].route.take(record) for index in order}
        parts = [taken[index] for index in range(len(many))]
        value: Any
        if one.optional and all(part is MISSING for part in parts):
            value = MISSING
        elif null_for_nulls and all(part is None for part in parts):
            value = None
        else:
            given = [None if part is MISSING else copy_of(part) for part in parts]
            value = copy_of(call(function, *given, at=one.route.path))
        one.route.put(record, value)

    return run


def need_functions(name: str, up: Any, down: Any, path: str) -> None:
    """Raises ``Misfit`` unless ``up`` is a function and ``down`` one or not given."""
    if not callable(up) or not (down is None or callable(down)):
        raise Misfit(
            "not-a-function",
            f"{name} needs a function for up, and a function or nothing for down",
            remedy=f"write def up_function(...): ... and {name}(..., up=up_function, down=...)",
            path=path,
        )
