"""Whether every value of one shape is a value of another, and where not.

Exact for Avro. For JSON Schema it is conservative: what shapes do not decide (a pattern, a bound that was tightened,
a part without a readable type) is a *doubt*, not a difference, because samples and the schema itself judge it later.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from instar.core.formats.shape import (
    Array,
    Constraints,
    Enum,
    Map,
    Object,
    Opaque,
    Ref,
    Scalar,
    Shape,
    Union,
    is_null,
    is_nullable,
)
from instar.core.upcasting.membership import fits, holds_pairs, is_avro, name_of
from instar.core.upcasting.paths import EACH_ELEMENT, EACH_VALUE, join

Kind = Literal["extra", "missing", "absent", "null", "type", "name", "symbols", "branch", "doubt"]

# Avro numbers that decode to a value which the wider kind holds as it is.
_WIDER: Mapping[str, tuple[str, ...]] = {
    "int": ("long", "float", "double"),
    "long": ("float", "double"),
    "float": ("double",),
    "integer": ("number",),
}
# Constraints that only grow stricter in one direction.
_LOWER_BOUNDS = frozenset(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains"))
_UPPER_BOUNDS = frozenset(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains"))


@dataclass(frozen=True, slots=True)
class Unlike:
    """One place where a value of the first shape is not, or may not be, one of the second.

    ``value`` and ``into`` are the two shapes there, as far as there are both; ``what`` holds the names that matter:
    the symbols, the branch, the constraint.
    """

    kind: Kind
    path: str
    value: Shape | None = None
    into: Shape | None = None
    what: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Scope:
    """What encloses the two shapes, by name, and which pairs are being compared already."""

    avro: bool
    value: Mapping[str, Object] = field(default_factory=dict)
    into: Mapping[str, Object] = field(default_factory=dict)
    open_pairs: frozenset[tuple[int, int]] = frozenset()


def assignable(value: Shape, into: Shape) -> list[Unlike]:
    """Every place where values of ``value`` are not values of ``into``; empty when all are."""
    return list(_unlike(value, into, "", _Scope(is_avro(value))))


def _unlike(value: Shape, into: Shape, path: str, scope: _Scope) -> Iterator[Unlike]:
    if isinstance(value, Ref):
        value = scope.value.get(value.name, value)
    if isinstance(into, Ref):
        into = scope.into.get(into.name, into)
    if isinstance(value, Ref) or isinstance(into, Ref):
        if value != into:
            yield Unlike("doubt", path, value, into, ("a reference",))
        return
    if value == into and not isinstance(value, Object):
        return
    if isinstance(value, Union) or isinstance(into, Union):
        yield from _union(value, into, path, scope)
    elif isinstance(value, Opaque) or isinstance(into, Opaque):
        yield from _opaque(value, into, path)
    elif isinstance(value, Object) and isinstance(into, Object):
        yield from _object(value, into, path, scope)
    elif isinstance(value, Array) and isinstance(into, Array):
        yield from _constraints(value.constraints, into.constraints, path, value, into)
        yield from _unlike(value.items, into.items, join(path, EACH_ELEMENT), scope)
    elif isinstance(value, Map) and isinstance(into, Map):
        yield from _constraints(value.constraints, into.constraints, path, value, into)
        yield from _unlike(value.values, into.values, join(path, EACH_VALUE), scope)
    elif isinstance(value, Object) and isinstance(into, Map) and not scope.avro:
        for name, entry in value.fields.items():
            yield from _unlike(entry.shape, into.values, join(path, name), scope)
        if value.open:
            yield Unlike("doubt", path, value, into, ("fields that are not named",))
    elif isinstance(value, Map) and isinstance(into, Object) and into.open and not scope.avro:
        for name, entry in into.fields.items():
            if entry.required:
                yield Unlike("missing", join(path, name), None, entry.shape)
    elif isinstance(value, Enum | Scalar) and isinstance(into, Enum | Scalar):
        yield from _plain(value, into, path, scope)
    else:
        yield Unlike("type", path, value, into)


def _opaque(value: Shape, into: Shape, path: str) -> Iterator[Unlike]:
    if isinstance(into, Opaque) and into.text in ("true", "{}"):
        return
    if isinstance(value, Opaque) and value.text == "false":
        return
    if isinstance(into, Opaque) and into.text == "false":
        yield Unlike("type", path, value, into)
        return
    yield Unlike("doubt", path, value, into, ("a part that has no readable type",))


def _plain(value: Enum | Scalar, into: Enum | Scalar, path: str, scope: _Scope) -> Iterator[Unlike]:
    if isinstance(value, Enum) and isinstance(into, Enum):
        if value.name != into.name:
            yield Unlike("name", path, value, into)
        known = {_key(symbol) for symbol in into.symbols}
        rest = tuple(str(symbol) for symbol in value.symbols if _key(symbol) not in known)
        if rest:
            yield Unlike("symbols", path, value, into, rest)
    elif isinstance(value, Enum):
        test = fits(into, avro=scope.avro)
        if value.name is not None or not all(map(test, value.symbols)):
            yield Unlike("type", path, value, into)
        elif isinstance(into, Scalar) and into.constraints:
            yield Unlike("doubt", path, value, into, ("a bound",))
    elif isinstance(into, Enum):
        if not (value.kind == "boolean" and {True, False} <= set(into.symbols)):
            yield Unlike("type", path, value, into)
    else:
        yield from _scalar(value, into, path, scope)


def _key(symbol: Any) -> tuple[type, Any]:
    """Symbols may be any JSON value; True is not 1, and a list has no hash."""
    return type(symbol), repr(symbol) if isinstance(symbol, list | dict) else symbol


def _scalar(value: Scalar, into: Scalar, path: str, scope: _Scope) -> Iterator[Unlike]:
    if scope.avro:
        if value.logical != into.logical or (value.kind != into.kind and into.kind not in _wider(value)):
            yield Unlike("type", path, value, into)
        elif value.name != into.name:
            yield Unlike("name", path, value, into)
        elif not _avro_constraints_hold(value, into):
            yield Unlike("type", path, value, into, ("size",) if value.logical is None else ("precision and scale",))
        return
    if value.kind != into.kind and into.kind not in _WIDER.get(value.kind, ()):
        yield Unlike("type", path, value, into)
        return
    # Formats are not compared: in JSON Schema they only annotate (core.formats.json_dialect).
    yield from _constraints(value.constraints, into.constraints, path, value, into)


def _wider(value: Scalar) -> tuple[str, ...]:
    return () if value.logical is not None else _WIDER.get(value.kind, ())


def _avro_constraints_hold(value: Scalar, into: Scalar) -> bool:
    ours, theirs = dict(value.constraints), dict(into.constraints)
    if value.kind == into.kind == "fixed" and ours.get("size") != theirs.get("size"):
        return False
    if value.logical != "decimal":
        return True
    scale, other_scale = ours.get("scale", 0), theirs.get("scale", 0)
    precision, other_precision = ours.get("precision", 0), theirs.get("precision", 0)
    return bool(scale <= other_scale and precision - scale <= other_precision - other_scale)


def _constraints(ours: Constraints, theirs: Constraints, path: str, value: Shape, into: Shape) -> Iterator[Unlike]:
    """A doubt for each constraint of the second shape that the first does not plainly keep."""
    known = dict(ours)
    for name, bound in theirs:
        mine = known.get(name)
        if mine == bound:
            continue
        if mine is not None and (
            (name in _LOWER_BOUNDS and mine >= bound) or (name in _UPPER_BOUNDS and mine <= bound)
        ):
            continue
        yield Unlike("doubt", path, value, into, (f"{name} {bound}",))


def _object(value: Object, into: Object, path: str, scope: _Scope) -> Iterator[Unlike]:
    pair = (id(value), id(into))
    if pair in scope.open_pairs:
        return  # a recursive type: it is being compared further out
    if scope.avro and value.name != into.name:
        yield Unlike("name", path, value, into)
    inner = _Scope(
        scope.avro,
        {**scope.value, value.name: value} if value.name else scope.value,
        {**scope.into, into.name: into} if into.name else scope.into,
        scope.open_pairs | {pair},
    )
    for name, wanted in into.fields.items():
        given = value.fields.get(name)
        if given is None:
            if wanted.required:
                yield Unlike("missing", join(path, name), None, wanted.shape)
            continue
        if wanted.required and not given.required:
            yield Unlike("absent", join(path, name), given.shape, wanted.shape)
        yield from _unlike(given.shape, wanted.shape, join(path, name), inner)
    for name, given in value.fields.items():
        if name not in into.fields:
            if into.open:
                yield Unlike("doubt", join(path, name), given.shape, None, ("a field that is not named",))
            else:
                yield Unlike("extra", join(path, name), given.shape, None)
    if value.open and not into.open:
        yield Unlike("doubt", path, value, into, ("fields that are not named",))
    yield from _constraints(value.constraints, into.constraints, path, value, into)


def _branches(shape: Shape) -> tuple[Shape, ...]:
    return shape.branches if isinstance(shape, Union) else (shape,)


def _union(value: Shape, into: Shape, path: str, scope: _Scope) -> Iterator[Unlike]:
    if is_nullable(value) and not any(_takes_null(branch) for branch in _branches(into)):
        yield Unlike("null", path, value, into)
    ours = [branch for branch in _branches(value) if not is_null(branch)]
    theirs = [branch for branch in _branches(into) if not is_null(branch)]
    if is_null(value) and not theirs:
        return
    if scope.avro and holds_pairs(value) != holds_pairs(into) and any(map(name_of, ours)):
        yield Unlike("type", path, value, into, ("pairs",))
        return
    for branch in ours:
        yield from _branch(branch, theirs, into, path, scope)


def _takes_null(shape: Shape) -> bool:
    return is_null(shape) or (isinstance(shape, Opaque) and shape.text in ("true", "{}"))


def _branch(branch: Shape, theirs: list[Shape], into: Shape, path: str, scope: _Scope) -> Iterator[Unlike]:
    candidates = [other for other in theirs if _alike(branch, other, scope)]
    if not candidates and scope.avro and not holds_pairs(into):  # the one named type there, under another name
        candidates = [other for other in theirs if type(other) is type(branch) and name_of(branch) and name_of(other)]
    if not candidates:
        yield Unlike("branch" if len(_branches(into)) > 1 else "type", path, branch, into, _named(branch))
        return
    best: list[Unlike] | None = None
    for candidate in candidates:
        found = list(_unlike(branch, candidate, path, scope))
        if not any(each.kind != "doubt" for each in found):
            yield from found
            return
        if best is None or len(found) < len(best):
            best = found
    if isinstance(branch, Object) and len(candidates) > 1:
        objects = [candidate for candidate in candidates if isinstance(candidate, Object)]
        for name in branch.fields:
            found = [
                each
                for part, candidate in _parts(branch, name, objects, scope)
                for each in _unlike(part, candidate, path, scope)
            ]
            if found and (best is None or _weight(found) <= _weight(best)):
                best = found
            if not any(each.kind != "doubt" for each in found) and _parts(branch, name, objects, scope):
                yield from found
                return
    yield from best or ()


def _weight(found: list[Unlike]) -> int:
    return sum(each.kind != "doubt" for each in found)


def _named(branch: Shape) -> tuple[str, ...]:
    name = name_of(branch)
    return (name,) if name else ()


def _alike(branch: Shape, other: Shape, scope: _Scope) -> bool:
    """Whether two branches are about the same thing, so that what differs between them is worth telling."""
    if isinstance(branch, Ref):
        branch = scope.value.get(branch.name, branch)
    if isinstance(other, Ref):
        other = scope.into.get(other.name, other)
    if isinstance(branch, Opaque) or isinstance(other, Opaque):
        return True
    if scope.avro and (name_of(branch) or name_of(other)):
        return type(branch) is type(other) and name_of(branch) == name_of(other)
    if isinstance(branch, Scalar) and isinstance(other, Scalar):
        return branch.kind == other.kind or other.kind in _WIDER.get(branch.kind, ())
    if isinstance(branch, Enum | Scalar) and isinstance(other, Enum | Scalar):
        return not any(each.kind == "type" for each in _plain(branch, other, "", scope))
    if isinstance(branch, Object | Map) and isinstance(other, Object | Map) and not scope.avro:
        return True
    return type(branch) is type(other)


def _parts(value: Object, name: str, candidates: list[Object], scope: _Scope) -> list[tuple[Object, Object]]:
    """A record taken apart by the values of one field, each part with the candidate that takes those values.

    Empty when the field does not tell the candidates apart.
    """
    given = value.fields[name]
    if not given.required or any(name not in candidate.fields for candidate in candidates):
        return []
    shapes = [candidate.fields[name].shape for candidate in candidates]
    taken: dict[int, list[Shape]] = {}
    for atom in _atoms(given.shape, shapes, scope):
        fitting = [index for index, shape in enumerate(shapes) if not list(_unlike(atom, shape, "", scope))]
        # A symbol that one candidate names belongs to it, whatever another takes as plain text.
        naming = [index for index in fitting if isinstance(atom, Enum) and _names(shapes[index], atom)]
        if not fitting or len(naming) > 1:
            return []
        taken.setdefault((naming or fitting)[0], []).append(atom)
    if len(taken) < 2:
        return []
    return [(_with(value, name, _joined(atoms)), candidates[index]) for index, atoms in taken.items()]


def _atoms(shape: Shape, others: list[Shape], scope: _Scope) -> list[Shape]:
    """A shape in the smallest parts that matter: each symbol by itself, a plain type beside the symbols named of it."""
    named = [
        symbol for other in others for each in _branches(other) if isinstance(each, Enum) for symbol in each.symbols
    ]
    atoms: list[Shape] = []
    for branch in _branches(shape):
        if isinstance(branch, Enum):
            atoms += [Enum((symbol,), branch.name) for symbol in branch.symbols]
        elif isinstance(branch, Scalar) and branch.kind == "boolean":
            atoms += [Enum((True,)), Enum((False,))]
        else:
            if isinstance(branch, Scalar) and not is_null(branch):
                test = fits(branch, avro=scope.avro)
                atoms += [Enum((symbol,)) for symbol in named if test(symbol)]
            atoms.append(branch)
    return list({repr(atom): atom for atom in atoms}.values())  # by repr: an Enum of True equals one of 1


def _names(shape: Shape, atom: Enum) -> bool:
    return any(isinstance(each, Enum) and _key(atom.symbols[0]) in map(_key, each.symbols) for each in _branches(shape))


def _joined(atoms: list[Shape]) -> Shape:
    symbols = [symbol for atom in atoms if isinstance(atom, Enum) for symbol in atom.symbols]
    name = next((atom.name for atom in atoms if isinstance(atom, Enum)), None)
    rest = [atom for atom in atoms if not isinstance(atom, Enum)]
    branches: list[Shape] = [*([Enum(tuple(symbols), name)] if symbols else []), *rest]
    return branches[0] if len(branches) == 1 else Union(tuple(branches))


def _with(value: Object, name: str, shape: Shape) -> Object:
    return replace(value, fields={**value.fields, name: replace(value.fields[name], shape=shape)})
