"""Registry prefix: a zero byte, the schema's id as four bytes big-endian, the value.

The wire format of Confluent's serializers, which Apicurio, Karapace and Redpanda share.
"""

from dataclasses import dataclass
from struct import Struct

from instar.core.formats.framing import Framed, SchemaId, Write
from instar.core.record import Headers
from instar.core.rejected import TRUNCATED, WRONG_MAGIC, Rejected

PREFIX = Struct(">BI")
MAGIC = 0


@dataclass(frozen=True, slots=True)
class RegistryPrefix:
    kind: str = "registry-prefix"
    needs_ids: bool = True

    def identify(self, value: bytes, headers: Headers) -> Framed | Rejected:  # noqa: ARG002
        if len(value) < PREFIX.size:
            return Rejected(
                TRUNCATED,
                f"The value has {len(value)} bytes; a registry prefix alone has {PREFIX.size}. "
                "Was it written by a producer without a registry serializer?",
            )
        magic, schema_id = PREFIX.unpack_from(value)
        if magic != MAGIC:
            return Rejected(
                WRONG_MAGIC,
                f"The first byte is 0x{magic:02x}, not the registry prefix's 0x00. "
                "Was it written by a producer without a registry serializer, or is the framing set wrong?",
            )
        return Framed(SchemaId(schema_id), value[PREFIX.size :])

    def writer(self, *, subject: str, version: int, schema_id: int | None) -> Write:
        if schema_id is None:
            raise ValueError(f"registry-prefix needs the registry id of {subject} v{version}")
        prefix = PREFIX.pack(MAGIC, schema_id)

        def write(body: bytes) -> tuple[bytes, Headers]:
            return prefix + body, ()

        return write

    def unframed(self, headers: Headers) -> Headers:
        return headers
