"""Somebody else's producer: the plain Confluent serializers, which know nothing of instar."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.serialization import MessageField, SerializationContext


def write_avro(
    kafka: Mapping[str, Any], registry_url: str, topic: str, schema: Mapping[str, Any], values: Iterable[Any]
) -> None:
    """Register the schema as such a producer does, and write the values with it."""
    with SchemaRegistryClient({"url": registry_url}) as client:
        serializer = AvroSerializer(client, json.dumps(schema))
        _write(kafka, topic, serializer, values)


def write_json(
    kafka: Mapping[str, Any], registry_url: str, topic: str, schema: Mapping[str, Any], values: Iterable[Any]
) -> None:
    with SchemaRegistryClient({"url": registry_url}) as client:
        serializer = JSONSerializer(json.dumps(schema), client)
        _write(kafka, topic, serializer, values)


def write_plain(kafka: Mapping[str, Any], topic: str, bodies: Iterable[bytes | None]) -> None:
    """Bytes as they are: a producer without a registry."""
    producer = Producer(dict(kafka))
    for number, body in enumerate(bodies):
        producer.produce(topic, body, key=f"k{number}")
    assert producer.flush(30) == 0


def _write(kafka: Mapping[str, Any], topic: str, serializer: Any, values: Iterable[Any]) -> None:
    context = SerializationContext(topic, MessageField.VALUE)
    write_plain(kafka, topic, [serializer(value, context) for value in values])
