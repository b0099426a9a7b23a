"""A managed consumer that closes in the middle of a transaction goes on at the first record that it has not given."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from confluent_kafka import Producer
from tests.support.workers import WAIT_S

from instar.client import ManagedConsumer
from instar.kafka.cluster import Cluster
from realkafka.pytest_plugin import Kafka

RECORDS_OF_A_TRANSACTION = 25
CLOSINGS = 8


@contextmanager
def transactions(kafka: Kafka, topic: str, sent: list[int]) -> Iterator[None]:
    """Numbers, 25 in a transaction, one after the other."""
    stop = threading.Event()
    producer = Producer({**kafka.client_config(), "transactional.id": topic, "log_level": 2})
    producer.init_transactions(60)

    def write() -> None:
        while not stop.wait(0.02):
            producer.begin_transaction()
            for number in range(len(sent), len(sent) + RECORDS_OF_A_TRANSACTION):
                producer.produce(topic, str(number).encode(), partition=0)
            producer.commit_transaction(60)
            sent.extend(range(len(sent), len(sent) + RECORDS_OF_A_TRANSACTION))

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(120)


def test_nothing_is_skipped_and_nothing_is_read_twice_however_often_it_closes(
    kafka: Kafka, topic_name: Callable[[str], str]
) -> None:
    topic = topic_name("closing")
    Cluster(kafka.client_config()).create(topic, 1, {})
    sent: list[int] = []
    read: Counter[int] = Counter()
    settings = {**kafka.client_config(), "auto.offset.reset": "earliest", "isolation.level": "read_committed"}

    def read_on(wanted: int) -> None:
        """One consumer's life: it closes once so many different numbers were read in all."""
        deadline_s = time.monotonic() + WAIT_S
        with ManagedConsumer(settings, topic, group=topic, old=topic, new=f"{topic}.new") as consumer:
            while len(read) < wanted:
                assert time.monotonic() < deadline_s, f"{len(read)} of {wanted} in {WAIT_S:.0f} s"
                message = consumer.poll(0.2)
                if message is not None:
                    assert message.error() is None, message.error()
                    read[int(message.value() or b"")] += 1

    with transactions(kafka, topic, sent):
        for number in range(CLOSINGS):
            # It ends somewhere within a transaction, of which the rest was fetched already.
            read_on(len(read) + 3 * RECORDS_OF_A_TRANSACTION + number)
    read_on(len(sent))
    assert set(read) == set(sent)
    assert [number for number, times in read.items() if times > 1] == []
