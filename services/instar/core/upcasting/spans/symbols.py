"""What stands for values while a chain is compiled: places in the source's bytes, and functions of them.

A record of symbols is a dict whose parts are symbols, dicts, or arrays. An array is a list of one element, which
stands for each element of the array: so operations that go through all elements do the right thing with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from instar.core.formats.avro_types import Node, Types


class Unsupported(Exception):
    """This program is left to the reference. The message says why: it continues ``the reference runs it, because``."""


@dataclass(eq=False, slots=True)
class Loop:
    """Where something is read: once for each element of an array, or once (the record itself: no parent).

    ``elements`` is what is read there, in the order of the bytes; records dissolve into their fields. ``place`` is this
    loop's among its parent's elements.
    """

    number: int
    parent: Loop | None = None
    place: int = 0
    elements: list[Leaf | Loop] = field(default_factory=list, repr=False)


@dataclass(frozen=True, eq=False, slots=True)
class Proof:
    """A symbol's values are valid for this type, when they stand no deeper than ``depth`` containers."""

    types: Types
    node: Node
    depth: int


class Symbol:
    """Something that is known per record only. Compares by identity and has no parts, so nothing looks into it."""

    __slots__ = ("loop", "proofs")

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.proofs: list[Proof] = []


class Leaf(Symbol):
    """A value of the source that is not taken apart."""

    __slots__ = ("depth", "node", "number", "path", "place", "types")

    def __init__(self, number: int, types: Types, node: Node, loop: Loop, depth: int, path: str) -> None:
        super().__init__(loop)
        self.number = number
        self.types = types
        self.node = node
        self.depth = depth
        self.path = path
        self.place = len(loop.elements)
        self.proofs.append(Proof(types, node, depth))


@dataclass(slots=True)
class Table:
    """All values of a function of an enum or boolean, by the number that the bytes hold; ``bad`` are none."""

    leaf: Leaf
    values: list[Any]
    bad: set[int]


class Made(Symbol):
    """What a function returns. ``parts`` are the several values that it returns at once, None for the one itself."""

    __slots__ = ("args", "function", "number", "parts", "table")

    def __init__(
        self, number: int, loop: Loop, function: Callable[..., Any], args: Sequence[Any], parts: int | None
    ) -> None:
        super().__init__(loop)
        self.number = number
        self.function = function
        self.args = args
        self.parts = None if parts is None else tuple(Part(self, index) for index in range(parts))
        self.table: Table | None = None


class Part(Symbol):
    """One of several values that a function returns."""

    __slots__ = ("index", "made")

    def __init__(self, made: Made, index: int) -> None:
        super().__init__(made.loop)
        self.made = made
        self.index = index


class Constant:
    """A constant that has parts, such as a record's default. Nothing looks into it."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Each(list[Any]):
    """An array of the source: its one element stands for each."""

    def __init__(self, loop: Loop, element: Any) -> None:
        super().__init__((element,))
        self.loop = loop


def has_symbol(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(has_symbol, value.values()))
    return any(map(has_symbol, value)) if isinstance(value, list) else isinstance(value, Symbol)


def home(value: Any) -> Loop | None:
    """The loop in which a value is known; None of a constant. Raises ``Unsupported`` where several would be needed."""
    if isinstance(value, Symbol):
        return value.loop
    if isinstance(value, list):
        return loop_of(value).parent
    if isinstance(value, dict):
        found = {loop for part in value.values() if (loop := home(part)) is not None}
        if len(found) > 1:
            raise Unsupported("values inside and outside of an array's elements meet in one record")
        return next(iter(found), None)
    return None


def loop_of(values: list[Any]) -> Loop:
    """The loop that an array stands for. Raises ``Unsupported`` for a list that stands for none."""
    inner = home(values[0]) if len(values) == 1 else None
    if inner is None or inner.parent is None or (isinstance(values, Each) and inner is not values.loop):
        raise Unsupported("an array is made in which nothing comes from the source's elements")
    return inner
