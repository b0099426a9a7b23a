"""JSON Schema as a format of records: draft-07 and 2020-12, validated by jsonschema_rs, read and written exactly."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import jsonschema_rs

from instar.core.formats import canonical_json
from instar.core.formats.json_bundle import Bundle, bundle
from instar.core.formats.json_dialect import pointer
from instar.core.formats.json_problem import rejection
from instar.core.formats.json_sample import Sampler
from instar.core.formats.json_shape import shape_of
from instar.core.formats.json_text import fault_of, plain, read_json, write_json
from instar.core.formats.json_unknown import UnknownFields
from instar.core.formats.schema import Invalid
from instar.core.formats.shape import Shape
from instar.core.rejected import HOP_OUTPUT_INVALID, INVALID_INPUT, Rejected

if TYPE_CHECKING:
    from random import Random

Unknown = Literal["keep", "reject"]


class JsonSchema:
    """One version's JSON Schema; implements ``schema.Schema``. Made by ``parse_json``.

    ``unknown`` says what happens to fields that the schema does not name where it leaves an object open.
    """

    kind: Literal["json"] = "json"

    def __init__(self, parts: Bundle, validator: jsonschema_rs.Validator, unknown: Unknown) -> None:
        self._bundle = parts
        self._validator = validator
        self._unknown = UnknownFields(parts) if unknown == "reject" else None
        self._sampler = Sampler(parts, lambda value: self.problem(value) is None)
        self.canonical: str = canonical_json.canonical(parts)
        self.fingerprint: str = canonical_json.fingerprint(self.canonical)

    @cached_property
    def shape(self) -> Shape:
        return shape_of(self._bundle)

    @property
    def dialect(self) -> str:
        """``draft-07`` or ``2020-12``."""
        return self._bundle.dialect.name

    def decode(self, data: bytes) -> Any | Rejected:
        """Bytes to a valid value; numbers as ``json_text`` describes.

        Codes: invalid-utf8, unreadable, trailing-bytes (not JSON); invalid-input (JSON, but not valid here).
        """
        value = read_json(data)
        if isinstance(value, Rejected):
            return value
        problem = self._invalid(value, INVALID_INPUT)
        return value if problem is None else problem

    def encode(self, value: Any) -> bytes | Rejected:
        """Compact JSON, names in the value's order; integers of any size and Decimals with all their digits."""
        return write_json(value)

    def problem(self, value: Any) -> Rejected | None:
        """A value that is not JSON (bytes, a tuple, nan) is a problem also where the schema allows anything."""
        if not plain(value):
            fault = fault_of(value, HOP_OUTPUT_INVALID)
            if fault is not None:
                return fault
        return self._invalid(value, HOP_OUTPUT_INVALID)

    def sample(self, random: Random) -> Any:
        """A valid value without unknown fields. Raises ``json_sample.NoSample`` when none is found."""
        return self._sampler.sample(random)

    def _invalid(self, value: Any, code: str) -> Rejected | None:
        if not self._validator.is_valid(value):
            error = next(self._validator.iter_errors(value), None)
            return Rejected(code, "The record breaks the schema.") if error is None else rejection(error, code)
        return self._unknown.problem(value, code) if self._unknown is not None else None


def parse_json(document: Any, *, resources: Mapping[str, Any] = {}, unknown: Unknown = "keep") -> JsonSchema:
    """A JSON Schema document (parsed JSON) to a schema.

    ``resources`` are the other documents of its folder by relative path (``common/user.json``);
    ``$ref`` reaches them and nothing else. Raises ``Invalid``.
    """
    parts = bundle(document, resources)
    try:
        validator = parts.validator(parts.root)
    except (ValueError, TypeError, OverflowError) as error:
        first_line = getattr(error, "message", str(error)).splitlines()[0]
        where = pointer(tuple(str(part) for part in getattr(error, "instance_path", ())))
        raise Invalid(
            f"The schema cannot be compiled: {first_line[:200]}.",
            where=where.removeprefix("/$defs/_root"),
            remedy="Correct that part of the schema.",
        ) from error
    return JsonSchema(parts, validator, unknown)
