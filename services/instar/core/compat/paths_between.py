"""Which field of a later version is which one of an earlier version: said by hops, else guessed from the schemas."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from instar.core.formats.schema import Schema
from instar.core.formats.shape import Array, Field, Map, Object, Shape, Union, without_null
from instar.core.scaffolding.draft import draft
from instar.core.upcasting.derive import derive
from instar.core.upcasting.hop import BoundHop
from instar.core.upcasting.operation import Moves, Operation
from instar.core.upcasting.operations.inside import Inside
from instar.core.upcasting.operations.when import When
from instar.core.upcasting.paths import EACH_ELEMENT, EACH_VALUE, join

_PATH_NAMES = ("path", "old", "new", "source", "target", "one", "many")


@dataclass(frozen=True, slots=True)
class Link:
    """Stages of (old path, new path), in order; ``guesses`` has the reason for each pair that is guessed.

    ``said`` is what the hop's changes say of a path of either version. ``is_known`` is False where no hop says it.
    """

    stages: tuple[Moves, ...]
    guesses: Mapping[tuple[str, str], str]
    said: Mapping[str, tuple[str, ...]]
    is_known: bool

    def origins(self, path: str) -> list[str]:
        """The fields of the earlier version that a field of the later one was made of; itself where it stayed."""
        paths = [path]
        for moves in reversed(self.stages):
            paths = [found for each in paths for found in _followed(each, [(new, old) for old, new in moves])]
        return list(dict.fromkeys(paths))

    def targets(self, path: str) -> list[str]:
        """What became of a field of the earlier version."""
        paths = [path]
        for moves in self.stages:
            paths = [found for each in paths for found in _followed(each, moves)]
        return list(dict.fromkeys(paths))


def _followed(path: str, moves: Iterable[tuple[str, str]]) -> list[str]:
    found = []
    for start, end in moves:
        if path == start:
            found.append(end)
        elif path.startswith((f"{start}.", f"{start}[", f"{start}{{")):
            rest = path[len(start) :]
            found.append(join(end, rest.removeprefix(".")))
    return found or [path]


def link(schemas: Sequence[Schema], hops: Sequence[BoundHop | None]) -> Link:
    """``schemas`` are neighbouring versions in order, ``hops`` what leads from each to the next.

    Where a hop is missing, or is written as functions and so says nothing of fields, likely renames stand in for it.
    """
    stages: list[Moves] = []
    guesses: dict[tuple[str, str], str] = {}
    said: dict[str, list[str]] = {}
    known = True
    for index, hop in enumerate(hops):
        before, after = schemas[index], schemas[index + 1]
        if hop is not None and hop.hop.changes is not None:
            steps, _ = derive(hop.hop.changes, before.shape, after.shape)
            stages += [moves for step in steps for moves in step.moved]
            for path, summary in _spoken(hop.hop.changes, ""):
                said.setdefault(path, []).append(summary)
            continue
        known = False
        for each in draft(before, after).likely:
            stages.append(((each.old, each.new),))
            if each.why:
                guesses[each.old, each.new] = each.why
    unique = {path: tuple(dict.fromkeys(lines)) for path, lines in said.items()}
    return Link(tuple(stages), guesses, unique, known)


def _spoken(changes: Iterable[Operation], prefix: str) -> Iterator[tuple[str, str]]:
    """Each path that a change names, with the change in words."""
    for change in changes:
        if isinstance(change, Inside | When):
            yield from _spoken(change.changes, join(prefix, change.path))
            continue
        for name in _PATH_NAMES:
            path = getattr(change, name, None)
            if isinstance(path, str):
                parent = getattr(change, "old", "").rpartition(".")[0] if name == "new" else ""
                yield join(prefix, join(parent, path) if parent and "." not in path else path), change.summary
        for name in ("sources", "targets"):
            for path in getattr(change, name, ()):
                yield join(prefix, path), change.summary


def places(shape: Shape) -> dict[str, Field]:
    """Every field at every depth by path, with the elements of arrays and the values of maps.

    Where branches of a union have a field of the same name the first one counts. A record inside of its own kind is
    not entered again.
    """
    found: dict[str, Field] = {}
    _places(shape, "", found)
    return found


def _places(shape: Shape, path: str, found: dict[str, Field]) -> None:
    bare = without_null(shape)
    match bare:
        case Object(fields=fields):
            for name, field in fields.items():
                inner = join(path, name)
                if inner not in found:
                    found[inner] = field
                    _places(field.shape, inner, found)
        case Array(items=items):
            _part(items, join(path, EACH_ELEMENT), found)
        case Map(values=values):
            _part(values, join(path, EACH_VALUE), found)
        case Union(branches=branches):
            for branch in branches:
                _places(branch, path, found)


def _part(shape: Shape, path: str, found: dict[str, Field]) -> None:
    if path not in found:
        found[path] = Field(shape)
        _places(shape, path, found)
