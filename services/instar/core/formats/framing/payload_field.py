"""A version field inside the payload (JSON objects): ``{"schema_version": 2, ...}``.

``default`` is the version of records that are older than the field. The field is written in the notation that
``notation`` says: ``number`` (2) or ``label`` (v2); both are read.
"""

from dataclasses import dataclass
from typing import Any, Literal

from instar.core.formats.framing import Framed, Named, Write
from instar.core.formats.json_text import read_json, write_json
from instar.core.record import Headers
from instar.core.rejected import CANNOT_FRAME, NO_VERSION, UNKNOWN_VERSION, UNREADABLE, Rejected
from instar.core.version import label, parse_label


@dataclass(frozen=True, slots=True)
class PayloadField:
    field: str
    default: int | None = None
    subject_field: str | None = None
    notation: Literal["number", "label"] = "number"
    kind: str = "payload-field"
    needs_ids: bool = False

    def identify(self, value: bytes, headers: Headers) -> Framed | Rejected:  # noqa: ARG002
        payload = _object(value)
        if isinstance(payload, Rejected):
            return payload
        found = payload.get(self.field)
        if found is None:
            if self.default is None:
                return Rejected(
                    NO_VERSION,
                    f"The payload has no field {self.field!r} and the framing has no default version. "
                    'If old records lack it, set default = "v1" in the source\'s framing.',
                    path=self.field,
                )
            version: int | None = self.default
        else:
            version = _version(found)
            if version is None:
                return Rejected(
                    UNKNOWN_VERSION, f"Field {self.field!r} does not hold a version such as 2 or v2.", path=self.field
                )
        subject = None
        if self.subject_field is not None:
            subject = payload.get(self.subject_field)
            if not isinstance(subject, str):
                return Rejected(
                    NO_VERSION,
                    f"The payload has no text field {self.subject_field!r} that names its subject.",
                    path=self.subject_field,
                )
        assert version is not None  # noqa: S101 - narrowed above
        return Framed(Named(version, subject), value)

    def writer(self, *, subject: str, version: int, schema_id: int | None) -> Write:  # noqa: ARG002
        stamp: dict[str, Any] = {self.field: version if self.notation == "number" else label(version)}
        if self.subject_field is not None:
            stamp[self.subject_field] = subject

        def write(body: bytes) -> tuple[bytes, Headers] | Rejected:
            payload = _object(body)
            if isinstance(payload, Rejected):
                return Rejected(CANNOT_FRAME, f"A {self.field!r} field can only be written into a JSON object.")
            if all(payload.get(name) == content for name, content in stamp.items()):
                return body, ()
            stamped = write_json(payload | stamp)
            return stamped if isinstance(stamped, Rejected) else (stamped, ())

        return write

    def unframed(self, headers: Headers) -> Headers:
        return headers


def _object(value: bytes) -> dict[str, Any] | Rejected:
    """Read exactly, as the records' own format does: what is written again must be what was there."""
    payload = read_json(value)
    if isinstance(payload, Rejected):
        return payload
    if not isinstance(payload, dict):
        return Rejected(
            UNREADABLE, f"The value is a JSON {type(payload).__name__}, not an object with a version field."
        )
    return payload


def _version(found: object) -> int | None:
    if isinstance(found, bool):
        return None
    if isinstance(found, int):
        return found if found > 0 else None
    if isinstance(found, str):
        return parse_label(found if found.startswith("v") else f"v{found}")
    return None
