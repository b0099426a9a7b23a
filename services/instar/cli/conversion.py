"""Converting one file's records: what ``instar convert`` does for each of its files."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

import orjson

from instar.archives import json_files
from instar.archives.codecs import codec_of
from instar.archives.container import MAGIC, ContainerReader, ContainerWriter, Header
from instar.archives.errors import Unusable
from instar.archives.item import Item
from instar.core.formats.avro import parse_avro
from instar.core.formats.framing import Named
from instar.core.formats.framing.payload_field import PayloadField
from instar.core.formats.json_text import read_json
from instar.core.formats.schema import Invalid
from instar.core.record import Context
from instar.core.rejected import CANNOT_FRAME, NO_VERSION, UNKNOWN_SUBJECT, UNKNOWN_VERSION, Rejected
from instar.core.subject import Subject
from instar.core.trace_document import rejection
from instar.core.upcasting.program import Program
from instar.core.value_text import pretty
from instar.core.version import label
from instar.operations.conversion import run_text

Kind = Literal["container", "lines", "document"]
REJECTS_LISTED = 20
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Task:
    """What all files of one call share. ``document`` is the target schema as a container file takes it."""

    subject: Subject
    to_version: int
    from_version: int | None
    framing: PayloadField | None
    document: str


@dataclass(slots=True)
class Tally:
    """What became of a file's records. ``versions`` counts the readable ones; ``listed`` are the first rejected."""

    file: Path
    kind: Kind
    read: int = 0
    written: int = 0
    dropped: int = 0
    rejected: int = 0
    versions: dict[str, int] = field(default_factory=dict)
    listed: list[tuple[str, Rejected]] = field(default_factory=list)


class Writer(Protocol):
    """Takes the outputs of one record; says why it cannot hold them."""

    def put(self, outputs: list[bytes]) -> Rejected | None: ...

    def close(self) -> None: ...


Convert = Callable[[bytes], "tuple[int, list[bytes]] | Rejected"]
Step = Callable[[], None]  # called once a record; may raise to stop


def kind_of(path: Path) -> Kind:
    """What a file holds, by its content. Raises ``Unusable``."""
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC))
        if start == MAGIC:
            return "container"
        if start[:2] == _GZIP:
            raise Unusable(f"{path} is compressed with gzip.", remedy=f"Unpack it first: gunzip {path}")
        return "lines" if json_files.holds_lines(path) else "document"
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}.", remedy="Name a file that can be read.") from error


def convert_file(
    task: Task, path: Path, source: BinaryIO, target: BinaryIO, rejects: BinaryIO | None, step: Step
) -> Tally:
    """Every record of ``source`` to ``target``, in order. Raises ``Unusable`` for what is wrong with the whole file.

    The target is of the source's kind. Rejected records go to ``rejects`` as JSON lines, where it is given.
    """
    kind = kind_of(path)
    tally = Tally(path, kind)
    writer: Writer
    if kind == "container":
        reader = ContainerReader(source, str(path))
        items, convert = reader.items(), _container_converter(task, reader.header, path)
        writer = _ContainerTarget(_container_writer(task, reader.header, target))
    else:
        items = json_files.lines(source) if kind == "lines" else json_files.document(source)
        convert = _json_converter(task)
        writer = _LinesTarget(target) if kind == "lines" else _DocumentTarget(target)
    for item, outcome in _outcomes(items, convert):
        step()
        tally.read += item.records
        if not isinstance(outcome, Rejected):
            version, outputs = outcome
            tally.versions[label(version)] = tally.versions.get(label(version), 0) + 1
            refused = writer.put(outputs)
            if refused is None:
                tally.written += len(outputs)
                tally.dropped += not outputs
                continue
            outcome = refused
        _reject(task, tally, item, outcome, rejects)
    writer.close()
    return tally


def _outcomes(items: Iterator[Item], convert: Convert) -> Iterator[tuple[Item, "tuple[int, list[bytes]] | Rejected"]]:
    for item in items:
        yield item, item.rejected or convert(item.data)


def _reject(task: Task, tally: Tally, item: Item, rejected: Rejected, rejects: BinaryIO | None) -> None:
    rejected = rejected.within(subject=task.subject.name, to_version=label(task.to_version))
    tally.rejected += item.records
    if len(tally.listed) < REJECTS_LISTED:
        tally.listed.append((item.place, rejected))
    if rejects is not None:
        line = {"file": str(tally.file), "place": item.place, "records": item.records, **rejection(rejected)}
        rejects.write(orjson.dumps(line | _content(item.data, tally.kind), option=orjson.OPT_APPEND_NEWLINE))


def _content(data: bytes, kind: Kind) -> dict[str, str]:
    """The record itself, so that nothing is lost: JSON as its text where it is text, anything else as base64."""
    if kind != "container":
        try:
            return {"text": data.decode()}
        except UnicodeDecodeError:
            pass
    return {"base64": base64.b64encode(data).decode()}


