"""How to read a topic: from the migrations that name it, or from what was asked."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError

from instar.core import dead_letter
from instar.core.formats.framing import SchemaGuid, SchemaId
from instar.core.provenance import Direction
from instar.core.reading import Read, Reader
from instar.core.record import Record
from instar.core.rejected import Rejected
from instar.core.subject import Subject
from instar.core.version import label, parse_label
from instar.operations.failure import USAGE, Failure, NotThere, fail
from instar.operations.scope import NO_MIGRATION, subject_of
from instar.project.late import Unresolved
from instar.project.migration import FramingSettings, Migration
from instar.project.model import did_you_mean, nearest
from instar.project.project import Project
from instar.registry.connect import connect
from instar.registry.identify import Identity
from instar.registry.port import Withdrawing

Role = Literal["source", "target", "dead letters"]
_DETAIL = {"registry-header": "header", "version-header": "header", "payload-field": "field", "none": "version"}
_KINDS = ("registry-prefix", *_DETAIL)


@dataclass(frozen=True, slots=True)
class Use:
    """One migration's use of a topic."""

    name: str
    migration: Migration
    role: Role


@dataclass(frozen=True, slots=True)
class TopicReader:
    """Reads a topic's records. ``uses`` are the migrations that name it.

    ``readers`` holds how records of a migration's source ("up") and target ("down") are framed; a topic of dead
    letters has both, any other topic the same one twice.
    """

    readers: Mapping[Direction, Reader]
    uses: tuple[Use, ...]

    @property
    def subjects(self) -> Mapping[str, Subject]:
        return self.readers["up"].subjects

    def read(self, record: Record) -> Read | Rejected | None:
        """What the record is; None for a tombstone. A dead letter is read as the record that it was."""
        if record.value is None:
            return None
        letter = dead_letter.parse(record.headers)
        if letter is None:
            return self.readers["up"].read(record.value, record.headers)
        verdict, headers = letter
        return self.readers["down" if verdict.direction == "down" else "up"].read(record.value, headers)


def topic_reader(
    project: Project, topic: str, *, subject: str | None, framing: str | None, migration: str | None
) -> TopicReader:
    """Fails where it is not clear how to read the topic. The registry is asked when the first id needs it."""
    uses = _uses(project, topic, migration)
    if framing is not None or not uses:
        if framing is None:
            fail(
                f"No migration in the settings names the topic {topic!r}, so nothing says how to read it.",
                "Name it in a migration, or give a command --framing (and --subject), as in --framing registry-prefix.",
                USAGE,
            )
        names = [subject] if subject else sorted(project.catalogue.subjects)
        settings, version = _framing(framing)
        reader = _reader(project, names, settings, version)
        return TopicReader({"up": reader, "down": reader}, uses)
    framings = {_sides(use)["up"] for use in uses} | {_sides(use)["down"] for use in uses if use.role == "dead letters"}
    if len(uses) > 1 and len(framings) > 1:
        owners = ", ".join(use.name for use in uses)
        fail(f"{topic} is a topic of {owners}, which frame it differently.", "Say which with --migration.", USAGE)
    names = [subject] if subject else sorted({name for use in uses for name in use.migration.subjects})
    sides = _sides(uses[0])
    readers: dict[Direction, Reader] = {
        direction: _reader(project, names, settings, version) for direction, (settings, version) in sides.items()
    }
    return TopicReader(readers, uses)


def _uses(project: Project, topic: str, migration: str | None) -> tuple[Use, ...]:
    migrations = project.settings.migrations
    if migration is not None and migration not in migrations:
        remedy = did_you_mean(migration, migrations, NO_MIGRATION)
        raise NotThere(f"The settings have no migration {migration!r}.", remedy, USAGE)
    found: list[Use] = []
    for name, each in migrations.items():
        roles: dict[str, Role] = {
            each.dead_letter_topic: "dead letters",
            each.target.topic: "target",
            each.source.topic: "source",
        }
        if topic in roles and migration in (None, name):
            found.append(Use(name, each, roles[topic]))
    if migration is not None and not found:
        fail(f"Migration {migration} does not name the topic {topic!r}.", "Leave --migration out.", USAGE)
    return tuple(found)


def _sides(use: Use) -> dict[Direction, tuple[FramingSettings, int | None]]:
    """The framing of what stands in the topic, by the direction in which a bridge would take it away."""
    each = use.migration
    source = (each.source.framing, each.source.version)
    target = (each.target_framing, each.target.version)
    match use.role:
        case "source":
            return {"up": source, "down": source}
        case "target":
            return {"up": target, "down": target}
        case "dead letters":
            return {"up": source, "down": target}


def _reader(project: Project, names: list[str], settings: FramingSettings, version: int | None) -> Reader:
    subjects = {name: subject_of(project, name) for name in names}
    sole = names[0] if len(names) == 1 else None
    return Reader(settings.build(version=version, subject=sole), subjects, _LazyIdentity(project, subjects))


class _LazyIdentity:
    """Asks the registry, which is connected when the first record needs it."""

    def __init__(self, project: Project, subjects: Mapping[str, Subject]) -> None:
        self._project = project
        self._subjects = subjects
        self._identity: Identity | None = None

    def __call__(self, identity: SchemaId | SchemaGuid) -> tuple[str, int] | Rejected:
        if self._identity is None:
            registry = open_registry(self._project)
            self._identity = Identity(registry, self._project.ids(), self._subjects.values())
        return self._identity.version_of(identity)


def open_registry(project: Project) -> Withdrawing:
    """The environment's registry. Raises ``RegistryRefused`` for settings that cannot work."""
    try:
        config = project.environment.registry_config(os.environ, project.root)
    except Unresolved as problem:
        raise Failure(str(problem), problem.remedy) from problem
    schemas = project.schemas()
    documents = {key: project.document(*key) for key in schemas}
    return connect(config, ids=project.ids(), schemas=schemas, documents=documents)


def _framing(text: str) -> tuple[FramingSettings, int | None]:
    """``KIND`` or ``KIND:NAME``."""
    kind, _, detail = text.partition(":")
    if kind not in _KINDS:
        close = nearest(kind, _KINDS)
        fail(
            f"--framing {kind} is not a framing.",
            f"did you mean {close}?" if close else f"It is one of {', '.join(_KINDS)}.",
            USAGE,
        )
    key = _DETAIL.get(kind)
    if kind == "none":
        version = parse_label(detail)
        if version is None:
            fail("--framing none needs the version that every record has.", "Write it behind: none:v1", USAGE)
        return FramingSettings(kind="none"), version
    document = {"kind": kind} | ({key: detail} if key and detail else {})
    if detail and key is None:
        fail(f"--framing {kind} takes no name, found {detail!r}.", f"Write --framing {kind}.", USAGE)
    try:
        return FramingSettings.model_validate(document), None
    except ValidationError as error:
        raise Failure(f"--framing {text}: a name is missing.", f"Write --framing {kind}:NAME.", USAGE) from error


def version_of(reader: TopicReader) -> Callable[[Record], str]:
    """A record's subject and version in words, for counting."""

    def version(record: Record) -> str:
        read = reader.read(record)
        if read is None:
            return "tombstone"
        return "unreadable" if isinstance(read, Rejected) else f"{read.subject.name} {label(read.version)}"

    return version
