"""``instar tail TOPIC``: a topic's records as they are, or at another version."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from threading import Event
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from instar.cli import completing
from instar.cli.exits import USAGE, fail
from instar.cli.output import Format
from instar.cli.scope import (
    BootstrapOption,
    EnvironmentOption,
    ProjectOption,
    existing_topic,
    kafka_settings,
    open_project,
    version_of,
)
from instar.cli.stopping import stopping
from instar.cli.topic_reader import FramingOption, MigrationOption, SubjectOption
from instar.core import dead_letter
from instar.core.reading import Read, context_of
from instar.core.record import Record
from instar.core.record_text import bytes_text, key_bytes, time_text
from instar.core.rejected import Rejected
from instar.core.trace_document import rejection
from instar.core.upcasting.pattern import parse_pattern
from instar.core.upcasting.sealing import sealed
from instar.core.value_text import compact, document_of
from instar.core.version import label, parse_label
from instar.kafka.cluster import Cluster
from instar.kafka.follow import follow as follow_topic
from instar.kafka.scan import scan
from instar.operations.topic_reader import TopicReader, topic_reader

_LAST = "-10"


def add_to(app: typer.Typer) -> None:
    app.command("tail")(tail)


@dataclass(frozen=True, slots=True)
class _Row:
    """One output of a record; a record that fans out has several. ``document`` is None for a tombstone."""

    record: Record
    read: Read | None
    version: int | None
    document: Any = None
    rejected: Rejected | None = None
    note: str = ""


def tail(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", autocompletion=completing.topics)],
    version: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help="Show every record at this version.", autocompletion=completing.versions),
    ] = None,
    key: Annotated[str | None, typer.Option(metavar="KEY", help="Only records of this key (0x... for bytes).")] = None,
    start: Annotated[
        str, typer.Option("--from", metavar="N|beginning", help="An offset; -N: the last N of each partition.")
    ] = _LAST,
    follow: Annotated[bool, typer.Option("--follow/--until-end", "-f", help="Go on as records come.")] = False,
    output: Annotated[Format, typer.Option("-o", "--output")] = Format.TABLE,
    subject: SubjectOption = None,
    framing: FramingOption = None,
    migration: MigrationOption = None,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Show the last records of a topic, committed ones only, one a line; sensitive fields are masked.

    Partitions interleave; within one the order is the topic's. Records that cannot be read or brought to --version
    are shown with the reason.
    """
    if follow and output is Format.JSON:
        fail("-o json is one array and --follow has no end.", "Use -o ndjson.", USAGE)
    wanted_key = _key(key)
    opened = open_project(project, environment)
    reader = topic_reader(opened, topic, subject=subject, framing=framing, migration=migration)
    target = _target(reader, version)
    kafka = kafka_settings(opened, bootstrap)
    cluster = Cluster(kafka)
    partitions = range(existing_topic(cluster, topic).partitions)
    # Committed ends: read uncommitted, an open transaction would make the end wait for it.
    ends = cluster.end_offsets(topic, partitions, committed=True)
    starts = _starts(start, cluster.start_offsets(topic, partitions), ends)
    with stopping() as state:
        records = (
            follow_topic(kafka, topic, starts, state.event)
            if follow
            else _until(state.event, scan(kafka, topic, starts, ends))
        )
        rows = (
            row
            for record in records
            if wanted_key is None or record.key == wanted_key
            for row in _rows(reader, record, target)
        )
        _print(rows, output)
    return state.exit_code


