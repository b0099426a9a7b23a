"""The operations for a hop's ``changes``: what a format's version changes, in words.

    from instar.changes import add, convert, rename

    changes = [rename("qty", "quantity"), convert("quantity", "int -> long"), add("channel")]

They apply in order. Types and defaults come from the schema files and are never written here. Paths are ``a.b`` for a
field of a record, ``items[].x`` for a field of each element, ``attrs{}.x`` for one of each map value.
"""

from collections.abc import Callable
from typing import Any

from instar.core.formats.shape import MISSING
from instar.core.upcasting.operation import Operation
from instar.core.upcasting.operations.add import Add
from instar.core.upcasting.operations.convert import Convert
from instar.core.upcasting.operations.drop import ONE_WAY, Drop
from instar.core.upcasting.operations.move import Move
from instar.core.upcasting.operations.rename import Rename

__all__ = ["MISSING", "add", "convert", "drop", "move", "rename"]


def rename(old: str, new: str) -> Operation:
    """Give a field another name in the same record: ``rename("qty", "quantity")``."""
    return Rename(old, new)


def move(source: str, target: str) -> Operation:
    """Take a field to another record: ``move("street", "address.street")``. Records on the way are made."""
    return Move(source, target)


def add(path: str, *, value: Any = MISSING) -> Operation:
    """Add a field, with the default of the new version's schema or with ``value``. Down drops it."""
    return Add(path, value)


def drop(path: str, *, restore: Any = ONE_WAY) -> Operation:
    """Leave a field out. ``restore`` is what the way down puts back: a value, ``MISSING`` (an optional JSON field
    stays absent) or a function of the record. Without it the hop is one-way."""
    return Drop(path, restore)


def convert(
    path: str,
    how: str | None = None,
    *,
    up: Callable[[Any], Any] | None = None,
    down: Callable[[Any], Any] | None = None,
) -> Operation:
    """Give a field the new version's type: by name, ``convert("created", "iso8601 -> timestamp-micros")``, or by
    functions of the value, ``convert("phone", up=digits_of, down=written)``. Without ``down`` these are one-way."""
    return Convert(path, how, up, down)
