"""The effects of a rollout on the environment's cluster and registry, each with its handler, wired together once."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Event
from typing import Any

from instar.core.provenance import Direction
from instar.core.rollout import effect as do
from instar.kafka.access import Access
from instar.kafka.cluster import Cluster
from instar.operations.archiving import TopicArchiver
from instar.operations.notifying import notifier
from instar.operations.topic_reader import open_registry
from instar.operations.translating import GroupTranslator
from instar.processor.assemble import registry_subject
from instar.project.migration import Migration
from instar.project.project import Project
from instar.registry.identify import Identity
from instar.registry.port import Document
from instar.rollout.running.archives import Archives
from instar.rollout.running.bridges import BridgeHandler
from instar.rollout.running.control import RolloutControl
from instar.rollout.running.drain import DrainBridgeHandler
from instar.rollout.running.ends import RecordEndsHandler
from instar.rollout.running.epoch import CloseEpochHandler, WriteEpochHandler
from instar.rollout.running.groups import TranslateGroupHandler
from instar.rollout.running.notices import Notices
from instar.rollout.running.permissions import Grants, Locks, Permissions
from instar.rollout.running.producers import AwaitProducersHandler
from instar.rollout.running.retention import Retention
from instar.rollout.running.runner import Runner
from instar.rollout.running.schemas import Schemas, Version
from instar.rollout.running.starts import Lane, Starts
from instar.rollout.running.topics import CreateTopics, DeleteTopics


@contextmanager
def runner(
    project: Project, name: str, kafka: Mapping[str, Any], cluster: Cluster, stop: Event | None = None
) -> Iterator[Runner]:
    """For one migration. ``stop`` ends long effects early. Raises ``RegistryRefused`` for settings that cannot work."""
    migration = project.settings.migrations[name]
    registry = open_registry(project)
    control = RolloutControl(cluster)
    access = Access(kafka)
    permissions = Permissions(access)
    retention = Retention(cluster)
    bridges = BridgeHandler(cluster, control)
    identity = Identity(registry, project.ids(), project.subjects_of(migration))
    try:
        yield Runner(
            {
                do.CreateTopic: CreateTopics(cluster),
                do.HoldRetention: retention,
                do.ReleaseRetention: retention,
                do.RegisterSchema: Schemas(registry, identity, _Versions(project, migration)),
                do.CommitStart: Starts(cluster, _lanes(migration)),
                do.StartBridge: bridges,
                do.StopBridge: bridges,
                do.PauseBridge: bridges,
                do.Notify: Notices(notifier(project)),
                do.CloseEpoch: CloseEpochHandler(control),
                do.AwaitProducers: AwaitProducersHandler(cluster, control, permissions),
                do.RecordEnds: RecordEndsHandler(cluster),
                do.DrainBridge: DrainBridgeHandler(cluster),
                do.WriteEpoch: WriteEpochHandler(control),
                do.GrantWrite: Grants(permissions),
                do.TranslateGroup: TranslateGroupHandler(
                    cluster, control, GroupTranslator(project.settings.migrations, kafka)
                ),
                do.ArchiveTopic: Archives(TopicArchiver(cluster, project.root, stop)),
                do.LockTopic: Locks(cluster, access),
                do.DeleteTopic: DeleteTopics(cluster),
            }
        )
    finally:
        control.close()
        registry.close()


class _Versions:
    """A version's document, and the registry's names for it: one for each topic that it is written into."""

    def __init__(self, project: Project, migration: Migration) -> None:
        self._project = project
        self._topics = {migration.target.version: [migration.target.topic]}
        if migration.reverse is not None:
            self._topics.setdefault(migration.reverse.version, []).append(migration.source.topic)

    def __call__(self, subject: str, version: int) -> Version | None:
        found = self._project.catalogue[subject].versions.get(version)
        if found is None:
            return None
        topics = self._topics.get(version, [])
        names = (registry_subject(self._project, subject, version, topic) for topic in topics)
        document = Document(found.kind, self._project.document(subject, version))
        return Version(document, tuple(dict.fromkeys(names)))


def _lanes(migration: Migration) -> dict[Direction, Lane]:
    letters = migration.dead_letter_topic
    history = () if migration.history_topic is None else (migration.history_topic,)
    return {
        "up": Lane(migration.mode, (migration.target.topic, letters, *history)),
        "down": Lane("ordered", (migration.source.topic, letters)),
    }
