"""What a hop of changes does, found by running its operations once on symbols.

The operations are the reference's own. Only the functions at their leaves are exchanged: one that is called with a
symbol notes the call. Structure is never described a second time, so it cannot be described differently.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from instar.core.formats.avro_types import Enum, Named, Primitive, Types
from instar.core.formats.shape import Object, Shape
from instar.core.record import Context
from instar.core.upcasting.chain import Link
from instar.core.upcasting.conversions.conversion import Unfit
from instar.core.upcasting.membership import holds_pairs
from instar.core.upcasting.operation import HopFailed, Operation, Run, Step
from instar.core.upcasting.operations.add import Add
from instar.core.upcasting.operations.allow_null import AllowNull
from instar.core.upcasting.operations.compute import Compute
from instar.core.upcasting.operations.convert import Convert
from instar.core.upcasting.operations.drop import ONE_WAY, Drop
from instar.core.upcasting.operations.inside import Inside
from instar.core.upcasting.operations.map_values import MapValues
from instar.core.upcasting.operations.merge import Merge
from instar.core.upcasting.operations.move import Move
from instar.core.upcasting.operations.rename import Rename
from instar.core.upcasting.operations.rename_type import RenameType
from instar.core.upcasting.operations.split import Split
from instar.core.upcasting.paths import EACH_ELEMENT, EACH_VALUE, Path, common_record, parse
from instar.core.upcasting.records import is_recursive
from instar.core.upcasting.spans.nodes import may_be_null
from instar.core.upcasting.spans.source import Source
from instar.core.upcasting.spans.symbols import (
    Constant,
    Each,
    Leaf,
    Made,
    Symbol,
    Table,
    Unsupported,
    has_symbol,
    home,
    loop_of,
)
from instar.core.upcasting.values import BindValue, Change, Turn, at_values, unchanged


class Meaning:
    """A record of symbols on its way through the hops; ``made`` are all calls of functions, in their order."""

    def __init__(self, source: Source) -> None:
        self.record: Any = source.record
        self.made: list[Made] = []
        self._top = source.top

    def run(self, link: Link, before: Shape, after: Shape) -> None:
        """Carry the record over a hop in the link's direction. Shapes are those of the hop's lower and upper version.

        Raises ``Unsupported``.
        """
        hop = link.hop.hop
        if hop.changes is None:
            raise Unsupported(f"{hop.name} is a hop of functions")
        down = link.to_version < link.from_version
        steps: list[Step] = []
        shape = before
        for change in hop.changes:
            step = self._symbolic(change, down).bind(shape, after)
            shape = step.shape
            steps.append(step)
        runs = [step.down for step in reversed(steps)] if down else [step.up for step in steps]
        for run in runs:
            if run is None:
                raise Unsupported(f"{hop.name} has no way down")
            try:
                run(self.record, Context())
            except (HopFailed, TypeError, AttributeError, LookupError, ValueError) as error:
                # An operation that looks into a value, and found a symbol.
                raise Unsupported(f"{hop.name} looks into a value that is not taken apart ({error})") from error

    def call(self, function: Callable[..., Any], args: Sequence[Any], parts: int | None = None) -> Made:
        """Note a call. Its arguments are known in one loop, and its result there."""
        for arg in args:
            _check_lists(arg)
        found = {loop for arg in args if (loop := home(arg)) is not None}
        if len(found) > 1:
            raise Unsupported("a function is given values inside and outside of an array's elements")
        made = Made(len(self.made), next(iter(found), self._top), function, tuple(args), parts)
        self.made.append(made)
        return made

    def _symbolic(self, change: Operation, down: bool) -> Operation:
        """The operation with functions that note their calls, guarded."""
        match change:
            case Rename(old=old, new=new):
                return _Guarded(change, (parse(old), (*parse(old)[:-1], parse(new)[-1])))
            case Move(source=old, target=new):
                return _Guarded(change, (parse(old), parse(new)))
            case RenameType():
                return _Typeless(change)
            case Add(path=path):
                return _Guarded(change, (parse(path),), sets=parse(path))
            case Drop(path=path, restore=restore):
                if callable(restore):
                    if down:
                        raise Unsupported(f"{change.summary}: restore is a function of the whole record")
                    change = replace(change, restore=ONE_WAY)  # not asked on the way up
                return _Guarded(change, (parse(path),), sets=parse(path))
            case Split(source=one, targets=many):
                up = self._noting(change.up, len(many))
                back = None if change.down is None else self._noting(change.down, None)
                return _Guarded(replace(change, up=up, down=back), tuple(map(parse, (one, *many))))
            case Merge(sources=many, target=one):
                up = self._noting(change.up, None)
                back = None if change.down is None else self._noting(change.down, len(many))
                return _Guarded(replace(change, up=up, down=back), tuple(map(parse, (one, *many))))
            case Compute(path=path, reads=reads):
                if any(each.count(EACH_ELEMENT) > 1 for each in common_record([path, *reads])[1]):
                    raise Unsupported(f"{change.summary}: it reads elements of elements")
                up = self._noting(change.up, None, nullable=True)
                count = None if len(reads) == 1 else len(reads)
                back = None if change.down is None else self._noting(change.down, count, nullable=True)
                return _Guarded(replace(change, up=up, down=back), tuple(map(parse, (path, *reads))))
            case Convert(path=path) | MapValues(path=path) | AllowNull(path=path):
                # By a table, or once, only what instar itself provides: a user's function is called for records alone.
                ours = not isinstance(change, Convert) or change.how is not None
                return _Guarded(_Turning(path, change.change, self._turned, ours), (parse(path),))
            case Inside(path=path, changes=changes):
                inner = tuple(self._symbolic(each, down) for each in changes)
                return _Guarded(replace(change, changes=inner), ((*parse(path), "*"),))
        raise Unsupported(f"{_name(change)} is not one of the operations that are understood here")

    def _noting(self, function: Callable[..., Any], parts: int | None, *, nullable: bool = False) -> Callable[..., Any]:
        """In place of an author's function. Unless ``nullable``, its caller treats null in a way of its own."""

        def noted(*args: Any) -> Any:
            for arg in args:
                if not nullable and _may_be_null(arg):
                    raise Unsupported(f"{_name(function)} is given a value that may be null")
            made = self.call(function, args, parts)
            return made if made.parts is None else made.parts

        noted.__name__ = _name(function)
        return noted

    def _turned(self, turn: Turn, ours: bool) -> Turn:
        if turn is unchanged:
            return turn

        def run(value: Any) -> Any:
            if ours and not has_symbol(value):
                if isinstance(value, Constant | dict | list):
                    raise Unsupported("a constant with parts is converted")
                made = turn(value)
                return Constant(made) if isinstance(made, dict | list | tuple) else made
            called = self.call(turn, (value,))
            if ours:
                called.table = _table(turn, value)
            return called

        return run


