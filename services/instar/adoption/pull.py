"""A subject made of what a registry and a topic have: its versions, sampled records, and what is sensitive in them."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from instar.core.formats.framing import SchemaGuid, SchemaId
from instar.core.formats.framing.registry_header import RegistryHeader
from instar.core.formats.framing.registry_prefix import RegistryPrefix
from instar.core.formats.json_schema import parse_json
from instar.core.formats.schema import Invalid, Kind, Schema
from instar.core.formats.shape import Object
from instar.core.formats.values_json import to_readable
from instar.core.record import Record
from instar.core.rejected import Rejected
from instar.core.scaffolding.editions import Group, Known, grouped
from instar.core.scaffolding.infer import infer
from instar.core.scaffolding.masking import masked_record, sensitive_paths
from instar.project.avro_inline import inlined
from instar.registry.parse import Unparsed, parse
from instar.registry.port import Document, DocumentUnusable, Listed, Listing

_ENOUGH_SAMPLES = 200  # of one version, for guessing what is sensitive in it
_LIMIT_UNKNOWN_IDS = 200  # asked for one by one; a topic with more has something else in it


class NothingToPull(Exception):
    """Neither registry nor topic gives a schema. ``remedy`` says what to do."""

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class PulledVersion:
    """One version to write. ``examples`` are readable records, masked; ``note`` says where it comes from."""

    version: int
    document: Any
    ids: tuple[int, ...]
    note: str
    examples: tuple[Any, ...] = ()
    seen_records: int = 0


@dataclass(frozen=True, slots=True)
class Pulled:
    """All of a subject. ``is_guess``: no registry knows it, the schema was inferred from samples."""

    kind: Kind
    versions: tuple[PulledVersion, ...]
    sensitive: tuple[str, ...]
    compatibility: str | None
    framing: str | None
    is_guess: bool
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Topic:
    """What was seen in the topic: bodies by schema id, and those that carry none."""

    by_id: dict[int, list[bytes]] = field(default_factory=dict)
    bare: list[bytes] = field(default_factory=list)
    framings: Counter[str] = field(default_factory=Counter)
    tombstones: int = 0
    guids: int = 0


def pull(
    registry: Listing | None,
    registry_subject: str,
    records: Iterable[Record],
    *,
    examples: int = 2,
    separate: bool = False,
    also_sensitive: Sequence[str] = (),
    origin: str = "",
) -> Pulled:
    """Read what there is. Raises ``NothingToPull`` and what the registry raises."""
    seen = _read(records)
    notes: list[str] = []
    known = [] if registry is None else _known(registry, registry_subject, seen, notes)
    if not known:
        return _inferred(seen, notes, examples, also_sensitive, origin)
    kinds = {each.kind for each in known}
    if len(kinds) > 1:
        raise NothingToPull(
            f"{registry_subject} has Avro and JSON schemas, and a subject has one format.",
            remedy="Give records of the other format a topic of their own.",
        )
    groups = grouped(known, separate=separate)
    guessed: dict[str, None] = dict.fromkeys(also_sensitive)
    samples = [_samples(group, seen) for group in groups]
    for group, values in zip(groups, samples, strict=True):
        shape = group.newest.schema.shape
        guessed |= dict.fromkeys(sensitive_paths(shape, [value for _, value in values[:_ENOUGH_SAMPLES]]))
    versions = [
        _version(number, group, values, examples, tuple(guessed), notes)
        for number, (group, values) in enumerate(zip(groups, samples, strict=True), start=1)
    ]
    unread = sum(len(seen.by_id.get(number, ())) for number in seen.by_id) - sum(map(len, samples))
    if unread:
        notes.append(f"{unread} sampled records could not be read with any of these schemas")
    compatibility = registry.compatibility_of(registry_subject) if registry is not None else None
    return Pulled(
        kind=known[0].kind,
        versions=tuple(versions),
        sensitive=tuple(sorted(guessed)),
        compatibility=compatibility,
        framing=_framing(seen),
        is_guess=False,
        notes=tuple(notes),
    )


def _read(records: Iterable[Record]) -> _Topic:
    seen = _Topic()
    prefix, header = RegistryPrefix(), RegistryHeader()
    for record in records:
        if record.value is None:
            seen.tombstones += 1
            continue
        for framing in (header, prefix):  # a header says it outright; five bytes may be anything's beginning
            framed = framing.identify(record.value, record.headers)
            if isinstance(framed, Rejected):
                continue
            if isinstance(framed.identity, SchemaId):
                seen.by_id.setdefault(framed.identity.id, []).append(framed.body)
                seen.framings[framing.kind] += 1
                break
            if isinstance(framed.identity, SchemaGuid):
                seen.guids += 1
                break
        else:
            seen.bare.append(record.value)
    return seen


def _framing(seen: _Topic) -> str | None:
    return seen.framings.most_common(1)[0][0] if seen.framings else None


def _known(registry: Listing, subject: str, seen: _Topic, notes: list[str]) -> list[Known]:
    """The subject's schemas, and those that records name and the registry no longer lists."""
    found = [_listed(each, subject) for each in registry.versions_of(subject)]
    ids = {number for each in found for number in each.ids}
    names = {_name(each.schema) for each in found}
    missing = [number for number in sorted(seen.by_id) if number not in ids]
    if len(missing) > _LIMIT_UNKNOWN_IDS:
        notes.append(
            f"{len(missing)} ids of the topic are not {subject}'s; the first {_LIMIT_UNKNOWN_IDS} were asked for"
        )
    for number in missing[:_LIMIT_UNKNOWN_IDS]:
        count = len(seen.by_id[number])
        extra = _unlisted(registry, number)
        if extra is None:
            notes.append(f"{count} sampled records name the schema {number}, which the registry does not have")
        elif names and _name(extra.schema) not in names:
            notes.append(
                f"{count} sampled records are {_name(extra.schema) or extra.kind} (schema {number}): another subject's"
            )
        else:
            found.append(extra)
            names.add(_name(extra.schema))
    if seen.guids:
        notes.append(f"{seen.guids} sampled records name their schema by a global identifier and were left out")
    return _by_id(found)


