"""Summaries reach the census topic, and a broker that is away hinders no program."""

import time

from confluent_kafka import Consumer, TopicPartition

from instar.client.census import CensusTopic
from instar.core.census_message import TOPIC, CensusMessage, parse
from instar.kafka.built_in import BuiltInBroker

MESSAGE = CensusMessage("reads", "orders", "orders", {"v3": 4}, 1, 2, client="billing-1", group="billing")


def test_a_summary_can_be_read_from_the_census_topic() -> None:
    with BuiltInBroker() as broker:
        kafka = {"bootstrap.servers": broker.bootstrap}
        census = CensusTopic(kafka)
        census(MESSAGE)
        census.close(30)
        consumer = Consumer({**kafka, "group.id": "census", "auto.offset.reset": "earliest", "log_level": 2})
        consumer.assign([TopicPartition(TOPIC, partition, 0) for partition in range(4)])
        (record,) = consumer.consume(1, 30)
        consumer.close()
        assert parse(record.value() or b"") == MESSAGE
        assert record.key() == MESSAGE.key
        assert census.undelivered == 0


def test_a_broker_that_is_away_costs_a_program_no_time() -> None:
    census = CensusTopic({"bootstrap.servers": "127.0.0.1:1", "message.timeout.ms": 200, "log_level": 0})
    began_s = time.monotonic()
    census(MESSAGE)
    assert time.monotonic() - began_s < 5
    census.close(30)
    assert census.undelivered == 1
