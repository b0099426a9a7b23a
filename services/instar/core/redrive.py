"""Redriven dead letters: the header that marks what one became, and the record that says what became of one.

A letter is never changed or deleted. What was done with it stands in a compacted topic beside the dead letters'
(``<dead letters>.state``), under a key of its own, and is written in the transaction that publishes its outputs: a
letter without such a record is outstanding, one with it is settled for good.
"""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import orjson

from instar.core.formats.framing.registry_header import last_header
from instar.core.record import Headers

HEADER = "instar-redrive"
FORMAT = 1
STATE_SUFFIX = ".state"
MAX_REASON_CHARS = 2_000

Deed = Literal["redriven", "discarded"]


class LetterPosition(NamedTuple):
    """Where a dead letter stands. ``topic_id`` is 16 bytes, so that a re-created topic's letters are others."""

    topic_id: bytes
    partition: int
    offset: int

    @property
    def key(self) -> bytes:
        """The key of its state record."""
        return f"{self.topic_id.hex()}:{self.partition}:{self.offset}".encode()


@dataclass(frozen=True, slots=True)
class Settled:
    """What was done with a letter, when (milliseconds since 1970 UTC), by whom and, where it was discarded, why.

    ``outputs`` is how many records it became; a chain that ends the event makes none.
    """

    deed: Deed
    at_ms: int
    by: str
    reason: str = ""
    outputs: int = 0

    def content(self) -> bytes:
        return orjson.dumps(
            {
                "format": FORMAT,
                "deed": self.deed,
                "at_ms": self.at_ms,
                "by": self.by,
                "reason": self.reason[:MAX_REASON_CHARS],
                "outputs": self.outputs,
            }
        )


def state_topic(dead_letters: str) -> str:
    """The name of the topic that says what became of the letters of another."""
    return dead_letters + STATE_SUFFIX


def marker(letter: LetterPosition) -> tuple[str, bytes]:
    """The header of every output that a letter becomes."""
    return HEADER, letter.key


def redriven_from(headers: Headers) -> LetterPosition | None:
    """The letter that an output was redriven from; None for what a bridge published in its order.

    Only for a record whose provenance is its own: applications forward headers.
    """
    return parse_key(last_header(headers, HEADER))


def parse_key(content: bytes | None) -> LetterPosition | None:
    """A marker's content or a state record's key; None when it is neither."""
    parts = (content or b"").split(b":")
    if len(parts) != 3:
        return None
    try:
        topic_id = bytes.fromhex(parts[0].decode())
        return LetterPosition(topic_id, int(parts[1]), int(parts[2]))
    except ValueError:  # UnicodeDecodeError is one
        return None


def parse_settled(content: bytes | None) -> Settled | None:
    """A state record's value; None when it is not one in a format that this version knows."""
    try:
        said: dict[str, Any] = orjson.loads(content or b"")
        if said["format"] != FORMAT or said["deed"] not in ("redriven", "discarded"):
            return None
        return Settled(said["deed"], int(said["at_ms"]), str(said["by"]), str(said["reason"]), int(said["outputs"]))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
