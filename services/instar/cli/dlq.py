"""``instar dlq``: a migration's dead letters: what they are, and what becomes of them."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.text import Text

from instar.cli.dlq_choice import (
    ByOption,
    CodeOption,
    DirectionOption,
    FieldOption,
    HopOption,
    LetterOption,
    MigrationOption,
    actor,
    choice,
    dead_letters,
)
from instar.cli.dlq_text import CAUSE_COLUMNS, OUTCOME_COLUMNS, cause_row, letter_rows, outcome_rows
from instar.cli.exits import ERROR, NO, OK, REFUSED, USAGE, Failure, fail
from instar.cli.observing import observing
from instar.cli.output import Document, Format, print_document, print_rows, stderr
from instar.cli.scope import BootstrapOption, EnvironmentOption, ProjectOption, open_project
from instar.cli.tracing import print_rejection, print_stages
from instar.core.reading import Read
from instar.core.rejected import Rejected
from instar.core.subject import Subject
from instar.core.trace_document import rejection, stages_document
from instar.core.upcasting.chain import Stage
from instar.core.version import label
from instar.dead_letters.choice import Choice, by_cause
from instar.dead_letters.export import exported
from instar.kafka.letters import Letter
from instar.operations.dead_letters import DIRECTIONS, discarded, position_of, redriven, stages_of
from instar.telemetry import names

ExecuteOption = Annotated[
    bool, typer.Option("--execute/--dry-run", help="Do it; without it, it is only shown what would be done.")
]


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="Dead letters: records that a hop, a schema or the target refused.", no_args_is_help=True)
    group.command("list")(list_letters)
    group.command("show")(show)
    group.command("redrive")(redrive)
    group.command("discard")(discard)
    group.command("export")(export)
    app.add_typer(group, name="dlq")


def list_letters(
    migration: MigrationOption,
    direction: DirectionOption = None,
    code: CodeOption = None,
    hop: HopOption = None,
    field: FieldOption = None,
    output: Annotated[Format, typer.Option("-o", "--output")] = Format.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """List dead letters by cause: code, hop and field, with how many are outstanding, redriven and discarded.

    First and last are the oldest and newest outstanding ones, as `dlq show` and --letter take them.
    """
    found = dead_letters(open_project(project, environment), migration, bootstrap)
    causes = by_cause(found.read(choice(direction, code, hop, field, None)))
    print_rows([cause_row(cause) for cause in causes], CAUSE_COLUMNS, output)
    if not causes:
        _say(f"{migration} has no dead letters in {found.topic.name}.")
    return OK


# ---------------------------------------------------------------------- show


def show(
    letter: Annotated[str, typer.Argument(metavar="PARTITION:OFFSET", help="Its place in the dead-letter topic.")],
    migration: MigrationOption,
    output: Annotated[Document, typer.Option("-o", "--output")] = Document.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Show one dead letter: why it was refused, the record readable, and how far today's chain takes it.

    Sensitive fields are masked. Exits with 3 when today's chain still rejects it.
    """
    found = dead_letters(open_project(project, environment), migration, bootstrap)
    one = found.at(*position_of(letter))
    if one is None:
        fail(
            f"{found.topic.name} has no dead letter of {migration} at {letter}.", "`instar dlq list` says which it has."
        )
    read = found.reading(one)
    stages = stages_of(found, one, read) if isinstance(read, Read) else []
    rejected = read if isinstance(read, Rejected) else stages[-1].rejected if stages else None
    if output is Document.JSON:
        subject = read.subject if isinstance(read, Read) else None
        print_document(_document(one, subject, stages, rejected))
    else:
        _print_letter(one, read, stages)
    return OK if rejected is None else NO


def _document(
    letter: Letter, subject: Subject | None, stages: list[Stage], rejected: Rejected | None
) -> dict[str, Any]:
    said = exported(letter)
    del said["value"]  # the readable one is in the stages, without what is sensitive
    first = stages[0] if stages else None
    return said | {
        "subject": subject.name if subject else None,
        "version": label(first.version) if first else None,
        "stages": stages_document(subject, stages) if subject else [],
        "today": rejection(rejected) if rejected else None,
    }


