"""Can the reader of one Avro schema resolve what the writer of another wrote?

The verdict is the official library's (``avro.compatibility``, which follows the specification's "Schema Resolution").
Its answer for a whole schema does not say which reason belongs to which place, and stops at the first difference of a
union; so the two schemas are walked together here, and the library is asked at each pair of parts. What it refuses at
a part whose own parts are well is one finding, with the field's path and what to do.

The library does not look at logical types: bytes that were a decimal of scale 2 are read as one of scale 3 without a
word, and milliseconds as microseconds. That is found here, too, under the code ``logical-type-changed``.
"""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from avro.compatibility import (
    ReaderWriterCompatibilityChecker,
    SchemaCompatibilityType,
    SchemaIncompatibilityType,
    lookup_writer_field,
    schema_name_equals,
)
from avro.errors import AvroException
from avro.schema import parse

from instar.core.upcasting.paths import EACH_ELEMENT, EACH_VALUE, join

Direction = Literal["backward", "forward"]

LOGICAL: Final = "logical-type-changed"
UNREADABLE: Final = "not-comparable"
# The library's own names, written as codes.
CODES: Final[Mapping[SchemaIncompatibilityType, str]] = {
    SchemaIncompatibilityType.name_mismatch: "name-mismatch",
    SchemaIncompatibilityType.fixed_size_mismatch: "fixed-size-mismatch",
    SchemaIncompatibilityType.missing_enum_symbols: "missing-enum-symbols",
    SchemaIncompatibilityType.reader_field_missing_default_value: "missing-default",
    SchemaIncompatibilityType.type_mismatch: "type-mismatch",
    SchemaIncompatibilityType.missing_union_branch: "missing-union-branch",
}
_NAMED = ("record", "error", "enum", "fixed")


@dataclass(frozen=True, slots=True)
class Incompatibility:
    """One reason why records of ``writer`` cannot be read with ``reader``.

    ``path`` is the field's (``items[].price``; empty: the whole record), ``pointer`` the JSON pointer into the new
    schema's document, as far as the place is in it. ``reader`` and ``writer`` say what both sides have there.
    """

    code: str
    direction: Direction
    path: str
    pointer: str
    reader: str
    writer: str
    message: str
    remedy: str


def check_avro(
    old: str, new: str, direction: Direction, *, old_name: str = "the old version", new_name: str = "the new version"
) -> list[Incompatibility]:
    """Everything that keeps one side from reading the other. ``old`` and ``new`` are self-contained documents.

    backward: the new schema reads what was written with the old one; forward: the other way about. Never raises for
    what a schema says: a document that the library does not take is one finding.
    """
    if direction == "backward":
        names = _Names(reader=new_name, writer=old_name, new_reads=True)
    else:
        names = _Names(reader=old_name, writer=new_name, new_reads=False)
    try:
        old_schema, new_schema = _parsed(old), _parsed(new)
    except (AvroException, TypeError, ValueError, KeyError, AttributeError) as error:
        return [_unreadable(direction, names, error)]
    reader, writer = (new_schema, old_schema) if direction == "backward" else (old_schema, new_schema)
    found = list(_Walk(direction, names).explain(reader, writer, _Place("", "")))
    if not any(each.code != LOGICAL for each in found) and not _readable(reader, writer):
        found.append(_unexplained(direction, names))
    return found


