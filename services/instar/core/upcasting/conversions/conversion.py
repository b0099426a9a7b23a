"""What a named conversion is: one direction between two forms that a value can have.

A *form* is a way of writing a value, such as ``iso8601`` or ``timestamp-micros``; it says which shapes can hold it.
A conversion turns values of one form into another and says what may go wrong: it is *lossy* when the value left behind
cannot always be had again, and *partial* when some values have no counterpart. The way back of ``a -> b`` is
``b -> a``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from instar.core.formats.shape import Enum, Scalar, Shape

Turn = Callable[[Any], Any]


class Unfit(ValueError):
    """A value has no counterpart in the other form. The text says why, without the value where it may be long."""


@dataclass(frozen=True, slots=True)
class Form:
    """``holds`` says whether a shape can hold values of the form; ``wanted`` names such shapes for a message."""

    name: str
    holds: Callable[[Shape], bool]
    wanted: str


class Ends(NamedTuple):
    """The shapes on both ends of a conversion, without null."""

    source: Shape
    target: Shape
    avro: bool


class Made(NamedTuple):
    """A conversion fitted to shapes. ``turn`` raises ``Unfit`` when a value has no counterpart."""

    turn: Turn
    lossy: bool = False
    partial: bool = False


Make = Callable[[Ends], Made]


def scalar(name: str, *kinds: str | tuple[str, str | None]) -> Form:
    """A form of plain values: an Avro or JSON kind without logical type, or with the one given."""
    pairs = {kind if isinstance(kind, tuple) else (kind, None) for kind in kinds}

    def holds(shape: Shape) -> bool:
        return isinstance(shape, Scalar) and (shape.kind, shape.logical) in pairs

    return Form(name, holds, " or ".join(sorted({logical or kind for kind, logical in pairs})))


def constraint(shape: Shape, name: str) -> int | None:
    """A whole-number constraint, such as a decimal's scale."""
    value = dict(shape.constraints).get(name) if isinstance(shape, Scalar) else None
    return value if isinstance(value, int) else None


def short(value: Any) -> str:
    """A value for a message: a rejection never holds a payload, so only short ones are shown."""
    text = repr(value)
    return text if len(text) <= 32 else f"a value of {len(text)} characters"


def is_text(shape: Shape) -> bool:
    """Free text: a JSON format on it is the validator's matter. An Avro uuid is no text once it is decoded."""
    return isinstance(shape, Scalar) and shape.kind == "string" and shape.logical != "uuid"


def is_symbol(shape: Shape) -> bool:
    return isinstance(shape, Enum) and all(isinstance(symbol, str) for symbol in shape.symbols)
