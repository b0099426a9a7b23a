"""The plan of a rollout: the facts that its steps are made of, taken from the project and the cluster once."""

from collections.abc import Mapping
from typing import Any

from instar.core.plan_text import Plan as PlanText
from instar.core.rollout.plan import Plan, TopicPlan
from instar.kafka.cluster import Cluster, Topic
from instar.operations.failure import REFUSED, fail
from instar.processor.prepare import settings_of
from instar.project.migration import Migration
from instar.project.project import Project

_KEPT = ("retention.ms", "retention.bytes")


def rollout_plan(project: Project, name: str, kafka: Mapping[str, Any], said: PlanText) -> Plan:
    """``said`` is what `instar plan` found, of the same moment. Raises ``KafkaTrouble``; fails in place, where there
    is no second topic to switch to."""
    migration = project.settings.migrations[name]
    if migration.in_place:
        fail(
            f"{name} rewrites {migration.source.topic} in place: there is no other topic to switch to.",
            "`instar backfill` rewrites it, behind a write fence.",
            REFUSED,
        )
    source = Cluster(kafka).topic(migration.source.topic)
    return Plan(
        migration=name,
        fingerprint=said.fingerprint,
        source=source.name,
        target=migration.target.topic,
        partitions=source.partitions,
        risk=said.risk,
        lossy=any(hop.lost_up for hop in said.hops),
        has_reverse=migration.reverse is not None,
        topics=tuple(_topics(migration, source)),
        schemas=tuple(_schemas(project, migration)),
        groups=migration.rollout.plan_groups(),
        archive=migration.rollout.archive or "",
    )


def _topics(migration: Migration, source: Topic) -> list[TopicPlan]:
    """With the retention of the source, which is held back until the switch: replayed records are old."""
    made = settings_of(
        source,
        migration.target.topic,
        migration.dead_letter_topic,
        migration.history_topic,
        live_first=migration.mode == "live-first",
    )
    later = {name: source.settings[name] for name in _KEPT if name in source.settings}
    return [
        TopicPlan(topic, source.partitions, settings)
        if topic == migration.dead_letter_topic
        else TopicPlan(topic, source.partitions, settings | later, hold_retention=True)
        for topic, settings in made.items()
    ]


def _schemas(project: Project, migration: Migration) -> list[tuple[str, int]]:
    """What is written under a registry's id: upwards the target's version, and on the way back the reverse's."""
    written = [(migration.target.version, migration.target_framing)]
    if migration.reverse is not None:
        written.append((migration.reverse.version, migration.source.framing))
    return [
        (subject.name, version)
        for version, framing in written
        for subject in project.subjects_of(migration)
        if framing.build(version=version, subject=migration.sole_subject).needs_ids
    ]