def _key(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        return key_bytes(text)
    except ValueError:
        fail(f"--key {text} is not hexadecimal.", "After 0x come pairs of 0-9 and a-f.", USAGE)


def _target(reader: TopicReader, version: str | None) -> int | None:
    if version is None:
        return None
    if len(reader.subjects) == 1:
        return version_of(next(iter(reader.subjects.values())), version)
    number = parse_label(version)
    if number is None:
        fail(f"{version!r} is not a version.", "Versions are written like v1.", USAGE)
    return number


def _starts(text: str, firsts: dict[int, int], ends: dict[int, int]) -> dict[int, int]:
    """Where to begin in each partition, moved into what the partition has."""
    if text == "beginning":
        return firsts
    try:
        number = int(text)
    except ValueError:
        fail(f"--from {text} is neither an offset nor `beginning`.", "Write 120, -10 or beginning.", USAGE)
    return {
        partition: min(max(number if number >= 0 else ends[partition] + number, first), max(ends[partition], first))
        for partition, first in firsts.items()
    }


def _until(stop: Event, records: Iterable[Record]) -> Iterator[Record]:
    for record in records:
        if stop.is_set():
            return
        yield record


def _rows(reader: TopicReader, record: Record, target: int | None) -> list[_Row]:
    read = reader.read(record)
    if read is None:
        return [_Row(record, None, None)]
    if isinstance(read, Rejected):
        return [_Row(record, None, None, rejected=read)]
    version = read.version if target is None else target
    with redirect_stdout(sys.stderr):  # a hop that prints must not end up in the data
        values = read.values_at(version, context_of(record))
    if isinstance(values, Rejected):
        return [_Row(record, read, version, rejected=values)]
    if not values:
        return [_Row(record, read, version, note="the event ends on the way")]
    patterns = tuple(parse_pattern(path) for path in read.subject.sensitive)
    schema = read.subject.versions[version]
    documents = [document_of(schema, sealed(value, patterns)) for value in values]
    many = len(documents) > 1
    return [
        _Row(record, read, version, document, note=f"{number} of {len(documents)}" if many else "")
        for number, document in enumerate(documents, 1)
    ]


def _print(rows: Iterator[_Row], output: Format) -> None:
    match output:
        case Format.TABLE:
            console = Console(highlight=False, soft_wrap=True)
            for row in rows:
                console.print(_line(row))
        case Format.NDJSON:
            for row in rows:
                print(compact(_row_document(row)), flush=True)
        case Format.JSON:
            print(compact([_row_document(row) for row in rows]))


def _line(row: _Row) -> Text:
    record = row.record
    key = bytes_text(record.key)
    line = Text(f"{record.partition}:{record.offset}", style="bold")
    line.append(f"  {time_text(record.timestamp_ms) or '-'}  {'(null)' if key is None else key}  ", "not bold")
    line.append(_versions(row), "cyan not bold")
    letter = dead_letter.parse(record.headers)
    if letter is not None:
        line.append(f"  dead letter: {_why(letter[0].rejected)}", "yellow not bold")
    if row.rejected is not None and (letter is None or letter[0].rejected.code != row.rejected.code):
        line.append(f"  rejected: {_why(row.rejected)}", "red not bold")
    elif row.note:
        line.append(f"  {row.note}", "not bold")
    if row.document is not None:
        line.append(f"  {compact(row.document)}", "not bold")
    return line


def _versions(row: _Row) -> str:
    if row.read is None:
        return "tombstone" if row.record.value is None else "?"
    own = label(row.read.version)
    shown = own if row.version in (None, row.read.version) else f"{own}→v{row.version}"
    return f"{row.read.subject.name} {shown}"


def _why(rejected: Rejected) -> str:
    place = "".join((f" in {rejected.hop}" if rejected.hop else "", f" at {rejected.path}" if rejected.path else ""))
    return f"{rejected.code}{place}: {rejected.message}"


def _row_document(row: _Row) -> dict[str, Any]:
    record, read = row.record, row.read
    letter = dead_letter.parse(record.headers)
    return {
        "partition": record.partition,
        "offset": record.offset,
        "timestamp_ms": record.timestamp_ms,
        "key": bytes_text(record.key),
        "subject": read.subject.name if read else None,
        "version": label(read.version) if read else None,
        "shown_version": label(row.version) if row.version is not None else None,
        "tombstone": record.value is None,
        "value": row.document,
        "note": row.note or None,
        "dead_letter": rejection(letter[0].rejected) if letter else None,
        "rejected": rejection(row.rejected) if row.rejected else None,
    }
