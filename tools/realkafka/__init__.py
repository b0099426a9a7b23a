"""A real Apache Kafka and a real registry for tests and developers, without Docker: Java 17 and Maven are enough."""

from realkafka.broker import KafkaServer
from realkafka.errors import FetchFailed, ServerFailed, Unavailable
from realkafka.registry import RegistryServer

__all__ = ["FetchFailed", "KafkaServer", "RegistryServer", "ServerFailed", "Unavailable"]
