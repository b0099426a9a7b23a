"""Losses named as their reader knows them: what up loses by the old version's paths, what down loses by the new one's.

An operation names a loss as the field is called at its own place in the hop. Steps before it may have renamed or moved
that field, so the name is followed back to the old version; for the way down, on to the new one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from instar.core.formats.shape import Shape
from instar.core.upcasting.operation import Misfit, Moves, Step
from instar.core.upcasting.paths import field_at, join, parse


def back(path: str, stages: Sequence[Moves]) -> list[str]:
    """What the field at a path was called before the stages, outermost last."""
    paths = [path]
    for moves in reversed(stages):
        turned = tuple((new, old) for old, new in moves)
        paths = [found for each in paths for found in _follow(each, turned)]
    return list(dict.fromkeys(paths))


def forth(path: str, stages: Sequence[Moves]) -> list[str]:
    """What the field at a path is called after the stages."""
    paths = [path]
    for moves in stages:
        paths = [found for each in paths for found in _follow(each, moves)]
    return list(dict.fromkeys(paths))


def _follow(path: str, moves: Moves) -> list[str]:
    """Where a path leads: it, what it is part of, or what is part of it may be what moved."""
    found: list[str] = []
    for start, end in moves:
        if path == start or path.startswith((f"{start}.", f"{start}[", f"{start}{{")):
            rest = path[len(start) :]
            found.append(join(end, rest[1:] if rest.startswith(".") else rest))
    if found:
        return found
    inside = [end for start, end in moves if start.startswith((f"{path}.", f"{path}[", f"{path}{{"))]
    return [path, *inside]


def named_for(steps: Sequence[Step], before: Shape, after: Shape | None) -> list[Step]:
    """The steps with their losses under the old and the new version's names; what a version does not have is left out.

    ``after`` is None inside a part of a hop, where the shape after it is not the new version's yet.
    """
    named: list[Step] = []
    for index, step in enumerate(steps):
        earlier = [moves for each in steps[:index] for moves in each.moved]
        later = [moves for each in steps[index + 1 :] for moves in each.moved]
        lost_up = [old for path in step.lost_up for old in back(path, earlier)]
        lost_down = [new for path in step.lost_down for new in forth(path, later)]
        last = after if after is not None else steps[-1].shape
        named.append(replace(step, lost_up=_there(lost_up, before), lost_down=_there(lost_down, last)))
    return named


def _there(paths: Iterable[str], shape: Shape) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path for path in paths if _is_there(path, shape)))


def _is_there(path: str, shape: Shape) -> bool:
    try:
        return field_at(shape, parse(path)) is not None
    except Misfit:
        return False
