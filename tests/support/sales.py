"""Sales in topics: records of the project ``tests.support.shop`` as producers and bridges would write them."""

import io
from collections.abc import Mapping
from typing import Any

import fastavro
from confluent_kafka import Producer
from tests.support.shop import V1, V2, V3

_SCHEMAS = {number: fastavro.parse_schema(dict(each)) for number, each in enumerate((V1, V2, V3), 1)}
FLUSH_TIMEOUT_S = 30.0


def body(value: Mapping[str, Any], version: int = 1) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, _SCHEMAS[version], dict(value))
    return out.getvalue()


def produce(
    kafka: Mapping[str, Any],
    topic: str,
    value: bytes | None,
    *,
    key: bytes | None = b"k",
    partition: int = 0,
    version: str | None = "v1",
    headers: list[tuple[str, bytes]] | None = None,
    timestamp_ms: int = 1_700_000_000_123,
) -> None:
    producer = Producer(dict(kafka))
    framing = [("instar-version", version.encode())] if version else []
    producer.produce(
        topic, value, key, partition=partition, timestamp=timestamp_ms, headers=[*framing, *(headers or [])]
    )
    assert producer.flush(FLUSH_TIMEOUT_S) == 0
    producer.close()
