"""What is compared of a record: everything that a bridge must keep or make, and nothing that may differ."""

from collections.abc import Iterator
from typing import NamedTuple

from instar.core.comparison import FieldDifference
from instar.core.record import Headers


class Content(NamedTuple):
    """A record of the target without its framing's bytes and without our own headers.

    ``subject`` and ``version`` are what its framing says, None and 0 for a tombstone, whose ``body`` is None.
    """

    key: bytes | None
    timestamp_ms: int
    headers: Headers
    subject: str | None
    version: int
    body: bytes | None


def problem(expected: Content, found: Content) -> str | None:
    """The first part that differs, in words; None when none does. Key and timestamp are the merge's to compare."""
    if (expected.body is None) != (found.body is None):
        return "a value instead of a tombstone" if expected.body is None else "a tombstone instead of a value"
    if (expected.subject, expected.version) != (found.subject, found.version):
        return f"framed as {found.subject} v{found.version} instead of {expected.subject} v{expected.version}"
    if expected.body != found.body:
        return "the value is not the chain's result"
    if expected.headers != found.headers:
        want, have = [name for name, _ in expected.headers], [name for name, _ in found.headers]
        return f"headers differ: {want} became {have}" if want != have else f"headers differ in what they hold: {want}"
    return None


def outside_differences(expected: Content, found: Content) -> Iterator[FieldDifference]:
    """What differs beside the value, readable."""
    if expected.key != found.key:
        yield FieldDifference("(key)", text_of(expected.key), text_of(found.key))
    if expected.timestamp_ms > 0 and expected.timestamp_ms != found.timestamp_ms:
        yield FieldDifference("(timestamp)", f"{expected.timestamp_ms} ms", f"{found.timestamp_ms} ms")
    for place in range(max(len(expected.headers), len(found.headers))):
        want = expected.headers[place] if place < len(expected.headers) else None
        have = found.headers[place] if place < len(found.headers) else None
        if want != have:
            yield FieldDifference(f"(header {place + 1})", _header(want), _header(have))
    if (expected.subject, expected.version) != (found.subject, found.version):
        yield FieldDifference("(version)", _framed(expected), _framed(found))


def text_of(content: bytes | None) -> str:
    """Text where it is printable text, else hexadecimal."""
    if content is None:
        return "(null)"
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return "0x" + content.hex()
    return text if text.isprintable() else "0x" + content.hex()


def _header(header: tuple[str, bytes | None] | None) -> str | None:
    return None if header is None else f"{header[0]}: {text_of(header[1])}"


def _framed(content: Content) -> str:
    return "tombstone" if content.subject is None else f"{content.subject} v{content.version}"
