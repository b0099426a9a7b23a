"""The context of a record of which only topic and headers are known."""

from typing import Never

from instar.core.record import Context


class UnsaidContext(Context):
    """A hop that asks for what is not known here is stopped: going on with None would make a wrong record of it."""

    __slots__ = ()

    def _unsaid(self) -> Never:
        raise LookupError(
            "a deserializer is not told the record's key, timestamp and position: use InstarDeserializer.read(message)"
        )

    key = timestamp_ms = partition = offset = property(_unsaid)
