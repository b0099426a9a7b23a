"""Registry id in a header: the value is bare, a header names its schema.

Confluent's header serializers write ``__value_schema_id``: either a zero byte and a four-byte id, or a one byte and the
schema's 16-byte GUID. Apicurio's write a bare eight-byte (global id) or four-byte (content id) number under names
of their own. All numbers are big-endian. instar reads all four and writes the first, or, for a header of another name,
``width`` bytes bare.
"""

from dataclasses import dataclass
from uuid import UUID

from instar.core.formats.framing import Framed, Identity, SchemaGuid, SchemaId, Write
from instar.core.record import Headers
from instar.core.rejected import NO_VERSION, WRONG_MAGIC, Rejected

CONFLUENT_HEADER = "__value_schema_id"


@dataclass(frozen=True, slots=True)
class RegistryHeader:
    header: str = CONFLUENT_HEADER
    kind: str = "registry-header"
    needs_ids: bool = True

    def identify(self, value: bytes, headers: Headers) -> Framed | Rejected:
        content = last_header(headers, self.header)
        if content is None:
            return Rejected(
                NO_VERSION, f"The record has no header {self.header!r}, which this framing reads the schema id from."
            )
        identity = _identity(content)
        if identity is None:
            return Rejected(
                WRONG_MAGIC,
                f"Header {self.header!r} has {len(content)} bytes and is neither a schema id (4 or 8 bytes, or 5 "
                "with a zero byte first) nor a GUID (17 bytes with a one byte first).",
            )
        return Framed(identity, value)

    def writer(self, *, subject: str, version: int, schema_id: int | None) -> Write:
        if schema_id is None:
            raise ValueError(f"registry-header needs the registry id of {subject} v{version}")
        if self.header == CONFLUENT_HEADER:
            content = b"\x00" + schema_id.to_bytes(4, "big")
        else:
            content = schema_id.to_bytes(8, "big")
        added: Headers = ((self.header, content),)

        def write(body: bytes) -> tuple[bytes, Headers]:
            return body, added

        return write

    def unframed(self, headers: Headers) -> Headers:
        return without_header(headers, self.header)


def _identity(content: bytes) -> Identity | None:
    match len(content):
        case 5 if content[0] == 0:
            return SchemaId(int.from_bytes(content[1:], "big"))
        case 17 if content[0] == 1:
            return SchemaGuid(str(UUID(bytes=content[1:])))
        case 4 | 8:
            return SchemaId(int.from_bytes(content, "big"))
    return None


def last_header(headers: Headers, name: str) -> bytes | None:
    """The last header of that name, as Kafka's own ``lastHeader`` (KIP-82) would pick it; None when there is none."""
    for key, content in reversed(headers):
        if key == name:
            return content
    return None


def without_header(headers: Headers, name: str) -> Headers:
    for key, _ in headers:
        if key == name:
            return tuple(header for header in headers if header[0] != name)
    return headers
