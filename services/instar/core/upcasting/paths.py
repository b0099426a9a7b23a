"""Field paths: ``a.b`` is a field of a record, ``items[].x`` one of each element, ``attrs{}.x`` one of each map value.

A path is parsed once, when a hop is bound. Its parts are field names and the two wildcards.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from instar.core.formats.shape import MISSING, Array, Field, Map, Object, Ref, Shape, Union, without_null
from instar.core.upcasting.operation import Misfit

Path = tuple[str, ...]

EACH_ELEMENT: Final = "[]"
EACH_VALUE: Final = "{}"
WILDCARDS: Final = frozenset((EACH_ELEMENT, EACH_VALUE))

_SEGMENT = re.compile(r"(?P<name>[^.\[\]{}]+)(?P<each>(?:\[\]|\{\})*)\Z")


def parse(text: object) -> Path:
    """``items[].price`` is ``("items", "[]", "price")``. Raises ``Misfit`` (bad-path) when it is not a path.

    A name may hold any character but ``. [ ] { }``, so fields with these in their names need a hop of functions.
    """
    parts: list[str] = []
    for segment in text.split(".") if isinstance(text, str) else [""]:  # an author may have written anything
        match = _SEGMENT.match(segment)
        if match is None:
            raise Misfit(
                "bad-path",
                f"{text!r} is not a field path",
                remedy="write a.b for a field of a record, items[].x for each element, attrs{}.x for each map value",
                path=text if isinstance(text, str) and text else None,
            )
        parts.append(match["name"])
        parts += re.findall(r"\[\]|\{\}", match["each"])
    return tuple(parts)


def write(path: Path) -> str:
    """The opposite of ``parse``."""
    text = ""
    for part in path:
        text = join(text, part)
    return text


def join(prefix: str, rest: str | None) -> str:
    """``items[]`` and ``price`` are ``items[].price``; ``items`` and ``[2].price`` are ``items[2].price``."""
    if not rest:
        return prefix
    return prefix + rest if not prefix or rest[0] in "[{" else f"{prefix}.{rest}"


def located(text: str) -> tuple[Path, str, Path]:
    """A path as (the record's path, the field's name, the wildcards behind it).

    ``a.items[].tags[]`` is ``(("a", "items", "[]"), "tags", ("[]",))``.
    """
    path = parse(text)
    end = len(path)
    while path[end - 1] in WILDCARDS:
        end -= 1
    return path[: end - 1], path[end - 1], path[end:]


def field_of(text: str) -> tuple[Path, str]:
    """``located`` for operations on whole fields. Raises ``Misfit`` when the path ends in a wildcard."""
    parents, name, each = located(text)
    if each:
        raise Misfit(
            "bad-path",
            f"{text} names the parts of a field, and a whole field is needed here",
            remedy=f"write {write((*parents, name))}, or use inside",
            path=text,
        )
    return parents, name


def common_record(texts: list[str]) -> tuple[Path, list[Path]]:
    """The record that all paths start from, as deep as it can be, and each path from there.

    Wildcards that the paths share belong to the record, so that ``items[].a`` and ``items[].b`` meet in one element.
    """
    all_paths = [parse(text) for text in texts]
    shortest = min(len(path) for path in all_paths) - 1
    shared = 0
    while shared < shortest and len({path[shared] for path in all_paths}) == 1:
        shared += 1
    # A record, not a list of lists: never split between a name and its wildcards.
    while shared and any(path[shared] in WILDCARDS for path in all_paths):
        shared -= 1
    return all_paths[0][:shared], [path[shared:] for path in all_paths]


def walk(value: Any, path: Path) -> Iterator[Any]:
    """Every value at a path of a decoded value. Null and absent on the way yield nothing."""
    if isinstance(value, tuple):
        value = value[1]
    if not path:
        yield value
        return
    head, rest = path[0], path[1:]
    if head == EACH_ELEMENT:
        for part in value if isinstance(value, list) else ():
            yield from walk_on(part, rest)
    elif head == EACH_VALUE:
        for part in value.values() if isinstance(value, dict) else ():
            yield from walk_on(part, rest)
    elif isinstance(value, dict) and head in value:
        yield from walk_on(value[head], rest)


def walk_on(part: Any, rest: Path) -> Iterator[Any]:
    """The value itself at the path's end, a branch's pair included; what is in it before."""
    if rest:
        yield from walk(part, rest)
    else:
        yield part


def get(record: Mapping[str, Any], path: Path) -> Any:
    """The value at a path without wildcards, or MISSING when it or a record on the way is absent or null."""
    value: Any = record
    for name in path:
        if isinstance(value, tuple):
            value = value[1]
        if not isinstance(value, dict) or name not in value:
            return MISSING
        value = value[name]
    return value


def field_at(shape: Shape | None, path: Path) -> Field | None:
    """The field at a path of a shape, null on the way ignored; in a union, of the first branch that has it."""
    return _field_at(Field(shape), path, {}) if shape is not None else None


def shape_at(shape: Shape | None, path: Path) -> Shape | None:
    """The shape at a path, or None where there is none."""
    found = field_at(shape, path)
    return None if found is None else found.shape


def _field_at(current: Field, path: Path, enclosing: Mapping[str, Object]) -> Field | None:
    if not path:
        return current
    head, rest = path[0], path[1:]
    bare = without_null(current.shape)
    for branch in bare.branches if isinstance(bare, Union) else (bare,):
        option = enclosing.get(branch.name) if isinstance(branch, Ref) else branch
        inner: Field | None = None
        around = enclosing
        if isinstance(option, Object):
            inner = option.fields.get(head)
            around = {**enclosing, option.name: option} if option.name else enclosing
        elif isinstance(option, Array) and head == EACH_ELEMENT:
            inner = Field(option.items)
        elif isinstance(option, Map) and head == EACH_VALUE:
            inner = Field(option.values)
        found = None if inner is None else _field_at(inner, rest, around)
        if found is not None:
            return found
    return None