def _print_letter(letter: Letter, read: Read | Rejected | None, stages: list[Stage]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    position = letter.position
    console.print(Text(f"dead letter {position.partition}:{position.offset}", style="bold"))
    for name, text in letter_rows(letter):
        console.print(Text(f"  {name:<10}").append(text, "red" if name in ("code", "error") else ""))
    console.print()
    if isinstance(read, Rejected):
        print_rejection(console, read)
    elif read is None:
        console.print(Text("a tombstone (null value)"))
    else:
        print_stages(console, read.subject, stages)
        if stages and stages[-1].rejected is None:
            console.print(Text("Today's chain takes it: `instar dlq redrive` publishes it.", style="green"))


# ---------------------------------------------------------------------- redrive


def redrive(
    migration: MigrationOption,
    doing: ExecuteOption = False,
    direction: DirectionOption = None,
    code: CodeOption = None,
    hop: HopOption = None,
    field: FieldOption = None,
    letter: LetterOption = None,
    by: ByOption = None,
    output: Annotated[Format, typer.Option("-o", "--output")] = Format.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Publish outstanding dead letters through today's chain; the same letter is never published twice.

    What they become stands behind records that came after them, so it is marked. On a compacted target a letter whose
    key has a newer value is refused. Exits with 3 when the chain still rejects one, with 4 when one is refused.
    """
    chosen = choice(direction, code, hop, field, letter)
    found = dead_letters(open_project(project, environment), migration, bootstrap)
    rows: list[dict[str, Any]] = []
    results: set[str] = set()
    with observing("dlq redrive", migration, {names.DRY_RUN: not doing}) as observed:
        for side in DIRECTIONS:
            if chosen.direction not in (None, side):
                continue
            mine = Choice(side, chosen.code, chosen.hop, chosen.field, chosen.letters)
            outcomes = list(redriven(found, side, mine, actor(by), doing=doing, observe=observed.redrive()))
            rows += outcome_rows(side, outcomes)
            results |= {outcome.result for outcome in outcomes}
    print_rows(rows, OUTCOME_COLUMNS, output)
    if not rows:
        _say("No outstanding dead letter fits.")
    elif "redriven" in results:
        _say(
            f"Order: redriven records {'stand' if doing else 'would stand'} behind records of their partition that "
            "came after them. Consumers for which the order within a key matters must be told."
        )
    if rows and not doing:
        _say("Nothing was published; --execute does it.")
    if results & {"newer-value", "other-topic"}:
        return REFUSED
    return NO if "rejected" in results else OK


# ---------------------------------------------------------------------- discard and export


def discard(
    migration: MigrationOption,
    reason: Annotated[str, typer.Option("--reason", help="Why these records are not wanted. Kept.")],
    confirm: Annotated[
        str | None, typer.Option("--confirm", metavar="MIGRATION", help="The migration's name again.")
    ] = None,
    doing: ExecuteOption = False,
    direction: DirectionOption = None,
    code: CodeOption = None,
    hop: HopOption = None,
    field: FieldOption = None,
    letter: LetterOption = None,
    by: ByOption = None,
    output: Annotated[Format, typer.Option("-o", "--output")] = Format.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Decide that outstanding dead letters are not wanted: they are never redriven and count as settled.

    Who, when and why is kept. The letters themselves stay in their topic for as long as it keeps them.
    """
    chosen = choice(direction, code, hop, field, letter)
    if not reason.strip():
        fail("--reason is empty.", "Say why these records are not wanted.", USAGE)
    if doing and confirm != migration:
        fail("A discard needs the migration's name again.", f"Add --confirm {migration}.", USAGE)
    found = dead_letters(open_project(project, environment), migration, bootstrap)
    rows: list[dict[str, Any]] = []
    for side in DIRECTIONS:
        if chosen.direction not in (None, side):
            continue
        mine = Choice(side, chosen.code, chosen.hop, chosen.field, chosen.letters)
        count = discarded(found, side, mine, reason, actor(by), doing=doing)
        if count:
            rows.append({"direction": side, "result": "discarded", "letters": count, "outputs": 0, "why": reason})
    print_rows(rows, OUTCOME_COLUMNS, output)
    if not rows:
        _say("No outstanding dead letter fits.")
    elif not doing:
        _say(f"Nothing was discarded; --execute --confirm {migration} does it.")
    return OK


def export(
    migration: MigrationOption,
    file: Annotated[
        Path, typer.Option("--to", metavar="FILE", help="Where to: a new file, or - for stdout.", allow_dash=True)
    ],
    outstanding: Annotated[bool, typer.Option("--outstanding", help="Only those that nobody has settled.")] = False,
    direction: DirectionOption = None,
    code: CodeOption = None,
    hop: HopOption = None,
    field: FieldOption = None,
    letter: LetterOption = None,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Write dead letters to a file, one JSON object a line: bytes in base64, and everything known of each.

    The file holds what the records hold, sensitive fields included.
    """
    chosen = choice(direction, code, hop, field, letter)
    found = dead_letters(open_project(project, environment), migration, bootstrap)
    lines = (
        orjson.dumps(exported(each), option=orjson.OPT_APPEND_NEWLINE)
        for each in found.read(chosen, outstanding=outstanding)
    )
    if str(file) == "-":
        for line in lines:
            sys.stdout.buffer.write(line)
        sys.stdout.flush()
        return OK
    count = _write(file, lines)
    _say(f"{count:,} dead letter{'s'[: count != 1]} of {migration} {'is' if count == 1 else 'are'} in {file}.")
    return OK


def _write(file: Path, lines: Iterable[bytes]) -> int:
    """A new file, whole or not at all; readable by its owner only, since records are in it."""
    partial = file.with_name(file.name + ".partial")
    if file.exists():
        fail(f"{file} is there already.", "Name a new file.", USAGE)
    count = 0
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            for line in lines:
                out.write(line)
                count += 1
        partial.rename(file)
    except OSError as problem:
        raise Failure(f"{file} cannot be written: {problem.strerror}.", exit_code=ERROR) from problem
    finally:
        partial.unlink(missing_ok=True)
    return count


def _say(text: str) -> None:
    stderr.print(text, markup=False, soft_wrap=True)
