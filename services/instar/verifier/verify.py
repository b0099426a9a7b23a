"""Verifying one direction: read source, target and dead letters again, and compare partition by partition.

What is compared is what the group's checkpoints say is published: source offsets below them. Everything is read
committed.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from instar.core.compare import Comparison, Scope, compare_partition
from instar.core.provenance import Direction
from instar.core.record import Record
from instar.kafka.cluster import Cluster
from instar.kafka.errors import KafkaTrouble, Refused
from instar.kafka.letters import read_settled
from instar.kafka.scan import scan
from instar.project.late import Unresolved
from instar.project.project import Project
from instar.registry.connect import connect
from instar.registry.identify import Identity
from instar.registry.port import RegistryError
from instar.verifier.judge import Judge


@dataclass(frozen=True, slots=True)
class Verification:
    """A result and its scope: which source offsets of which topic (from, to) it speaks of."""

    migration: str
    direction: Direction
    fingerprint: str
    source: str
    target: str
    scope: Mapping[int, tuple[int, int]]
    result: Comparison


def verify(
    project: Project,
    migration_name: str,
    direction: Direction,
    kafka: Mapping[str, Any],
    on_record: Callable[[], None] = lambda: None,
) -> Verification:
    """Compare everything that a direction has published. Raises ``KafkaTrouble``."""
    migration = project.settings.migrations[migration_name]
    cluster = Cluster(kafka)
    source_name, target_name = migration.source.topic, migration.target.topic
    if direction == "down":
        source_name, target_name = target_name, source_name
    source, target = cluster.topic(source_name), cluster.topic(target_name)
    letters = cluster.topic(migration.dead_letter_topic)
    partitions = range(source.partitions)
    group = f"instar.{migration_name}.{direction}"
    committed = cluster.committed(group, source_name, partitions)
    if not committed:
        raise Refused(
            f"Group {group} has no checkpoint: nothing was published by this bridge.",
            f"Run `instar worker {migration_name}` first.",
        )
    judge = _judge(project, migration_name, direction, target.max_message_bytes)
    scope_of = Scope(migration_name, direction, source.id)
    # The ends are taken after the checkpoints and after what was done with dead letters, so that every output of
    # either lies below them.
    settled = {(at.partition, at.offset): said for at, said in read_settled(cluster, letters).items()}
    starts = cluster.start_offsets(source_name, partitions)
    target_starts, target_ends = _range(cluster, target_name, partitions)
    letter_starts, letter_ends = _range(cluster, letters.name, partitions)
    total = Comparison()
    scope: dict[int, tuple[int, int]] = {}
    for partition in partitions:
        if partition not in committed:
            continue
        bound = committed[partition][0]
        scope[partition] = starts[partition], bound
        one = {partition}

        def read(name: str, begin: Mapping[int, int], end: Mapping[int, int], one: set[int] = one) -> Iterator[Record]:
            return scan(kafka, name, {number: begin[number] for number in one}, end)

        def counted(records: Iterator[Record]) -> Iterator[Record]:
            for record in records:
                on_record()
                yield record

        total.add(
            compare_partition(
                scope_of,
                counted(read(source_name, starts, {partition: bound})),
                read(target_name, target_starts, target_ends),
                read(letters.name, letter_starts, letter_ends),
                judge.expect,
                settled,
            )
        )
    return Verification(
        migration_name, direction, project.fingerprint(migration_name), source_name, target_name, scope, total
    )


def _range(cluster: Cluster, topic: str, partitions: range) -> tuple[dict[int, int], dict[int, int]]:
    return cluster.start_offsets(topic, partitions), cluster.end_offsets(topic, partitions)


def _judge(project: Project, name: str, direction: Direction, largest_record_bytes: int) -> Judge:
    migration = project.settings.migrations[name]
    subjects = {subject.name: subject for subject in project.subjects_of(migration)}
    sole = migration.sole_subject
    old = migration.source.framing.build(version=migration.source.version, subject=sole)
    new = migration.target_framing.build(version=migration.target.version, subject=sole)
    if direction == "up":
        version, source_framing, target_framing = migration.target.version, old, new
    else:
        if migration.reverse is None:
            raise Refused(f"Migration {name} has no reverse bridge to verify.")
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
        largest_record_bytes=largest_record_bytes,
        carry_lost=migration.reverse is not None and migration.reverse.carry_lost,
    )


def _registry(project: Project) -> Any:
    schemas = {
        (name, version): schema
        for name, subject in project.catalogue.subjects.items()
        for version, schema in subject.versions.items()
    }
    try:
        config = project.environment.registry_config(os.environ, project.root)
        documents = {key: project.document(*key) for key in schemas}
        return connect(config, ids=project.ids(), schemas=schemas, documents=documents)
    except (Unresolved, RegistryError) as problem:
        raise KafkaTrouble(str(problem), problem.remedy) from problem
