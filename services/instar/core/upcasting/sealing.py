"""Sealing the sensitive fields of a value before it is shown to anybody."""

from typing import Any

from instar.core.formats.sealed import Sealed
from instar.core.upcasting.difference import Place
from instar.core.upcasting.pattern import Pattern, covered


def sealed(value: Any, patterns: tuple[Pattern, ...], place: Place = ()) -> Any:
    """A copy of the value in which all that the patterns name is sealed. Null stays null: it shows nothing."""
    if place and value is not None and covered(patterns, place):
        return Sealed(value)
    if isinstance(value, dict):
        return {key: sealed(part, patterns, (*place, key)) for key, part in value.items()}
    if isinstance(value, list):
        return [sealed(part, patterns, (*place, index)) for index, part in enumerate(value)]
    if isinstance(value, tuple) and len(value) == 2:  # a branch of a union is no step of a place
        return (value[0], sealed(value[1], patterns, place))
    return value
