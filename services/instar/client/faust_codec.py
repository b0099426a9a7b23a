"""Any version in, the version asked for out, in a Faust application (the extra ``census`` brings Faust).

    from instar.client.faust_codec import InstarSchema

    orders = app.topic("orders", schema=InstarSchema(read=InstarDeserializer("formats/", to=Order)))

This is a ``faust.Schema`` and not a ``faust.Codec``: a codec sees a value's bytes alone, neither headers nor topic,
and whatever it raises makes Faust acknowledge the record, so that a registry that is down for a minute would lose a
minute of records.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Literal

from confluent_kafka.serialization import MessageField, SerializationContext
from faust.exceptions import ValueDecodeError
from faust.serializers.schemas import Schema

from instar.client.deserializer import InstarDeserializer
from instar.client.errors import RecordRejected, RegistryAway
from instar.client.serializer import InstarSerializer
from instar.core.record import TIMESTAMP_NONE_MS, Headers, Record

OnRejected = Literal["raise", "yield"]


class InstarSchema(Schema[Any, Any]):
    """``app.topic(..., schema=InstarSchema(read=..., write=...))``.

    - ``read``, ``write``: what reads values, and what writes them; a topic that is only read needs no ``write``.
    - ``topic``: the one that is written to; Faust does not say it, and the registry's subject may depend on it.
    - ``on_rejected``: ``raise`` leaves a record that cannot be read to Faust, which acknowledges it and raises
      ``ValueDecodeError`` in the agent. ``yield`` hands the agent the ``RecordRejected`` instead of a value, so that it
      can keep the record aside: ``stream.events()`` has its bytes.

    Keys stay bytes unless ``key_type`` or ``key_serializer`` say otherwise. A tombstone is None. While the registry is
    away the record is read again, as often as it takes, and nothing is acknowledged.
    """

    def __init__(
        self,
        read: InstarDeserializer | None = None,
        write: InstarSerializer | None = None,
        *,
        topic: str = "",
        on_rejected: OnRejected = "raise",
        key_type: Any = None,
        key_serializer: Any = "raw",
    ) -> None:
        if read is None and write is None:
            raise ValueError("a schema needs a deserializer to read with, or a serializer to write with")
        if on_rejected not in ("raise", "yield"):
            raise ValueError(f"on_rejected is raise or yield, not {on_rejected!r}")
        super().__init__(key_type=key_type, key_serializer=key_serializer, allow_empty=True)
        self._reader = read
        self._writer = write
        self._topic = topic
        self._on_rejected = on_rejected

    def loads_value(self, app: Any, message: Any, *, loads: Any = None, serializer: Any = None) -> Any:  # noqa: ARG002
        """The object. Raises ``ValueDecodeError`` for a rejected record, and ``RegistryAway``."""
        if self._reader is None:
            raise TypeError("this schema has no deserializer: say InstarSchema(read=...)")
        try:
            return self._reader.read_record(_record(message))
        except RecordRejected as rejected:
            if self._on_rejected == "yield":
                return rejected
            raise ValueDecodeError(str(rejected)) from rejected

    def dumps_value(self, app: Any, value: Any, *, serializer: Any = None, headers: Any) -> tuple[Any, Any]:  # noqa: ARG002
        """The framed bytes, and the headers with those of the framing. Raises ``RecordRejected``, ``RegistryAway``."""
        if value is None or isinstance(value, bytes):
            return value, headers
        if self._writer is None:
            raise TypeError("this schema has no serializer: say InstarSchema(write=...)")
        added = list(headers.items() if isinstance(headers, Mapping) else headers or ())
        context = SerializationContext(self._topic, MessageField.VALUE, added)
        return self._writer(value, context), added

    def compile(self, app: Any, **options: Any) -> Callable[..., Any]:
        """What Faust decodes each message with: its own way, but patient while the registry is away."""
        decode = super().compile(app, **options)

        async def patient(message: Any, **more: Any) -> Any:
            while True:
                try:
                    return await decode(message, **more)
                except RegistryAway as away:
                    await asyncio.sleep(away.retry_after_s)

        return patient


def _record(message: Any) -> Record:
    """Faust's message as ours; its timestamp is in seconds."""
    seconds, headers = message.timestamp, message.headers or ()
    pairs: Headers = tuple(headers.items() if isinstance(headers, Mapping) else headers)
    timestamp_ms = TIMESTAMP_NONE_MS if seconds is None or seconds < 0 else round(seconds * 1000)
    return Record(
        message.topic, message.partition, message.offset, message.key, message.value, pairs, timestamp_ms
    )  # fmt: skip
