"""Framings: how bytes carry their subject and version (design section 6).

A framing reads an *identity* from a record and can give a record's body an identity. Both are split so that nothing
is looked up per record: ``identify`` yields a small hashable key for the caller's table of routes, and ``writer`` is
made once for a target and then only joins bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from instar.core.record import Headers
from instar.core.rejected import Rejected


@dataclass(frozen=True, slots=True)
class SchemaId:
    """The identity is a registry's number for a schema."""

    id: int


@dataclass(frozen=True, slots=True)
class SchemaGuid:
    """The identity is a registry's global identifier (16 bytes, hexadecimal with dashes)."""

    guid: str


@dataclass(frozen=True, slots=True)
class Named:
    """The identity is a version, and a subject where the framing carries one."""

    version: int
    subject: str | None = None


Identity = SchemaId | SchemaGuid | Named


class Framed(NamedTuple):
    """What a framing reads: the identity and the bytes of the value alone."""

    identity: Identity
    body: bytes


class Framing(Protocol):
    """One way of carrying identity. Immutable; made from settings."""

    @property
    def kind(self) -> str:
        """The name that settings use: ``registry-prefix``, ``version-header``, ..."""
        ...

    @property
    def needs_ids(self) -> bool:
        """Does writing need the target schema's registry id?"""
        ...

    def identify(self, value: bytes, headers: Headers) -> Framed | Rejected:
        """Read a record's identity. Never raises on any bytes."""
        ...

    def writer(self, *, subject: str, version: int, schema_id: int | None) -> "Write":
        """How to frame bodies of one subject and version; ``schema_id`` is given when ``needs_ids``."""
        ...

    def unframed(self, headers: Headers) -> Headers:
        """The headers without those that this framing reads, so that a target of another framing has none stale."""
        ...


# The framed value and the headers that the framing adds, or why the body cannot carry the identity.
Write = Callable[[bytes], tuple[bytes, Headers] | Rejected]
