"""instar in an application: a deserializer and a serializer for Kafka clients.

Any version of a record in, the version that the application asks for out:

    from instar.client import InstarDeserializer

    consumer = DeserializingConsumer({..., "value.deserializer": InstarDeserializer("formats/", to=OrdersV3)})

Light to import: neither the services nor what they need (a web framework, a database, Faust) are loaded, and a
registry's client only where a registry is asked.
"""

from instar.client.deserializer import InstarDeserializer
from instar.client.errors import ClientError, Closing, CommitUnknown, RecordRejected, RegistryAway, SetupError
from instar.client.managed_consumer import ManagedConsumer
from instar.client.managed_producer import ManagedProducer, Way
from instar.client.newer import NewerRecord
from instar.client.serializer import InstarSerializer

__all__ = [
    "ClientError",
    "Closing",
    "CommitUnknown",
    "InstarDeserializer",
    "InstarSerializer",
    "ManagedConsumer",
    "ManagedProducer",
    "NewerRecord",
    "RecordRejected",
    "RegistryAway",
    "SetupError",
    "Way",
]
