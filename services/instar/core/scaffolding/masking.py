"""Sampled records without what they say of people: masked, and still valid records of their version.

Which fields those are is guessed from their names and from what values look like. A guess leaves something out sooner
or later, so what is written is said to be a guess, and its reader is asked to look.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from instar.core.formats.json_sample import NoSample
from instar.core.formats.schema import Schema
from instar.core.formats.shape import MISSING, Shape
from instar.core.scaffolding.names import words
from instar.core.upcasting.difference import Place
from instar.core.upcasting.pattern import covered, general, parse_pattern
from instar.core.upcasting.value import copy_of

if TYPE_CHECKING:
    from random import Random

_WORDS = frozenset(
    """email mail phone mobile fax birthday birthdate dob ssn iban bic card cvv password secret token passport license
    street address zip postcode postal latitude longitude lat lon ip salary gender religion firstname lastname surname
    forename username fullname login author recipient""".split()  # noqa: SIM905 - a list of 37 lines says no more
)
_PAIRS = frozenset(
    (
        *((each, "name") for each in ("first", "last", "middle", "full", "customer", "user")),
        ("credit", "card"),
        ("account", "number"),
        ("tax", "id"),
        ("national", "id"),
        ("api", "key"),
    )
)
_LOOKS = (
    re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z"),  # a mail address
    re.compile(r"\+\d[\d ()/.-]{6,}\Z"),  # a phone number as it is dialled from abroad
    re.compile(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,4})?\Z"),  # an IBAN
    re.compile(r"\d{4}([ -]?)\d{4}\1\d{4}\1\d{4}\Z"),  # a card's number
    re.compile(r"\d{1,3}(\.\d{1,3}){3}\Z"),  # an IP address
)
_TRIES = 20


def sensitive_paths(shape: Shape, values: Iterable[Any]) -> list[str]:
    """Field paths that are likely to say something of a person, by name or by what was seen there."""
    found: dict[str, None] = {}
    for value in values:
        for place, leaf in _leaves(value):
            says_something = leaf is not None and not isinstance(leaf, bool | dict | list)
            if says_something and (_is_named_so(place) or _looks_so(leaf)):
                found.setdefault(general(place, shape))
    return sorted(found)


def _leaves(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """The parts without parts, those inside of a union's pair included."""
    value = _inner(value)
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from _leaves(part, (*place, key))
    elif isinstance(value, list) and value:
        for index, part in enumerate(value):
            yield from _leaves(part, (*place, index))
    else:
        yield place, value


def _looks_so(leaf: Any) -> bool:
    return isinstance(leaf, str) and any(look.match(leaf) for look in _LOOKS)


def _is_named_so(place: Place) -> bool:
    name = next((str(step) for step in reversed(place) if isinstance(step, str)), "")
    parts = words(name)
    return bool(_WORDS & set(parts)) or any(pair in _PAIRS for pair in pairwise(parts))


def masked_record(schema: Schema, value: Any, paths: Iterable[str], random: Random) -> Any | None:
    """A copy with other values at the paths, valid under the schema; None where there is none.

    What takes a masked value's place is drawn from the schema, so that a pattern or an enumeration stays kept.
    """
    patterns = tuple(parse_pattern(path) for path in paths)
    hidden = [place for place, _ in _leaves(value) if covered(patterns, place)]
    if any(_looks_so(step) for place, _ in _leaves(value) for step in place):
        return None  # a map's key tells: there is no other key to put there
    for attempt in range(_TRIES):
        made = copy_of(value)
        for place in hidden:
            _put(made, place, _other(schema, place, random, attempt))
        if schema.problem(made) is None:
            return made
    return None


def _other(schema: Schema, place: Place, random: Random, attempt: int) -> Any:
    """``***`` for text at the first try; then whatever the schema's own samples have at the place."""
    if attempt == 0:
        return _Plain
    for _ in range(_TRIES):
        try:
            found = _get(schema.sample(random), place)
        except NoSample:
            return _Plain
        if found is not MISSING:
            return found
    return _Plain


class _Plain:
    """Stands for: a plain other value of the same Python type."""


def _plain(value: Any) -> Any:
    match value:
        case bool() | None:
            return value
        case str():
            return "***"
        case int() | float():
            return type(value)(0)
        case bytes():
            return bytes(len(value))
        case (str() as branch, inner):
            return branch, _plain(inner)
    return value


def _put(record: Any, place: Place, value: Any) -> None:
    holder, last = _holder(record, place)
    if isinstance(holder, dict | list):
        holder[last] = _plain(holder[last]) if value is _Plain else value


def _holder(record: Any, place: Place) -> tuple[Any, Any]:
    value = record
    for step in place[:-1]:
        value = _inner(value)[step]
    return _inner(value), place[-1]


def _inner(value: Any) -> Any:
    """What a union's pair holds."""
    return value[1] if isinstance(value, tuple) else value


def _get(value: Any, place: Place) -> Any:
    for step in place:
        value = _inner(value)
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and value:
            value = value[0]
        else:
            return MISSING
    return value
