"""Everything that ``instar check`` finds: what is read, what the laws say over samples, what the golden records say."""

from collections.abc import Iterator
from random import Random
from typing import Any

from instar.core.finding import Finding, Severity
from instar.core.formats.json_sample import NoSample
from instar.core.formats.schema import Schema
from instar.core.rejected import Rejected
from instar.core.subject import Subject
from instar.core.upcasting.golden import check_golden
from instar.core.upcasting.laws import check_laws
from instar.core.version import label
from instar.project.project import Project
from instar.project.schema_files import FOLDER
from instar.project.subject_file import NAME as SUBJECT_FILE
from instar.project.subject_file import deprecation_of

_RANK: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}


def check_project(project: Project, samples: int = 0, seed: int = 0) -> list[Finding]:
    """All findings of a project, the errors first.

    ``samples`` values are drawn from each schema and taken through every hop, both ways, beside the golden records.
    The same ``seed`` draws the same values. The user's functions run; nothing is written and no network is used.
    """
    found = list(project.findings)
    for subject in project.catalogue.subjects.values():
        found += _ambiguous_unions(project, subject)
        found += _deprecated(project, subject)
        found += check_golden(subject)
        found += _laws(project, subject, samples, seed)
    return sorted(dict.fromkeys(found), key=_order)


def _order(finding: Finding) -> tuple[int, str, int, str, str]:
    return (_RANK[finding.severity], finding.file or "", finding.line or 0, finding.code, finding.path or "")


def _laws(project: Project, subject: Subject, samples: int, seed: int) -> Iterator[Finding]:
    values: dict[int, list[Any]] = {}
    for version in sorted(subject.versions) if subject.hops else ():
        drawn, findings = _values(project, subject, version, samples, seed)
        values[version] = drawn
        yield from findings
    for hop in subject.hops.values():
        yield from check_laws(
            hop,
            subject.versions[hop.from_version],
            subject.versions[hop.to_version],
            values[hop.from_version],
            values[hop.to_version],
            sensitive=subject.sensitive,
        )


def _values(
    project: Project, subject: Subject, version: int, samples: int, seed: int
) -> tuple[list[Any], list[Finding]]:
    """The golden records of a version and values drawn from its schema."""
    schema = subject.versions[version]
    golden = (schema.decode(data) for (_, each), data in sorted(subject.examples.items()) if each == version)
    values = [value for value in golden if not isinstance(value, Rejected)]
    random = Random(f"{seed}/{subject.name}/{version}")
    try:
        values += [schema.sample(random) for _ in range(samples)]
    except NoSample as error:
        return values, [_no_sample(project, subject, version, error)]
    return values, []


def _no_sample(project: Project, subject: Subject, version: int, error: NoSample) -> Finding:
    return Finding(
        code="no-sample",
        message=f"no record can be drawn from {label(version)} of {subject.name}: {error}",
        remedy=f"add golden records: schemas/{subject.name}/examples/NAME.{label(version)}.json",
        severity="note",
        file=_file(project, subject, version),
        subject=subject.name,
    )


def _ambiguous_unions(project: Project, subject: Subject) -> Iterator[Finding]:
    for version, schema in sorted(subject.versions.items()):
        for path in _ambiguous(schema):
            yield Finding(
                code="ambiguous-union",
                message=f"a value of {path} does not say which branch of its union it is, so that a hop may change it",
                remedy="leave one of the branches out, or make them records of their own",
                severity="warning",
                file=_file(project, subject, version),
                path=path,
                subject=subject.name,
            )


def _deprecated(project: Project, subject: Subject) -> Iterator[Finding]:
    """What subject.toml says of versions that end, so that nobody finds out on the day."""
    source = project.sources[subject.name]
    for version in sorted(subject.versions):
        known = deprecation_of(source.notes, version)
        if known is not None:
            why = f": {known.reason}" if known.reason else ""
            yield Finding(
                code="deprecated",
                message=f"{label(version)} of {subject.name} is {known.short}{why}",
                remedy="let readers move on to a later version",
                severity="note",
                file=f"{FOLDER}/{subject.name}/{SUBJECT_FILE}",
                line=source.lines.line_of(("versions", label(version))),
                subject=subject.name,
            )


def _ambiguous(schema: Schema) -> tuple[str, ...]:
    """Only Avro has such unions; its schema lists them."""
    return tuple(getattr(schema, "ambiguous", ())) if schema.kind == "avro" else ()


def _file(project: Project, subject: Subject, version: int) -> str:
    return project.sources[subject.name].schemas[version].file
