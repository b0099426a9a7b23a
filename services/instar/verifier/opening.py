"""Opening the inputs of one direction on a Kafka cluster."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from instar.core import checkpoint
from instar.core.checkpoint import Checkpoint
from instar.core.control import TOPIC
from instar.core.provenance import Direction
from instar.core.published import Window
from instar.core.record import Record
from instar.core.rollout.control_messages import said_of
from instar.kafka.cluster import Cluster, Topic
from instar.kafka.entries import read_entries
from instar.kafka.errors import KafkaTrouble, Refused
from instar.kafka.letters import read_settled
from instar.kafka.scan import scan
from instar.project.late import Unresolved
from instar.project.project import Project
from instar.registry.connect import connect
from instar.registry.identify import Identity
from instar.registry.port import RegistryError
from instar.verifier.inputs import Inputs, Side
from instar.verifier.judge import Judge

# Three topics are read at once, and what the client reads ahead would be most of the verifier's memory: by default 64
# MiB or 100,000 records of each, and past that whatever one answer unpacks to. A MiB of compressed orders unpacks to
# some 40,000 records, for each of which the client keeps about a KiB.
READ_AHEAD = {
    "queued.max.messages.kbytes": 8 * 1024,
    "queued.min.messages": 10_000,
    "fetch.message.max.bytes": 128 * 1024,  # of one answer; a batch that is larger still comes whole
}


class KafkaOpener:
    """One direction of a migration. ``partitions`` limits what is read (None: all). Raises ``KafkaTrouble``."""

    def __init__(
        self,
        project: Project,
        migration: str,
        direction: Direction,
        kafka: Mapping[str, Any],
        partitions: Iterable[int] | None = None,
    ) -> None:
        self._project = project
        self._name = migration
        self._direction = direction
        self._kafka = kafka
        self._migration = project.settings.migrations[migration]
        if self._migration.in_place:
            raise Refused(
                f"Migration {migration} rewrites {self._migration.source.topic} in place: compaction removes the "
                "records that its outputs would be compared with.",
                "Compare with an archive that was exported before; or move the records into a topic of their own.",
            )
        self._cluster = Cluster(kafka)
        self._group = f"instar.{migration}.{direction}"
        source, target = self._migration.source.topic, self._migration.target.topic
        self._source_name, self._target_name = (source, target) if direction == "up" else (target, source)
        self._partitions = self._chosen(partitions)
        self._judge: Judge | None = None

    def _chosen(self, asked: Iterable[int] | None) -> list[int]:
        there = self._cluster.topic(self._source_name).partitions
        if asked is None:
            return list(range(there))
        chosen = sorted(set(asked))
        unknown = [number for number in chosen if not 0 <= number < there]
        if unknown:
            raise Refused(
                f"Topic {self._source_name} has no partition {unknown[0]}.", f"It has {there}, from 0 to {there - 1}."
            )
        return chosen

    def committed(self) -> dict[int, Checkpoint]:
        """The checkpoints now."""
        found = self._cluster.committed(self._group, self._source_name, self._partitions)
        return {partition: checkpoint.parse(offset, metadata) for partition, (offset, metadata) in found.items()}

    def open(self, bounds: Mapping[int, int] | None = None) -> Inputs:
        cluster = self._cluster
        source, target = cluster.topic(self._source_name), cluster.topic(self._target_name)
        letters = cluster.topic(self._migration.dead_letter_topic)
        points = self.committed()
        if not points:
            raise Refused(
                f"Group {self._group} has no checkpoint: nothing was published by this bridge.",
                f"Run `instar worker {self._name}` first.",
            )
        for partition, point in points.items():
            if point.topic_id and point.topic_id != source.id.hex():
                raise Refused(
                    f"Topic {source.name} was deleted and created again since partition {partition} was read: the "
                    f"checkpoint is of topic id {point.topic_id}, the topic now is {source.id.hex()}.",
                    "Nothing that was published can be held against the new topic.",
                )
        mode = self._migration.mode if self._direction == "up" else "ordered"
        for partition, point in points.items():
            if point.mode != mode:
                raise Refused(
                    f"The checkpoint of partition {partition} is of mode {point.mode}, the settings say {mode}.",
                    f'Write mode = "{point.mode}" again: what was published is in its order.',
                )
        kept_apart = self._migration.history_topic if mode == "segregated" else None
        history = None if kept_apart is None else cluster.topic(kept_apart)
        if bounds is not None:
            points = {partition: replace(points[partition], offset=bound) for partition, bound in bounds.items()}
        # The ends are taken after the checkpoints and after what was done with dead letters, so that every output of
        # either lies below them.
        settled = {(at.partition, at.offset): said for at, said in read_settled(cluster, letters).items()}
        partitions = sorted(points)
        return Inputs(
            migration=self._name,
            direction=self._direction,
            fingerprint=self._project.fingerprint(self._name),
            source=self._side(source, partitions),
            target=self._side(target, partitions),
            letters=self._side(letters, partitions),
            checkpoints=points,
            judge=self._judge_of(min(filter(None, (target, history)), key=lambda topic: topic.max_message_bytes)),
            settled=settled,
            natives_are_rogue=self._natives_are_rogue,
            native_windows=self._native_windows(partitions) if self._natives_are_rogue else {},
            source_partitions=source.partitions,
            history=None if history is None else self._side(history, partitions),
        )

    @property
    def _natives_are_rogue(self) -> bool:
        return self._direction == "up" and self._migration.producers == "old"

    def _native_windows(self, partitions: Iterable[int]) -> dict[int, tuple[Window, ...]]:
        """What the rollout's epoch record says of when the target had authority."""
        epoch = said_of(self._name, read_entries(self._cluster, TOPIC)).epoch
        return {} if epoch is None else {partition: epoch.windows_of(partition) for partition in partitions}

    def _side(self, topic: Topic, partitions: list[int]) -> Side:
        starts = self._cluster.start_offsets(topic.name, partitions)
        ends = self._cluster.end_offsets(topic.name, partitions)
        return Side(topic.name, topic.id, starts, ends, partial(self._read, topic.name), topic.compacted)

    def _read(self, topic: str, partition: int, start: int, end: int) -> Iterable[Record]:
        # A single record needs no full batch, for which the client would wait.
        batch_records = 1 if end - start == 1 else 5_000
        kafka = {**READ_AHEAD, **self._kafka}
        return scan(kafka, topic, {partition: start}, {partition: end}, batch_records=batch_records)

    def _judge_of(self, target: Topic) -> Judge:
        if self._judge is None or self._judge.largest_record_bytes != target.max_message_bytes:
            self._judge = judge_of(self._project, self._name, self._direction, target)
        return self._judge


