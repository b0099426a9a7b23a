"""The operations for a hop's ``changes``: what a format's version changes, in words.

    from instar.changes import add, convert, rename

    changes = [rename("qty", "quantity"), convert("quantity", "int -> long"), add("channel")]

They apply in order. Types and defaults come from the schema files and are never written here. Paths are ``a.b`` for a
field of a record, ``items[].x`` for a field of each element, ``attrs{}.x`` for one of each map value.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from instar.core.formats.shape import MISSING
from instar.core.upcasting.operation import Operation
from instar.core.upcasting.operations.add import Add
from instar.core.upcasting.operations.allow_absent import AllowAbsent
from instar.core.upcasting.operations.allow_null import AllowNull
from instar.core.upcasting.operations.compute import Compute
from instar.core.upcasting.operations.convert import Convert
from instar.core.upcasting.operations.drop import ONE_WAY, Drop
from instar.core.upcasting.operations.head import Head
from instar.core.upcasting.operations.inside import Inside
from instar.core.upcasting.operations.map_values import MapValues
from instar.core.upcasting.operations.merge import Merge
from instar.core.upcasting.operations.move import Move
from instar.core.upcasting.operations.rename import Rename
from instar.core.upcasting.operations.rename_type import RenameType
from instar.core.upcasting.operations.split import Split
from instar.core.upcasting.operations.when import When
from instar.core.upcasting.operations.wrap import Wrap

__all__ = [
    "MISSING",
    "add",
    "allow_absent",
    "allow_null",
    "compute",
    "convert",
    "drop",
    "head",
    "inside",
    "map_values",
    "merge",
    "move",
    "rename",
    "rename_type",
    "split",
    "when",
    "wrap",
]


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


def split(
    source: str,
    targets: Sequence[str],
    *,
    up: Callable[[Any], Any],
    down: Callable[..., Any] | None = None,
) -> Operation:
    """Make several fields of one. ``up`` returns a tuple, a value for each target; ``down`` takes those values."""
    return Split(source, _texts(targets), up, down)


def merge(
    sources: Sequence[str],
    target: str,
    *,
    up: Callable[..., Any],
    down: Callable[[Any], Any] | None = None,
) -> Operation:
    """Make one field of several. ``up`` takes their values; ``down`` returns a tuple of them."""
    return Merge(_texts(sources), target, up, down)


def compute(
    path: str,
    *,
    reads: Sequence[str],
    up: Callable[..., Any],
    down: Callable[[Any], Any] | None = None,
) -> Operation:
    """Make a field of the values of others, which stay: ``compute("total", reads=["items"], up=total_of)``.

    Down drops it; with ``down`` the fields read are set to what it makes of the value."""
    return Compute(path, _texts(reads), up, down)


def map_values(path: str, mapping: Mapping[Any, Any], *, down: Mapping[Any, Any] | None = None) -> Operation:
    """Turn values into others by a table: ``map_values("status", {"SENT": "SHIPPED"})``. Values not named stay.

    ``down`` says what new values are in the old version, where the table turned round does not."""
    return MapValues(path, tuple(mapping.items()), tuple((down or {}).items()))


def wrap(one: str, many: str | None = None) -> Operation:
    """Make an array of one value: ``wrap("email", "emails")``. Down takes the first element."""
    return Wrap(one, one if many is None else many)


def head(many: str, one: str | None = None) -> Operation:
    """Keep the first element of an array: ``head("emails", "email")``. Down makes an array of one."""
    return Head(many, many if one is None else one)


def inside(path: str, changes: Sequence[Operation]) -> Operation:
    """Apply changes to the record at a path, to each element (``items[]``) or each map value (``attrs{}``)."""
    return Inside(path, tuple(changes))


def when(path: str, equals: Any, changes: Sequence[Operation]) -> Operation:
    """Apply changes to the records in which a field equals a value, or to the union branch of that name."""
    return When(path, equals, tuple(changes))


def allow_null(path: str, *, null: Any = MISSING) -> Operation:
    """Let values be null that were not. Down, null becomes ``null=``; without it such a record is rejected."""
    return AllowNull(path, null)


def allow_absent(path: str, *, absent: Any = MISSING) -> Operation:
    """Let a JSON field be absent that was required. Down, ``absent=`` fills the gap; without it such a record is
    rejected."""
    return AllowAbsent(path, absent)


def rename_type(old: str, new: str) -> Operation:
    """Give an Avro record, enum or fixed another name: ``rename_type("shop.Adress", "shop.Address")``."""
    return RenameType(old, new)


def _texts(paths: Sequence[str]) -> tuple[str, ...]:
    """One path may be written without a list."""
    return (paths,) if isinstance(paths, str) else tuple(paths)
