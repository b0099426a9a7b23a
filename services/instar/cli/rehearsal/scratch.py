"""The scratch of a rehearsal: topics of its own, a migration between them, a sample of the real records, its end."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog
from confluent_kafka import Producer

from instar.core.checkpoint import group_of
from instar.core.control import TOPIC as CONTROL_TOPIC
from instar.core.record import TIMESTAMP_NONE_MS, Record
from instar.core.redrive import state_topic
from instar.kafka import config, groups
from instar.kafka.cluster import Cluster
from instar.kafka.entries import read_entries, write_entries
from instar.kafka.errors import AmbiguousOutcome, KafkaTrouble
from instar.kafka.scan import scan
from instar.operations.topic_reader import open_registry
from instar.processor.assemble import registry_subject
from instar.project.late import Late
from instar.project.limits import Limits
from instar.project.migration import Migration
from instar.project.project import Project
from instar.project.rollout import Group, Rollout
from instar.registry.port import Document

log = structlog.get_logger(__name__)

PREFIX = "instar-rehearsal"
_FLUSH_S = 60.0
_BEHIND_S = 5.0
_COPIED = ("cleanup.policy", "max.message.bytes", "compression.type")


@dataclass(frozen=True, slots=True)
class Scratch:
    """``project`` has one migration, ``name``, between the scratch topics, and a state of its own, in ``folder``."""

    project: Project
    name: str
    migration: Migration
    kafka: Mapping[str, Any]
    cluster: Cluster
    partitions: int
    groups: tuple[str, ...]
    folder: Path


@contextmanager
def scratch(
    project: Project, migration: str, kafka: Mapping[str, Any], tag: str, *, per_s: float, keep: bool
) -> Iterator[Scratch]:
    """Make it, and take it away when left, unless it is to be kept. Raises ``KafkaTrouble``.

    ``per_s`` is the load's: with it at work, a bridge that is some seconds behind has caught up all the same.
    """
    cluster = Cluster(kafka)
    real = project.settings.migrations[migration]
    source = cluster.topic(real.source.topic)
    name = f"{PREFIX}-{tag}"
    moving = real.mode == "ordered" and real.reverse is not None
    readers = (f"{name}-canary", f"{name}-other")
    settings = real.model_copy(
        update={
            "source": real.source.model_copy(update={"topic": f"{name}.old"}),
            "target": real.target.model_copy(update={"topic": f"{name}.new"}),
            "dead_letters": f"{name}.dlq",
            "gates": (),
            "limits": Limits(),
            "producers": "old",
            "rollout": Rollout(
                groups=(Group(group=readers[0], canary=True), Group(group=readers[1])) if moving else (),
                caught_up_lag=max(int(_BEHIND_S * per_s), real.rollout.caught_up_lag),
            ),
        }
    )
    with TemporaryDirectory(prefix="instar-rehearsal-") as folder:
        environment = project.environment.model_copy(
            update={
                "state": Late(f"sqlite:///{Path(folder) / 'state.db'}", "state"),
                "require_rehearsal": None,
                "notify": None,
            }
        )
        made = replace(
            project,
            settings=project.settings.model_copy(update={"migrations": {name: settings}}),
            environment=environment,
        )
        given = {key: source.settings[key] for key in _COPIED if key in source.settings}
        there = Scratch(
            made, name, settings, kafka, cluster, source.partitions, readers if moving else (), Path(folder)
        )
        try:
            cluster.create(f"{name}.old", source.partitions, {**given, "retention.ms": "-1", "retention.bytes": "-1"})
            yield there
        finally:
            if not keep:
                _remove(there)


def copy_sample(there: Scratch, topic: str, records: int) -> list[Record]:
    """The newest records of a topic into the scratch source, as they are; those that were copied."""
    cluster = there.cluster
    partitions = range(there.partitions)
    each = max(1, records // there.partitions)
    ends = cluster.end_offsets(topic, partitions, committed=True)
    first = cluster.start_offsets(topic, partitions)
    starts = {number: max(first[number], ends[number] - each) for number in partitions}
    producer = Producer({**config.admin(there.kafka), "enable.idempotence": True, "log_level": 3})
    copied: list[Record] = []
    failed: list[str] = []
    try:
        for record in scan(there.kafka, topic, starts, ends):
            copied.append(record)
            stamp: dict[str, Any] = {}
            if record.timestamp_ms != TIMESTAMP_NONE_MS:
                stamp["timestamp"] = record.timestamp_ms
            producer.produce(
                there.migration.source.topic,
                key=record.key,
                value=record.value,
                headers=list(record.headers),
                partition=record.partition,
                on_delivery=lambda error, _: failed.append(str(error)) if error is not None else None,
                **stamp,
            )
            producer.poll(0)
        left = producer.flush(_FLUSH_S)
    finally:
        producer.close()
    if failed or left:
        raise KafkaTrouble(f"The sample could not be copied: {failed[0] if failed else f'{left} records are left'}.")
    return copied


def _remove(there: Scratch) -> None:
    """Only what is named for this rehearsal. What cannot be removed is told, since nothing depends on it."""
    mine = (there.migration.source.topic, there.migration.target.topic, there.migration.dead_letter_topic)
    for topic in (*mine, state_topic(there.migration.dead_letter_topic)):
        _try(f"topic {topic}", lambda topic=topic: there.cluster.delete(topic))
    for group in (*there.groups, *(group_of(there.name, direction) for direction in ("up", "down"))):
        _try(f"group {group}", lambda group=group: groups.delete(there.kafka, group))
    _try("its entries in the control topic", lambda: _forget(there))
    _try("its schemas in the registry", lambda: _withdraw(there))


def _forget(there: Scratch) -> None:
    mine = [key for key in read_entries(there.cluster, CONTROL_TOPIC) if key.startswith(f"{there.name}/")]
    write_entries(there.cluster, CONTROL_TOPIC, dict.fromkeys(mine))


def _withdraw(there: Scratch) -> None:
    """The registry's subjects of the scratch topics, where a subject is named after its topic."""
    if there.project.environment.registry.is_files or there.project.environment.registry.strategy == "record":
        return
    written = [(there.migration.target.version, there.migration.target.topic)]
    if there.migration.reverse is not None:
        written.append((there.migration.reverse.version, there.migration.source.topic))
    registry = open_registry(there.project)
    try:
        for subject in there.project.subjects_of(there.migration):
            for version, topic in written:
                document = Document(subject.versions[version].kind, there.project.document(subject.name, version))
                registry.withdraw(registry_subject(there.project, subject.name, version, topic), document)
    finally:
        registry.close()


def _try(what: str, act: Any) -> None:
    try:
        act()
    except (KafkaTrouble, AmbiguousOutcome) as trouble:
        log.warning("it could not be removed", what=what, why=str(trouble))


def new_tag() -> str:
    return os.urandom(4).hex()
