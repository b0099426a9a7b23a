"""Which versions a registry has under which of its subjects, and adding those that it has not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from instar.core.version import label
from instar.project.migration import Migration
from instar.project.project import Project
from instar.registry.identify import Identity
from instar.registry.naming import value_subject
from instar.registry.port import Document, Registry


@dataclass(frozen=True, slots=True)
class Place:
    """A version under the name by which the registry knows it."""

    subject: str
    version: int
    registry_subject: str


@dataclass(frozen=True, slots=True)
class State:
    """``id`` is None where the registry does not have the version there."""

    place: Place
    id: int | None


def places(
    project: Project,
    subject: str,
    versions: Iterable[int],
    topics: Sequence[str] | None,
    migrations: Iterable[Migration],
) -> list[Place]:
    """Where versions belong. The folder as a registry has no topics.

    Without ``topics``: the target version at each migration's target, and what the reverse bridge writes at its source.
    """
    wanted = sorted(set(versions))
    if project.environment.registry.is_files:
        return [Place(subject, version, subject) for version in wanted]
    pairs: list[tuple[str, int]] = []
    if topics is not None:
        pairs = [(topic, version) for topic in topics for version in wanted]
    else:
        for each in migrations:
            if subject not in each.subjects:
                continue
            if each.reverse is not None and each.reverse.version in wanted:
                pairs.append((each.source.topic, each.reverse.version))
            if each.target.version in wanted:
                pairs.append((each.target.topic, each.target.version))
    found = [Place(subject, version, _name(project, subject, version, topic)) for topic, version in pairs]
    return list(dict.fromkeys(found))


def _name(project: Project, subject: str, version: int, topic: str) -> str:
    record = getattr(project.catalogue[subject].versions[version].shape, "name", None) or subject
    return value_subject(project.environment.registry.strategy, topic=topic, record=record)


def states(project: Project, registry: Registry, wanted: Iterable[Place]) -> list[State]:
    """What the registry has of it. Raises what the registry raises."""
    return [State(place, registry.id_of(place.registry_subject, _document(project, place))) for place in wanted]


def _document(project: Project, place: Place) -> Document:
    kind = project.catalogue[place.subject].kind
    return Document(kind, project.document(place.subject, place.version))


def register(project: Project, registry: Registry, wanted: Iterable[Place]) -> list[State]:
    """Add what is missing, in the order of versions, and note every id in instar.lock. Raises what the registry raises.

    Stops at the first refusal: what came before is registered and noted.
    """
    identity = Identity(registry, project.ids(), project.catalogue.subjects.values())
    return [
        State(
            place,
            identity.id_for(
                place.subject,
                place.version,
                project.document(place.subject, place.version),
                place.registry_subject,
                register=True,
            ),
        )
        for place in wanted
    ]


def row(state: State) -> dict[str, object]:
    return {
        "subject": state.place.subject,
        "version": label(state.place.version),
        "registry_subject": state.place.registry_subject,
        "id": state.id,
        "state": "missing" if state.id is None else "registered",
    }
