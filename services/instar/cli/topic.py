"""``instar topic export|check|import``: a topic into files and back, byte for byte."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from instar.archives.errors import Unusable
from instar.archives.topic_check import Interrupted, check_archive
from instar.archives.topic_manifest import Manifest, read_manifest
from instar.cli import completing
from instar.cli.backfill_scope import offsets_of
from instar.cli.exits import ERROR, OK, REFUSED, USAGE, Failure, fail
from instar.cli.output import Document, print_json, stderr
from instar.cli.progress_bar import progress_bar
from instar.cli.scope import (
    BootstrapOption,
    EnvironmentOption,
    ProjectOption,
    existing_topic,
    kafka_settings,
    open_project,
)
from instar.cli.stopping import stopping
from instar.core.bounds import parse_partitions, parse_point
from instar.kafka.cluster import Cluster, Topic
from instar.kafka.failpoints import Failpoints
from instar.preservation.export_topic import SEGMENT_BYTES, Asked, Done, Stopped, export_topic
from instar.preservation.import_plan import ImportPlan, Wish, plan_import
from instar.preservation.import_topic import Imported, Progress, import_topic, standing

_MIB = 1024 * 1024


class Compress(StrEnum):
    GZIP = "gzip"
    ZSTD = "zstd"


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="Whole topics: into files, and back.", no_args_is_help=True)
    group.command("export")(export)
    group.command("check")(check)
    group.command("import")(import_)
    app.add_typer(group, name="topic")


FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The archive's folder.", file_okay=False)]
OutputOption = Annotated[Document, typer.Option("-o", "--output", help="How the result is printed.")]


# ---------------------------------------------------------------------- export


def export(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", autocompletion=completing.topics)],
    folder: FolderArgument,
    partitions: Annotated[str | None, typer.Option(metavar="0,2,5-7", help="Only these.")] = None,
    start: Annotated[str, typer.Option("--from", metavar="earliest|OFFSETS|TIME", help="Where to begin.")] = "earliest",
    until: Annotated[
        str, typer.Option(metavar="now|OFFSETS|TIME", help="Where to end; the bound is not in it.")
    ] = "now",
    compress: Annotated[Compress, typer.Option(help="zstd needs the package cramjam.")] = Compress.GZIP,
    segment_mb: Annotated[
        int, typer.Option("--segment-mb", min=1, max=65_536, help="Records in one file, before compression.")
    ] = SEGMENT_BYTES // _MIB,
    output: OutputOption = Document.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Write a topic's committed records to files: key, value, headers, timestamp and offset, with checksums.

    What is killed is finished by the same command: finished files are kept, and the bounds are those it began with.
    The folder must be new, empty, or such an unfinished export.
    """
    cluster = Cluster(kafka_settings(open_project(project, environment), bootstrap))
    words = {"from": start, "until": until, **({"partitions": partitions} if partitions else {})}
    asked = _asked(cluster, existing_topic(cluster, topic), partitions, words, compress)
    began_s = time.monotonic()
    with stopping() as state, progress_bar("offsets") as show, _unusable():

        def on_progress(done: Done) -> None:
            show(f"exporting {topic}", done.offsets, done.of_offsets)

        try:
            manifest = export_topic(
                cluster,
                topic,
                folder,
                asked,
                segment_bytes=segment_mb * _MIB,
                on_progress=on_progress,
                stop=state.event,
            )
        except Stopped:
            _say("Stopped. What is finished is kept; the same command goes on from there.")
            return state.exit_code
    if output is Document.JSON:
        print_json({**_document(folder, manifest), "seconds": round(time.monotonic() - began_s, 3)})
    else:
        _tell(folder, manifest)
    return OK


def _asked(cluster: Cluster, topic: Topic, partitions: str | None, words: dict[str, str], compress: Compress) -> Asked:
    """Points are looked up at every start; a run that is taken up keeps those that it began with."""
    numbers = range(topic.partitions)
    try:
        named = None if partitions is None else tuple(parse_partitions(partitions, topic.partitions))
        begin, end = parse_point(words["from"]), parse_point(words["until"])
    except ValueError as problem:
        fail(f"{problem}.", exit_code=USAGE)
    starts = offsets_of("--from", cluster, topic.name, begin, dict.fromkeys(numbers, 0))
    bounds = offsets_of("--until", cluster, topic.name, end, dict.fromkeys(numbers, 0))
    return Asked(starts, bounds, named, compress.value, words)


# ---------------------------------------------------------------------- check


def check(folder: FolderArgument, output: OutputOption = Document.TABLE) -> int:
    """Read an archive and hold every byte against its checksums. Needs no Kafka and no project."""
    with stopping() as state, progress_bar("records") as show, _unusable():
        total = read_manifest(folder).records
        try:
            checked = check_archive(folder, on_progress=lambda done: show("checking", done, total), stop=state.event)
        except Interrupted:
            return state.exit_code
    if output is Document.JSON:
        print_json({**_document(folder, checked.manifest), "sound": True, "strangers": list(checked.strangers)})
        return OK
    _tell(folder, checked.manifest)
    print("sound: every file, checksum, offset and digest is as it was written")
    for name in checked.strangers:
        _say(f"note: {name} does not belong to the archive.")
    return OK


# ---------------------------------------------------------------------- import