def judge_of(project: Project, name: str, direction: Direction, target: Topic) -> Judge:
    """The rules of a direction. Raises ``Refused`` where it does not exist, ``KafkaTrouble`` without a registry."""
    migration = project.settings.migrations[name]
    subjects = {subject.name: subject for subject in project.subjects_of(migration)}
    sole = migration.sole_subject
    old = migration.source.framing.build(version=migration.source.version, subject=sole)
    new = migration.target_framing.build(version=migration.target.version, subject=sole)
    if direction == "up":
        version, source_framing, target_framing = migration.target.version, old, new
    else:
        if migration.reverse is None:
            raise Refused(
                f"Migration {name} has no reverse bridge to verify.",
                f'Add reverse = {{ version = "v1" }} to [tool.instar.migrations.{name}], or verify --direction up.',
            )
        version, source_framing, target_framing = migration.reverse.version, new, old
    return Judge(
        migration=name,
        direction=direction,
        version=version,
        subjects=subjects,
        sole_subject=sole,
        source_framing=source_framing,
        target_framing=target_framing,
        ids=Identity(_registry(project), project.ids(), subjects.values()),
        denied=frozenset(migration.headers.deny),
        largest_record_bytes=target.max_message_bytes,
        carry_lost=migration.reverse is not None and migration.reverse.carry_lost,
        needs_key=target.compacted,
    )


def _registry(project: Project) -> Any:
    schemas = project.schemas()
    try:
        config = project.environment.registry_config(os.environ, project.root)
        documents = {key: project.document(*key) for key in schemas}
        return connect(config, ids=project.ids(), schemas=schemas, documents=documents)
    except (Unresolved, RegistryError) as problem:
        raise KafkaTrouble(str(problem), problem.remedy) from problem
