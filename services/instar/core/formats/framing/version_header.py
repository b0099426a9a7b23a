"""A plain version header: ``instar-version: v2``, and the subject in a second header where a topic holds several."""

from dataclasses import dataclass

from instar.core.formats.framing import Framed, Named, Write
from instar.core.formats.framing.registry_header import last_header, without_header
from instar.core.record import Headers
from instar.core.rejected import NO_VERSION, UNKNOWN_VERSION, Rejected
from instar.core.version import label, parse_label

DEFAULT_HEADER = "instar-version"


@dataclass(frozen=True, slots=True)
class VersionHeader:
    """``default`` is the version of records that were written before the header came into use."""

    header: str = DEFAULT_HEADER
    subject_header: str | None = None
    default: int | None = None
    kind: str = "version-header"
    needs_ids: bool = False

    def identify(self, value: bytes, headers: Headers) -> Framed | Rejected:
        content = last_header(headers, self.header)
        if content is None:
            if self.default is None:
                return Rejected(
                    NO_VERSION,
                    f"The record has no header {self.header!r} and the framing has no default version. "
                    'If old records lack it, set default = "v1" in the source\'s framing.',
                )
            version: int | None = self.default
        else:
            version = _version(content)
            if version is None:
                return Rejected(
                    UNKNOWN_VERSION,
                    f"Header {self.header!r} does not hold a version such as v2 ({len(content)} bytes).",
                )
        subject = None
        if self.subject_header is not None:
            name = last_header(headers, self.subject_header)
            if name is None:
                return Rejected(NO_VERSION, f"The record has no header {self.subject_header!r} that names its subject.")
            subject = name.decode("utf-8", "replace")
        assert version is not None  # noqa: S101 - narrowed above
        return Framed(Named(version, subject), value)

    def writer(self, *, subject: str, version: int, schema_id: int | None) -> Write:  # noqa: ARG002
        added: Headers = ((self.header, label(version).encode()),)
        if self.subject_header is not None:
            added = (*added, (self.subject_header, subject.encode()))

        def write(body: bytes) -> tuple[bytes, Headers]:
            return body, added

        return write

    def unframed(self, headers: Headers) -> Headers:
        headers = without_header(headers, self.header)
        return headers if self.subject_header is None else without_header(headers, self.subject_header)


def _version(content: bytes) -> int | None:
    """``v2`` or ``2``: what producers write in practice."""
    text = content.decode("ascii", "replace").strip()
    return parse_label(text if text.startswith("v") else f"v{text}")