def _table(turn: Turn, value: Any) -> Table | None:
    """The values that a turn makes of an enum or boolean, all of them; None for what has too many."""
    if isinstance(value, Made) and value.table is not None:
        leaf, known, bad = value.table.leaf, value.table.values, set(value.table.bad)
    elif isinstance(value, Leaf) and (symbols := symbols_of(value)) is not None:
        leaf, known, bad = value, list(symbols), set()
    else:
        return None
    values: list[Any] = []
    for index, each in enumerate(known):
        try:
            values.append(None if index in bad else turn(each))
        except (HopFailed, Unfit):
            values.append(None)
            bad.add(index)
    return Table(leaf, values, bad)


def symbols_of(leaf: Leaf) -> tuple[Any, ...] | None:
    """What the byte of an enum or boolean means, by number."""
    types: Types = leaf.types
    if isinstance(leaf.node, Named) and isinstance(definition := types.names[leaf.node.name], Enum):
        return definition.symbols if len(definition.symbols) <= 64 else None
    return (False, True) if leaf.node == Primitive("boolean") else None


@dataclass(frozen=True, slots=True)
class _Turning:
    """An operation on values where they stand, with a turn that notes that it is called."""

    path: str
    change: BindValue
    turned: Callable[[Turn, bool], Turn]
    ours: bool
    summary: str = ""

    def bind(self, current: Shape, target: Shape) -> Step:
        def bind_value(shape: Shape, aim: Shape | None, avro: bool) -> Change:
            made = self.change(shape, aim, avro)
            down = None if made.down is None else self.turned(made.down, self.ours)
            return replace(made, up=self.turned(made.up, self.ours), down=down)

        return at_values(current, target, self.path, bind_value)


