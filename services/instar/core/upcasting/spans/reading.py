"""The lines that read one leaf: they accept only what the reference accepts and would write back byte for byte.

Anything else makes the generated function return None, or raise. ``at`` is where the leaf begins, and after the lines
where it ends; ``size`` is the number of bytes in all.
"""

from collections.abc import Callable
from typing import Any

from instar.core.formats.avro_choice import is_nullable_pair
from instar.core.formats.avro_logical import STORED_RANGES, to_value
from instar.core.formats.avro_types import Enum, Fixed, Named, Node, Primitive, Types, Union, logical_of
from instar.core.formats.avro_write import encoded_long

Keep = Callable[[Any], str]  # gives a constant a name in the generated code

_GIVE_UP = "return None"


def plain_lines(types: Types, node: Node, number: int, keep: Keep, *, value: bool, index: bool) -> list[str]:
    """Of a leaf that ``is_plain``. ``value`` asks for ``v<number>``, ``index`` for ``i<number>`` of an enum."""
    if isinstance(node, Union):
        return _nullable(types, node, number, keep, value=value)
    v = f"v{number}" if value else "x"
    if isinstance(node, Named):
        definition = types.names[node.name]
        if isinstance(definition, Enum):
            count = len(definition.symbols)
            made = [f"v{number} = {keep(definition.symbols)}[x >> 1]"] if value else []
            made += [f"i{number} = x >> 1"] if index else []
            return ["x = data[at]", f"if x & 1 or x >= {2 * count}: {_GIVE_UP}", "at += 1", *made]
        assert isinstance(definition, Fixed)  # noqa: S101 - is_plain
        return _sized(definition.size, [f"v{number} = data[at:e]"] if value else [])
    assert isinstance(node, Primitive)  # noqa: S101 - is_plain
    logical = logical_of(node)
    match node.kind:
        case "null":
            return [f"{v} = None"] if value else []
        case "boolean":
            made = [f"v{number} = x == 1"] if value else []
            made += [f"i{number} = x"] if index else []
            return ["x = data[at]", f"if x > 1: {_GIVE_UP}", "at += 1", *made]
        case "int" | "long":
            low, high = (-(2**31), 2**31 - 1) if node.kind == "int" else (-(2**63), 2**63 - 1)
            if logical is None:
                return _whole(v, low, high, node.kind)
            first, last = STORED_RANGES[logical.name]
            low, high = max(low, first), min(high, last)
            lines = [*_whole(v, low, high, ""), f"if not {low} <= {v} <= {high}: {_GIVE_UP}"]
            return [*lines, f"{v} = {keep(to_value(logical))}({v})"] if value else lines
        case "float" | "double":
            size, unpack = (4, "unpack_float") if node.kind == "float" else (8, "unpack_double")
            # NaN has many encodings.
            return _sized(size, [f"{v} = {unpack}(data, at)[0]", f"if {v} != {v}: {_GIVE_UP}"])
        case "string":
            made = [f"v{number} = data[at:e].decode()"] if value else ["if not ascii: data[at:e].decode()"]
            return [*_span(), *made, "at = e"]
    if logical is None:
        return [*_span(), *([f"v{number} = data[at:e]"] if value else []), "at = e"]
    limit = keep(10**logical.precision)
    return [
        *_span(),
        'x = int.from_bytes(data[at:e], "big", signed=True)',
        f"if not -{limit} < x < {limit} or e - at != (x if x >= 0 else ~x).bit_length() // 8 + 1: {_GIVE_UP}",
        *([f"v{number} = {keep(to_value(logical))}(data[at:e])"] if value else []),
        "at = e",
    ]


def generic_lines(number: int, read: str, depth: int) -> list[str]:
    """Of any other leaf: the reference's own reader. Such a leaf is never copied."""
    return [f"v{number}, at = {read}(data, at, {depth})"]


def _nullable(types: Types, union: Union, number: int, keep: Keep, *, value: bool) -> list[str]:
    null_at = is_nullable_pair(union)
    assert null_at is not None  # noqa: S101 - is_plain
    null, other = encoded_long(null_at)[0], encoded_long(1 - null_at)[0]
    inner = plain_lines(types, union.branches[1 - null_at], number, keep, value=value, index=False)
    return [
        "x = data[at]",
        "at += 1",
        f"if x == {other}:",
        *(f"    {line}" for line in inner or ["pass"]),
        f"elif x != {null}: {_GIVE_UP}",
        *([f"else: v{number} = None"] if value else []),
    ]


def _whole(v: str, low: int, high: int, kind: str) -> list[str]:
    lines = [
        f"{v} = data[at]",
        f"if {v} < 128:",
        f"    {v} = {v} >> 1 ^ -({v} & 1)",
        "    at += 1",
        "else:",
        f"    {v}, at = read_long(data, at)",
    ]
    return [*lines, f"    if not {low} <= {v} <= {high}: {_GIVE_UP}"] if kind == "int" else lines


def _span() -> list[str]:
    """The length of a string or bytes; ``e`` is where they end."""
    return [
        "x = data[at]",
        "if x & 1 or x > 127:",
        "    x, at = read_long(data, at)",
        f"    if x < 0: {_GIVE_UP}",
        "    e = at + x",
        "else:",
        "    at += 1",
        "    e = at + (x >> 1)",
        f"if e > size: {_GIVE_UP}",
    ]


def _sized(size: int, lines: list[str]) -> list[str]:
    return [f"e = at + {size}", f"if e > size: {_GIVE_UP}", *lines, "at = e"]
