"""The catalogue of a project's subjects, from the folders ``schemas/`` and ``upcasters/``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from instar.core.finding import Finding
from instar.core.subject import Catalogue, SubjectParts, build_catalogue
from instar.project import hops, schema_files
from instar.project.examples import read_examples
from instar.project.hops import HopFile, read_hops
from instar.project.model import did_you_mean
from instar.project.schema_files import SchemaFile, read_schemas
from instar.project.sensitive import misspelt_sensitive
from instar.project.subject_file import NAME as SUBJECT_FILE
from instar.project.subject_file import SubjectFile, read_subject_file
from instar.project.toml_lines import TomlLines

_SUBJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,248}\Z")


@dataclass(frozen=True, slots=True)
class SubjectSource:
    """The files that a subject was read from. ``hops`` is keyed by the version that a hop leads up from."""

    name: str
    notes: SubjectFile
    schemas: Mapping[int, SchemaFile] = field(repr=False)
    hops: Mapping[int, HopFile] = field(repr=False)
    lines: TomlLines = field(repr=False)
    unreadable: frozenset[int] = frozenset()  # versions whose file is there and does not parse


@dataclass(frozen=True, slots=True)
class Read:
    """A catalogue, where it came from, and everything that is wrong with it."""

    catalogue: Catalogue
    sources: Mapping[str, SubjectSource]
    findings: tuple[Finding, ...]


def subject_names(root: Path) -> list[str]:
    """Every folder of ``schemas/`` is a subject, but for hidden ones and those that begin with ``_``."""
    folder = root / schema_files.FOLDER
    if not folder.is_dir():
        return []
    return sorted(each.name for each in folder.iterdir() if each.is_dir() and each.name[0] not in "._")


def read_catalogue(root: Path) -> Read:
    """Read every subject of a project. Nothing is raised for what an author wrote: all of it becomes findings."""
    found: list[Finding] = []
    sources: dict[str, SubjectSource] = {}
    parts: list[SubjectParts] = []
    names = subject_names(root)
    for name in names:
        if _SUBJECT.match(name):
            part, source, findings = _read_subject(root, name)
            found += findings
            parts.append(part)
            sources[name] = source
        else:
            message = f"{name!r} cannot be the name of a subject"
            remedy = "use letters, digits, . - and _, beginning with a letter or digit"
            found.append(Finding("subject-misnamed", message, remedy, file=f"{schema_files.FOLDER}/{name}"))
    found += _hops_without_subject(root, names)
    catalogue, findings = build_catalogue(parts)
    findings = [_with_line(finding, sources) for finding in findings]
    flagged = {(finding.subject, finding.path) for finding in findings}
    for name, subject in catalogue.subjects.items():
        if not sources[name].unreadable:  # else it may be a field of that version
            warnings = misspelt_sensitive(subject, sources[name].lines)
            findings += [each for each in warnings if (name, each.path) not in flagged]
    # What all subjects share is found once for each of them.
    return Read(catalogue, sources, tuple(dict.fromkeys([*found, *findings])))


def _with_line(finding: Finding, sources: Mapping[str, SubjectSource]) -> Finding:
    """What the core finds about a field that subject.toml calls sensitive, at its line there."""
    source = sources.get(finding.subject or "")
    if source is None or finding.line is not None or finding.path not in source.notes.sensitive:
        return finding
    if finding.file != f"{schema_files.FOLDER}/{source.name}/{SUBJECT_FILE}":
        return finding
    return replace(finding, line=source.lines.line_of(("sensitive", source.notes.sensitive.index(finding.path))))


def _read_subject(root: Path, name: str) -> tuple[SubjectParts, SubjectSource, list[Finding]]:
    found: list[Finding] = []
    folder = root / schema_files.FOLDER / name
    read = read_subject_file(folder, f"{schema_files.FOLDER}/{name}/{SUBJECT_FILE}")
    if isinstance(read, list):
        found += read
        notes, lines = SubjectFile(), TomlLines("")
    else:
        notes, lines = read
    schemas = read_schemas(root, name, notes.unknown)
    found += schemas.findings
    found += _notes_without_version(name, notes, lines, schemas.schemas.keys() | schemas.unreadable)
    parsed = {version: each.schema for version, each in schemas.schemas.items()}
    examples, findings = read_examples(root, name, parsed, schemas.unreadable)
    found += findings
    hop_folder = read_hops(root, name)
    found += hop_folder.findings
    part = SubjectParts(
        name=name,
        schemas=tuple(parsed.items()),
        hops=tuple(file.hop for file in hop_folder.files),
        owner=notes.owner,
        contact=notes.contact,
        compatibility=notes.compatibility,
        sensitive=notes.sensitive,
        unknown=notes.unknown,
        examples=examples,
        unreadable=frozenset(schemas.unreadable),
        unreadable_hops=frozenset(hop_folder.unreadable),
    )
    by_start = {file.hop.from_version: file for file in hop_folder.files}
    source = SubjectSource(name, notes, schemas.schemas, by_start, lines, part.unreadable)
    return part, source, found


def _notes_without_version(name: str, notes: SubjectFile, lines: TomlLines, versions: set[int]) -> list[Finding]:
    known = {f"v{version}" for version in versions}
    return [
        Finding(
            code="subject",
            message=f"`versions.{each}` says something about a version that {name} does not have",
            remedy=did_you_mean(each, known),
            file=f"{schema_files.FOLDER}/{name}/{SUBJECT_FILE}",
            line=lines.line_of(("versions", each)),
            subject=name,
        )
        for each in notes.versions
        if each not in known
    ]


def _hops_without_subject(root: Path, names: list[str]) -> list[Finding]:
    folder = root / hops.FOLDER
    if not folder.is_dir():
        return []
    found = []
    for each in sorted(folder.iterdir()):
        file = each.relative_to(root).as_posix()
        if each.name[0] in "._":
            continue
        if each.is_dir() and each.name not in names and any(each.glob("*.py")):
            message = f"{file} has hops, but there is no subject of that name in {schema_files.FOLDER}/"
            found.append(Finding("hop-without-subject", message, did_you_mean(each.name, names), file=file))
        elif each.is_file() and each.suffix == ".py":
            message = f"{file} is not in a subject's folder, so that it never runs"
            remedy = f"move it to {hops.FOLDER}/SUBJECT/{each.name}"
            found.append(Finding("hop-without-subject", message, remedy, file=file))
    return found
