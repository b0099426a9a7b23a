"""Instances of the census as processes, and what they should come to."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import Producer
from tests.support.workers import SERVICES

from instar.census.topics import CensusTopics
from instar.core.census_fold import Census, fold
from instar.core.census_message import CensusMessage
from instar.core.census_result import parse_result
from instar.core.rejected import Rejected
from instar.kafka.cluster import Cluster
from instar.kafka.scan import scan

SETTINGS = """\
format = 1

[environments.local]
kafka = {{ "bootstrap.servers" = "{bootstrap}" }}

[census]
topic = "{topic}"
window = "1m"
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A project whose census has topics of its own."""

    root: Path
    kafka: dict[str, Any]
    topics: CensusTopics

    @classmethod
    def make(cls, root: Path, kafka: dict[str, Any], topic: str) -> "Place":
        settings = SETTINGS.format(bootstrap=kafka["bootstrap.servers"], topic=topic)
        (root / "instar.toml").write_text(settings, encoding="utf-8")
        return cls(root, kafka, CensusTopics(topic))


def tables(place: Place) -> Census:
    """What the instances' tables come to, as they have written it; what they have not counted is not in it."""
    cluster = Cluster(place.kafka)
    found = cluster.find(place.topics.results)
    if found is None:
        return fold([])
    partitions = range(found.partitions)
    starts, ends = (dict.fromkeys(partitions, 0), cluster.end_offsets(found.name, partitions))
    results = [parse_result(record.value or b"") for record in scan(place.kafka, found.name, starts, ends)]
    assert not any(isinstance(each, Rejected) for each in results)
    return fold(each for each in results if not isinstance(each, Rejected))


class Instance:
    """``instar census run`` as a process."""

    def __init__(self, place: Place, name: str, *arguments: str) -> None:
        self._log = place.root / f"{name}.log"
        variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SERVICES), os.environ.get("PYTHONPATH", "")])}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "instar", "census", "run", *arguments],
                cwd=place.root,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")


@dataclass(slots=True)
class FullCount:
    """The count of every message, made on the side."""

    mix: dict[tuple[Any, ...], Counter[str]] = field(default_factory=dict)
    clients: dict[tuple[str, ...], Counter[str]] = field(default_factory=dict)

    def take(self, message: CensusMessage) -> None:
        if message.kind == "mix":
            start_ms = message.window_start_ms // 60_000 * 60_000
            key = (start_ms, message.topic, message.subject, message.client)
            self.mix.setdefault(key, Counter()).update(message.versions)
        else:
            who = (message.kind, message.topic, message.subject, message.client, message.group)
            self.clients.setdefault(who, Counter()).update(message.versions)

    def agrees(self, census: Census) -> bool:
        return self == FullCount.of(census)

    @property
    def records(self) -> int:
        return sum(counter.total() for counter in (*self.mix.values(), *self.clients.values()))

    @classmethod
    def of(cls, census: Census) -> "FullCount":
        mix = {
            (key.window_start_ms, key.topic, key.subject, key.producer): Counter(versions)
            for key, versions in census.mixes.items()
        }
        clients = {
            (each.kind, each.topic, each.subject, each.client, each.group): Counter(
                {name: seen.records for name, seen in each.versions.items()}
            )
            for each in census.clients
        }
        return cls(mix, clients)


def publish(producer: Producer, topic: str, messages: Iterable[CensusMessage]) -> None:
    for message in messages:
        producer.produce(topic, message.encode(), message.key)
    left = producer.flush(60)
    assert left == 0
