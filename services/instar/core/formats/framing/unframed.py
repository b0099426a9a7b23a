"""No framing: the migration says which version the records have."""

from dataclasses import dataclass

from instar.core.formats.framing import Framed, Named, Write
from instar.core.record import Headers


@dataclass(frozen=True, slots=True)
class Unframed:
    version: int
    subject: str | None = None
    kind: str = "none"
    needs_ids: bool = False

    def identify(self, value: bytes, headers: Headers) -> Framed:  # noqa: ARG002
        return Framed(Named(self.version, self.subject), value)

    def writer(self, *, subject: str, version: int, schema_id: int | None) -> Write:  # noqa: ARG002
        def write(body: bytes) -> tuple[bytes, Headers]:
            return body, ()

        return write

    def unframed(self, headers: Headers) -> Headers:
        return headers
