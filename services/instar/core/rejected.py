"""Bad data is a value: why one record could not be carried to its target version."""

from dataclasses import dataclass, replace
from typing import Self

# What reading the framing can find.
NO_VERSION = "no-version"  # the framing names no version and none is configured
UNKNOWN_SCHEMA_ID = "unknown-schema-id"
UNKNOWN_VERSION = "unknown-version"
UNKNOWN_SUBJECT = "unknown-subject"
WRONG_MAGIC = "wrong-magic"
TRUNCATED = "truncated"
TRAILING_BYTES = "trailing-bytes"
VERSION_ABOVE_TARGET = "version-above-target"  # an up bridge met a version newer than its target
VERSION_BELOW_TARGET = "version-below-target"  # a down bridge met a version older than its target
# What decoding can find.
UNREADABLE = "unreadable"  # the bytes are not a value of the schema
INVALID_INPUT = "invalid-input"  # readable, but not valid under its own version
INVALID_UTF8 = "invalid-utf8"
# What hops can do.
HOP_RAISED = "hop-raised"
HOP_RETURNED_WRONG_TYPE = "hop-returned-wrong-type"
HOP_OUTPUT_INVALID = "hop-output-invalid"
CONVERSION_FAILED = "conversion-failed"
NO_WAY = "no-way"  # no chain leads there: a hop is one-way
TOO_LARGE = "too-large"  # the output exceeds what the target topic accepts
NO_KEY = "no-key"  # a compacted target takes no record without a key
CANNOT_FRAME = "cannot-frame"  # the target's framing cannot carry this record


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why a record was rejected.

    ``hop`` is written as its file is (``v1_to_v2``), ``path`` is a field path (``items[2].price``), versions are
    written ``v2``. ``message`` is one sentence for a person and never holds the payload.
    """

    code: str
    message: str
    subject: str | None = None
    hop: str | None = None
    path: str | None = None
    from_version: str | None = None
    to_version: str | None = None

    def within(
        self,
        *,
        subject: str | None = None,
        hop: str | None = None,
        from_version: str | None = None,
        to_version: str | None = None,
    ) -> Self:
        """The same rejection with what the caller knows filled in where it is still empty."""
        return replace(
            self,
            subject=self.subject or subject,
            hop=self.hop or hop,
            from_version=self.from_version or from_version,
            to_version=self.to_version or to_version,
        )
