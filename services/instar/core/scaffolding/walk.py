"""The records that stand at the same path of two shapes, and which of their fields only one of the two has."""

from collections.abc import Iterator
from dataclasses import dataclass

from instar.core.formats.shape import Array, Field, Map, Object, Ref, Shape, Union, without_null
from instar.core.upcasting.membership import name_of
from instar.core.upcasting.paths import EACH_ELEMENT, EACH_VALUE, join


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records at one path: the empty path is the top. ``path`` names elements as ``items[]``."""

    path: str
    old: Object
    new: Object


@dataclass(frozen=True, slots=True)
class Spot:
    """A field that only one side has. ``before`` and ``after`` are its neighbours' names, "" at an end."""

    path: str
    parent: str
    name: str
    field: Field
    index: int
    before: str
    after: str


def pairs(old: Shape, new: Shape) -> Iterator[Pair]:
    """Every pair of records, outermost first. A recursive record is seen once."""
    yield from _pairs(old, new, "")


def _pairs(old: Shape, new: Shape, path: str) -> Iterator[Pair]:
    old, new = without_null(old), without_null(new)
    if isinstance(old, Ref) or isinstance(new, Ref):
        return  # a record inside of its own kind: what changes in it was told further out
    if isinstance(old, Union) and isinstance(new, Union):
        for left, right in _branches(old, new):
            yield from _pairs(left, right, path)
    elif isinstance(old, Array) and isinstance(new, Array):
        yield from _pairs(old.items, new.items, join(path, EACH_ELEMENT))
    elif isinstance(old, Map) and isinstance(new, Map):
        yield from _pairs(old.values, new.values, join(path, EACH_VALUE))
    elif isinstance(old, Object) and isinstance(new, Object):
        yield Pair(path, old, new)
        for name, field in old.fields.items():
            if name in new.fields:
                yield from _pairs(
                    field.shape,
                    new.fields[name].shape,
                    join(path, name),
                )


def _branches(old: Union, new: Union) -> Iterator[tuple[Shape, Shape]]:
    """Branches of the same name; the only record of each side, whatever it is called."""
    by_name = {name_of(branch): branch for branch in new.branches if name_of(branch)}
    mine = [branch for branch in old.branches if isinstance(branch, Object)]
    theirs = [branch for branch in new.branches if isinstance(branch, Object)]
    for branch in mine:
        name = name_of(branch)
        if name in by_name:
            yield branch, by_name[name]
        elif len(mine) == len(theirs) == 1:
            yield branch, theirs[0]


def gone(pair: Pair) -> list[Spot]:
    """The fields that only the old record has."""
    return _only(pair.path, pair.old, pair.new)


def fresh(pair: Pair) -> list[Spot]:
    """The fields that only the new record has."""
    return _only(pair.path, pair.new, pair.old)


def _only(path: str, here: Object, there: Object) -> list[Spot]:
    names = list(here.fields)
    return [
        Spot(
            path=join(path, name),
            parent=path,
            name=name,
            field=here.fields[name],
            index=index,
            before=names[index - 1] if index else "",
            after=names[index + 1] if index + 1 < len(names) else "",
        )
        for index, name in enumerate(names)
        if name not in there.fields
    ]


def inside(spot: Spot) -> list[Spot]:
    """The fields of the record that a field holds, at every depth; nothing behind arrays and maps."""
    bare = without_null(spot.field.shape)
    if not isinstance(bare, Object):
        return []
    found: list[Spot] = []
    for each in _only(spot.path, bare, Object()):
        found += [each, *inside(each)]
    return found
