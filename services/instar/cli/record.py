"""``instar record show TOPIC PARTITION OFFSET``: one record at every version, hop by hop."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from instar.cli import completing
from instar.cli.exits import NO, OK
from instar.cli.output import Document, print_document
from instar.cli.scope import (
    BootstrapOption,
    EnvironmentOption,
    ProjectOption,
    kafka_settings,
    open_project,
)
from instar.cli.topic_reader import FramingOption, MigrationOption, SubjectOption
from instar.cli.tracing import print_rejection, print_stages
from instar.core import dead_letter
from instar.core.reading import Read
from instar.core.record import Record
from instar.core.record_text import bytes_text, headers_document, headers_told, time_text
from instar.core.rejected import Rejected
from instar.core.trace_document import rejection, stages_document
from instar.core.upcasting.chain import Stage
from instar.core.version import label
from instar.kafka.cluster import Cluster
from instar.operations.records import fetch, stages_of
from instar.operations.topic_reader import TopicReader, topic_reader


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="Look at single records.", no_args_is_help=True)
    group.command("show")(show)
    app.add_typer(group, name="record")


@dataclass(frozen=True, slots=True)
class _Shown:
    """A record and what became of reading it. ``read`` is None for a tombstone; ``stages`` are sealed."""

    record: Record
    standing: str
    read: Read | Rejected | None
    stages: list[Stage]


def show(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", autocompletion=completing.topics)],
    partition: Annotated[int, typer.Argument(metavar="PARTITION", min=0)],
    offset: Annotated[int, typer.Argument(metavar="OFFSET", min=0)],
    to_version: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="VERSION", help="Default: the newest. May be lower.", autocompletion=completing.versions
        ),
    ] = None,
    output: Annotated[Document, typer.Option("-o", "--output")] = Document.TABLE,
    subject: SubjectOption = None,
    framing: FramingOption = None,
    migration: MigrationOption = None,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Show one record as it is and at every version up to the newest, with what each hop changed.

    Headers are shown with what they mean; sensitive fields are masked. Exits with 3 when the record is rejected on
    its way.
    """
    opened = open_project(project, environment)
    reader = topic_reader(opened, topic, subject=subject, framing=framing, migration=migration)
    kafka = kafka_settings(opened, bootstrap)
    cluster = Cluster(kafka)
    record, standing = fetch(cluster, topic, partition, offset)
    read = reader.read(record)
    stages = stages_of(read, record, to_version) if isinstance(read, Read) else []
    shown = _Shown(record, standing, read, stages)
    rejected = read if isinstance(read, Rejected) else stages[-1].rejected if stages else None
    if output is Document.JSON:
        print_document(_document(shown, rejected))
    else:
        _print(shown, reader)
    return OK if rejected is None else NO


def _document(shown: _Shown, rejected: Rejected | None) -> dict[str, Any]:
    record, read = shown.record, shown.read
    letter = dead_letter.parse(record.headers)
    body = read.body if isinstance(read, Read) else None
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp_ms": record.timestamp_ms,
        "standing": shown.standing,
        "key": bytes_text(record.key),
        "value_bytes": None if record.value is None else len(record.value),
        "headers": headers_document(record.headers, headers_told(record, body)),
        "dead_letter": rejection(letter[0].rejected) if letter else None,
        "subject": read.subject.name if isinstance(read, Read) else None,
        "version": label(read.version) if isinstance(read, Read) else None,
        "stages": stages_document(read.subject, shown.stages) if isinstance(read, Read) else [],
        "rejected": rejection(rejected) if rejected else None,
    }


def _print(shown: _Shown, reader: TopicReader) -> None:
    console = Console(highlight=False, soft_wrap=True)
    record, read = shown.record, shown.read
    console.print(Text(f"{record.topic}  partition {record.partition}  offset {record.offset}", style="bold"))
    key = bytes_text(record.key)
    size = "a tombstone (null value)" if record.value is None else f"{len(record.value):,} bytes"
    what = f", {read.subject.name} {label(read.version)}" if isinstance(read, Read) else ""
    rows = [
        ("key", "(null)" if key is None else key),
        ("time", time_text(record.timestamp_ms) or "none"),
        ("value", size + what),
        ("standing", shown.standing),
        *(("topic", f"{use.role} of migration {use.name}") for use in reader.uses),
    ]
    for name, text in rows:
        console.print(Text(f"  {name:<10}{text}"))
    for name, text in headers_told(record, read.body if isinstance(read, Read) else None):
        console.print(Text("  header    ").append(name, "cyan").append(f": {text}"))
    console.print()
    if isinstance(read, Rejected):
        print_rejection(console, read)
    elif read is not None:
        print_stages(console, read.subject, shown.stages)
