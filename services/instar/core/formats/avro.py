"""Avro as a format of records: parsed once, read and written exactly.

The codec is compiled from the schema here rather than taken from fastavro: that reads bytes which are no value of the
schema as some other value (an enum index of -1, a decimal beyond its precision, a key twice in a map), and a guard
against this has to walk the bytes just as far as a decoder does.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from struct import error as StructError  # noqa: N812 - a class, and named like one
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from instar.core.formats import canonical
from instar.core.formats.avro_check import Check, Checker
from instar.core.formats.avro_choice import ambiguous
from instar.core.formats.avro_fault import Unreadable
from instar.core.formats.avro_parse import parse_types
from instar.core.formats.avro_read import CUT, Read, compile_read
from instar.core.formats.avro_sample import Sampler
from instar.core.formats.avro_shape import shape_of
from instar.core.formats.avro_types import Node, Types
from instar.core.formats.avro_write import Write, compile_write
from instar.core.formats.shape import Shape
from instar.core.rejected import HOP_OUTPUT_INVALID, TRAILING_BYTES, TRUNCATED, Rejected

if TYPE_CHECKING:
    from random import Random


class Part(NamedTuple):
    """How values of one type within a schema are read, checked and written; as ``compile_read`` and the others say."""

    read: Read
    check: Check
    write: Write


class AvroSchema:
    """One version's Avro schema; implements ``schema.Schema``. Made by ``parse_avro``."""

    kind: Literal["avro"] = "avro"

    def __init__(self, types: Types) -> None:
        self.types = types
        self._read = compile_read(types)
        self._checker = Checker(types)
        self._check = self._checker.top
        self._write = compile_write(types, self._checker.chooser)
        self._sampler = Sampler(types)
        self.canonical: str = canonical.canonical(types)
        self.fingerprint: str = canonical.fingerprint(self.canonical)

    @cached_property
    def shape(self) -> Shape:
        return shape_of(self.types)

    @cached_property
    def ambiguous(self) -> tuple[str, ...]:
        """Field paths (``items[].x``; "" is the top) of unions where a decoded value does not tell its branch.

        There, ``encode`` keeps the value but may write it as another branch than the producer did: see ``avro_choice``.
        """
        return ambiguous(self.types)

    def decode(self, data: bytes) -> Any | Rejected:
        """Bytes to a valid value.

        Codes: truncated, trailing-bytes, invalid-utf8; unreadable (not an encoding of the schema, or a moment that
        Python cannot hold); invalid-input (a decimal beyond its precision, a time of day beyond its day).
        """
        try:
            value, end = self._read(data, 0, 0)
        except Unreadable as error:
            return error.rejected()
        except IndexError:
            return Rejected(TRUNCATED, f"The value {CUT}.")
        if end != len(data):
            return Rejected(TRAILING_BYTES, f"The value ends after {end} bytes, but {len(data) - end} more follow.")
        return value

    def encode(self, value: Any) -> bytes | Rejected:
        """A value without ``problem`` to its canonical bytes. Others: mostly the problem; nothing is promised."""
        out = bytearray()
        try:
            self._write(out, value)
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, StructError):
            problem = self.problem(value)
            if problem is None:
                raise
            return problem
        return bytes(out)

    def problem(self, value: Any) -> Rejected | None:
        """The first thing that is wrong (code hop-output-invalid), in the order of the schema's fields.

        Types are exact, records closed and complete, numbers in range and without rounding: a valid value is equal to
        what ``decode`` makes of what ``encode`` writes.
        """
        fault = self._check(value, 0)
        return None if fault is None else fault.rejected(HOP_OUTPUT_INVALID)

    def part(self, node: Node) -> Part:
        """The codec of one type of the schema, for who walks the bytes around it."""
        return Part(
            compile_read(self.types, node),
            self._checker.check(node),
            compile_write(self.types, self._checker.chooser, node),
        )

    def sample(self, random: Random) -> Any:
        """A valid value; the same random state gives the same value."""
        return self._sampler.sample(random)


def parse_avro(document: Any, *, named: Mapping[str, Any] = {}) -> AvroSchema:
    """An Avro schema document (parsed JSON) to a schema.

    ``named`` holds the documents of named types by full name; those that are referred to, however indirectly, become
    part of the schema. Raises ``Invalid``; where the mistake is in one of those, its place is ``full.Name#/pointer``.
    """
    return AvroSchema(parse_types(document, named))
