"""A project for the tests of workers: parcels as JSON in three versions, their hops, and one migration.

Small and quick on purpose: what is tested with it is the moving of records, not what hops can do.
"""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import Producer
from tests.support.folders import TEXT, json_object, write_files

from instar.cli.demonstration.orders import orders
from instar.kafka.cluster import Cluster
from instar.project.project import load_project

REPOSITORY = Path(__file__).resolve().parents[2]
NUMBER = {"type": "integer"}
VERSION_HEADER = "instar-version"
FIRST_MS = 1_750_000_000_000
LIMIT_QUEUED_S = 60.0

# v1 has one name, v2 two, v3 a channel that v2 has no place for. The hop raises at a parcel for nobody.
PARCELS: Mapping[str, Any] = {
    "schemas/parcels/v1.json": json_object({"id": NUMBER, "name": TEXT, "cents": NUMBER}),
    "schemas/parcels/v2.json": json_object({"id": NUMBER, "first": TEXT, "last": TEXT, "cents": NUMBER}),
    "schemas/parcels/v3.json": json_object(
        {"id": NUMBER, "first": TEXT, "last": TEXT, "cents": NUMBER, "channel": TEXT}
    ),
    "schemas/parcels/subject.toml": """
        owner = "shipping"
        """,
    "upcasters/parcels/v1_to_v2.py": '''
        """People have two names."""


        def upcast(record, context):
            if record["name"] == "nobody":
                raise ValueError("a parcel for nobody")
            first, _, last = record["name"].partition(" ")
            return {"id": record["id"], "first": first, "last": last, "cents": record["cents"]}


        def downcast(record, context):
            return {"id": record["id"], "name": f"{record['first']} {record['last']}", "cents": record["cents"]}
        ''',
    "upcasters/parcels/v2_to_v3.py": '''
        """A parcel came through a channel."""

        lost = {"down": ["channel"]}


        def upcast(record, context):
            return {**record, "channel": "WEB"}


        def downcast(record, context):
            return {name: value for name, value in record.items() if name != "channel"}
        ''',
}

# Settings for what needs no broker: its address is one that nobody answers at.
PARCELS_SETTINGS = """
    format = 1

    [environments.local]
    kafka = { "bootstrap.servers" = "127.0.0.1:1" }
    registry = { url = "files" }

    [migrations.parcels-v3]
    subjects = ["parcels"]
    source = { topic = "parcels", framing = "version-header" }
    target = { topic = "parcels.v3", version = "v3" }
    reverse = { version = "v1" }
    """


@dataclass(frozen=True, slots=True)
class Event:
    """One record for a producer to write. ``value`` is bytes, None for a tombstone."""

    value: bytes | None
    partition: int
    key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class Shop:
    """A project folder with one migration, and the names that it uses. ``kafka`` are the worker's client settings."""

    root: Path
    migration: str
    old: str
    new: str
    letters: str
    partitions: int
    kafka: Mapping[str, Any]
    admin_kafka: Mapping[str, Any] = field(repr=False)

    @property
    def cluster(self) -> Cluster:
        """The cluster as somebody sees it who may do anything."""
        return Cluster(self.admin_kafka)

    def group(self, direction: str = "up") -> str:
        return f"instar.{self.migration}.{direction}"


# Tests wait for a dead member to be missed: the default of 10 s would be their longest wait.
QUICK_SESSION: Mapping[str, Any] = {"session.timeout.ms": 6_000, "heartbeat.interval.ms": 500}


def write_shop(
    root: Path,
    name: str,
    kafka: Mapping[str, Any],
    *,
    partitions: int = 2,
    admin_kafka: Mapping[str, Any] | None = None,
    topics: Mapping[str, Mapping[str, str]] | None = None,
    **settings: str,
) -> Shop:
    """Write the project, and make its topics: those that ``topics`` names ("old", "new", "letters") with its settings.

    By default the source, and nothing else. ``settings`` are lines of the migration as TOML: ``producers = '"both"'``;
    ``registry`` is the environment's.
    """
    shop = Shop(root, name, f"{name}.old", f"{name}.new", f"{name}.new.dlq", partitions, kafka, admin_kafka or kafka)
    write_files(root, PARCELS)
    rewrite_settings(shop, **settings)
    for which, config in ({"old": {}} if topics is None else topics).items():
        # The parcels' timestamps are of long ago, and retention would delete them while a test runs.
        shop.cluster.create(getattr(shop, which), partitions, {"retention.ms": "-1", **config})
    return shop