@dataclass(frozen=True, slots=True)
class _Guarded:
    """An operation that refuses to run where its paths lead through anything but records and arrays of symbols.

    There it might silently do nothing. ``sets`` is the field that it may set to a constant.
    """

    change: Operation
    paths: tuple[Path, ...]
    sets: Path | None = None
    summary: str = ""

    def bind(self, current: Shape, target: Shape) -> Step:
        if isinstance(current, Object) and is_recursive(current):
            raise Unsupported(f"{current.name} may hold records of its own kind")
        step = self.change.bind(current, target)
        return replace(step, up=self._run(step.up), down=None if step.down is None else self._run(step.down))

    def _run(self, inner: Run) -> Run:
        def run(record: dict[str, Any], context: Context) -> None:
            for path in self.paths:
                _pass(record, path)
            inner(record, context)
            if self.sets is not None:
                _close(record, self.sets)

        return run


@dataclass(frozen=True, slots=True)
class _Typeless:
    """``rename_type``, where no value shows a type's name: then it does nothing to values."""

    change: RenameType
    summary: str = ""

    def bind(self, current: Shape, target: Shape) -> Step:
        if _shows_names(current):
            raise Unsupported("a union shows the names of its types")
        return self.change.bind(current, target)


def _shows_names(shape: Any) -> bool:
    if isinstance(shape, Object):
        return any(_shows_names(field.shape) for field in shape.fields.values())
    inner = getattr(shape, "items", None) or getattr(shape, "values", None)
    if inner is not None:
        return _shows_names(inner)
    return holds_pairs(shape) or any(_shows_names(branch) for branch in getattr(shape, "branches", ()))


def _pass(record: Any, path: Path) -> None:
    """Does a path lead through records and arrays that are taken apart, as far as it leads through what is there?"""
    value = record
    for part in path:
        if part == EACH_VALUE:
            raise Unsupported("a change reaches into a map")
        if part == EACH_ELEMENT:
            if not isinstance(value, Each):
                raise Unsupported("a change reaches into an array that is not taken apart")
            value = value[0]
            continue
        if type(value) is not dict:
            raise Unsupported(f"a change reaches for {part!r} in what is not a record that is always there")
        if part not in value:  # made on the way, or not there yet; "*" only asks for a record
            return
        value = value[part]


def _close(record: Any, path: Path) -> None:
    """A constant with parts that was set at a path: nothing looks into it from here on."""
    if path[0] == EACH_ELEMENT:
        _close(record[0], path[1:])
    elif len(path) > 1:
        _close(record[path[0]], path[1:])
    elif isinstance(record.get(path[0]), dict | list | tuple) and not has_symbol(record[path[0]]):
        record[path[0]] = Constant(record[path[0]])


def _check_lists(value: Any) -> None:
    """Each list in an argument stands for an array of the source."""
    if isinstance(value, dict):
        for part in value.values():
            _check_lists(part)
    elif isinstance(value, list):
        loop_of(value)
        _check_lists(value[0])


def _may_be_null(value: Any) -> bool:
    if isinstance(value, Leaf):
        return may_be_null(value.node)
    if isinstance(value, Symbol):
        return all(may_be_null(proof.node) for proof in value.proofs)  # of an unproven one it is not known
    return False


def _name(thing: Any) -> str:
    return str(getattr(thing, "__name__", type(thing).__name__))