def _name(schema: Schema) -> str:
    """The Avro record's name; JSON schemas of one subject need have nothing in common."""
    return (schema.shape.name or "") if schema.kind == "avro" and isinstance(schema.shape, Object) else ""


def _by_id(found: list[Known]) -> list[Known]:
    """A schema that was registered twice under one subject has one id and two numbers: the first counts."""
    return list({each.ids: each for each in reversed(found)}.values())[::-1]


def _listed(each: Listed, subject: str) -> Known:
    return _known_of(each.document, each.id, each.number, f"version {each.number} of {subject}")


def _unlisted(registry: Listing, number: int) -> Known | None:
    try:
        registered = registry.schema_of(number)
    except DocumentUnusable:
        return None
    if registered is None:
        return None
    return _known_of(registered.document, number, None, f"schema {number}")


def _known_of(document: Document, number: int, version: int | None, what: str) -> Known:
    try:
        schema = parse(document)
    except Unparsed as problem:
        raise NothingToPull(f"{what} cannot be read: {problem}", remedy=problem.remedy) from problem
    return Known((number,), version, document.kind, _whole(document, schema), schema)


def _whole(document: Document, schema: Schema) -> str:
    """The document with what it refers to inside."""
    if not document.references:
        return document.text
    if document.kind == "json":
        return schema.canonical
    named = {name: json.loads(text) for name, text in document.references.items()}
    return json.dumps(inlined(json.loads(document.text), named))


def _samples(group: Group, seen: _Topic) -> list[tuple[Known, Any]]:
    """Sampled values of a version with the schema that each was written with."""
    found = []
    for member in group.members:
        for number in member.ids:
            for body in seen.by_id.get(number, ()):
                value = member.schema.decode(body)
                if not isinstance(value, Rejected):
                    found.append((member, value))
    return found


