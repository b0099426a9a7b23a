"""A topic's settings: which were given to it, and changing only those that are named (KIP-339)."""

import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    ResourceType,
)

from instar.kafka import config
from instar.kafka.cluster import REQUEST_TIMEOUT_S, RETRY_EVERY_S, Cluster
from instar.kafka.errors import KafkaTrouble, error_of, trouble


def alter(cluster: Cluster, topic: str, settings: Mapping[str, str]) -> None:
    """Set these settings, and wait until the cluster says so itself. Raises ``KafkaTrouble``."""
    put(cluster, topic, settings)


def given(cluster: Cluster, topic: str) -> dict[str, str]:
    """The settings that somebody gave this very topic; what it has by default is left out.

    Raises ``TopicMissing`` and other ``KafkaTrouble``.
    """
    resource = ConfigResource(ResourceType.TOPIC, topic)
    admin = AdminClient(config.admin(cluster.kafka))
    try:
        asked = admin.describe_configs([resource], request_timeout=REQUEST_TIMEOUT_S)
        entries: dict[str, Any] = next(iter(asked.values())).result()
    except KafkaException as exception:
        raise trouble(error_of(exception), f"reading the settings of topic {topic}", cluster.bootstrap) from exception
    own = ConfigSource.DYNAMIC_TOPIC_CONFIG.value
    return {name: entry.value for name, entry in entries.items() if entry.source == own and entry.value is not None}


def put(cluster: Cluster, topic: str, settings: Mapping[str, str | None]) -> None:
    """Make these settings so, None: not given, so that the default counts; wait until the cluster says so itself.

    All change at once or none does. Raises ``KafkaTrouble``.
    """
    if not settings:
        return
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        if value is not None
        else ConfigEntry(name, None, incremental_operation=AlterConfigOpType.DELETE)
        for name, value in settings.items()
    ]
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
    admin = AdminClient(config.admin(cluster.kafka))
    try:
        admin.incremental_alter_configs([resource], request_timeout=REQUEST_TIMEOUT_S)[resource].result()
    except KafkaException as exception:
        raise trouble(error_of(exception), f"changing the settings of {topic}", cluster.bootstrap) from exception
    deadline_s = time.monotonic() + REQUEST_TIMEOUT_S
    while True:
        standing = given(cluster, topic)
        if all(standing.get(name) == value for name, value in settings.items()):
            return
        if time.monotonic() > deadline_s:
            raise KafkaTrouble(f"{topic} was given {dict(settings)}, which it does not show yet.", "Run it again.")
        time.sleep(RETRY_EVERY_S)