def rewrite_settings(shop: Shop, **settings: str) -> None:
    """The project's settings, with these of the migration's set otherwise, or left out where they are empty."""
    registry = settings.pop("registry", '{ url = "files" }')
    framing = settings.pop("framing", '"version-header"')
    target = settings.pop("target_version", "v3")
    lines = {
        "subjects": '["parcels"]',
        "source": f'{{ topic = "{shop.old}", framing = {framing} }}',
        "target": f'{{ topic = "{shop.new}", version = "{target}" }}',
        "reverse": '{ version = "v1" }',
        "batch": "{ max_records = 100, max_wait_ms = 20 }",
        **settings,
    }
    kafka = ", ".join(f"{json.dumps(key)} = {json.dumps(value)}" for key, value in shop.kafka.items())
    text = f"format = 1\n\n[environments.local]\nkafka = {{ {kafka} }}\nregistry = {registry}\n"
    text += f"\n[migrations.{shop.migration}]\n" + "".join(
        f"{key} = {value}\n" for key, value in lines.items() if value
    )
    (shop.root / "instar.toml").write_text(text, encoding="utf-8")


# ------------------------------------------------------------------ records


def body(number: int, version: int, name: str = "Ada Lovelace", channel: str = "SHOP") -> dict[str, Any]:
    """The parcel of that number as producers of that version write it."""
    if version == 1:
        return {"id": number, "name": name, "cents": number * 7}
    first, _, last = name.partition(" ")
    parcel = {"id": number, "first": first, "last": last, "cents": number * 7}
    return parcel if version == 2 else {**parcel, "channel": channel}


def event(number: int, version: int, partition: int, **changed: Any) -> Event:
    """A parcel with key, two headers and a timestamp of its own; ``changed`` replaces parts of the event."""
    value = json.dumps(changed.pop("body", body(number, version))).encode()
    headers = ((VERSION_HEADER, f"v{version}".encode()), ("trace", str(number).encode()), ("empty", None))
    made = Event(value, partition, f"key-{number % 50}".encode(), headers, FIRST_MS + number)
    return Event(**{name: changed.get(name, getattr(made, name)) for name in Event.__slots__})


def parcels(count: int, partitions: int, *, start: int = 0, versions: tuple[int, ...] = (1, 2, 3)) -> Iterator[Event]:
    """``count`` parcels over all partitions; one in 40 is for nobody, a tombstone, or has no key."""
    for number in range(start, start + count):
        version, partition = versions[number % len(versions)], number // len(versions) % partitions
        match number % 40:
            case 11:
                yield event(number, 1, partition, body=body(number, 1, "nobody"))
            case 22:
                yield event(number, version, partition, value=None)
            case 33:
                yield event(number, version, partition, key=None)
            case _:
                yield event(number, version, partition)


def produce(kafka: Mapping[str, Any], topic: str, events: Iterable[Event], **settings: Any) -> int:
    """Write the events as somebody's program would; how many. Fails unless every one is acknowledged."""
    producer = Producer({"enable.idempotence": True, "linger.ms": 5, "log_level": 3, **kafka, **settings})
    failures: list[str] = []
    count = 0
    for one in events:
        while True:
            try:
                producer.produce(
                    topic,
                    value=one.value,
                    key=one.key,
                    partition=one.partition,
                    headers=list(one.headers),
                    timestamp=one.timestamp_ms,
                    on_delivery=lambda error, _: failures.append(str(error)) if error is not None else None,
                )
                break
            except BufferError:
                producer.poll(0.05)
        count += 1
        producer.poll(0)
    left = producer.flush(LIMIT_QUEUED_S)
    assert not left, f"{left} events were not acknowledged in {LIMIT_QUEUED_S:.0f} s"
    assert not failures, failures[:3]
    return count


# ------------------------------------------------------------------ the showcase's orders


def write_orders(
    root: Path,
    name: str,
    kafka: Mapping[str, Any],
    *,
    partitions: int = 4,
    topics: Mapping[str, Mapping[str, str]] | None = None,
    **settings: str,
) -> Shop:
    """A project with the repository's own subject ``orders`` in Avro, both bridges, and by default all three topics."""
    for kind in ("schemas", "upcasters"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / kind / "orders", root / kind / "orders", ignore=ignored)
    return write_shop(
        root,
        name,
        kafka,
        partitions=partitions,
        admin_kafka=None,
        topics={"old": {}, "new": {}, "letters": {"max.message.bytes": "1200000"}} if topics is None else topics,
        subjects='["orders"]',
        framing='"registry-prefix"',
        reverse='{ version = "v1", carry_lost = true }',
        **settings,
    )


def order_events(shop: Shop, count: int) -> Iterator[tuple[bool, Event]]:
    """The demonstration's orders, some of them broken: whether it goes to the new topic, and the event.

    The project must have ids for its versions: a worker has run with ``--create``. The header ``trace`` has the
    order's number, from 0.
    """
    project = load_project(shop.root)
    ids = {version: number for number, (_, version) in project.ids().entries.items()}
    for one in orders(project.catalogue["orders"], ids, count):
        headers = tuple((name, part.encode() if isinstance(part, str) else part) for name, part in one.headers)
        yield one.new, Event(one.value, one.partition % shop.partitions, one.key, headers, one.timestamp_ms)
