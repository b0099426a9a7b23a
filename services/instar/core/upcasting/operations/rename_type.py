"""``rename_type("shop.Adress", "shop.Address")``: an Avro record, enum or fixed gets another name."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from instar.core.formats.shape import Array, Enum, Map, Object, Ref, Scalar, Shape, Union
from instar.core.record import Context
from instar.core.upcasting.membership import holds_pairs, is_avro, name_of
from instar.core.upcasting.operation import Misfit, Step

Visit = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class RenameType:
    """Give a named Avro type another name, wherever it occurs. Nothing is lost.

    Names are full names; a name without namespace stands for the one type that is called so, and the new name then
    stays in its namespace. Only values of unions with several named types show a name; in them it is exchanged.
    """

    old: str
    new: str

    @property
    def summary(self) -> str:
        return f"rename type {self.old} -> {self.new}"

    def bind(self, current: Shape, target: Shape) -> Step:  # noqa: ARG002 - the protocol's
        if not is_avro(current):
            raise Misfit(
                "no-named-types", "only Avro's types have names", remedy="delete the line: JSON types have no names"
            )
        names = sorted(_names(current))
        old = self._find(names)
        new = self.new if "." in self.new or "." not in old else f"{old.rpartition('.')[0]}.{self.new}"
        if new in names:
            raise Misfit("type-exists", f"there is a type {new} already", remedy="choose another name")
        after = _renamed(current, old, new)
        return Step(after, up=_run(_walker(current, old, new)), down=_run(_walker(after, new, old)))

    def _find(self, names: list[str]) -> str:
        found = [name for name in names if name == self.old]
        if not found and "." not in self.old:
            found = [name for name in names if name.rpartition(".")[2] == self.old]
        if len(found) != 1:
            several = f"several types are called {self.old}: {', '.join(found)}"
            none = f"there is no type {self.old} at this point of the hop"
            raise Misfit(
                "no-such-type", several if found else none, remedy=f"name one of: {', '.join(names)}", path=None
            )
        return found[0]


def _names(shape: Shape) -> set[str]:
    own = {name for name in (name_of(shape),) if name}
    return own.union(*(_names(part) for part in _parts(shape)))


def _parts(shape: Shape) -> list[Shape]:
    match shape:
        case Object(fields=fields):
            return [field.shape for field in fields.values()]
        case Array(items=inner) | Map(values=inner):
            return [inner]
        case Union(branches=branches):
            return list(branches)
    return []


def _renamed(shape: Shape, old: str, new: str) -> Shape:
    match shape:
        case Object(fields=fields, name=name):
            changed = {key: replace(field, shape=_renamed(field.shape, old, new)) for key, field in fields.items()}
            return replace(shape, fields=changed, name=new if name == old else name)
        case Array(items=items):
            return replace(shape, items=_renamed(items, old, new))
        case Map(values=values):
            return replace(shape, values=_renamed(values, old, new))
        case Union(branches=branches):
            return Union(tuple(_renamed(branch, old, new) for branch in branches))
        case Ref() | Enum() | Scalar() if shape.name == old:
            return replace(shape, name=new)
    return shape


def _run(walk: Visit | None) -> Callable[[dict[str, Any], Context], None]:
    def run(record: dict[str, Any], _context: Context) -> None:
        if walk is not None:
            walk(record)

    return run


def _walker(shape: Shape, old: str, new: str) -> Visit | None:
    """How to exchange the name in the pairs inside a value; None where there can be none."""
    if not _has_pairs(shape, old):
        return None
    return _visit(shape, old, new, {})


def _has_pairs(shape: Shape, old: str) -> bool:
    if isinstance(shape, Union) and holds_pairs(shape) and any(name_of(branch) == old for branch in shape.branches):
        return True
    return any(_has_pairs(part, old) for part in _parts(shape))


def _visit(shape: Shape, old: str, new: str, around: dict[str, Visit]) -> Visit:
    """A function that returns the value with its pairs renamed; containers are changed in place."""
    match shape:
        case Object(fields=fields, name=name):
            return _visit_record(fields, name, old, new, around)
        case Array(items=items):
            inner = _visit(items, old, new, around)
            return lambda value: _in_place(value, range(len(value)), inner)
        case Map(values=values):
            inner = _visit(values, old, new, around)
            return lambda value: _in_place(value, list(value), inner)
        case Union(branches=branches):
            return _visit_union(branches, old, new, around)
        case Ref(name=name) if name in around:
            return around[name]
    return _same


def _same(value: Any) -> Any:
    return value


def _in_place(value: Any, keys: Any, inner: Visit) -> Any:
    for key in keys:
        value[key] = inner(value[key])
    return value


def _visit_record(fields: Any, name: str | None, old: str, new: str, around: dict[str, Visit]) -> Visit:
    inner: dict[str, Visit] = {}

    def visit(value: Any) -> Any:
        for key, each in inner.items():
            value[key] = each(value[key])
        return value

    around = {**around, name: visit} if name else around
    for key, field in fields.items():
        each = _visit(field.shape, old, new, around)
        if each is not _same:
            inner[key] = each
    return visit


def _visit_union(branches: tuple[Shape, ...], old: str, new: str, around: dict[str, Visit]) -> Visit:
    by_name = {name: _visit(branch, old, new, around) for branch in branches if (name := name_of(branch))}
    single = next(iter(by_name.values()), _same)
    array = next((_visit(branch, old, new, around) for branch in branches if isinstance(branch, Array)), _same)
    a_map = next((_visit(branch, old, new, around) for branch in branches if isinstance(branch, Map)), None)

    def visit(value: Any) -> Any:
        if isinstance(value, tuple):
            name, inner = value
            return (new if name == old else name, by_name.get(name, _same)(inner))
        if isinstance(value, list):
            return array(value)
        if isinstance(value, dict):
            return single(value) if a_map is None else a_map(value)
        return value

    return visit
