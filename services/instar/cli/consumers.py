"""``instar consumers translate GROUP``: move a consumer group to a migration's other topic at exactly its record."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from instar.cli import completing, declaring
from instar.cli.observing import observing
from instar.cli.output import Format, print_rows, stderr
from instar.cli.scope import (
    BootstrapOption,
    EnvironmentOption,
    ProjectOption,
    kafka_settings,
    migration_of,
    open_project,
)
from instar.telemetry import names
from instar.translation.group import Move, Plan, To, execute, plan

_COLUMNS = {
    "partition": "partition",
    "before": "before",
    "after": "after",
    "next_record": "next record",
    "repeats": "repeats",
    "replaces": "replaces",
}


class Side(StrEnum):
    NEW = "new"
    OLD = "old"


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="Consumer groups and where they stand.", no_args_is_help=True)
    group.command("translate")(translate)
    declaring.add_to(group)
    app.add_typer(group, name="consumers")


def translate(
    group: Annotated[str, typer.Argument(metavar="GROUP", help="The consumer group; it must be empty.")],
    migration: Annotated[
        str,
        typer.Option("--migration", metavar="MIGRATION", autocompletion=completing.migrations),
    ],
    to: Annotated[Side, typer.Option(help="Which topic the group moves to.")] = Side.NEW,
    doing: Annotated[
        bool, typer.Option("--execute/--dry-run", help="Set the offsets; without it they are only shown.")
    ] = False,
    output: Annotated[Format, typer.Option("-o", "--output")] = Format.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Say where a group stands in a migration's other topic, and with --execute set its offsets there.

    The next record that it reads is the first that it has not read yet in the topic that it leaves; none is skipped.
    Its offsets in that topic stay as they are. Refused while the group has members, while the bridge has not
    published what the group has read, and in modes whose outputs do not keep their order.
    """
    opened = open_project(project, environment)
    settings = migration_of(opened, migration)
    kafka = kafka_settings(opened, bootstrap)
    side: To = "new" if to is Side.NEW else "old"
    with observing("consumers translate", migration, {names.GROUP: group, names.DRY_RUN: not doing}) as observed:
        with observed.span("find offsets"):
            made = plan(settings, migration, group, side, kafka)
        if doing:
            with observed.span("set offsets"):
                execute(made, kafka)
    _say(made, done=doing)
    print_rows([_row(made, move, done=doing) for move in made.moves], _COLUMNS, output)
    return 0


def _row(made: Plan, move: Move, *, done: bool) -> dict[str, Any]:
    found = move.translation
    row: dict[str, Any] = {
        "group": made.group,
        "from_topic": made.here.name,
        "to_topic": made.there.name,
        "partition": move.partition,
        "before": move.before,
        "after": None,
        "next_record": "no offset to translate",
        "repeats": None,
        "replaces": move.standing,
        "executed": done and found is not None,
    }
    if found is None:
        return row
    match found.stands:
        case "copy":
            next_record = f"of {made.here.name} offset {found.source_offset}"
        case "native":
            next_record = f"written to {made.there.name}"
        case "end":
            next_record = "none yet: the end"
    repeats = str(found.repeats) if found.repeats_exact else f"at least {found.repeats}"
    return row | {
        "after": found.offset,
        "next_record": next_record,
        "stands": found.stands,
        "source_offset": found.source_offset,
        "repeats": repeats,
        "repeats_records": found.repeats,
        "repeats_exact": found.repeats_exact,
        "fan_out_repeats": found.fan_out_repeats,
        "redriven_before": found.redriven_before,
        "restored": found.restored,
    }


def _say(made: Plan, *, done: bool) -> None:
    verb = "moved" if done else "would move"
    _print(f"{made.group} {verb} from {made.here.name} to {made.there.name} ({made.migration})")
    found = [move.translation for move in made.moves if move.translation is not None]
    repeats = sum(each.repeats for each in found)
    if repeats:
        _print(
            f"note: {repeats:,} records that the group has read stand behind its new position, among records that it "
            "has not: it reads them again."
        )
    inside = sum(each.fan_out_repeats for each in found)
    if inside:
        _print(
            f"note: the group stands inside of fan-outs: {inside:,} outputs that it has read come again, as one record."
        )
    redriven = sum(each.redriven_before for each in found)
    if redriven:
        _print(f"note: up to {redriven:,} redriven dead letters that it has read as originals may come again.")
    unset = [move.partition for move in made.moves if move.translation is None]
    if unset:
        _print(
            f"note: it has no offset in partitions {unset}: there its consumers' auto.offset.reset decides, "
            "and only `earliest` skips nothing."
        )
    if not done:
        _print("Nothing was changed; --execute sets the offsets.")


def _print(text: str) -> None:
    stderr.print(text, markup=False, soft_wrap=True)
