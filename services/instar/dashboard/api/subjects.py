"""Subjects, their versions, what changed between them, and the way from one to another."""

from typing import Any

import orjson
from fastapi import APIRouter
from pydantic import BaseModel

from instar.core.compat.diff_document import between, document
from instar.core.rejected import Rejected
from instar.core.scaffolding.graph import lane, row
from instar.core.subject import Subject
from instar.core.upcasting.program_document import program_document
from instar.core.version import label
from instar.dashboard.api.document import (
    Cursor,
    Document,
    FromVersion,
    Limit,
    Page,
    SubjectName,
    ToVersion,
    problems,
)
from instar.dashboard.paging import DEFAULT_LIMIT, page
from instar.dashboard.problems import Problem, not_found, unfit
from instar.dashboard.site import OfSite, Site, Viewer
from instar.dashboard.views.mix import mix_of
from instar.operations.scope import subject_of, version_of
from instar.project.subject_file import deprecation_of

router = APIRouter(prefix="/subjects", tags=["subjects"])


@router.get("", response_model=Page, responses=problems())
def list_subjects(site: OfSite, _: Viewer, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Document:
    """The project's subjects, by name."""
    subjects = [_subject(site, subject) for _, subject in sorted(site.project.catalogue.subjects.items())]
    return Document(page(subjects, limit, cursor))


@router.get("/{subject}", responses=problems(404, 409))
def one_subject(site: OfSite, _: Viewer, subject: SubjectName) -> Document:
    """A subject with its versions, and the hops between them."""
    found = subject_of(site.project, subject)
    drawn = lane(found)
    hops = [row(drawn, edge) for edge in drawn.edges]
    versions = [version_document(site, found, version) for version in sorted(found.versions)]
    return Document(_subject(site, found) | {"versions": versions, "hops": hops})


@router.get("/{subject}/versions", response_model=Page, responses=problems(404, 409))
def list_versions(
    site: OfSite, _: Viewer, subject: SubjectName, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Document:
    """A subject's versions, from the first on."""
    found = subject_of(site.project, subject)
    items = [version_document(site, found, version) for version in sorted(found.versions)]
    return Document(page(items, limit, cursor, lambda item: f"{int(item['version'][1:]):09}"))


@router.get("/{subject}/versions/{version}", responses=problems(404, 409))
def one_version(site: OfSite, _: Viewer, subject: SubjectName, version: str) -> Document:
    """One version, with its whole schema."""
    found = subject_of(site.project, subject)
    number = version_of(found, version)
    schema = orjson.loads(site.project.document(found.name, number))
    return Document(version_document(site, found, number) | {"schema": schema})


@router.get("/{subject}/deprecations", response_model=Page, responses=problems(404, 409))
def deprecations(site: OfSite, _: Viewer, subject: SubjectName) -> Document:
    """The versions whose end is announced."""
    found = subject_of(site.project, subject)
    versions = [version_document(site, found, version) for version in sorted(found.versions)]
    return Document({"items": [each for each in versions if each["deprecated"]], "next": None})


class MixStep(BaseModel):
    """Records by version from a moment on (milliseconds since 1970 UTC), for ``step_ms``."""

    start_ms: int
    records: dict[str, int]


class TopicMix(BaseModel):
    topic: str
    step_ms: int
    steps: list[MixStep]


class SubjectMix(BaseModel):
    """``known`` is false where the census could not be read, and ``why`` says why there is nothing."""

    subject: str
    known: bool
    why: str
    remedy: str
    topics: list[TopicMix]


@router.get("/{subject}/mix", response_model=SubjectMix, responses=problems(404, 409))
def mix(site: OfSite, _: Viewer, subject: SubjectName) -> Document:
    """The versions that the records of its topics had over the last 24 hours, as workers told the census."""
    found = mix_of(site.project, site.watcher.seen, subject_of(site.project, subject).name)
    topics = [
        {"topic": trend.topic, "step_ms": trend.step_ms, "steps": [each._asdict() for each in trend.steps]}
        for trend in found.trends
    ]
    known = site.watcher.seen.programs.census is not None
    said = {"subject": subject, "known": known, "why": found.why, "remedy": found.remedy, "topics": topics}
    return Document(said)


@router.get("/{subject}/diff", responses=problems(404, 409))
def differences(site: OfSite, _: Viewer, subject: SubjectName, from_: FromVersion, to: ToVersion) -> Document:
    """What a later version changed, field by field, with its risk and what it means for old readers and writers."""
    found = subject_of(site.project, subject)
    start, end = span(found, from_, to)
    made, hops = between(found, start, end)
    return Document(document(found, start, end, made, hops))


@router.get("/{subject}/chain", responses=problems(404, 409))
def chain(site: OfSite, _: Viewer, subject: SubjectName, from_: FromVersion, to: ToVersion) -> Document:
    """The hops from one version to any other, in the order in which they run, and what is lost on the way."""
    said = program_of(site, subject, from_, to)
    for hop in said["hops"]:
        del hop["changes"], hop["portable"]
    del said["portable"], said["format"]
    return Document(said)


@router.get("/{subject}/program", responses=problems(404, 409))
def program(site: OfSite, _: Viewer, subject: SubjectName, from_: FromVersion, to: ToVersion) -> Document:
    """The hops as data, for executors in other languages. Functions are named and never shown."""
    return Document(program_of(site, subject, from_, to))


def program_of(site: Site, subject: str, from_: str, to: str) -> dict[str, Any]:
    """The program's document. Raises ``Problem`` where no way leads there."""
    found = subject_of(site.project, subject)
    way = found.chain(version_of(found, from_), version_of(found, to))
    if isinstance(way, Rejected):
        raise Problem(409, way.code, f"{way.message}.", "`instar check` shows the hops.", hop=way.hop)
    return program_document(way)


def span(subject: Subject, from_: str, to: str) -> tuple[int, int]:
    """Two versions, the earlier one first. Raises ``Problem``."""
    start, end = version_of(subject, from_), version_of(subject, to)
    if start >= end:
        raise unfit("The earlier version comes first.", f"Ask for from={to}&to={from_}.")
    missing = [version for version in range(start, end) if version not in subject.versions]
    if missing:
        raise not_found(f"{subject.name} has no {label(missing[0])} between them.", "`instar check` says more.")
    return start, end


def _subject(site: Site, subject: Subject) -> dict[str, Any]:
    notes = site.project.sources[subject.name].notes
    return {
        "name": subject.name,
        "kind": subject.kind,
        "latest": label(subject.latest),
        "owner": subject.owner,
        "contact": subject.contact,
        "description": notes.description,
        "compatibility": subject.compatibility,
        "sensitive": list(subject.sensitive),
    }


def version_document(site: Site, subject: Subject, version: int) -> dict[str, Any]:
    """A version, what it is called elsewhere, and whether its end is announced."""
    source = site.project.sources[subject.name]
    known = source.notes.versions.get(label(version))
    ends = deprecation_of(source.notes, version)
    ids = site.project.lock.ids_of(site.project.registry_name)
    return {
        "version": label(version),
        "tag": known.tag if known else "",
        "description": known.description if known else "",
        "fingerprint": subject.versions[version].fingerprint,
        "ids": sorted(number for number, owner in ids.items() if owner == (subject.name, version)),
        "deprecated": ends is not None,
        "reason": ends.reason if ends else "",
        "sunset": ends.sunset.isoformat() if ends and ends.sunset else None,
        "file": source.schemas[version].file,
    }
