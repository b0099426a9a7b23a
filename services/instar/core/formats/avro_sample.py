"""Valid values of an Avro schema, drawn at random: the same seed gives the same value.

Every branch, symbol and edge occurs often: 0, -1, the least and the greatest number, empty and non-ASCII text, empty
and longer arrays. Recursion goes on while it is shallow and then takes the shortest way out.
"""

from __future__ import annotations

import math
import string
from datetime import UTC, date, datetime, time, timedelta
from decimal import MAX_PREC, Context, Decimal
from struct import pack, unpack
from typing import TYPE_CHECKING, Any
from uuid import UUID

from instar.core.formats.avro_logical import time_us
from instar.core.formats.avro_types import (
    Array,
    Enum,
    Fixed,
    Logical,
    Map,
    Named,
    Node,
    Primitive,
    Record,
    Types,
    Union,
    height,
    heights,
    logical_of,
)

if TYPE_CHECKING:
    from random import Random

_DEEP = 6  # containers, from which on arrays are empty and unions take their shortest branch
_MIDNIGHT_LAST = time(23, 59, 59, 999999)
_TEXTS = (
    "",
    " ",
    "a",
    "0",
    "Ada Lovelace",
    "ÄÖÜ ß",
    "日本語",
    "\U0001f98b",
    "a\u0301",
    "\u0000",
    'quote " \\ \n\t',
    "true",
    "null",
)
_FLOATS = (
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.1,
    1.5,
    1e-9,
    123456.75,
    1e22,
    5e-324,
    2.0**53 + 2,
    1.7976931348623157e308,
    math.inf,
    -math.inf,
)
_YEARS = (1, 1582, 1969, 1970, 2000, 2024, 2038, 9999)


class Sampler:
    """Draws values of one schema. Holds no random state."""

    def __init__(self, types: Types) -> None:
        self._types = types
        self._heights = heights(types)

    def sample(self, random: Random) -> Any:
        return self._draw(self._types.root, random, 0)

    def _draw(self, node: Node, random: Random, depth: int) -> Any:
        match node:
            case Primitive(kind):
                logical = logical_of(node)
                return _primitive(kind, random) if logical is None else _logical(logical, random)
            case Array(items):
                return [self._draw(items, random, depth + 1) for _ in range(_length(random, depth))]
            case Map(values):
                return {_text(random): self._draw(values, random, depth + 1) for _ in range(_length(random, depth))}
            case Union():
                return self._union(node, random, depth)
            case Named(name):
                return self._named(name, random, depth)

    def _union(self, union: Union, random: Random, depth: int) -> Any:
        branches = list(union.branches)
        if depth >= _DEEP:
            least = min(self._height(branch) for branch in branches)
            branches = [branch for branch in branches if self._height(branch) == least]
        branch = random.choice(branches)
        value = self._draw(branch, random, depth)
        return (branch.name, value) if isinstance(branch, Named) and self._types.is_paired(union) else value

    def _height(self, node: Node) -> int:
        found = height(node, self._heights)
        return 0 if found is None else found

    def _named(self, name: str, random: Random, depth: int) -> Any:
        definition = self._types.names[name]
        match definition:
            case Record(fields=fields):
                return {field.name: self._draw(field.node, random, depth + 1) for field in fields}
            case Enum(symbols=symbols):
                return random.choice(symbols)
            case Fixed(size=size):
                logical = logical_of(definition)
                return random.randbytes(size) if logical is None else _logical(logical, random)


def _length(random: Random, depth: int) -> int:
    return 0 if depth >= _DEEP else random.choice((0, 1, 1, 2, 2, 3, 5) if depth < 3 else (0, 0, 1, 2))


def _primitive(kind: str, random: Random) -> Any:
    match kind:
        case "null":
            return None
        case "boolean":
            return random.random() < 0.5
        case "int":
            return _integer(random, 31)
        case "long":
            return _integer(random, 63)
        case "float":
            return _float(random)
        case "double":
            return random.choice(_FLOATS) if random.random() < 0.6 else random.uniform(-1e6, 1e6)
        case "bytes":
            return random.choice((b"", b"\x00", b"\xff\xfe", random.randbytes(random.randrange(70))))
        case _:
            return _text(random)


def _integer(random: Random, bits: int) -> int:
    edges = (0, 1, -1, 63, 64, -64, -65, 2**bits - 1, -(2**bits), 2 ** (bits - 1))
    return random.choice(edges) if random.random() < 0.5 else random.randint(-(2 ** random.randint(0, bits)), 1000)


def _float(random: Random) -> float:
    value = random.choice(_FLOATS)
    if math.isfinite(value) and abs(value) > 3e38:
        value = 3.4028234663852886e38
    nearest: float = unpack("<f", pack("<f", value))[0]
    return nearest


def _text(random: Random) -> str:
    if random.random() < 0.4:
        return random.choice(_TEXTS)
    return "".join(
        random.choices(string.ascii_letters + string.digits + "-_ é", k=random.choice((1, 4, 12, 63, 64, 70)))
    )


def _logical(logical: Logical, random: Random) -> Any:
    match logical.name:
        case "decimal":
            return _decimal(logical, random)
        case "uuid":
            return random.choice((UUID(int=0), UUID(int=2**128 - 1), UUID(int=random.getrandbits(128))))
        case "date":
            return random.choice((date.min, date.max, date(1970, 1, 1), date.fromordinal(random.randint(1, 3_652_059))))
        case "time-millis":
            return _time(random, 1000)
        case "time-micros":
            return _time(random, 1)
        case name:
            return _moment(random, 1000 if name.endswith("millis") else 1, is_local=name.startswith("local-"))


def _decimal(logical: Logical, random: Random) -> Decimal:
    most = 10**logical.precision - 1
    unscaled = random.choice((0, 1, -1, 128, -128, most, -most, random.randint(-most, most)))
    return Decimal(max(-most, min(most, unscaled))).scaleb(-logical.scale, Context(prec=MAX_PREC))


def _time(random: Random, unit_us: int) -> time:
    micros = random.choice((0, time_us(_MIDNIGHT_LAST), random.randrange(86_400_000_000)))
    return (datetime(1, 1, 1) + timedelta(microseconds=micros // unit_us * unit_us)).time()  # noqa: DTZ001 - no zone


def _moment(random: Random, unit_us: int, *, is_local: bool) -> datetime:
    first = datetime(random.choice(_YEARS), 1, 1, tzinfo=None if is_local else UTC)
    micros = random.choice((0, 1, 999_999, random.randrange(365 * 86_400_000_000), 365 * 86_400_000_000 - 1))
    return first + timedelta(microseconds=micros // unit_us * unit_us)
