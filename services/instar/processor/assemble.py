"""From a project's settings to a plan that a worker can run: topics, schema ids, framings, programs."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from instar.core.bridge import Bridge
from instar.core.fence import Fence
from instar.core.provenance import Direction
from instar.core.upcasting.spans.executor import ExecutorName
from instar.core.version import label
from instar.kafka.cluster import Cluster
from instar.kafka.errors import KafkaTrouble, Refused, Unreachable
from instar.processor.modes import mode_of, require_mode
from instar.processor.plan import BridgePlan, Limits, Telling
from instar.processor.prepare import Topics, imagined_topics, ready_topics
from instar.processor.routes import Routes, refused
from instar.project.census import CensusSettings
from instar.project.late import Unresolved
from instar.project.migration import Migration
from instar.project.project import Project, load_project
from instar.registry.connect import connect
from instar.registry.identify import Identity
from instar.registry.naming import value_subject
from instar.registry.port import Registry, RegistryRefused, RegistryUnreachable


@dataclass(frozen=True, slots=True)
class Options:
    """What a worker is told beside the project's settings. Picklable: each worker process assembles for itself."""

    root: Path
    environment: str | None
    migration: str
    direction: Direction
    kafka: Mapping[str, Any]
    create: bool = False
    accept_expired: bool = False
    bounds: Mapping[int, int] | None = None
    assigned: tuple[int, ...] | None = None
    dry: bool = False  # nothing is published: what does not exist yet is imagined
    fence: Fence | None = None
    fingerprint: str | None = None  # of the plan that the command was started under
    executor: ExecutorName = "spans"  # who runs the programs, as far as it can


def assemble(options: Options) -> BridgePlan:
    """The plan of one direction. Raises ``KafkaTrouble`` where something that it needs is missing."""
    project = load_project(options.root, options.environment)
    errors = project.errors_of(options.migration)
    if errors:
        raise KafkaTrouble(
            f"The project has {len(errors)} error(s), the first: {errors[0].message}.", "`instar check` shows all."
        )
    if options.fingerprint not in (None, project.fingerprint(options.migration)):
        # A worker that died is started again and reads the folder again: two chains must not run side by side.
        raise Refused(
            f"The schemas, hops or settings of {options.migration} were edited while its workers ran.",
            "Stop them and start them again, so that all of them run the same chain.",
        )
    return assemble_project(project, options)


def assemble_project(project: Project, options: Options) -> BridgePlan:
    migration = project.settings.migrations[options.migration]
    cluster = Cluster(options.kafka)
    up = options.direction == "up"
    if not up and migration.reverse is None:
        raise Refused(
            f"Migration {options.migration} has no reverse bridge.",
            f'Add reverse = {{ version = "v1" }} to [tool.instar.migrations.{options.migration}].',
        )
    source, target = migration.source.topic, migration.target.topic
    if not up:
        source, target = target, source
    letters, mode = migration.dead_letter_topic, mode_of(migration, options.direction)
    history = migration.history_topic if mode == "segregated" else None
    if options.dry:
        topics = imagined_topics(cluster, source, target, letters, history=history, live_first=mode == "live-first")
    else:
        begins = cluster.topic(migration.source.topic)
        require_mode(options.migration, migration, begins, cluster.find(migration.target.topic))
        topics = ready_topics(
            cluster, source, target, letters, create=options.create, history=history, live_first=mode == "live-first"
        )
    registry = _connect(project)
    try:
        routes = _routes(project, options, migration, registry, target)
    except RegistryUnreachable as problem:
        raise Unreachable(str(problem), problem.remedy) from problem
    except RegistryRefused as problem:
        refused(problem)
    batch = migration.batch
    return BridgePlan(
        migration=options.migration,
        direction=options.direction,
        source=topics.source,
        target=topics.target,
        dead_letters=topics.dead_letters,
        make_bridge=partial(_make_bridge, options, migration, topics, routes),
        fingerprint=project.fingerprint(options.migration),
        kafka=options.kafka,
        built_in=cluster.built_in,
        stop_on_error=migration.on_error == "stop",
        accept_expired=options.accept_expired,
        bounds=options.bounds,
        assigned=options.assigned,
        limits=replace(
            Limits(), batch_records=batch.max_records, batch_bytes=batch.max_bytes, transaction_ms=batch.max_wait_ms
        ),
        mode=mode,
        history=topics.target if mode == "live-first" else topics.history,
        producers=migration.producers,
        fence=options.fence,
        telling=None if options.dry else _telling(project.settings.census, routes),
    )