def import_(
    folder: FolderArgument,
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="Where to; made when it is not there, else empty.")],
    doing: Annotated[
        bool, typer.Option("--execute/--dry-run", help="Write the records; without it the plan is shown.")
    ] = False,
    offsets_map: Annotated[
        Path | None,
        typer.Option("--offsets-map", metavar="FILE", help="Old to new offsets. Default: DIR.TOPIC.offsets.ndjson."),
    ] = None,
    hold_retention: Annotated[
        bool, typer.Option("--hold-retention", help="Make the topic without retention and time limits.")
    ] = False,
    accept_timestamps: Annotated[
        bool, typer.Option("--accept-timestamps", help="Let records get the time of the import where theirs is lost.")
    ] = False,
    output: OutputOption = Document.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Write an archive into a topic, exactly once, and prove it by reading the topic back.

    The archive is checked first. A run that is killed is finished by the same command. Offsets shift where the old
    topic had gaps and where the import's own transactions end; the map of offsets says how, for consumer groups.
    """
    cluster = Cluster(kafka_settings(open_project(project, environment), bootstrap))
    path = offsets_map or folder.resolve().with_name(f"{folder.resolve().name}.{topic}.offsets.ndjson")
    wish = Wish(hold_retention, accept_timestamps)
    with stopping() as state, progress_bar("records") as show, _unusable():
        try:
            total = read_manifest(folder).records
            manifest = check_archive(
                folder, on_progress=lambda done: show("checking", done, total), stop=state.event
            ).manifest
            begun = standing(cluster, manifest, cluster.find(topic))
            plan = plan_import(cluster, manifest, topic, wish, time.time_ns() // 1_000_000, begun=bool(begun))
            _tell_plan(plan, manifest, begun=bool(begun))
            if not doing:
                return _planned(plan, manifest, output)

            def on_progress(progress: Progress) -> None:
                show(progress.doing, progress.records, total)

            done = import_topic(
                cluster,
                folder,
                manifest,
                topic,
                path,
                wish,
                on_progress=on_progress,
                stop=state.event,
                failpoints=Failpoints.from_environment(),
            )
        except (Stopped, Interrupted):
            _say("Stopped. What is committed is kept; the same command goes on from there.")
            return state.exit_code
    _tell_imported(done, manifest, output)
    return OK


def _tell_imported(done: Imported, manifest: Manifest, output: Document) -> None:
    if output is Document.JSON:
        print_json(
            {
                "topic": done.topic,
                "records": done.records,
                "written": done.written,
                "digest": manifest.digest,
                "offset_ranges": done.ranges,
                "offsets_map": None if done.offsets_map is None else str(done.offsets_map),
                "ends": {str(number): list(ends) for number, ends in done.shifts.items()},
                "recoveries": done.recoveries,
            }
        )
    elif done.offsets_map is None:
        print(f"{done.topic} holds the archive already: {done.records:,} records. Nothing was written.")
    else:
        print(
            f"{done.records:,} records in {done.topic}, {done.written:,} written now; read back, and all are the same"
        )
        print(f"old and new offsets: {done.ranges:,} ranges in {done.offsets_map}")


def _planned(plan: ImportPlan, manifest: Manifest, output: Document) -> int:
    if output is Document.JSON:
        print_json(
            {
                "topic": plan.topic,
                "records": manifest.records,
                "makes_topic": plan.makes_topic,
                "partitions": plan.partitions,
                "settings": plan.settings,
                "afterwards": plan.afterwards,
                "notes": plan.notes,
                "refusals": [{"why": why, "remedy": remedy} for why, remedy in plan.refusals],
            }
        )
    if plan.refusals:
        return REFUSED
    _say("Nothing was written; --execute does it.")
    return OK


def _tell_plan(plan: ImportPlan, manifest: Manifest, *, begun: bool) -> None:
    scope = manifest.scope
    what = "Go on with importing" if begun else "Import"
    _say(f"{what} {manifest.records:,} records of {scope.topic} into {plan.topic}, {plan.partitions} partitions.")
    if plan.makes_topic:
        _say(f"The topic is made with {', '.join(f'{name}={value}' for name, value in sorted(plan.settings.items()))}.")
    _say(
        "Offsets shift: the old topic's gaps are closed, and each transaction of the import takes one offset for its "
        "end. The map of offsets says where every record is."
    )
    for note in plan.notes:
        _say(f"note: {note}")
    for why, remedy in plan.refusals:
        _say(f"refused: {why}\n→ {remedy}")


# ---------------------------------------------------------------------- shared


@contextmanager
def _unusable() -> Iterator[None]:
    try:
        yield
    except Unusable as problem:
        raise Failure(str(problem), problem.remedy, ERROR) from problem


def _document(folder: Path, manifest: Manifest) -> dict[str, Any]:
    scope = manifest.scope
    return {
        "folder": str(folder),
        "topic": scope.topic,
        "topic_id": scope.topic_id,
        "cluster_id": scope.cluster_id,
        "records": manifest.records,
        "size_bytes": manifest.total("size_bytes"),
        "file_bytes": sum(segment.size_bytes for segment in manifest.segments),
        "segments": len(manifest.segments),
        "compression": scope.compression,
        "digest": manifest.digest,
        "partitions": {
            str(number): {"start": scope.starts[number], "bound": scope.bounds[number], **summary}
            for number, summary in manifest.partitions.items()
        },
    }


def _tell(folder: Path, manifest: Manifest) -> None:
    said = _document(folder, manifest)
    print(f"{said['topic']} → {folder}: {said['records']:,} records of {len(manifest.partitions)} partitions")
    gaps = sum(one["bound"] - one["start"] - one["records"] for one in said["partitions"].values())
    print(
        f"  {said['size_bytes']:,} bytes in {said['segments']:,} files of {said['file_bytes']:,} bytes; "
        f"{gaps:,} offsets without a record"
    )
    print(f"  digest {said['digest']}")


def _say(text: str) -> None:
    stderr.print(text, markup=False, soft_wrap=True)
