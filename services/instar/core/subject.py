"""A subject: a family of records with versions and the hops between them. A catalogue: all subjects of a project.

Both are built from any iterable of schemas and hops, so that nothing here knows of files beyond their names.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Literal

from instar.core.finding import Finding
from instar.core.formats.schema import Kind, Schema
from instar.core.rejected import Rejected
from instar.core.upcasting.chain import Chain, chain
from instar.core.upcasting.hop import BoundHop, Hop, bind
from instar.core.upcasting.operation import Misfit
from instar.core.upcasting.pattern import absent_from, parse_pattern
from instar.core.upcasting.program import Program
from instar.core.version import label

Unknown = Literal["keep", "reject"]


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject whose hops are bound.

    ``hops`` is keyed by the version that a hop leads up from. ``sensitive`` are field paths, of any version, whose
    values are never shown and never carried in a header. ``examples`` are golden records, encoded, by the stem of
    their file's name and their version.
    """

    name: str
    kind: Kind
    versions: Mapping[int, Schema] = field(repr=False)
    hops: Mapping[int, BoundHop] = field(repr=False, default_factory=dict)
    owner: str = ""
    contact: str = ""
    compatibility: str = ""
    sensitive: tuple[str, ...] = ()
    unknown: Unknown = "keep"
    examples: Mapping[tuple[str, int], bytes] = field(repr=False, default_factory=dict)
    _chains: dict[tuple[int, int], Chain | Rejected] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )
    _programs: dict[tuple[int, int], Program] = field(init=False, repr=False, compare=False, default_factory=dict)

    @property
    def latest(self) -> int:
        """The highest version. ValueError for a subject without any, which ``build_subject`` never makes."""
        return max(self.versions)

    def chain(self, from_version: int, to_version: int) -> Chain | Rejected:
        """The chain between two versions, made once; see ``upcasting.chain.chain``."""
        key = (from_version, to_version)
        if key not in self._chains:
            self._chains[key] = chain(self, from_version, to_version)
        return self._chains[key]

    def program(self, from_version: int, to_version: int) -> Program | Rejected:
        """The program between two versions, made once."""
        key = (from_version, to_version)
        if key not in self._programs:
            way = self.chain(from_version, to_version)
            if isinstance(way, Rejected):
                return way
            self._programs[key] = Program(way, tuple(parse_pattern(path) for path in self.sensitive))
        return self._programs[key]


@dataclass(frozen=True, slots=True)
class SubjectParts:
    """What a subject is built from. ``schemas`` pairs each version with its schema."""

    name: str
    schemas: Iterable[tuple[int, Schema]]
    hops: Iterable[Hop] = ()
    owner: str = ""
    contact: str = ""
    compatibility: str = ""
    sensitive: tuple[str, ...] = ()
    unknown: Unknown = "keep"
    examples: Mapping[tuple[str, int], bytes] = field(default_factory=dict)
    unreadable: frozenset[int] = frozenset()  # versions whose schema is there but does not parse: found elsewhere
    unreadable_hops: frozenset[tuple[int, int]] = frozenset()  # likewise hops, by (from, to)


def build_subject(parts: SubjectParts) -> tuple[Subject | None, list[Finding]]:
    """Build a subject and find everything that is wrong with its structure, at once.

    The subject holds what is sound, so that it can be looked at; None when it has no version at all.
    """
    schemas, found = _schemas(parts)
    sensitive, sensitive_findings = _sensitive(parts, schemas)
    hops, hop_findings = _hops(parts, schemas)
    found += sensitive_findings + hop_findings
    if not schemas:
        return None, found
    bound: dict[int, BoundHop] = {}
    for from_version, hop in hops.items():
        result = bind(hop, schemas[hop.from_version], schemas[hop.to_version])
        if isinstance(result, BoundHop):
            bound[from_version] = result
            found += result.findings
        else:
            found += result
    subject = Subject(
        name=parts.name,
        kind=schemas[max(schemas)].kind,
        versions=schemas,
        hops=bound,
        owner=parts.owner,
        contact=parts.contact,
        compatibility=parts.compatibility,
        sensitive=sensitive,
        unknown=parts.unknown,
        examples=parts.examples,
    )
    return subject, found


def _schemas(parts: SubjectParts) -> tuple[dict[int, Schema], list[Finding]]:
    schemas: dict[int, Schema] = {}
    found: list[Finding] = []
    folder = f"schemas/{parts.name}"
    for version, schema in sorted(parts.schemas, key=lambda entry: entry[0]):
        if version in schemas:
            message = f"{parts.name} has two schemas for {label(version)}"
            remedy = f"keep one file for {label(version)} and delete or renumber the other"
            found.append(Finding("duplicate-version", message, remedy, file=folder, subject=parts.name))
        else:
            schemas[version] = schema
    if not schemas and not parts.unreadable:
        message = f"{parts.name} has no schema"
        remedy = f"add {folder}/v1.avsc (Avro) or {folder}/v1.json (JSON Schema)"
        found.append(Finding("no-version", message, remedy, file=folder, subject=parts.name))
    known = schemas.keys() | parts.unreadable
    for version in range(1, max(known, default=0)):
        if version not in known:
            message = (
                f"{parts.name} has {label(max(known))} but no {label(version)}: versions run without a gap from v1"
            )
            remedy = f"add the schema of {label(version)}, or renumber the later ones"
            found.append(Finding("missing-version", message, remedy, file=folder, subject=parts.name))
    kinds = {schema.kind for schema in schemas.values()}
    if len(kinds) > 1:
        message = f"{parts.name} mixes Avro and JSON Schema"
        remedy = "give the versions in the other format a subject of their own"
        found.append(Finding("mixed-kinds", message, remedy, file=folder, subject=parts.name))
    return schemas, found