def directions(migration: Migration) -> tuple[Direction, ...]:
    """Which bridges run by default: while only old producers write, there is nothing to bring back."""
    return ("up",) if migration.producers == "old" or migration.reverse is None else ("up", "down")


def _telling(settings: CensusSettings, routes: Routes) -> Telling | None:
    if not settings.workers:
        return None
    return Telling(settings.topic, settings.every, settings.window * 1000, settings.producer_header, routes.named)


def _make_bridge(options: Options, migration: Migration, topics: Topics, routes: Routes) -> Bridge:
    up = options.direction == "up"
    framing_settings = migration.source.framing if up else migration.target_framing
    version = migration.source.version if up else migration.target.version
    written = [topic for topic in (topics.target, topics.history) if topic is not None]
    return Bridge(
        options.migration,
        options.direction,
        framing_settings.build(version=version, subject=migration.sole_subject),
        routes.open,
        min(topic.max_message_bytes for topic in written),
        frozenset(migration.headers.deny),
        needs_key=any(topic.compacted for topic in written),
        in_place=migration.in_place,
    )


def _connect(project: Project) -> Registry:
    try:
        config = project.environment.registry_config(os.environ, project.root)
    except Unresolved as problem:
        raise KafkaTrouble(str(problem), problem.remedy) from problem
    schemas = project.schemas()
    documents = {key: project.document(*key) for key in schemas}
    try:
        return connect(config, ids=project.ids(), schemas=schemas, documents=documents)
    except RegistryRefused as problem:
        refused(problem)


def _routes(project: Project, options: Options, migration: Migration, registry: Registry, target_topic: str) -> Routes:
    subjects = {subject.name: subject for subject in project.subjects_of(migration)}
    identity = Identity(registry, project.ids(), subjects.values())
    if options.direction == "up":
        version, settings = migration.target.version, migration.target_framing
    else:
        assert migration.reverse is not None  # noqa: S101 - the caller checked
        version, settings = migration.reverse.version, migration.source.framing
    framing = settings.build(version=version, subject=migration.sole_subject)
    writers = {}
    for name, subject in subjects.items():
        number = None
        if framing.needs_ids:
            number = schema_id(project, identity, name, version, target_topic, register=options.create)
            if number is None and options.dry:
                number = 0
            if number is None:
                raise Refused(
                    f"The registry {registry.name} has no id for {name} {label(version)}.",
                    "Run with --create to register it.",
                )
        if options.create and project.environment.registry.is_files:
            # There is no producer that registers versions in a folder: each gets its id here.
            for each in sorted(subject.versions):
                schema_id(project, identity, name, each, target_topic, register=True)
        writers[name] = framing.writer(subject=name, version=version, schema_id=number)
    return Routes(
        direction=options.direction,
        version=version,
        subjects=subjects,
        sole_subject=migration.sole_subject,
        identity=identity,
        writers=writers,
        carry_lost=migration.reverse is not None and migration.reverse.carry_lost,
        in_place=migration.in_place,
        executor=options.executor,
    )


def schema_id(
    project: Project, identity: Identity, subject: str, version: int, topic: str, *, register: bool
) -> int | None:
    """The id that a version is written under in a topic."""
    name = registry_subject(project, subject, version, topic)
    return identity.id_for(subject, version, project.document(subject, version), name, register=register)


def registry_subject(project: Project, subject: str, version: int, topic: str) -> str:
    """What the environment's registry calls the subject of a version in a topic."""
    if project.environment.registry.is_files:
        return subject
    shape = project.catalogue[subject].versions[version].shape
    record = getattr(shape, "name", None) or subject
    return value_subject(project.environment.registry.strategy, topic=topic, record=record)
