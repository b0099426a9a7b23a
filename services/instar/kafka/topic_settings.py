"""Changing a topic's settings (KIP-339: only those that are named)."""

import time
from collections.abc import Mapping

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from instar.kafka import config
from instar.kafka.cluster import REQUEST_TIMEOUT_S, RETRY_EVERY_S, Cluster
from instar.kafka.errors import KafkaTrouble, error_of, trouble


def alter(cluster: Cluster, topic: str, settings: Mapping[str, str]) -> None:
    """Set these settings, and wait until the cluster says so itself. Raises ``KafkaTrouble``."""
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in settings.items()
    ]
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
    admin = AdminClient(config.admin(cluster.kafka))
    try:
        admin.incremental_alter_configs([resource], request_timeout=REQUEST_TIMEOUT_S)[resource].result()
    except KafkaException as exception:
        raise trouble(error_of(exception), f"changing the settings of {topic}", cluster.bootstrap) from exception
    deadline_s = time.monotonic() + REQUEST_TIMEOUT_S
    while True:
        standing = cluster.topic(topic).settings
        if all(standing.get(name) == value for name, value in settings.items()):
            return
        if time.monotonic() > deadline_s:
            raise KafkaTrouble(f"{topic} was given {dict(settings)}, which it does not show yet.", "Run it again.")
        time.sleep(RETRY_EVERY_S)