def _version(
    number: int,
    group: Group,
    samples: list[tuple[Known, Any]],
    examples: int,
    sensitive: tuple[str, ...],
    notes: list[str],
) -> PulledVersion:
    newest = group.newest
    chosen = _examples(newest.schema, [value for _, value in samples], examples, sensitive, number)
    if samples and examples and not chosen:
        notes.append(f"no sampled record of v{number} could be masked so that it stays valid; write an example by hand")
    listed = [str(each.number) for each in group.members if each.number is not None]
    unlisted = [str(min(each.ids)) for each in group.members if each.number is None]
    said = []
    if listed:
        said.append(f"registry version{'s' if len(listed) > 1 else ''} {', '.join(listed)}")
    if unlisted:
        said.append(f"schema {', '.join(unlisted)}, which the registry no longer lists")
    return PulledVersion(number, json.loads(newest.text), group.ids, "; ".join(said), tuple(chosen), len(samples))


def _examples(schema: Schema, values: list[Any], limit: int, sensitive: tuple[str, ...], seed: int) -> list[Any]:
    """Records that show different parts of the schema, masked and readable."""
    random = Random(seed)
    found = []
    for value in _differing(values, limit):
        masked = masked_record(schema, value, sensitive, random)
        if masked is not None:
            found.append(to_readable(schema, masked))
        if len(found) == limit:
            break
    return found


def _differing(values: list[Any], limit: int) -> Iterator[Any]:
    """One of each outline first: which fields are there, and which are null or empty."""
    if limit <= 0:
        return
    first: dict[str, Any] = {}
    rest: list[Any] = []
    for value in values:
        outline = _outline(value)
        if outline in first:
            rest.append(value)
        else:
            first[outline] = value
    yield from first.values()
    yield from rest[: limit * 5]


def _outline(value: Any) -> str:
    match value:
        case dict():
            return "{" + ",".join(f"{key}:{_outline(part)}" for key, part in sorted(value.items())) + "}"
        case list():
            return f"[{_outline(value[0]) if value else ''}]"
        case (str() as branch, inner):
            return f"{branch}({_outline(inner)})"
    return "null" if value is None else ""


def _inferred(seen: _Topic, notes: list[str], examples: int, also_sensitive: Sequence[str], origin: str) -> Pulled:
    """A schema from what JSON records show, where no registry has one."""
    bodies = seen.bare or [body for each in seen.by_id.values() for body in each]
    values = [value for value in map(_json, bodies) if isinstance(value, dict)]
    if not values:
        raise NothingToPull(
            "The registry has no schema for this topic, and its sampled records are not JSON objects.",
            remedy="Name the registry's subject with --registry-subject; or write schemas/SUBJECT/v1 by hand.",
        )
    if len(values) < len(bodies):
        notes.append(f"{len(bodies) - len(values)} of {len(bodies)} sampled records are no JSON objects")
    document = infer(values, comment=f"guess: inferred from {len(values)} sampled records{origin}; read it before use")
    try:
        schema: Schema = parse_json(document)
    except Invalid as problem:
        raise NothingToPull(f"No schema could be inferred: {problem}", remedy="Write it by hand.") from problem
    found = dict.fromkeys([*also_sensitive, *sensitive_paths(schema.shape, values[:_ENOUGH_SAMPLES])])
    chosen = _examples(schema, values, examples, tuple(found), 1)
    version = PulledVersion(1, document, (), f"a guess from {len(values)} records", tuple(chosen), len(values))
    return Pulled("json", (version,), tuple(sorted(found)), None, _framing(seen), True, tuple(notes))


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def counts(pulled: Pulled) -> Mapping[int, int]:
    """Sampled records by version."""
    return {each.version: each.seen_records for each in pulled.versions}
