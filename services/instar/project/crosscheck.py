"""Settings held against the catalogue and against each other: what no single key can say of itself."""

from collections.abc import Iterator, Mapping
from typing import Any

from instar.core.finding import Finding
from instar.core.rejected import Rejected
from instar.core.subject import Catalogue
from instar.core.version import label
from instar.project.catalogue import SubjectSource
from instar.project.migration import FramingSettings, Migration
from instar.project.model import dotted, nearest
from instar.project.settings import SettingsFile
from instar.project.toml_lines import KeyPath

# What exactly-once rests on. A user's value would be overridden or would break it, so that it is refused.
OWNED_KAFKA_KEYS = frozenset(
    {
        "acks",
        "auto.offset.reset",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "enable.idempotence",
        "enable.partition.eof",
        "group.id",
        "group.instance.id",
        "group.protocol",
        "isolation.level",
        "partition.assignment.strategy",
        "request.required.acks",
        "transactional.id",
    }
)


def cross_check(file: SettingsFile, catalogue: Catalogue, sources: Mapping[str, SubjectSource]) -> list[Finding]:
    """Everything at once, each finding at its key's line."""
    found = [*_environments(file)]
    for name, migration in file.settings.migrations.items():
        found += _Check(file, name, migration, catalogue, sources).run()
    found += _targets_twice(file)
    return found


def _environments(file: SettingsFile) -> Iterator[Finding]:
    for name, environment in file.settings.environments.items():
        for key in sorted(environment.kafka.keys() & OWNED_KAFKA_KEYS):
            path = ("environments", name, "kafka", key)
            message = f"`{dotted(path)}` is set by instar itself, because exactly-once rests on it"
            yield file.finding("settings", path, message, "remove it")


def _targets_twice(file: SettingsFile) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for name, migration in file.settings.migrations.items():
        for topic in filter(None, (migration.target.topic, migration.history_topic)):
            if topic in first:
                path = ("migrations", name, "target", "topic")
                message = f"`{dotted(path)}`: the migration {first[topic]} writes {topic} too, and two would interleave"
                yield file.finding("settings", path, message, "give each migration a target of its own")
            first.setdefault(topic, name)


