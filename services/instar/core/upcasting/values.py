"""Changing the value of a field, or of each element or map value of a field, where it stands."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from instar.core.formats.shape import NULL, Array, Map, Object, Shape, Union, is_null, is_nullable, without_null
from instar.core.record import Context
from instar.core.rejected import HOP_RAISED
from instar.core.upcasting.hop_source import said_by
from instar.core.upcasting.membership import is_avro
from instar.core.upcasting.operation import HopFailed, Misfit, Run, Step
from instar.core.upcasting.paths import EACH_ELEMENT, Path, join, located, write
from instar.core.upcasting.records import article, at_records, kind_of, no_field

Turn = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Change:
    """What an operation does to one value. ``down`` is None when there is no way back.

    ``lossy`` says that the value left behind does not always come back; ``partial`` as in ``Step``.
    """

    shape: Shape
    up: Turn
    down: Turn | None
    lossy_up: bool = False
    lossy_down: bool = False
    partial_up: bool = False
    partial_down: bool = False


BindValue = Callable[[Shape, Shape | None, bool], Change]


def at_values(current: Shape, target: Shape | None, path: str, bind: BindValue) -> Step:
    """Bind a change of values to the field at a path, or to its parts where the path ends in wildcards.

    ``bind`` is given the value's shape, the new version's shape at the same place (None where it has none) and
    whether the schema language is Avro. An absent field stays absent.
    """
    parents, name, each = located(path)

    def bind_record(record: Object, aim: Shape | None) -> Step:
        field = record.fields.get(name)
        if field is None:
            raise no_field(record, name)
        aimed = aim.fields.get(name) if isinstance(aim, Object) else None
        try:
            change = _within(field.shape, None if aimed is None else aimed.shape, each, bind, is_avro(record))
        except Misfit as misfit:
            misfit.path = join(name, misfit.path)
            raise
        whole = (write((name, *each)),)
        return Step(
            shape=replace(record, fields={**record.fields, name: replace(field, shape=change.shape)}),
            up=_turn_field(name, change.up),
            down=None if change.down is None else _turn_field(name, change.down),
            lost_up=whole if change.lossy_up else (),
            lost_down=whole if change.lossy_down else (),
            partial_up=change.partial_up,
            partial_down=change.partial_down,
        )

    return at_records(current, target, parents, bind_record)


def _turn_field(name: str, turn: Turn) -> Run:
    def run(record: dict[str, Any], _context: Context) -> None:
        if name in record:
            try:
                record[name] = turn(record[name])
            except HopFailed as failed:
                failed.path = join(name, failed.path)
                raise

    return run


def _within(shape: Shape, target: Shape | None, each: Path, bind: BindValue, avro: bool) -> Change:
    """The change of the parts that the wildcards name, as a change of what holds them. A null holder stays null."""
    if not each:
        return bind(shape, target, avro)
    holder = without_null(shape)
    expected = Array if each[0] == EACH_ELEMENT else Map
    if not isinstance(holder, Array | Map) or not isinstance(holder, expected):
        what = article(kind_of(holder))
        other = "map" if expected is Map else "array"
        raise Misfit(
            "not-a-container",
            f"this is {what}, and {each[0]} names the parts of an {other}",
            remedy=f"leave {each[0]} out of the path",
        )
    aim = None if target is None else without_null(target)
    aimed: Shape | None = None
    if isinstance(aim, Array | Map) and type(aim) is type(holder):
        aimed = aim.items if isinstance(aim, Array) else aim.values
    try:
        inner = _within(holder.items if isinstance(holder, Array) else holder.values, aimed, each[1:], bind, avro)
    except Misfit as misfit:
        misfit.path = join(each[0], misfit.path)
        raise
    changed: Shape
    changed = replace(holder, items=inner.shape) if isinstance(holder, Array) else replace(holder, values=inner.shape)
    wrap = _turn_elements if isinstance(holder, Array) else _turn_map
    return replace(
        inner,
        shape=put_branch(shape, changed),
        up=wrap(inner.up),
        down=None if inner.down is None else wrap(inner.down),
    )


def put_branch(shape: Shape, changed: Shape) -> Shape:
    """A shape with its one branch beside null replaced; null keeps its place."""
    if not is_nullable(shape) or not isinstance(shape, Union) or is_nullable(changed):
        return changed
    rest = changed.branches if isinstance(changed, Union) else (changed,)
    return Union((NULL, *rest) if is_null(shape.branches[0]) else (*rest, NULL))


def _turn_elements(turn: Turn) -> Turn:
    def run(values: Any) -> Any:
        if values is None:
            return None
        made: list[Any] = []
        try:
            for part in values:
                made.append(turn(part))  # noqa: PERF401 - its length is the place of what failed
        except HopFailed as failed:
            failed.path = join(f"[{len(made)}]", failed.path)
            raise
        return made

    return run


def _turn_map(turn: Turn) -> Turn:
    def run(values: Any) -> Any:
        if values is None:
            return None
        key = ""
        try:
            for key, part in values.items():
                values[key] = turn(part)
        except HopFailed as failed:
            failed.path = join(f"{{{key}}}", failed.path)
            raise
        return values

    return run


def unchanged(value: Any) -> Any:
    """The turn of a change that leaves values as they are and only lets others stand beside them."""
    return value


def keep_null(turn: Turn) -> Turn:
    """The same for any value but null, which stays null."""
    return lambda value: None if value is None else turn(value)


def call(function: Callable[..., Any], *values: Any, at: str | None = None) -> Any:
    """Call an author's function. Whatever it raises is this record's failure, named with the field it was for."""
    try:
        return function(*values)
    except HopFailed:
        raise
    except Exception as error:  # what it raises is the author's, of any type
        raise HopFailed(HOP_RAISED, said_by(error), at) from error
