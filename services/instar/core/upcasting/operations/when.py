"""``when("kind", "REFUND", [...])``: changes of only those records in which a field has a certain value."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from instar.core.formats.shape import Enum, Object, Scalar, Shape, Union, is_null, without_null
from instar.core.record import Context
from instar.core.upcasting.membership import fits, is_avro, name_of
from instar.core.upcasting.operation import Misfit, Operation, Run, Step
from instar.core.upcasting.operations.drop import show
from instar.core.upcasting.operations.inside import need_operations, summaries
from instar.core.upcasting.paths import field_of, parse, shape_at
from instar.core.upcasting.records import (
    NEVER_TRUE,
    at_records,
    counterpart,
    is_recursive,
    no_field,
    sequence,
    stayed_in_part,
)


@dataclass(frozen=True, slots=True)
class When:
    """Apply changes to the record that a field belongs to, if the field has the value ``equals``.

    Where the path leads to an Avro union and ``equals`` is the name of one of its branches, the changes apply to that
    branch instead: ``when("payment", "shop.Card", [rename("no", "number")])``.

    The changes must leave the field alone, since the way down asks it again. Afterwards there are two kinds of
    records, told apart by the field, and both are held against the new version.
    """

    path: str
    equals: Any = field(hash=False)
    changes: tuple[Operation, ...] = ()

    @property
    def summary(self) -> str:
        equals = self.equals if isinstance(self.equals, str) else show(self.equals)
        return f"when {self.path} is {equals}: {summaries(self.changes)}"

    def bind(self, current: Shape, target: Shape) -> Step:
        need_operations("when", self.changes, self.path)
        branch = _branch_named(current, self.path, self.equals)
        if branch is not None:
            inside: Callable[[Object, Shape | None], Step] = lambda record, aim: sequence(self.changes, record, aim)  # noqa: E731
            return at_records(current, target, parse(self.path), inside, branch=branch, deep=False)
        parents, name = field_of(self.path)
        aim = shape_at(target, parents)

        def bind_record(record: Object, _aim: Shape | None) -> Step:
            return self._bind(record, aim, name)

        return at_records(current, target, parents, bind_record, deep=False)

    def _bind(self, record: Object, aim: Shape | None, name: str) -> Step:
        asked = record.fields.get(name)
        if asked is None:
            raise no_field(record, name)
        if is_recursive(record):
            raise Misfit(
                "path-through-recursion",
                f"{record.name} holds records of its own kind, which the condition would not be asked of",
                remedy="write the hop as functions: def upcast(record, context) and def downcast(record, context)",
                path=name,
            )
        matching, rest = self._apart(record, name)
        inner = sequence(self.changes, matching, None if aim is None else counterpart(matching, without_null(aim)))
        changed = inner.shape
        if not isinstance(changed, Object) or changed.fields.get(name) != matching.fields[name]:
            raise Misfit(
                "condition-changed",
                f"the changes under when touch {name}, which the way down has to ask",
                remedy=f"change {name} before or after, outside of when",
                path=name,
            )
        shape: Shape = changed
        if changed == matching:
            shape = record
        elif rest is not None:
            shape = Union((changed, rest))  # in this order: it is also the order in which a value is tried
        return replace(
            inner,
            shape=shape,
            up=_if(name, self.equals, inner.up),
            down=None if inner.down is None else _if(name, self.equals, inner.down),
            moved=stayed_in_part(inner.moved),
        )

    def _apart(self, record: Object, name: str) -> tuple[Object, Object | None]:
        """The record's shape where the condition holds and where it does not (None: it always holds)."""
        asked = record.fields[name]
        shape = asked.shape
        symbols = [symbol for branch in _branches(shape) if isinstance(branch, Enum) for symbol in branch.symbols]
        if not fits(shape, avro=is_avro(record))(self.equals):
            close = get_close_matches(str(self.equals), [str(symbol) for symbol in symbols], n=1)
            known = ", ".join(str(symbol) for symbol in symbols)
            raise Misfit(
                NEVER_TRUE,
                f"{name} is never {show(self.equals)} at this point of the hop",
                remedy=f"did you mean {close[0]}?" if close else f"its values are: {known or 'of another type'}",
                path=name,
            )
        holds = Enum((self.equals,), next((name_of(each) for each in _branches(shape) if isinstance(each, Enum)), None))
        matching = replace(record, fields={**record.fields, name: replace(asked, shape=holds, required=True)})
        others = [branch for each in _branches(shape) if (branch := _without(each, self.equals)) is not None]
        if not others and asked.required:
            return matching, None
        left: Shape = shape if not others else others[0] if len(others) == 1 else Union(tuple(others))
        return matching, replace(record, fields={**record.fields, name: replace(asked, shape=left)})


def _branches(shape: Shape) -> tuple[Shape, ...]:
    return shape.branches if isinstance(shape, Union) else (shape,)


def _without(branch: Shape, value: Any) -> Shape | None:
    """What a branch holds beside one value: an enum loses the symbol, a plain type stays as wide as it is."""
    if isinstance(branch, Enum):
        rest = tuple(symbol for symbol in branch.symbols if not _is(symbol, value))
        return replace(branch, symbols=rest) if rest else None
    if is_null(branch) and value is None:
        return None
    if isinstance(branch, Scalar) and branch.kind == "boolean" and isinstance(value, bool):
        return Enum((not value,))
    return branch


def _is(left: Any, right: Any) -> bool:
    return type(left) is type(right) and bool(left == right)


def _branch_named(current: Shape, path: str, equals: Any) -> str | None:
    """The full name of the union branch that ``equals`` names, by its full or its short name."""
    shape = shape_at(current, parse(path))
    if not isinstance(shape, Union) or not isinstance(equals, str):
        return None
    names = [name for branch in shape.branches if isinstance(branch, Object) and (name := branch.name)]
    found = [name for name in names if name == equals] or [name for name in names if name.rpartition(".")[2] == equals]
    return found[0] if len(found) == 1 else None


def _if(name: str, equals: Any, inner: Run) -> Run:
    kind = type(equals)

    def run(record: dict[str, Any], context: Context) -> None:
        value = record.get(name)
        if type(value) is kind and value == equals and name in record:
            inner(record, context)

    return run
