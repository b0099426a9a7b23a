"""``instar census show``: who was counted, and the mix of versions in their topics."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from instar.census.reading import Reading, read_census
from instar.census.topics import CensusTopics
from instar.cli import completing
from instar.cli.exits import USAGE, Failure
from instar.cli.output import Document, Format, print_json, print_rows, stderr
from instar.cli.scope import BootstrapOption, EnvironmentOption, ProjectOption, kafka_settings, open_project
from instar.core.census_fold import Total, totals
from instar.core.census_result import Client, Seen
from instar.project.model import duration_s

_CLIENTS = {
    "client": "client",
    "kind": "does",
    "group": "group",
    "owner": "owner",
    "topic": "topic",
    "subject": "subject",
    "version": "version",
    "records": "records",
    "last_seen": "last seen",
}
_MIX = {
    "topic": "topic",
    "subject": "subject",
    "producer": "producer",
    "version": "version",
    "records": "records",
    "share": "share",
    "last_window": "last window",
}


def add_to(group: typer.Typer) -> None:
    group.command("show")(census_show)


def census_show(
    subject: Annotated[
        str | None, typer.Argument(metavar="[SUBJECT]", help="All by default.", autocompletion=completing.subjects)
    ] = None,
    since: Annotated[str, typer.Option(metavar="DURATION", help="How far back: 30m, 24h, 7d.")] = "7d",
    output: Annotated[Document, typer.Option("-o", "--output")] = Document.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Show which programs read and write which versions, and the versions that topics' records have.

    Only what tells of itself is here: clients that use instar's library with a census, and workers whose settings ask
    for it. `instar census scan TOPIC` looks at a topic of which nobody tells.
    """
    opened = open_project(project, environment)
    kafka = kafka_settings(opened, bootstrap)
    try:
        back_s = duration_s(since)
    except ValueError as problem:
        raise Failure(f"--since {since} is not a duration.", "Write 30m, 24h or 7d.", USAGE) from problem
    now_ms = time.time_ns() // 1_000_000
    settings = opened.settings.census
    reading = read_census(
        kafka, CensusTopics(settings.topic), since_ms=now_ms - back_s * 1000, window_ms=settings.window * 1000
    )
    if subject is not None:
        reading = Reading(reading.census.of_subject(subject), reading.behind, reading.unusable)
    if output is Document.JSON:
        print_json(_document(reading, now_ms - back_s * 1000))
        return 0
    _tables(reading)
    return 0


def _tables(reading: Reading) -> None:
    census = reading.census
    clients = [row for client in census.clients for row in _client_rows(client)]
    mix = [_mix_row(each) for each in totals(census)]
    if clients:
        print_rows(clients, _CLIENTS, Format.TABLE)
    else:
        stderr.print("No program has told of itself.")
    if mix:
        if clients:
            print()
        print_rows(mix, _MIX, Format.TABLE)
    else:
        stderr.print("No worker has told which versions it carries.")
    if reading.behind:
        stderr.print(
            f"{reading.behind:,} summaries were counted just now; `instar census run` has not yet, is it running?",
            soft_wrap=True,
        )
    if reading.unusable:
        stderr.print(f"{reading.unusable:,} records of the census cannot be read and are not counted.")


def _client_rows(client: Client) -> list[dict[str, Any]]:
    return [
        {
            "client": client.client or "(no name)",
            "kind": client.kind,
            "group": client.group,
            "owner": client.owner,
            "topic": client.topic,
            "subject": client.subject,
            "version": version,
            "records": f"{seen.records:,}",
            "last_seen": _time(seen.last_ms),
        }
        for version, seen in sorted(client.versions.items(), key=_numeric)
    ]


def _mix_row(each: Total) -> dict[str, Any]:
    return {
        "topic": each.topic,
        "subject": each.subject,
        "producer": each.producer,
        "version": each.version,
        "records": f"{each.records:,}",
        "share": f"{each.share:.1%}",
        "last_window": _time(each.last_window_start_ms),
    }


def _document(reading: Reading, since_ms: int) -> dict[str, Any]:
    census = reading.census
    return {
        "since_ms": since_ms,
        "summaries_not_counted": reading.behind,
        "unusable": reading.unusable,
        "clients": [
            {
                "client": client.client,
                "kind": client.kind,
                "group": client.group,
                "owner": client.owner,
                "topic": client.topic,
                "subject": client.subject,
                "versions": _seen(client.versions),
                "found": _seen(client.found),
                "last_seen_ms": client.last_ms,
            }
            for client in census.clients
        ],
        "mix": [{**key._asdict(), "versions": versions} for key, versions in census.mixes.items()],
    }


def _seen(versions: Mapping[str, Seen]) -> dict[str, dict[str, int]]:
    return {
        name: {"records": seen.records, "last_seen_ms": seen.last_ms}
        for name, seen in sorted(versions.items(), key=_numeric)
    }


def _numeric(item: tuple[str, Any]) -> int:
    return int(item[0][1:])


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(sep=" ", timespec="seconds").removesuffix("+00:00")
