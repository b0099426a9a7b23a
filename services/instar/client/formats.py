"""Where schemas and hops come from: a project's folder, or an installed pack."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, get_args

from instar.client.errors import SetupError
from instar.core.finding import Finding
from instar.core.subject import Subject
from instar.project.environment import FILES
from instar.project.late import Unresolved
from instar.project.lock import VersionKey
from instar.project.migration import FramingSettings
from instar.project.model import did_you_mean
from instar.project.pack import Pack, PackBroken, TopicFraming, open_pack, topic_framings
from instar.project.project import load_project
from instar.project.settings import NoSuchEnvironment
from instar.project.subject_file import SubjectFile
from instar.registry.naming import Strategy


@dataclass(frozen=True, slots=True)
class Formats:
    """What the deserializer and the serializer need of a project.

    ``origin`` names it for people. ``ids`` is what instar.lock says of the registry's ids; ``registry`` are the
    registry client's settings. ``topics`` says how the records of each migration's topics are framed.
    """

    origin: str
    subjects: Mapping[str, Subject]
    documents: Mapping[VersionKey, str] = field(repr=False)
    notes: Mapping[str, SubjectFile] = field(repr=False)
    ids: Mapping[int, VersionKey] = field(repr=False)
    registry: Mapping[str, Any] = field(repr=False)
    topics: Mapping[str, TopicFraming] = field(repr=False)
    strategy: Strategy = "topic"

    @classmethod
    def from_project(cls, root: Path, subjects: Iterable[str], environment: str | None) -> Self:
        """Raises ``SetupError`` where the folder is no project, or something is wrong with one of the subjects."""
        if not root.is_dir():
            raise SetupError(f"{root} is not a folder.", remedy="Name the folder of an instar project.")
        try:
            project = load_project(root, environment)
            registry = project.environment.registry_config(os.environ, project.root)
        except (NoSuchEnvironment, Unresolved) as problem:
            raise SetupError(f"{root}: {problem}.", remedy=problem.remedy) from problem
        names = _known(subjects, project.catalogue.subjects, str(root), project.errors)
        # What is wrong with a migration is not this program's concern; its settings are read for framings alone.
        wrong = [each for each in project.errors if each.subject in names or each.file in ("instar.toml", None)]
        _refuse(wrong, str(root))
        return cls(
            origin=str(root),
            subjects={name: project.catalogue[name] for name in names},
            documents=_documents(names, project.catalogue.subjects, project.document),
            notes={name: project.sources[name].notes for name in names},
            ids=project.lock.ids_of(project.registry_name),
            registry=registry,
            topics=topic_framings(project.settings.migrations),
            strategy=project.environment.registry.strategy,
        )

    @classmethod
    def from_pack(
        cls,
        name: str,
        subjects: Iterable[str],
        environment: str | None,
        registry: Mapping[str, Any] | None,
        fingerprint: str | None,
    ) -> Self:
        """Raises ``SetupError`` where there is no such pack, or its files are not those it was built from."""
        try:
            pack = open_pack(name, fingerprint)
        except PackBroken as problem:
            raise SetupError(str(problem), remedy=problem.remedy) from problem
        names = _known(subjects, pack.catalogue.subjects, f"the pack {name}", pack.errors)
        _refuse([each for each in pack.errors if each.subject in (*names, None)], f"the pack {name}")
        settings = {"url": FILES} if registry is None else dict(registry)
        strategy: Any = settings.pop("strategy", "topic")
        if strategy not in get_args(Strategy):
            known = ", ".join(get_args(Strategy))
            raise SetupError(f"{strategy!r} is not a naming strategy.", remedy=f"It is one of {known}.")
        return cls(
            origin=f"the pack {name} {pack.version}",
            subjects={each: pack.catalogue[each] for each in names},
            documents=_documents(names, pack.catalogue.subjects, pack.document),
            notes={each: pack.sources[each].notes for each in names},
            ids=_ids_of(pack, environment, settings),
            registry=settings,
            topics=pack.topics,
            strategy=strategy,
        )

    def framing_of(self, topic: str) -> TopicFraming:
        """How the records of a topic are framed: as a migration says, else with the registry's prefix."""
        return self.topics.get(topic) or TopicFraming(FramingSettings(kind="registry-prefix"), None)


def _known(
    wanted: Iterable[str], subjects: Mapping[str, Subject], origin: str, errors: tuple[Finding, ...]
) -> tuple[str, ...]:
    names = tuple(wanted)
    for name in names:
        if name not in subjects:
            _refuse([each for each in errors if each.subject == name], origin)
            raise SetupError(f"{origin} has no subject {name!r}.", remedy=did_you_mean(name, subjects))
    return names


def _refuse(errors: list[Finding], origin: str) -> None:
    if errors:
        first = errors[0]
        where = f" ({first.file}{f':{first.line}' if first.line else ''})" if first.file else ""
        raise SetupError(
            f"{origin} has {len(errors)} error{'s'[: len(errors) != 1]}, the first: {first.message}{where}.",
            remedy=f"{first.remedy}; `instar check` shows all of them.",
        )


def _documents(
    names: Iterable[str], subjects: Mapping[str, Subject], document: Callable[[str, int], str]
) -> dict[VersionKey, str]:
    return {(name, version): document(name, version) for name in names for version in subjects[name].versions}


def _ids_of(pack: Pack, environment: str | None, registry: Mapping[str, Any]) -> Mapping[int, VersionKey]:
    """The ids that the pack's lock has of one registry: the environment's, or of the only one that it knows."""
    if registry.get("url") == FILES:
        return pack.lock.ids_of(FILES)
    known = sorted(each for each in pack.lock.ids if each != FILES)
    if environment is not None:
        return pack.lock.ids_of(environment)
    if len(known) > 1:
        raise SetupError(
            f"The pack {pack.name} has registry ids of several environments: {', '.join(known)}.",
            remedy="Say which one this registry is: environment=...",
        )
    return pack.lock.ids_of(known[0]) if known else {}
