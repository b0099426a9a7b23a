"""Which field of the new version is likely to be which one of the old: renames, moves, wraps and heads.

Nothing in two schemas says that a field was renamed. What speaks for it is weighed: how alike the names are, whether
the value fits as it is, and whether the neighbours are the same. Only an Avro alias *says* it (specification 1.12,
"Aliases"), so only that is no guess. A field that is in both versions under one path is never renamed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from instar.core.formats.shape import Array, Enum, Object, Scalar, Shape, Union, without_null
from instar.core.scaffolding.names import likeness
from instar.core.scaffolding.walk import Pair, Spot, fresh, gone, inside, pairs
from instar.core.upcasting.containment import assignable
from instar.core.upcasting.derive import conversions
from instar.core.upcasting.operation import Misfit
from instar.core.upcasting.paths import Path, parse, write

How = Literal["rename", "move", "wrap", "head"]

# Found on 150 generated pairs that the tests do not count: at 0.5 five in a hundred guesses are wrong, at 0.62 none is,
# but a third of the renames is missed.
_NAME_WEIGHT, _TYPE_WEIGHT, _PLACE_WEIGHT = 0.5, 0.2, 0.3
_ENOUGH = 0.53
_ENOUGH_ALIKE = 0.8  # names this alike are enough where the value has to be converted
_CONVERTED = 0.5  # a type that a named conversion leads to counts half


@dataclass(frozen=True, slots=True)
class Likely:
    """A field that is likely to be another one. ``why`` is empty where the schema itself says so."""

    how: How
    old: str
    new: str
    score: float
    why: str


def likely(before: Shape, after: Shape) -> list[Likely]:
    """At most one partner for each field, the likeliest first; renames inside of what moves are found afterwards."""
    found: list[Likely] = []
    all_pairs = list(pairs(before, after))
    for pair in all_pairs:
        found += _renames(pair)
    found += _moves(all_pairs)
    return _each_once(found)


def _each_once(found: Iterable[Likely]) -> list[Likely]:
    chosen: list[Likely] = []
    for each in sorted(found, key=lambda each: (-each.score, each.old, each.new)):
        if not any(_overlap(each.old, other.old) or _overlap(each.new, other.new) for other in chosen):
            chosen.append(each)
    return chosen


def _overlap(one: str, other: str) -> bool:
    """Are they one field, or one inside of the other?"""
    short, long = sorted((one, other), key=len)
    return long == short or long.startswith((f"{short}.", f"{short}[", f"{short}{{"))


def _renames(pair: Pair) -> list[Likely]:
    old, new = gone(pair), fresh(pair)
    unmatched = {each.name for each in old}, {each.name for each in new}
    alone = len(old) == len(new) == 1
    found = [_rename(left, right, unmatched, alone=alone) for left in old for right in new]
    return [each for each in found if each is not None]


def _rename(left: Spot, right: Spot, unmatched: tuple[set[str], set[str]], *, alone: bool) -> Likely | None:
    if left.name in right.field.aliases:
        return Likely("rename", left.path, right.path, 2.0, "")
    fit = _fit(left.field.shape, right.field.shape)
    alike = likeness(left.name, right.name)
    around = _same_place(left, right, unmatched)
    if fit:
        score = _NAME_WEIGHT * alike + _TYPE_WEIGHT * fit + _PLACE_WEIGHT * around
        only_one = alone and fit == around == 1
        if score >= _ENOUGH or only_one or (fit < 1 and alike >= _ENOUGH_ALIKE):
            # A record that was renamed explains more than moves of all its fields do.
            bonus = 0.3 if isinstance(without_null(left.field.shape), Object) else 0.0
            why = _because(alike, fit, around) + (", no other field went or came here" if alone else "")
            return Likely("rename", left.path, right.path, score + bonus, why)
        return None
    how = _bundled(left.field.shape, right.field.shape)
    if how is not None and alike >= _ENOUGH_ALIKE:
        return Likely(how, left.path, right.path, _NAME_WEIGHT * alike, _because(alike, 1, around))
    return None


def _bundled(old: Shape, new: Shape) -> How | None:
    """One value that became an array of it, or the other way about."""
    left, right = without_null(old), without_null(new)
    if isinstance(right, Array) and not isinstance(left, Array) and _fit(left, right.items) == 1:
        return "wrap"
    if isinstance(left, Array) and not isinstance(right, Array) and _fit(left.items, right) == 1:
        return "head"
    return None


def _fit(old: Shape, new: Shape) -> float:
    """1: the value fits as it is. Less: by a conversion. 0: not at all."""
    left, right = without_null(old), without_null(new)
    if isinstance(left, Object) and isinstance(right, Object):
        return _records_fit(left, right)
    if isinstance(left, Array) and isinstance(right, Array):
        return _fit(left.items, right.items)
    if isinstance(left, Enum) and isinstance(right, Enum):
        shared = len({*map(repr, left.symbols)} & {*map(repr, right.symbols)})
        return shared / max(len(left.symbols), len(right.symbols))
    if not _differences(left, right):
        return 1.0
    if isinstance(left, Scalar) and isinstance(right, Scalar) and _kind(left) == _kind(right):
        return 1.0  # a bound, a size or a scale may differ: that is another change
    if isinstance(left, Union) or isinstance(right, Union):
        return 0.0
    return _CONVERTED if conversions(left, right) else 0.0


def _kind(shape: Scalar) -> tuple[str, str | None]:
    return shape.kind, shape.logical


def _differences(old: Shape, new: Shape) -> list[object]:
    return [each for each in assignable(old, new) if each.kind not in ("doubt", "name")]


def _records_fit(old: Object, new: Object) -> float:
    """Records are alike as far as they have the same fields."""
    names = old.fields.keys() | new.fields.keys()
    if not names:
        return 1.0 if old.name == new.name else _CONVERTED
    same = sum(
        type(without_null(old.fields[name].shape)) is type(without_null(new.fields[name].shape))
        for name in old.fields.keys() & new.fields.keys()
    )
    share = same / len(names)
    return share if share >= _CONVERTED or old.name != new.name else _CONVERTED


def _same_place(left: Spot, right: Spot, unmatched: tuple[set[str], set[str]]) -> float:
    """Are the neighbours the same? A neighbour that is itself gone or new says half, an end of the record as much."""
    return (_neighbour(left.before, right.before, unmatched) + _neighbour(left.after, right.after, unmatched)) / 2


def _neighbour(old: str, new: str, unmatched: tuple[set[str], set[str]]) -> float:
    if old == new:
        return 1.0
    if old in unmatched[0] and new in unmatched[1]:
        return 0.5 + 0.5 * (likeness(old, new) >= _ENOUGH_ALIKE)
    return 0.0


def _because(alike: float, fit: float, around: float) -> str:
    said = [f"the names are {round(100 * alike)} % alike"]
    said.append("the type is the same" if fit == 1 else "the type can be converted")
    if around == 1:
        said.append("the neighbours are the same")
    return ", ".join(said)


def _moves(all_pairs: list[Pair]) -> list[Likely]:
    """Fields that kept their name, and went into a record, out of one, or from one to another.

    A field never leaves its element of an array or value of a map: ``move`` could not follow.
    """
    old = [spot for pair in all_pairs for spot in _with_inner(gone(pair))]
    new = [spot for pair in all_pairs for spot in _with_inner(fresh(pair))]
    found = []
    for left in old:
        for right in new:
            if left.parent == right.parent or _element(left.path) != _element(right.path):
                continue
            if left.path.startswith(f"{right.path}.") or right.path.startswith(f"{left.path}."):
                continue
            fit = _fit(left.field.shape, right.field.shape)
            alike = _moved_alike(left, right)
            if fit >= _CONVERTED and alike is not None:
                # A move is told after a rename that is as likely, because a rename explains more with less.
                score = 0.45 + 0.35 * alike + 0.1 * fit
                why = f"{'the same name' if alike == 1 else 'the same words'} and type in another record"
                found.append(Likely("move", left.path, right.path, score, why))
    return found


def _with_inner(spots: list[Spot]) -> list[Spot]:
    found: list[Spot] = []
    for spot in spots:
        found += [spot, *inside(spot)]
    return found


def _moved_alike(left: Spot, right: Spot) -> float | None:
    if left.name == right.name:
        return 1.0
    ours = _below_element(left.path)
    theirs = _below_element(right.path)
    # "customer_first" -> "customer.first", and back; or the record's name was a prefix of the field's.
    if likeness(write(ours), write(theirs)) == 1.0:
        return 0.9
    return None


def _split(path: str) -> tuple[Path, Path]:
    try:
        whole = parse(path)
    except Misfit:  # a name that paths cannot hold: not moved
        return (path,), ()
    at = max((index + 1 for index, part in enumerate(whole) if part in ("[]", "{}")), default=0)
    return whole[:at], whole[at:]


def _element(path: str) -> Path:
    return _split(path)[0]


def _below_element(path: str) -> Path:
    return _split(path)[1]
