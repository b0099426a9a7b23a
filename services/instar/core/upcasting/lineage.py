"""Where a field came from and where it went, through the steps of a hop.

A step names what it loses by the fields of the shape that it was bound to. An author and the laws need the fields of
the old and of the new version: after ``rename("qty", "quantity")`` a lossy ``convert("quantity", ...)`` loses ``qty``.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from instar.core.formats.shape import Array, Field, Map, Object, Shape, Union
from instar.core.upcasting.operation import Step
from instar.core.upcasting.paths import EACH_ELEMENT, EACH_VALUE, Path, write
from instar.core.upcasting.pattern import parse_pattern

Moves = dict[Path, Path]


def losses(before: Shape, steps: Sequence[Step]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the steps lose: on the way up by the old version's paths, on the way down by the new version's.

    What one step makes and a later one drops is lost to nobody and is left out.
    """
    shapes = [before, *(step.shape for step in steps)]
    moves = [_origins(left, right) for left, right in pairwise(shapes)]
    up: dict[str, None] = {}
    down: dict[str, None] = {}
    for index, step in enumerate(steps):
        for path in step.lost_up:
            origin = _through(parse_pattern(path), reversed(moves[:index]))
            if origin is not None:
                up[write(origin)] = None
        for path in step.lost_down:
            target = _through(parse_pattern(path), (_inverse(each) for each in moves[index + 1 :]))
            if target is not None:
                down[write(target)] = None
    return tuple(up), tuple(down)


def _through(path: Path, moves: Iterator[Moves]) -> Path | None:
    """The path, followed from shape to shape; below the deepest field that is known, by the same names."""
    for each in moves:
        known = next((path[:end] for end in range(len(path), 0, -1) if path[:end] in each), None)
        if known is None:
            return None
        path = (*each[known], *path[len(known) :])
    return path


def _inverse(moves: Moves) -> Moves:
    return {origin: path for path, origin in moves.items()}


def _origins(left: Shape, right: Shape) -> Moves:
    """For each field of the right shape the field of the left one that it is.

    A field that stays where it is, whatever its type; else the very same field elsewhere, since operations take fields
    along as they are; else the one that went when only one came.
    """
    old, new = dict(_fields(left)), dict(_fields(right))
    found = {path: path for path in new if path in old}
    gone = {path: field for path, field in old.items() if path not in new}
    for path, field in new.items():
        if path not in found:
            origin = next((each for each, other in gone.items() if other is field), None)
            if origin is not None:
                found[path] = origin
                del gone[origin]
    tops_gone, tops_new = _tops(gone), _tops([path for path in new if path not in found])
    if len(tops_gone) == len(tops_new) == 1:
        found[tops_new[0]] = tops_gone[0]
    return found


def _tops(paths: "Sequence[Path] | dict[Path, Field]") -> list[Path]:
    """The paths that are not below another of them."""
    every = set(paths)
    return [path for path in paths if not any(path[:end] in every for end in range(1, len(path)))]


def _fields(shape: Shape, path: Path = ()) -> Iterator[tuple[Path, Field]]:
    """Every field in a shape by its path, as deep as the shape is written; a reference back ends the way."""
    if isinstance(shape, Object):
        for name, field in shape.fields.items():
            yield (*path, name), field
            yield from _fields(field.shape, (*path, name))
    elif isinstance(shape, Array):
        yield from _fields(shape.items, (*path, EACH_ELEMENT))
    elif isinstance(shape, Map):
        yield from _fields(shape.values, (*path, EACH_VALUE))
    elif isinstance(shape, Union):
        for branch in shape.branches:
            yield from _fields(branch, path)