def _sensitive(parts: SubjectParts, schemas: Mapping[int, Schema]) -> tuple[tuple[str, ...], list[Finding]]:
    """The sensitive fields, and those that no version has: one that is misspelt protects nothing."""
    good: list[str] = []
    found: list[Finding] = []
    file = f"schemas/{parts.name}/subject.toml"
    for path in parts.sensitive:
        try:
            pattern = parse_pattern(path)
        except Misfit as misfit:
            found.append(Finding(misfit.code, f"sensitive: {misfit.message}", misfit.remedy, file=file, path=path))
            continue
        good.append(path)
        absent = [absent_from(schema.shape, pattern) for schema in schemas.values()]
        if schemas and not parts.unreadable and None not in absent:
            names = {name for each in absent if each is not None for name in each[1]}
            near = get_close_matches(next(each[0] for each in absent if each is not None), names, n=1)
            message = f"{path} is called sensitive, and no version of {parts.name} has it: it protects nothing"
            remedy = f"did you mean {near[0]}?" if near else "write the field's path as a version's schema has it"
            found.append(Finding("unknown-field", message, remedy, file=file, path=path))
    return tuple(good), [replace(finding, subject=parts.name) for finding in found]


def _hops(parts: SubjectParts, schemas: Mapping[int, Schema]) -> tuple[dict[int, Hop], list[Finding]]:
    hops: dict[int, Hop] = {}
    found: list[Finding] = []
    skipping: set[int] = set()
    for hop in sorted(parts.hops, key=lambda hop: (hop.from_version, hop.to_version, hop.file)):
        problem = _misplaced(hop, parts, schemas)
        if problem is not None:
            found.append(problem)
            if hop.to_version > hop.from_version + 1:
                skipping |= set(range(hop.from_version, hop.to_version))
        elif hop.from_version in hops:
            message = f"two hops lead from {label(hop.from_version)} to {label(hop.to_version)} of {parts.name}"
            remedy = f"keep one; the other is {hops[hop.from_version].file}"
            found.append(Finding("duplicate-hop", message, remedy, file=hop.file, subject=parts.name))
        elif hop.from_version in schemas and hop.to_version in schemas:
            hops[hop.from_version] = hop
    known = schemas.keys() | parts.unreadable
    there = hops.keys() | {from_version for from_version, _ in parts.unreadable_hops}
    for version in sorted(known):
        follower = version + 1
        readable = version in schemas and follower in schemas
        if follower in known and version not in there and (readable or version in skipping):
            file = f"upcasters/{parts.name}/{label(version)}_to_{label(follower)}.py"
            message = f"no hop leads from {label(version)} to {label(follower)} of {parts.name}"
            remedy = f"add {file}, with changes = [...] or def upcast(record, context)"
            found.append(Finding("missing-hop", message, remedy, file=file, subject=parts.name))
    return hops, found


def _misplaced(hop: Hop, parts: SubjectParts, schemas: Mapping[int, Schema]) -> Finding | None:
    start, end = label(hop.from_version), label(hop.to_version)
    if hop.to_version <= hop.from_version:
        message = f"{hop.name} leads backwards: a hop's file is named for the way up and holds both ways"
        remedy = f"write it as the down direction of {end}_to_{start}.py"
        return Finding("backward-hop", message, remedy, file=hop.file, subject=parts.name)
    if hop.to_version > hop.from_version + 1:
        message = f"{hop.name} skips a version: a hop leads from one version to the next"
        names = ", ".join(f"{label(here)}_to_{label(here + 1)}.py" for here in range(hop.from_version, hop.to_version))
        return Finding("skipping-hop", message, f"write {names} instead", file=hop.file, subject=parts.name)
    missing = [
        version
        for version in (hop.from_version, hop.to_version)
        if version not in schemas and version not in parts.unreadable
    ]
    if missing:
        names = " and ".join(label(version) for version in missing)
        message = f"{hop.name} is there, but {parts.name} has no schema {names}"
        remedy = f"add the schema of {names} to schemas/{parts.name}, or delete the hop"
        return Finding("hop-without-schema", message, remedy, file=hop.file, subject=parts.name)
    return None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All subjects of a project, by name."""

    subjects: Mapping[str, Subject] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Subject:
        return self.subjects[name]

    def __contains__(self, name: object) -> bool:
        return name in self.subjects

    def __len__(self) -> int:
        return len(self.subjects)


def build_catalogue(subjects: Iterable[SubjectParts]) -> tuple[Catalogue, list[Finding]]:
    """Build every subject; all findings at once. Two subjects of one name: the first counts, the second is found."""
    built: dict[str, Subject] = {}
    found: list[Finding] = []
    for parts in subjects:
        subject, findings = build_subject(parts)
        found += findings
        if parts.name in built:
            message = f"there are two subjects named {parts.name}"
            remedy = "give one of them another name"
            found.append(
                Finding("duplicate-subject", message, remedy, file=f"schemas/{parts.name}", subject=parts.name)
            )
        elif subject is not None:
            built[parts.name] = subject
    return Catalogue(built), found
