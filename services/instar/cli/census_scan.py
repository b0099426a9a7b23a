"""``instar census scan TOPIC``: the versions in a topic of which nobody tells, from a sample."""

from typing import Annotated, Any

import typer

from instar.cli import completing
from instar.cli.output import Document, Format, print_json, print_rows, stderr
from instar.cli.progress_bar import progress_bar
from instar.cli.scope import (
    BootstrapOption,
    EnvironmentOption,
    ProjectOption,
    existing_topic,
    kafka_settings,
    open_project,
)
from instar.cli.topic_reader import FramingOption, MigrationOption, SubjectOption
from instar.core.census_scan import Met, Place, Scan, lengths
from instar.core.record import Record
from instar.core.record_text import time_text
from instar.core.rejected import Rejected
from instar.core.version import label
from instar.kafka.cluster import Cluster
from instar.kafka.sampling import extent, sample
from instar.operations.topic_reader import TopicReader, topic_reader

RECORDS = 10_000
STRETCHES = 100  # of a partition
_COLUMNS = {
    "subject": "subject",
    "version": "version",
    "records": "records",
    "share": "share",
    "first": "first",
    "last": "last",
}


def add_to(group: typer.Typer) -> None:
    group.command("scan")(census_scan)


def census_scan(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", autocompletion=completing.topics)],
    records: Annotated[int, typer.Option("--records", "-n", min=1, help="How many records to look at.")] = RECORDS,
    subject: SubjectOption = None,
    framing: FramingOption = None,
    migration: MigrationOption = None,
    output: Annotated[Document, typer.Option("-o", "--output")] = Document.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Look at records from all over a topic and show which versions they have, how many, and where.

    Every partition is read in short stretches, evenly spread from its first record to its last. Only the version is
    read of a record, and nothing is written anywhere.
    """
    opened = open_project(project, environment)
    kafka = kafka_settings(opened, bootstrap)
    cluster = Cluster(kafka)
    existing_topic(cluster, topic)
    reader = topic_reader(opened, topic, subject=subject, framing=framing, migration=migration)
    within = extent(cluster, topic)
    offsets, scan = lengths(*within), Scan()
    todo = min(records, offsets)
    with progress_bar("records") as show:
        for record in sample(kafka, topic, records, most_stretches=STRETCHES, within=within):
            scan.take(record, _version(reader, record))
            if scan.records % 100 == 0:
                show(f"looking at {topic}", scan.records, todo)
    # Whole: fewer records than offsets still are all records, where compaction and transactions leave gaps.
    is_whole = offsets <= records
    if output is Document.JSON:
        print_json(_document(topic, scan, offsets, is_whole=is_whole))
        return 0
    print_rows(_rows(scan), _COLUMNS, Format.TABLE)
    _say(topic, scan, offsets, is_whole=is_whole)
    return 0


def _version(reader: TopicReader, record: Record) -> tuple[str, int] | Rejected | None:
    read = reader.read(record)
    return read if read is None or isinstance(read, Rejected) else (read.subject.name, read.version)


def _rows(scan: Scan) -> list[dict[str, Any]]:
    rows = [
        _row(scan, met) | {"subject": subject, "version": label(version)}
        for (subject, version), met in sorted(scan.versions.items())
    ]
    rows += [
        _row(scan, met) | {"subject": "", "version": code}
        for (code, _), met in sorted(scan.rejected.items(), key=lambda item: -item[1].records)
    ]
    return rows


def _row(scan: Scan, met: Met) -> dict[str, Any]:
    return {
        "records": f"{met.records:,}",
        "share": f"{scan.share(met):.2%}",
        "first": _place(met.first),
        "last": _place(met.last),
    }


def _place(place: Place | None) -> str:
    if place is None:
        return ""
    return f"{place.partition}:{place.offset} {time_text(place.at_ms) or ''}".rstrip()


def _say(topic: str, scan: Scan, offsets: int, *, is_whole: bool) -> None:
    for (code, message), met in scan.rejected.items():
        stderr.print(f"{code} ({met.records:,}): {message}", markup=False, soft_wrap=True)
    if scan.tombstones.records:
        stderr.print(f"{scan.tombstones.records:,} tombstones, which have no version.", soft_wrap=True)
    if is_whole:
        stderr.print(f"All {scan.records:,} records of {topic} were looked at.", markup=False, soft_wrap=True)
        return
    stderr.print(
        f"{scan.records:,} records of {offsets:,} offsets of {topic} were looked at; a version that is not here has at "
        f"most about {scan.unseen_share(is_whole):.2%} of them. Give --records for more.",
        markup=False,
        soft_wrap=True,
    )


def _document(topic: str, scan: Scan, offsets: int, *, is_whole: bool) -> dict[str, Any]:
    return {
        "topic": topic,
        "offsets": offsets,
        "records": scan.records,
        "whole": is_whole,
        "unseen_share": scan.unseen_share(is_whole),
        "versions": [
            {"subject": subject, "version": label(version)} | _met(scan, met)
            for (subject, version), met in sorted(scan.versions.items())
        ],
        "rejected": [
            {"code": code, "message": message} | _met(scan, met) for (code, message), met in scan.rejected.items()
        ],
        "tombstones": scan.tombstones.records,
    }


def _met(scan: Scan, met: Met) -> dict[str, Any]:
    return {
        "records": met.records,
        "share": scan.share(met),
        "first": None if met.first is None else met.first._asdict(),
        "last": None if met.last is None else met.last._asdict(),
        "partitions": {str(partition): list(ends) for partition, ends in sorted(met.offsets.items())},
    }