# --------------------------------------------------------------------------------------------------- containers


def _container_converter(task: Task, header: Header, path: Path) -> Convert:
    version = _container_version(task, header, path)
    program = _program(task, version)

    def convert(data: bytes) -> tuple[int, list[bytes]] | Rejected:
        outputs = program.run(data, Context())
        return outputs if isinstance(outputs, Rejected) else (version, outputs)

    return convert


def _container_version(task: Task, header: Header, path: Path) -> int:
    """The version whose full canonical form is that of the schema in the file; nothing is guessed."""
    subject = task.subject
    if subject.kind != "avro":
        raise Unusable(
            f"{path} is an Avro container file, and {subject.name} is a subject of JSON.",
            remedy="Name another --subject.",
        )
    try:
        canonical = parse_avro(header.schema).canonical
    except Invalid as error:
        raise Unusable(
            f"The schema in {path} cannot be used: {error}.", remedy=error.remedy or "Correct it."
        ) from error
    same = [version for version, schema in sorted(subject.versions.items()) if schema.canonical == canonical]
    if not same:
        raise Unusable(
            f"The schema in {path} equals no version of {subject.name}.",
            remedy=f"If its records belong to {subject.name}, add the schema as a version, with a hop.",
        )
    if task.from_version is not None and task.from_version not in same:
        raise Unusable(
            f"The schema in {path} is {subject.name} {label(same[0])}, not {label(task.from_version)}.",
            remedy="Leave --from out: a container file says which version it holds.",
        )
    return same[0]


def _container_writer(task: Task, header: Header, target: BinaryIO) -> ContainerWriter:
    """The marker is drawn from the source's and the schema, so that the same file converts to the same bytes."""
    sync = hashlib.sha256(header.sync + task.document.encode()).digest()[: len(header.sync)]
    return ContainerWriter(target, task.document, codec_of(header.codec), sync, header.metadata)


class _ContainerTarget:
    def __init__(self, writer: ContainerWriter) -> None:
        self._writer = writer

    def put(self, outputs: list[bytes]) -> Rejected | None:
        for output in outputs:
            self._writer.add(output)
        return None

    def close(self) -> None:
        self._writer.close()


# --------------------------------------------------------------------------------------------------- JSON


def _json_converter(task: Task) -> Convert:
    """JSON records go through the program as they are; Avro's are written in the readable notation."""
    subject, framing = task.subject, task.framing
    write = framing.writer(subject=subject.name, version=task.to_version, schema_id=None) if framing else None

    def convert(data: bytes) -> tuple[int, list[bytes]] | Rejected:
        version = _json_version(task, data)
        if isinstance(version, Rejected):
            return version
        program = subject.program(version, task.to_version)
        if isinstance(program, Rejected):
            return program
        outputs = run_text(program, data)
        if isinstance(outputs, Rejected) or write is None:
            return outputs if isinstance(outputs, Rejected) else (version, outputs)
        framed: list[bytes] = []
        for output in outputs:
            written = write(output)
            if isinstance(written, Rejected):
                return written
            framed.append(written[0])
        return version, framed

    return convert


def _json_version(task: Task, data: bytes) -> int | Rejected:
    if task.framing is None:
        if task.from_version is None:  # the verb asks for one of the two before it begins
            return Rejected(NO_VERSION, "Nothing says which version the record has.")
        return task.from_version
    framed = task.framing.identify(data, ())
    if isinstance(framed, Rejected):
        return framed
    identity = framed.identity
    if not isinstance(identity, Named):
        raise TypeError("a version field names a version")
    if identity.subject not in (None, task.subject.name):
        message = f"The record names the subject {identity.subject!r}, not {task.subject.name}."
        return Rejected(UNKNOWN_SUBJECT, message, path=task.framing.subject_field)
    if identity.version not in task.subject.versions:
        message = f"The record is {label(identity.version)}, which {task.subject.name} does not have."
        return Rejected(UNKNOWN_VERSION, message, path=task.framing.field)
    return identity.version


class _LinesTarget:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def put(self, outputs: list[bytes]) -> Rejected | None:
        for output in outputs:
            self._file.write(output + b"\n")
        return None

    def close(self) -> None:
        """Nothing is held back."""


class _DocumentTarget(_LinesTarget):
    def put(self, outputs: list[bytes]) -> Rejected | None:
        if len(outputs) > 1:
            message = (
                f"The record becomes {len(outputs)}, and a single document holds one. Put it on a line of a .jsonl."
            )
            return Rejected(CANNOT_FRAME, message)
        for output in outputs:
            document: Any = read_json(output)
            self._file.write(pretty(document).encode() + b"\n")
        return None


def _program(task: Task, version: int) -> Program:
    program = task.subject.program(version, task.to_version)
    if isinstance(program, Rejected):
        raise Unusable(f"{program.message[:1].upper()}{program.message[1:]}.", remedy="`instar check` shows the hops.")
    return program
