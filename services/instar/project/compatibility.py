"""``instar schema check``: which versions are held against which, from the folder and, if asked, from a commit."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from instar.core.compat.json_schema import Policy
from instar.core.compat.versions import Compared, Edition, Judged, Mode, compare, earlier, with_line
from instar.core.finding import Finding
from instar.core.version import label
from instar.project.catalogue import SubjectSource
from instar.project.git_ref import schemas_at
from instar.project.json_lines import line_of_pointer
from instar.project.project import Project
from instar.project.schema_files import FOLDER, SchemaFile, raw_document, read_schemas
from instar.project.subject_file import SubjectFile, read_subject_file


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of one subject compared, and what it found."""

    subject: str
    mode: Mode
    policy: Policy
    pairs: tuple[Compared, ...]
    findings: tuple[Finding, ...]

    @property
    def is_compatible(self) -> bool:
        return not any(finding.severity == "error" for finding in self.findings)


def policy_of(notes: SubjectFile) -> Policy:
    """Lenient where readers ignore what they do not know, which is what ``unknown = "keep"`` says."""
    return "strict" if notes.unknown == "reject" else "lenient"


def check_subject(project: Project, name: str, *, mode: Mode | None = None, policy: Policy | None = None) -> Checked:
    """Hold the newest version against the one before it; against all before it where the mode is transitive."""
    source = project.sources[name]
    mode, policy = mode or source.notes.compatibility, policy or policy_of(source.notes)
    newest = max(source.schemas, default=0)
    pairs = [
        _with_earlier(project, source, newest, other, mode, policy) for other in earlier(newest, source.schemas, mode)
    ]
    return _checked(project.root, name, mode, policy, pairs)


def check_against(
    project: Project, names: Iterable[str], ref: str, *, mode: Mode | None = None, policy: Policy | None = None
) -> list[Checked]:
    """Hold what is new or changed since a commit against what was there. Raises ``git_ref.NoSuchRef``.

    A version that is new is compared as always. One that was there and reads otherwise now is compared with itself as
    it was, both ways, whatever the mode: its number is in use. One that is gone is an error.
    """
    with schemas_at(project.root, ref) as folder:
        return [_against(project, folder, name, ref, mode, policy) for name in names]


def gone_subjects(project: Project, ref: str) -> list[Finding]:
    """Subjects that a commit has and the folder has not. Raises ``git_ref.NoSuchRef``."""
    with schemas_at(project.root, ref) as folder:
        there = folder / FOLDER
        names = sorted(each.name for each in there.iterdir() if each.is_dir()) if there.is_dir() else []
    return [
        _gone(name, f"the subject {name} is gone, and {ref} has it")
        for name in names
        if name[0] not in "._" and name not in project.sources
    ]


def _against(project: Project, folder: Path, name: str, ref: str, mode: Mode | None, policy: Policy | None) -> Checked:
    source = project.sources[name]
    mode, policy = mode or source.notes.compatibility, policy or policy_of(source.notes)
    before = _schemas_before(folder, name)
    pairs: list[Compared] = []
    for version, schema in sorted(source.schemas.items()):
        was = before.get(version)
        if was is None:
            pairs += [
                _with_earlier(project, source, version, other, mode, policy)
                for other in earlier(version, source.schemas, mode)
            ]
        elif was.schema.fingerprint != schema.schema.fingerprint:
            older = _edition(folder, name, f"{label(version)} of {ref}", was)
            newer = _edition(project.root, name, label(version), schema)
            pairs.append(compare(older, newer, "full", policy, subject=name))
    gone = [
        _gone(name, f"{label(version)} of {name} is gone, and {ref} has it")
        for version in sorted(before)
        if version not in source.schemas and version not in source.unreadable
    ]
    checked = _checked(project.root, name, mode, policy, pairs)
    return replace(checked, findings=(*gone, *checked.findings))


def _schemas_before(folder: Path, name: str) -> dict[int, SchemaFile]:
    """What does not parse there was no version that anybody could use."""
    if not (folder / FOLDER / name).is_dir():
        return {}
    notes = read_subject_file(folder / FOLDER / name, name)
    unknown = "keep" if isinstance(notes, list) else notes[0].unknown
    return read_schemas(folder, name, unknown).schemas


def _with_earlier(
    project: Project, source: SubjectSource, version: int, other: int, mode: Mode, policy: Policy
) -> Compared:
    older = _edition(project.root, source.name, label(other), source.schemas[other])
    newer = _edition(project.root, source.name, label(version), source.schemas[version])
    return compare(older, newer, mode, policy, subject=source.name)


def _edition(root: Path, subject: str, name: str, schema: SchemaFile) -> Edition:
    raw = raw_document(root, subject, schema.file) if schema.schema.kind == "json" else None
    document, others = raw or (None, {})
    return Edition(name, schema.schema.kind, schema.document, schema.file, document, others)


def _checked(root: Path, name: str, mode: Mode, policy: Policy, pairs: list[Compared]) -> Checked:
    findings = [finding for pair in pairs for finding in _placed(root, pair.found)]
    return Checked(name, mode, policy, tuple(pairs), tuple(dict.fromkeys(findings)))


def _placed(root: Path, found: Iterable[Judged]) -> Iterator[Finding]:
    """The findings in the file and at the line where their author finds them."""
    for each in found:
        file = each.finding.file or ""
        other, has_other, pointer = each.pointer.partition("#")
        if has_other and (root / file).parent.joinpath(other).is_file():
            file = (root / file).parent.joinpath(other).relative_to(root).as_posix()
        text = (root / file).read_text(encoding="utf-8-sig")
        yield replace(with_line(each, _line(text, pointer if has_other else each.pointer)), file=file)


def _line(text: str, pointer: str) -> int | None:
    """The line of the place, or of the nearest one around it that the file itself has: the rest may be a type's own
    file, or what a registry's self-contained document has inside."""
    while pointer:
        line = line_of_pointer(text, pointer)
        if line is not None:
            return line
        pointer = pointer.rpartition("/")[0]
    return None


def _gone(name: str, message: str) -> Finding:
    remedy = "take the file from version control: records that were written with it can no longer be read"
    return Finding("schema-gone", message, remedy, file=f"{FOLDER}/{name}", subject=name)