class _Check:
    def __init__(
        self,
        file: SettingsFile,
        name: str,
        migration: Migration,
        catalogue: Catalogue,
        sources: Mapping[str, SubjectSource],
    ) -> None:
        self.file = file
        self.at: KeyPath = ("migrations", name)
        self.migration = migration
        self.catalogue = catalogue
        self.sources = sources

    def run(self) -> Iterator[Finding]:
        yield from self.mode()
        yield from self.topics()
        yield from self.subjects()
        yield from self.versions()
        yield from self.framings()
        yield from self.ways()

    def wrong(self, path: KeyPath, message: str, remedy: str, **more: Any) -> Finding:
        full = (*self.at, *path)
        return self.file.finding("settings", full, f"`{dotted(full)}`: {message}", remedy, **more)

    def mode(self) -> Iterator[Finding]:
        """What each mode cannot go together with, as far as the settings tell; the topics themselves tell the rest."""
        migration = self.migration
        if migration.mode == "live-first" and migration.producers == "both":
            message = "live-first is for compacted topics, where producers of two topics would overwrite each other"
            yield self.wrong(("producers",), message, 'write producers = "old", or mode = "ordered"')
        history = migration.history_topic
        if history is not None and history in (migration.source.topic, migration.dead_letter_topic):
            message = f"history would go to {history} itself"
            yield self.wrong(("target", "topic"), message, "name another target, whose .history is free")

    def topics(self) -> Iterator[Finding]:
        source, target = self.migration.source.topic, self.migration.target.topic
        if source == target:
            yield from self.in_place()
        dead_letters = self.migration.dead_letter_topic
        if dead_letters in (source, target):
            key = ("dead_letters",) if self.migration.dead_letters else ("target", "topic")
            yield self.wrong(key, f"dead letters would go to {dead_letters} itself", 'set dead_letters = "OTHER.dlq"')
        if self.migration.producers == "both" and self.migration.reverse is None:
            message = "records written to the new topic would never reach the old one"
            yield self.wrong(("producers",), message, 'add reverse = { version = "v1" }, or write producers = "old"')

    def in_place(self) -> Iterator[Finding]:
        """Old and new records share one topic: each must say its version, and there is nothing to go back to."""
        migration = self.migration
        if migration.reverse is not None:
            message = "records are rewritten in place, so no old topic is left to go back to"
            yield self.wrong(("reverse",), message, "remove it, or name another target")
        if migration.producers != "old":
            message = "in place there is one topic, and nobody may write it while it is rewritten"
            yield self.wrong(("producers",), message, 'write producers = "old"')
        if migration.mode != "ordered":
            message = f"{migration.mode} is between two topics, and the target is the source itself"
            yield self.wrong(("mode",), message, 'write mode = "ordered", or name another target')
        framing = migration.target.framing
        if migration.source.framing.kind == "none" or (framing is not None and framing != migration.source.framing):
            message = "records of both versions stand in one topic, and one framing must tell them apart"
            yield self.wrong(("target", "framing"), message, "leave it out, and choose a source framing with versions")

    def subjects(self) -> Iterator[Finding]:
        names = self.migration.subjects
        for index, name in enumerate(names):
            if name in names[:index]:
                yield self.wrong(("subjects",), f"{name} stands twice", "name it once")
            elif name not in self.sources:
                close = nearest(name, self.sources)
                remedy = f"did you mean `{close}`?" if close else f"add schemas/{name}/v1.avsc or .json"
                yield self.wrong(("subjects",), f"there is no subject {name}", remedy)

    def versions(self) -> Iterator[Finding]:
        migration = self.migration
        target = migration.target.version
        yield from self.exists(("target", "version"), target)
        if migration.reverse is not None:
            yield from self.exists(("reverse", "version"), migration.reverse.version)
            if migration.reverse.version > target:
                message = f"the way back leads to a version above the target {label(target)}"
                yield self.wrong(("reverse", "version"), message, f"name {label(target)} or a lower one")
        if migration.source.version is not None:
            yield from self.exists(("source", "version"), migration.source.version)
            if migration.source.version > target:
                message = f"the source's version is above the target {label(target)}"
                yield self.wrong(("source", "version"), message, f"name {label(target)} or a lower one")

    def exists(self, path: KeyPath, version: int) -> Iterator[Finding]:
        for name in self.migration.subjects:
            source = self.sources.get(name)
            known = source.schemas.keys() | source.unreadable if source else set()
            if source is not None and known and version not in known:
                there = ", ".join(label(each) for each in sorted(known))
                yield self.wrong(path, f"{name} has no {label(version)}", f"{name} has {there}", subject=name)

    def framings(self) -> Iterator[Finding]:
        migration = self.migration
        places: list[tuple[KeyPath, FramingSettings]] = [(("source", "framing"), migration.source.framing)]
        if migration.target.framing is not None:
            places.append((("target", "framing"), migration.target.framing))
        for path, framing in places:
            yield from self.framing(path, framing)
        source = migration.source
        if source.framing.kind == "none" and source.version is None:
            message = "without a framing the migration must say which version every record has"
            yield self.wrong(("source", "framing"), message, 'add version = "v1" to source')
        if source.framing.kind != "none" and source.version is not None:
            message = f"the framing {source.framing.kind} already says each record's version"
            yield self.wrong(("source", "version"), message, 'remove it, or write framing = "none"')
        reverse = migration.reverse
        if source.framing.kind == "none" and source.version and reverse and source.version != reverse.version:
            message = f"without a framing the old topic holds one version, {label(source.version)}"
            yield self.wrong(("reverse", "version"), message, f"write {label(source.version)}")

    def framing(self, path: KeyPath, framing: FramingSettings) -> Iterator[Finding]:
        several = len(self.migration.subjects) > 1
        if framing.kind == "none" and several:
            message = "without a framing nothing says which of several subjects a record is of"
            yield self.wrong(path, message, "name one subject, or choose a framing that names it")
        if framing.kind == "version-header" and several and framing.subject_header is None:
            yield self.wrong(path, "several subjects need a header that names them", 'add subject_header = "..."')
        if framing.kind == "payload-field":
            if several and framing.subject_field is None:
                yield self.wrong(path, "several subjects need a field that names them", 'add subject_field = "..."')
            for name in self.migration.subjects:
                if name in self.catalogue and self.catalogue[name].kind == "avro":
                    message = f"{name} is Avro, whose payload cannot be read before its version is known"
                    yield self.wrong(path, message, "choose registry-prefix, registry-header or version-header")

    def ways(self) -> Iterator[Finding]:
        """Is there a way back? A missing hop is found with the subject; a one-way hop is only wrong for this."""
        reverse = self.migration.reverse
        if reverse is None:
            return
        target = self.migration.target.version
        for name in self.migration.subjects:
            if name not in self.catalogue:
                continue
            subject = self.catalogue[name]
            steps = range(reverse.version, target)
            if target not in subject.versions or any(version not in subject.hops for version in steps):
                continue
            way = subject.chain(target, reverse.version)
            if isinstance(way, Rejected):
                one_way = [subject.hops[version].file for version in steps if subject.hops[version].one_way]
                remedy = f"give {', '.join(one_way)} a way down, or name a higher version" if one_way else way.message
                message = f"{name} has no way down from {label(target)} to {label(reverse.version)}"
                yield self.wrong(("reverse", "version"), message, remedy, subject=name)
