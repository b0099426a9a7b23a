"""Which groups read a topic, on brokers that list all of them, some, or none."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from confluent_kafka import Consumer, Producer
from tests.support.workers import until

from instar.core.retirement import Group
from instar.kafka.built_in import BuiltInBroker
from instar.kafka.cluster import Cluster, Member, Topic
from instar.kafka.errors import NotAllowed
from instar.rollout.evidence import groups_on

TOPIC = Topic("orders", bytes(16), 2)


@dataclass
class FakeCluster:
    """Groups by name with their offsets in the topic. ``hidden`` are not listed, ``denied`` may not be looked into."""

    offsets: Mapping[str, Mapping[int, int]]
    hidden: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()
    built_in: bool = False
    kafka: Mapping[str, str] = field(default_factory=dict)

    def groups(self) -> list[str]:
        return sorted(set(self.offsets) - self.hidden)

    def sees_all_groups(self) -> bool:
        return not self.hidden

    def committed(self, group: str, _topic: str, _partitions: Iterable[int]) -> dict[int, tuple[int, None]]:
        if group in self.denied:
            raise NotAllowed(f"{group} may not be looked into.")
        return {number: (offset, None) for number, offset in self.offsets.get(group, {}).items()}

    def members(self, _group: str) -> list[Member]:
        return []

    def end_offsets(self, _topic: str, partitions: Iterable[int]) -> dict[int, int]:
        return dict.fromkeys(partitions, 10)

    def start_offsets(self, _topic: str, partitions: Iterable[int]) -> dict[int, int]:
        return dict.fromkeys(partitions, 10)  # retention has taken all records


def found(cluster: FakeCluster, *known: str) -> tuple[dict[str, int | None], bool]:
    """The lag of each group, and whether there may be more."""
    seen = groups_on(cluster, TOPIC, known)  # type: ignore[arg-type]
    return {group.name: group.lag_records for group in seen.groups}, bool(seen.unlisted)


def test_where_all_are_listed_names_from_elsewhere_add_nothing() -> None:
    cluster = FakeCluster({"billing": {0: 3, 1: 10}, "idle": {}, "instar.orders-v3.up": {0: 1}})
    assert found(cluster, "guess") == ({"billing": 7}, False)


def test_where_some_are_hidden_those_that_somebody_named_are_asked_for() -> None:
    cluster = FakeCluster({"billing": {0: 3}, "search": {0: 10}, "secret": {0: 1}}, frozenset({"search", "secret"}))
    assert found(cluster, "search", "nobody") == ({"billing": 7, "search": 0}, True)


def test_a_listed_group_that_may_not_be_looked_into_could_be_a_reader_and_a_mere_name_could_not() -> None:
    denied = frozenset({"billing", "search"})
    cluster = FakeCluster({"billing": {0: 3}, "search": {0: 3}}, frozenset({"search"}), denied)
    assert found(cluster, "search") == ({"billing": None}, True)


def test_the_built_in_broker_lists_none_and_answers_for_a_name() -> None:
    with BuiltInBroker() as broker:
        kafka = {"bootstrap.servers": broker.bootstrap}
        producer = Producer(kafka)
        for _ in range(5):
            producer.produce("orders", b"x", partition=0)
        assert producer.flush(30) == 0
        settings = {"group.id": "billing", "auto.offset.reset": "earliest", "enable.auto.commit": False}
        consumer = Consumer({**kafka, **settings})
        consumer.subscribe(["orders"])
        message = until("a record is read", lambda: consumer.poll(0.2))
        consumer.commit(message, asynchronous=False)
        consumer.close()
        cluster = Cluster(kafka)
        seen = groups_on(cluster, cluster.topic("orders"), ["billing", "nobody"])
    (group,) = seen.groups
    assert group == Group("billing", None, 4, message.timestamp()[1])
    assert "does not list" in seen.unlisted