def _parsed(document: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # logical types that the library does not know: we look at them ourselves
        return parse(document)


def _readable(reader: Any, writer: Any) -> bool:
    """The library's verdict."""
    result = ReaderWriterCompatibilityChecker().get_compatibility(reader, writer)
    return bool(result.compatibility is SchemaCompatibilityType.compatible)


@dataclass(frozen=True, slots=True)
class _Names:
    """What the two sides are called, and whether the reader's is the schema that can still be changed."""

    reader: str
    writer: str
    new_reads: bool

    @property
    def new(self) -> str:
        return self.reader if self.new_reads else self.writer


@dataclass(frozen=True, slots=True)
class _Place:
    path: str
    pointer: str

    def field(self, name: str, index: int) -> "_Place":
        return _Place(join(self.path, name), f"{self.pointer}/fields/{index}/type")

    def part(self, wildcard: str, key: str) -> "_Place":
        return _Place(join(self.path, wildcard), f"{self.pointer}/{key}")

    def branch(self, index: int) -> "_Place":
        return _Place(self.path, f"{self.pointer}/{index}")


class _Walk:
    """Two schemas side by side. ``seen`` ends at recursive records."""

    def __init__(self, direction: Direction, names: _Names) -> None:
        self.direction: Direction = direction
        self.names = names
        self.seen: set[tuple[int, int]] = set()

    def explain(self, reader: Any, writer: Any, at: _Place) -> Iterator[Incompatibility]:
        pair = (id(reader), id(writer))
        if pair in self.seen:
            return
        self.seen.add(pair)
        kinds = reader.type, writer.type
        if "union" in kinds:
            yield from self.unions(reader, writer, at)
        elif kinds[0] != kinds[1]:
            yield from self.leaf(reader, writer, at)
        elif kinds[0] in ("record", "error"):
            yield from self.named(reader, writer, at)
            yield from self.fields(reader, writer, at)
        elif kinds[0] == "array":
            yield from self.explain(reader.items, writer.items, at.part(EACH_ELEMENT, "items"))
        elif kinds[0] == "map":
            yield from self.explain(reader.values, writer.values, at.part(EACH_VALUE, "values"))
        else:
            if kinds[0] in _NAMED:
                yield from self.named(reader, writer, at)
            yield from self.leaf(reader, writer, at)

    def named(self, reader: Any, writer: Any, at: _Place) -> Iterator[Incompatibility]:
        if not schema_name_equals(reader, writer):
            yield self.said(SchemaIncompatibilityType.name_mismatch, at, reader.fullname, writer.fullname)

    def fields(self, reader: Any, writer: Any, at: _Place) -> Iterator[Incompatibility]:
        indexes = {each.name: index for index, each in enumerate((reader if self.names.new_reads else writer).fields)}
        for field in reader.fields:
            other = lookup_writer_field(writer, field)
            name = field.name if self.names.new_reads or other is None else other.name
            inside = (
                at.field(field.name, indexes.get(name, 0))
                if name in indexes
                else _Place(join(at.path, field.name), at.pointer)
            )
            if other is not None:
                yield from self.explain(field.type, other.type, inside)
            elif not field.has_default:
                missing = SchemaIncompatibilityType.reader_field_missing_default_value
                yield self.said(missing, inside, _kind(field.type), "nothing")

    def unions(self, reader: Any, writer: Any, at: _Place) -> Iterator[Incompatibility]:
        """Each of the writer's branches has to be readable by one of the reader's."""
        readers = reader.schemas if reader.type == "union" else [reader]
        writers = writer.schemas if writer.type == "union" else [writer]
        for index, branch in enumerate(writers):
            whole = reader.type != "union"
            partner = readers[0] if whole else _partner(readers, branch)
            place = at.branch(index) if writer.type == "union" and not self.names.new_reads else at
            if _readable(reader, branch):
                if partner is not None and partner.type == branch.type:
                    yield from self.explain(partner, branch, place)  # only its logical types may differ
            elif partner is not None and (whole or partner.type == branch.type):
                yield from self.explain(partner, branch, place)
            else:
                missing = SchemaIncompatibilityType.missing_union_branch
                yield self.said(missing, place, _kind(reader), _kind(branch))

    def leaf(self, reader: Any, writer: Any, at: _Place) -> Iterator[Incompatibility]:
        """A part without parts, or two of different kinds: the library says whether, and why not."""
        result = ReaderWriterCompatibilityChecker().get_compatibility(reader, writer)
        for each in dict.fromkeys(result.incompatibilities):
            if each is SchemaIncompatibilityType.missing_enum_symbols:
                gone = [symbol for symbol in writer.symbols if symbol not in reader.symbols]
                yield self.said(each, at, _kind(reader), ", ".join(gone))
            elif each is SchemaIncompatibilityType.fixed_size_mismatch:
                yield self.said(each, at, f"{reader.size} bytes", f"{writer.size} bytes")
            elif each is not SchemaIncompatibilityType.name_mismatch:  # told already
                yield self.said(each, at, _kind(reader), _kind(writer))
        if not result.incompatibilities and _meaning(reader) != _meaning(writer):
            yield self.meaning(_meaning(reader) or _kind(reader), _meaning(writer) or _kind(writer), at)

    def said(self, kind: SchemaIncompatibilityType, at: _Place, reader: str, writer: str) -> Incompatibility:
        message, remedy = _words(kind, self.names, at.path or "the record", reader, writer)
        return Incompatibility(CODES[kind], self.direction, at.path, at.pointer, reader, writer, message, remedy)

    def meaning(self, reader: str, writer: str, at: _Place) -> Incompatibility:
        names = self.names
        message = (
            f"{names.reader} reads {at.path or 'the value'} as {reader}, and {names.writer} writes it as {writer}: "
            "Avro resolves the bytes and changes what they mean"
        )
        remedy = "keep the logical type, or let a hop convert the value"
        return Incompatibility(LOGICAL, self.direction, at.path, at.pointer, reader, writer, message, remedy)


def _words(kind: SchemaIncompatibilityType, names: _Names, path: str, reader: str, writer: str) -> tuple[str, str]:
    """(what happened, what to do). Only the new schema can still be changed: the old one is out there."""
    match kind:
        case SchemaIncompatibilityType.reader_field_missing_default_value:
            message = f"{names.reader} needs {path}, which {names.writer} does not have, and gives it no default"
            if names.new_reads:
                return message, f"give {path} a default in {names.new}, or an alias if it only has another name now"
            return message, f"keep {path} in {names.new}: readers of {names.reader} cannot do without it"
        case SchemaIncompatibilityType.missing_enum_symbols:
            message = f"{names.writer} may write {writer} in {path}, which {names.reader} does not know"
            if names.new_reads:
                return message, f"keep the symbols in {names.new}, or give the enum a default, which stands for them"
            return message, (
                f"do not write new symbols while {names.reader} is read: its enum has no default to stand for them"
            )
        case SchemaIncompatibilityType.type_mismatch:
            message = f"{path} is {writer} in {names.writer}, which {names.reader} cannot read as {reader}"
            return message, (
                "keep the type; Avro only reads int as long, float or double, long as float or double, float as "
                "double, and string and bytes as each other. A hop can convert anything else"
            )
        case SchemaIncompatibilityType.missing_union_branch:
            message = f"{path} may be {writer} in {names.writer}, and {names.reader} has no branch for that ({reader})"
            if names.new_reads:
                return message, f"keep the branch in {names.new}"
            return message, f"do not write {writer} while {names.reader} is read; a hop's way down can say what it is"
        case SchemaIncompatibilityType.fixed_size_mismatch:
            message = f"{path} has {writer} in {names.writer} and {reader} in {names.reader}"
            return message, "keep the size, or give the new type another name and let a hop convert the value"
        case SchemaIncompatibilityType.name_mismatch:
            message = f"the type of {path} is called {writer} in {names.writer} and {reader} in {names.reader}"
            if names.new_reads:
                return message, f'keep the name, or add "aliases": ["{writer}"] to the type in {names.new}'
            return message, f"keep the name {reader} in {names.new}: readers of {names.reader} know no other"
    raise AssertionError(kind)  # a type that a newer library has; a test compares the list


def _partner(readers: list[Any], branch: Any) -> Any | None:
    """The reader's branch that is meant for the writer's: of its name, else the only one of its kind."""
    same = [each for each in readers if each.type == branch.type]
    named = [each for each in same if branch.type in _NAMED and schema_name_equals(each, branch)]
    if named or branch.type not in _NAMED:
        return next(iter(named or same), None)
    return same[0] if len(same) == 1 else None


def _kind(schema: Any) -> str:
    """``a union of null and string``; a named type by its name."""
    kind = str(schema.type)
    if kind == "union":
        return f"a union of {' and '.join(_bare(each) for each in schema.schemas)}"
    meaning = _meaning(schema)
    text = f"{meaning}" if meaning else _bare(schema)
    return text if text == "null" else f"{'an' if text[0] in 'aeiou' else 'a'} {text}"


def _bare(schema: Any) -> str:
    return f"{schema.type} {schema.name}" if schema.type in _NAMED else str(schema.type)


def _meaning(schema: Any) -> str:
    """The logical type with what tells it from its like; empty where there is none."""
    properties = schema.props
    logical = properties.get("logicalType")
    if logical is None and {"precision", "scale"} <= properties.keys():
        logical = "decimal"
    if logical == "decimal":
        return f"decimal({properties.get('precision')}, {properties.get('scale') or 0})"
    return str(logical) if logical else ""


def _unreadable(direction: Direction, names: _Names, error: Exception) -> Incompatibility:
    said = str(error).strip().splitlines()
    reason = said[0][:200] if said else type(error).__name__
    message = f"the avro library takes one of {names.writer} and {names.reader} for no schema: {reason}"
    remedy = "correct the schema; `instar check` says more of what it finds"
    return Incompatibility(UNREADABLE, direction, "", "", "", "", message, remedy)


def _unexplained(direction: Direction, names: _Names) -> Incompatibility:
    message = f"{names.reader} cannot read what {names.writer} writes, says the avro library, and not where"
    remedy = "compare the two with `instar schema diff`"
    return Incompatibility(UNREADABLE, direction, "", "", "", "", message, remedy)
