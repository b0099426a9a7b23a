"""Field patterns (``items[].price``, ``attrs{}``) held against places in a value: what is lost, what is sensitive."""

from collections.abc import Iterable, Iterator
from typing import Any

from instar.core.formats.shape import Array, Map, Object, Opaque, Ref, Shape, Union, without_null
from instar.core.upcasting.difference import Place
from instar.core.upcasting.paths import EACH_ELEMENT, EACH_VALUE, WILDCARDS, Path, parse

Pattern = Path  # names, "[]" for every element, "{}" for every value of a map

MASK = "***"
_SHORTEST_CHARS = 3
_BEGINS_CHARS = 16  # of a long value: what is left of one that a text has no room for


def parse_pattern(text: str) -> Pattern:
    """``items[].price`` is ``("items", "[]", "price")``. A wildcard at the end stands for the field itself.

    Raises ``Misfit`` (bad-path) when the text is no field path.
    """
    pattern = parse(text)
    while pattern[-1] in WILDCARDS:
        pattern = pattern[:-1]
    return pattern


def covers(pattern: Pattern, place: Place) -> bool:
    """Whether the place is what the pattern names, or inside it."""
    return len(pattern) <= len(place) and all(map(_fits, pattern, place))


def covered(patterns: Iterable[Pattern], place: Place) -> bool:
    return any(covers(pattern, place) for pattern in patterns)


def _fits(token: str, step: str | int) -> bool:
    if isinstance(step, int):
        return token == EACH_ELEMENT
    return token in (step, EACH_VALUE)


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Every place in a value, its containers' included."""
    if place:
        yield place
    if isinstance(value, dict):
        for key, part in value.items():
            yield from places(part, (*place, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from places(part, (*place, index))
    elif isinstance(value, tuple) and len(value) == 2:
        yield from places(value[1], place)


def holds(patterns: tuple[Pattern, ...], value: Any, place: Place) -> bool:
    """Whether something that a pattern names is at the place or anywhere below."""
    return bool(patterns) and any(covered(patterns, inner) for inner in places(value, place))


def masked(value: Any, patterns: tuple[Pattern, ...], place: Place = ()) -> Any:
    """A copy of the value with all that the patterns name replaced by ``***``."""
    if place and covered(patterns, place):
        return MASK
    if isinstance(value, dict):
        return {key: masked(part, patterns, (*place, key)) for key, part in value.items()}
    if isinstance(value, list):
        return [masked(part, patterns, (*place, index)) for index, part in enumerate(value)]
    if isinstance(value, tuple) and len(value) == 2:
        return (value[0], masked(value[1], patterns, place))
    return value


def redacted(text: str, value: Any, patterns: tuple[Pattern, ...]) -> str:
    """A message about a value without what the value holds at the patterns.

    An exception's text may quote a field: as it is, as Python writes it, on one line, or the beginning of it where the
    text was cut. Values shorter than three characters are left, or no text would survive.
    """
    for place, leaf in _leaves(value) if patterns else ():
        if not covered(patterns, place):
            continue
        plain = leaf if isinstance(leaf, str) else str(leaf)
        for written in {plain, " ".join(plain.split()), repr(leaf).strip("\"'")}:
            text = _without(text, written)
    return text


def _leaves(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """The parts that have no parts; a branch of a union is no step of a place."""
    if isinstance(value, tuple) and len(value) == 2:
        yield from _leaves(value[1], place)
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _leaves(part, (*place, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _leaves(part, (*place, index))
    elif value is not None:
        yield place, value


def _without(text: str, written: str) -> str:
    """The text with the mask for whatever of it is the value, or the first part of a long one."""
    if len(written) < _SHORTEST_CHARS:
        return text
    text = text.replace(written, MASK)
    begins = written[:_BEGINS_CHARS]
    at = text.find(begins) if len(written) > len(begins) else -1
    while at >= 0:
        end = at + len(begins)
        while end < len(text) and end - at < len(written) and text[end] == written[end - at]:
            end += 1
        text = text[:at] + MASK + text[end:]
        at = text.find(begins, at + len(MASK))
    return text


def general(place: Place, shape: Shape) -> str:
    """The pattern, as text, of all places like this one: ``("items", 2, "price")`` is ``items[].price``.

    The shape tells a record's field from a map's key; where it does not say, a key is taken for a field.
    """
    text = ""
    current: Shape | None = shape
    enclosing: dict[str, Object] = {}
    for step in place:
        options = _options(current, enclosing)
        if isinstance(step, int):
            text += EACH_ELEMENT
            current = next((option.items for option in options if isinstance(option, Array)), None)
            continue
        owner = next((option for option in options if isinstance(option, Object) and step in option.fields), None)
        keyed = next((option for option in options if isinstance(option, Map)), None)
        if owner is None and keyed is not None:
            text += EACH_VALUE
            current = keyed.values
        else:
            text += f".{step}" if text else str(step)
            current = None if owner is None else owner.fields[step].shape
    return text


def absent_from(shape: Shape, pattern: Pattern) -> tuple[str, tuple[str, ...]] | None:
    """Where a shape certainly has not what a pattern names: the token, and the names that are there instead.

    None where it has it, or might: an open object may hold any field, and an opaque part is not known.
    """
    current: list[Shape] = [shape]
    enclosing: dict[str, Object] = {}
    for token in pattern:
        options = [option for each in current for option in _options(each, enclosing)]
        if any(isinstance(option, Opaque | Ref) or (isinstance(option, Object) and option.open) for option in options):
            return None
        current = [inner for option in options for inner in _below(option, token)]
        if not current:
            return token, tuple(name for option in options if isinstance(option, Object) for name in option.fields)
    return None


def _below(shape: Shape, token: str) -> list[Shape]:
    if isinstance(shape, Array) and token == EACH_ELEMENT:
        return [shape.items]
    if isinstance(shape, Map) and token == EACH_VALUE:
        return [shape.values]
    if isinstance(shape, Object) and token in shape.fields:
        return [shape.fields[token].shape]
    return []


def _options(shape: Shape | None, enclosing: dict[str, Object]) -> list[Shape]:
    """What a value of this shape may be, references resolved; objects on the way are remembered by name."""
    if shape is None:
        return []
    bare = without_null(shape)
    options = list(bare.branches) if isinstance(bare, Union) else [bare]
    found: list[Shape] = []
    for option in options:
        resolved = enclosing.get(option.name) if isinstance(option, Ref) else option
        if isinstance(resolved, Object) and resolved.name:
            enclosing[resolved.name] = resolved
        if resolved is not None:
            found.append(resolved)
    return found
