"""What people are told."""

from dataclasses import asdict, dataclass

import orjson


@dataclass(frozen=True, slots=True)
class Message:
    """``id`` is the same each time one thing is told, so that a receiver can tell. ``at_ms``: since 1970."""

    id: str
    migration: str
    environment: str
    subject: str
    text: str
    at_ms: int

    def body(self) -> bytes:
        """As JSON, which a web hook is sent and a program reads on stdin."""
        return orjson.dumps(asdict(self))
