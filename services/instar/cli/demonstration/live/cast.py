"""Who plays: the shop's programs with the versions that they know, and what they wrote before anybody looked."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from random import Random
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.serialization import MessageField, SerializationContext

from instar.cli.demonstration.live.customers import a_customer
from instar.cli.demonstration.live.names import Names, Subject
from instar.cli.demonstration.live.programs import (
    REPORT_EVERY_S,
    Breaker,
    Make,
    PlainWriter,
    Program,
    Reader,
    Writer,
    partition_of,
    signed,
)
from instar.cli.demonstration.orders import BREAKS, a_broken_order, an_order
from instar.client import InstarDeserializer, InstarSerializer
from instar.client.census import CensusTopic
from instar.kafka.errors import KafkaTrouble
from instar.project.project import Project

OWNERS = {
    "till": "Shops",
    "webshop": "Web",
    "app": "Mobile",
    "signup": "Customer service",
    "billing": "Finance",
    "reports": "Analytics",
    "search": "Search",
    "newsletter": "Marketing",
}
ORDERS, CUSTOMERS = 1_600, 300  # of the past
_PAST = timedelta(hours=2)
_FLUSH_S = 30.0
_Written = tuple[str, str, bytes | None, str, datetime]
"""A record of the past: topic, key, value, producer and time."""


@dataclass(slots=True)
class Cast:
    """The programs of one demonstration on one cluster."""

    project: Project
    names: Names
    kafka: dict[str, Any]
    census: CensusTopic
    stop: threading.Event

    def programs(self) -> list[Program]:
        names = self.names
        old, new = names.old("orders"), names.new("orders")
        app = self._writes("app", "orders", 3)
        return [
            self._writer("till", "orders", 1, _orders("till", 10_000), 4.0),
            self._writer("webshop", "orders", 2, _orders("webshop", 400_000), 5.0),
            PlainWriter("app", self.stop, self.kafka, new, app, _orders("app", 700_000), 3.0),
            Breaker("old-import", self.stop, self.kafka, old, self.project.catalogue["orders"], self._ids, 25.0),
            self._writer("signup", "customers", 1, _customers("signup"), 2.0),
            self._reader("billing", "orders", 1, managed=True),
            self._reader("reports", "orders", 2, rests_s=20.0),
            self._reader("search", "orders", 3, topic=new),
            self._reader("newsletter", "customers", 2, managed=True),
        ]

    def write_the_past(self) -> None:
        """What was written before: records of the last two hours, some of them broken. Raises ``KafkaTrouble``."""
        producer = Producer({**self.kafka, "enable.idempotence": True, "linger.ms": 20, "log_level": 2})
        for topic, key, value, by, at in chain(self._past_orders(), self._past_customers()):
            at_ms = int(at.timestamp() * 1000)
            producer.produce(topic, value, key, partition=partition_of(key), headers=signed(by), timestamp=at_ms)
            producer.poll(0)
        left = producer.flush(_FLUSH_S)
        producer.close()
        if left:
            raise KafkaTrouble(f"{left} records of the past could not be written.", "Is the cluster able to write?")

    def _past_orders(self) -> Iterator[_Written]:
        """Over the two hours customers move from the till to the app."""
        random, make = Random(1), _orders("past", 0)
        versions = {"till": 1, "webshop": 2, "app": 3}
        write = {name: self._writes(name, "orders", version, quietly=True) for name, version in versions.items()}
        broken = dict(zip(sorted(random.sample(range(ORDERS), 3 * len(BREAKS))), 3 * BREAKS, strict=True))
        old, new = self.names.old("orders"), self.names.new("orders")
        for number, at in enumerate(_past(ORDERS)):
            key, value = make(number)
            if number in broken:
                data = a_broken_order(random, self.project.catalogue["orders"], self._ids, number, broken[number])
                yield old, key, data, "old-import", at
            else:
                (name,) = random.choices(tuple(write), (60, 40, 10 + 40 * number // ORDERS))
                topic = new if name == "app" else old
                yield topic, key, write[name]({**value, "created": _text(at)}, _context(topic)), name, at

    def _past_customers(self) -> Iterator[_Written]:
        make, topic = _customers("past"), self.names.old("customers")
        write = self._writes("signup", "customers", 1, quietly=True)
        for number, at in enumerate(_past(CUSTOMERS)):
            key, value = make(number)
            yield topic, key, write(value, _context(topic)), "signup", at

    @property
    def _ids(self) -> dict[int, int]:
        """The registry's ids of the versions of orders."""
        return {version: number for number, (name, version) in self.project.ids().entries.items() if name == "orders"}

    # ------------------------------------------------------------------ one program

    def _writer(self, name: str, subject: Subject, version: int, make: Make, rate: float) -> Writer:
        names = self.names
        ways = (
            (names.old(subject), self._writes(name, subject, version)),
            (names.new(subject), self._writes(name, subject, self.project.catalogue[subject].latest)),
        )
        migration = names.migration(subject)
        return Writer(name, self.stop, self.kafka, migration, ways, make, rate, OWNERS[name])

    def _writes(self, name: str, subject: Subject, version: int, *, quietly: bool = False) -> InstarSerializer:
        """Takes records of v1, writes that version, and unless ``quietly`` tells the census of it."""
        return InstarSerializer(
            self.project.root,
            subject=subject,
            version=f"v{version}",
            given="v1",
            on_use=None if quietly else self.census,
            use_every_s=REPORT_EVERY_S,
            client=name,
            owner=OWNERS[name],
        )

    def _reader(
        self, name: str, subject: Subject, version: int, *, topic: str = "", managed: bool = False, rests_s: float = 0.0
    ) -> Reader:
        names, group = self.names, self.names.group(name)
        deserializer = InstarDeserializer(
            self.project.root,
            subject=subject,
            version=f"v{version}",
            on_use=self.census,
            use_every_s=REPORT_EVERY_S,
            client=name,
            group=group,
            owner=OWNERS[name],
        )
        where = (names.migration(subject), names.new(subject)) if managed else None
        begins = topic or names.old(subject)
        return Reader(name, self.stop, self.kafka, group, begins, deserializer, managed=where, rests_s=rests_s)


def _past(count: int) -> Iterator[datetime]:
    """So many moments, evenly spread over the past."""
    began = datetime.now(UTC) - _PAST
    return (began + number * _PAST / count for number in range(count))


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _context(topic: str) -> SerializationContext:
    return SerializationContext(topic, MessageField.VALUE, [])


def _orders(seed: str, first: int) -> Make:
    random = Random(seed)

    def make(number: int) -> tuple[str, dict[str, Any]]:
        order = {**an_order(random, first + number), "created": _text(datetime.now(UTC))}
        return f"customer-{random.randrange(500)}", order

    return make


def _customers(seed: str) -> Make:
    random = Random(seed)

    def make(_number: int) -> tuple[str, dict[str, Any]]:
        value = a_customer(random)
        return str(value["customer_id"]), value

    return make
