"""Parts of a Kafka record as a person reads them: keys, times, headers and what instar's own headers say."""

from datetime import UTC, datetime
from typing import Any
from zlib import crc32

from instar.core import dead_letter, provenance
from instar.core.record import Headers, Record
from instar.core.upcasting import carry

_LONGEST_DATETIME_MS = 253_402_300_799_999  # the end of the year 9999


def bytes_text(content: bytes | None) -> str | None:
    """Text where it is printable text, else hexadecimal."""
    if content is None:
        return None
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return "0x" + content.hex()
    return text if text.isprintable() else "0x" + content.hex()


def key_bytes(text: str) -> bytes:
    """The reverse of ``bytes_text`` for a key on the command line. ValueError for broken hexadecimal."""
    return bytes.fromhex(text[2:]) if text.startswith("0x") else text.encode()


def time_text(timestamp_ms: int) -> str | None:
    """UTC with milliseconds; None where the record has no time or one that no calendar holds."""
    if not 0 <= timestamp_ms <= _LONGEST_DATETIME_MS:
        return None
    moment = datetime.fromtimestamp(timestamp_ms / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{timestamp_ms % 1000:03}Z"


def headers_told(record: Record, body: bytes | None) -> list[tuple[str, str]]:
    """Each header with its content or, for instar's own, what it means."""
    return [(name, _told(name, content, record, body)) for name, content in record.headers]


def _told(name: str, content: bytes | None, record: Record, body: bytes | None) -> str:
    match name:
        case provenance.HEADER:
            return _provenance(content, record)
        case dead_letter.HEADER:
            return _verdict(name, content)
        case carry.HEADER:
            return _lost(content, body)
        case _:
            text = bytes_text(content)
            return "(null)" if text is None else text


def _provenance(content: bytes | None, record: Record) -> str:
    found = provenance.parse(content)
    if found is None:
        return f"{len(content or b'')} bytes, no provenance that this instar reads"
    part = f", output {found.index + 1} of {found.count}" if found.count > 1 else ""
    where = f"partition {found.partition}, offset {found.offset}"
    if found.topic_id != provenance.NO_TOPIC_ID:
        where += f" of topic id {found.topic_id.hex()}"
    own = found.crc == provenance.checksum(record.key, record.value)
    said = "" if own else " — of another record: the checksum is not this one's, an application forwarded it"
    return f"written by {found.migration} ({found.direction}) from {where}{part}{said}"


def _verdict(name: str, content: bytes | None) -> str:
    letter = dead_letter.parse(((name, content),))
    if letter is None:
        return f"{len(content or b'')} bytes, no dead letter that this instar reads"
    verdict, _ = letter
    rejected, source = verdict.rejected, verdict.source
    place = "".join(
        (
            f" in {rejected.hop}" if rejected.hop else "",
            f" at {rejected.path}" if rejected.path else "",
        )
    )
    versions = " → ".join(version for version in (rejected.from_version, rejected.to_version) if version)
    return (
        f"rejected by {verdict.migration} ({verdict.direction}): {rejected.code}{place}"
        f"{f', {versions}' if versions else ''}, from {source.topic} partition {source.partition}, "
        f"offset {source.offset}. {rejected.message}"
    )


def _lost(content: bytes | None, body: bytes | None) -> str:
    """Whether what a downcast lost belongs to this record: the header is bound to its bytes."""
    size = len(content or b"")
    if not content or content[0] != carry.FORMAT_VERSION or size < 5:
        return f"{size} bytes, nothing that this instar reads"
    own = body is not None and content[1:5] == crc32(body).to_bytes(4, "big")
    return f"{size} bytes of what the way down lost, " + (
        "which the way up restores" if own else "of another record: it is ignored"
    )


def headers_document(headers: Headers, told: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Headers as data, in order; one name may occur several times."""
    return [
        {"name": name, "content": bytes_text(content), "means": text if text != bytes_text(content) else None}
        for (name, content), (_, text) in zip(headers, told, strict=True)
    ]
