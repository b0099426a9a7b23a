"""Subject naming strategies: under which name a registry keeps the schema of a topic's values.

The names are those of Confluent's serializers (``TopicNameStrategy``, ``RecordNameStrategy``,
``TopicRecordNameStrategy``), so that instar finds what producers registered.
"""

from typing import Literal

Strategy = Literal["topic", "record", "topic-record"]


def value_subject(strategy: Strategy, *, topic: str, record: str) -> str:
    """The registry's subject for the values of a topic.

    ``record`` is the Avro record's full name or the JSON Schema's title; instar's subject name where it has none.
    """
    match strategy:
        case "topic":
            return f"{topic}-value"
        case "record":
            return record
        case "topic-record":
            return f"{topic}-{record}"
