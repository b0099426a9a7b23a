"""What differs between two values, field by field: for people who read a trace, for the laws, for what is carried."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from instar.core.formats.shape import MISSING
from instar.core.upcasting.value import same, same_leaf

Place = tuple[str | int, ...]  # from the record inwards: a key of a record or map, an index of an array

# Each value that came is compared with each that went; a record with more pairs than this is told without moves.
MOVE_PAIRS_LIMIT = 100_000

Kind = Literal["added", "removed", "changed", "moved"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a hop did to a record. ``was`` is the path before, of a value that moved."""

    kind: Kind
    path: str
    before: Any = MISSING
    after: Any = MISSING
    was: str | None = None


def write_place(place: Place) -> str:
    """``("items", 2, "price")`` is written ``items[2].price``; a key that is no identifier stands in braces."""
    text = ""
    for step in place:
        if isinstance(step, int):
            text += f"[{step}]"
        elif str(step).isidentifier():
            text += f".{step}" if text else str(step)
        else:
            text += f"{{{step}}}"
    return text


def differing(before: Any, after: Any, place: Place = ()) -> Iterator[tuple[Place, Any, Any]]:
    """The places where two values differ, as (place, before, after), with MISSING where one has nothing.

    A place is as deep as both have the same kind of container; arrays of another length differ as a whole.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        for key, part in before.items():
            yield from differing(part, after.get(key, MISSING), (*place, key))
        for key in [key for key in after if key not in before]:
            yield ((*place, key), MISSING, after[key])
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (left, right) in enumerate(zip(before, after, strict=True)):
            yield from differing(left, right, (*place, index))
    elif isinstance(before, tuple) and isinstance(after, tuple) and before[:1] == after[:1]:
        yield from differing(before[1], after[1], place)
    elif not (same(before, after) if isinstance(before, dict | list | tuple) else same_leaf(before, after)):
        yield (place, before, after)


def leaves(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """A value's parts that have no parts; an empty container is one."""
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from leaves(part, (*place, key))
    elif isinstance(value, list) and value:
        for index, part in enumerate(value):
            yield from leaves(part, (*place, index))
    else:
        yield place, value


def differences(before: Any, after: Any) -> list[Difference]:
    """What was done to ``before`` so that it became ``after``, in the order of the fields.

    A value that left one place and stands unchanged in another counts as moved. That is a reading, not a fact: two
    fields may happen to hold the same value, so the same field name and the same parent are preferred.
    """
    gone: dict[Place, Any] = {}
    new: dict[Place, Any] = {}
    found: list[tuple[Place, Difference]] = []
    for place, left, right in differing(before, after):
        if right is MISSING:
            gone[place] = left
        elif left is MISSING:
            new[place] = right
        else:
            found.append((place, Difference("changed", write_place(place), left, right)))
    moves = _moves(gone, new)
    for target, (source, value) in moves.items():
        found.append((target, Difference("moved", write_place(target), value, value, was=write_place(source))))
    moved_from = {source for source, _ in moves.values()}
    for place, value in gone.items():
        for rest, part in _unmoved(value, place, moved_from):
            found.append((rest, Difference("removed", write_place(rest), before=part)))
    for place, value in new.items():
        for rest, part in _unmoved(value, place, set(moves)):
            found.append((rest, Difference("added", write_place(rest), after=part)))
    order = {place: number for number, (place, _) in enumerate([*leaves(before), *leaves(after)])}
    return [difference for _, difference in sorted(found, key=lambda entry: order.get(entry[0], len(order)))]


def _moves(gone: dict[Place, Any], new: dict[Place, Any]) -> dict[Place, tuple[Place, Any]]:
    """Where each moved value is now; where it was, and the value. Whole values first, then parts of what is left."""
    moves: dict[Place, tuple[Place, Any]] = {}
    for inner_only in (False, True):
        sources = {place: value for root, part in gone.items() for place, value in _candidates(part, root, inner_only)}
        targets = {place: value for root, part in new.items() for place, value in _candidates(part, root, inner_only)}
        if len(sources) * len(targets) > MOVE_PAIRS_LIMIT:
            return moves
        for target, value in targets.items():
            if any(target[: len(done)] == done for done in moves):
                continue
            taken = {source for source, _ in moves.values()}
            free = [
                source
                for source, candidate in sources.items()
                if same(candidate, value) and not any(source[: len(done)] == done for done in taken)
            ]
            best = _most_alike(free, target)
            if best is not None:
                moves[target] = (best, value)
    return moves


def _candidates(value: Any, root: Place, inner_only: bool) -> Iterator[tuple[Place, Any]]:
    if inner_only and isinstance(value, dict):
        yield from leaves(value, root)
    else:
        yield root, value


def _most_alike(sources: list[Place], target: Place) -> Place | None:
    for alike in (
        lambda source: source[-1] == target[-1],
        lambda source: source[:-1] == target[:-1],
        lambda _: len(sources) == 1,
    ):
        for source in sources:
            if alike(source):
                return source
    return None


def _unmoved(value: Any, place: Place, moved: set[Place]) -> Iterator[tuple[Place, Any]]:
    """The value whole when nothing of it moved, else those parts that did not."""
    if place in moved:
        return
    if not any(other[: len(place)] == place for other in moved):
        yield place, value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _unmoved(part, (*place, key), moved)
