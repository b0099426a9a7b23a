"""A version's schema: what every format offers to the rest of instar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

from instar.core.formats.shape import Shape
from instar.core.rejected import Rejected

if TYPE_CHECKING:
    from random import Random

Kind = Literal["avro", "json"]


class Invalid(Exception):
    """A schema does not parse. ``where`` is a JSON pointer into the schema, ``remedy`` says what to do."""

    def __init__(self, message: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.where = where
        self.remedy = remedy


class Schema(Protocol):
    """One version's schema, parsed once; its methods are called per record and look nothing up.

    Decoded values are plain: dict, list, str, int, float, bool, None, bytes, and for Avro's logical types ``Decimal``,
    ``datetime`` (UTC), ``date``, ``time``, ``UUID``. Where an Avro union holds several named types the value is
    the pair ``(full name, value)``, fastavro's own notation, because a bare dict would not say which one it is.
    """

    @property
    def kind(self) -> Kind: ...

    @property
    def shape(self) -> Shape: ...

    @property
    def canonical(self) -> str:
        """The full canonical form: order and whitespace normalized, logical types, defaults and aliases kept."""
        ...

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the canonical form, hexadecimal."""
        ...

    def decode(self, data: bytes) -> Any | Rejected:
        """Bytes (without framing) to a fresh value. Bytes left over, bytes missing, invalid UTF-8: Rejected.

        JSON values are validated here (invalid-input); Avro values are valid by construction.
        """
        ...

    def encode(self, value: Any) -> bytes | Rejected:
        """A valid value to bytes (without framing). The value must have passed ``problem``."""
        ...

    def problem(self, value: Any) -> Rejected | None:
        """Why the value is not valid under this schema: code hop-output-invalid, the field's path, what is expected."""
        ...

    def sample(self, random: Random) -> Any:
        """A valid value drawn from the schema: every optional part and union branch occurs, edge values often."""
        ...
