"""Records/s of ``InstarDeserializer`` against Confluent's ``AvroDeserializer``: one run, a real Kafka, taking turns.

Both are called by the same plain consumer on the same topics, written by Confluent's own serializer under ids of a real
registry. ``newest`` holds orders at v3 alone, ``mixed`` v1, v2 and v3 in turn. On ``mixed`` the two do not do the same:
Confluent's hands on each order as it was written, instar's all of them as v3.

Records/s are by the clock, and other work on the machine is in them; microseconds are the reading thread's own, and
the ratio of these is the steadier one.

    python bench/client.py                                  # or: --records 30000 --rounds 3
    INSTAR_TEST_BOOTSTRAP=host:9092 python bench/client.py  # on a broker that is already there

A table goes to stderr, JSON to stdout.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "services"), str(ROOT / "tools"), str(ROOT)]

from confluent_kafka import Consumer, Message, Producer, TopicPartition  # noqa: E402
from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402
from confluent_kafka.schema_registry import SchemaRegistryClient  # noqa: E402
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer  # noqa: E402
from confluent_kafka.serialization import MessageField, SerializationContext  # noqa: E402
from tests.support.mixed_orders import order, orders_project, write_models  # noqa: E402

from instar.client import InstarDeserializer  # noqa: E402
from instar.core.record import Context  # noqa: E402
from instar.core.rejected import Rejected  # noqa: E402
from instar.project.project import load_project  # noqa: E402
from realkafka import KafkaServer  # noqa: E402
from realkafka.registry import RegistryServer  # noqa: E402

TIMEOUT_S = 60.0
VERSIONS = {"newest": (3,), "mixed": (1, 2, 3)}
Read = Callable[[Message], Any]


@contextmanager
def broker() -> Iterator[str]:
    given = os.environ.get("INSTAR_TEST_BOOTSTRAP")
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="instar-bench-") as folder, KafkaServer(Path(folder)) as server:
        yield server.bootstrap


def fill(bootstrap: str, client: SchemaRegistryClient, topic: str, versions: tuple[int, ...], records: int) -> None:
    """Orders at the versions in turn, as Confluent's serializer writes them."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(TIMEOUT_S)
    subject = load_project(ROOT).catalogue["orders"]
    context = SerializationContext(topic, MessageField.VALUE)
    values: dict[int, list[bytes]] = {version: [] for version in versions}
    for version in versions:
        write = AvroSerializer(client, (ROOT / f"schemas/orders/v{version}.avsc").read_text())
        chain = subject.chain(1, version)
        for number in range(500):
            outputs = chain.fold(order(number), Context()) if not isinstance(chain, Rejected) else chain
            if isinstance(outputs, Rejected):
                raise SystemExit(str(outputs))
            values[version].append(write(outputs[0], context))
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 50, "compression.type": "lz4"})
    for number in range(records):
        value = values[versions[number % len(versions)]][number % 500]
        while True:
            try:
                producer.produce(topic, value, partition=0)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush()


class Round(NamedTuple):
    records_per_s: float
    cpu_us_per_record: float


def one_round(bootstrap: str, topic: str, records: int, read: Read) -> Round:
    """One pass over the topic; fetching the first batch is not measured."""
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": f"bench-{uuid4().hex[:8]}", "fetch.queue.backoff.ms": 5}
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    batch = consumer.consume(500, TIMEOUT_S)
    count, began_s, cpu_began_s = 0, time.perf_counter(), time.thread_time()
    while True:
        for message in batch:
            read(message)
        count += len(batch)
        if count >= records:
            break
        batch = consumer.consume(500, TIMEOUT_S)
        if not batch:
            raise SystemExit(f"only {count} of {records} records arrived")
    seconds, cpu_s = time.perf_counter() - began_s, time.thread_time() - cpu_began_s
    consumer.close()
    return Round(count / seconds, cpu_s / count * 1e6)


def confluent(read: AvroDeserializer, topic: str) -> Read:
    context = SerializationContext(topic, MessageField.VALUE)
    return lambda message: read(message.value(), context)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="instar-bench-")))
        bootstrap = stack.enter_context(broker())
        url = stack.enter_context(RegistryServer(folder / "registry")).url
        client = stack.enter_context(SchemaRegistryClient({"url": url}))
        formats = orders_project(folder / "formats", url)
        sys.path.insert(0, str(write_models(formats, str(folder / "models"))))
        from orders_v3 import Order

        topics = {what: f"bench-{what}-{uuid4().hex[:6]}" for what in VERSIONS}
        for what, topic in topics.items():
            fill(bootstrap, client, topic, VERSIONS[what], asked.records)
        dicts = InstarDeserializer(formats, subject="orders", version="v3")
        models = InstarDeserializer(formats, to=Order)
        plain = AvroDeserializer(client)
        plain_models = AvroDeserializer(client, from_dict=lambda value, _: Order.model_validate(value))
        cases: list[tuple[str, str, Read, Read]] = [
            ("mixed -> dicts", "mixed", dicts.read, confluent(plain, topics["mixed"])),
            ("newest -> dicts", "newest", dicts.read, confluent(plain, topics["newest"])),
            ("newest -> models", "newest", models.read, confluent(plain_models, topics["newest"])),
            ("mixed -> models", "mixed", models.read, confluent(plain, topics["mixed"])),
        ]
        rounds: dict[tuple[str, str], list[Round]] = {}
        for number in range(asked.rounds):
            for case, what, ours, theirs in cases:
                for who, read in (("confluent", theirs), ("instar", ours)):
                    done = one_round(bootstrap, topics[what], asked.records, read)
                    rounds.setdefault((case, who), []).append(done)
                    print(f"round {number + 1}  {case:17} {who:10} {_words(done)}", file=sys.stderr)
        dicts.close()
        models.close()
    result = {}
    print(file=sys.stderr)
    for case, *_ in cases:
        ours, theirs = (_median(rounds[case, who]) for who in ("instar", "confluent"))
        ratios = {
            "ratio_records_per_s": round(ours.records_per_s / theirs.records_per_s, 2),
            "ratio_cpu": round(theirs.cpu_us_per_record / ours.cpu_us_per_record, 2),
        }
        result[case] = {"instar": ours._asdict(), "confluent": theirs._asdict(), **ratios}
        print(f"{case:17} confluent {_words(theirs)}   instar {_words(ours)}   {ratios}", file=sys.stderr)
    print(json.dumps({"records": asked.records, "rounds": asked.rounds, "medians": result}))


def _median(rounds: list[Round]) -> Round:
    return Round(*(round(statistics.median(each), 1) for each in zip(*rounds, strict=True)))


def _words(done: Round) -> str:
    return f"{done.records_per_s:>8,.0f} records/s {done.cpu_us_per_record:>6.1f} us"


if __name__ == "__main__":
    main()
