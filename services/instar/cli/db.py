"""``instar db``: the tables of the state, and their way up and down."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from instar.cli.exits import NO, OK, USAGE, fail
from instar.cli.output import Document, print_json, stderr
from instar.cli.scope import EnvironmentOption, ProjectOption, open_project
from instar.cli.steering import asked_by
from instar.core.rollout.storage import Noted
from instar.operations.stating import database_of
from instar.state import schema
from instar.state.database import Database
from instar.state.opening import state_of
from instar.state.schema import BASE, HEAD, Standing

OutputOption = Annotated[Document, typer.Option("-o", "--output")]
_LEDGER_SINCE = "0001"  # from this revision on there is a ledger to write into


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="The database of the state: its tables, and their way up and down.", no_args_is_help=True)
    group.command("current")(current)
    group.command("check")(check)
    group.command("upgrade")(upgrade)
    group.command("downgrade")(downgrade)
    app.add_typer(group, name="db")


def current(
    output: OutputOption = Document.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
) -> int:
    """Say which revision the tables are at, and which one this instar needs."""
    with database_of(open_project(project, environment)) as database:
        _show(database, schema.standing(database), output)
    return OK


def check(
    output: OutputOption = Document.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
) -> int:
    """Say whether the tables are those that this instar needs. Exits with 3 when they are not."""
    with database_of(open_project(project, environment)) as database:
        now = schema.standing(database)
        _show(database, now, output)
        if now.kind == "newer":
            raise schema.too_new(database, now)
        if now.kind != "current":
            _say("→ instar db upgrade")
    return OK if now.kind == "current" else NO


def upgrade(
    to: Annotated[str, typer.Option("--to", metavar="REVISION", help="Not further than this one.")] = HEAD,
    output: OutputOption = Document.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
) -> int:
    """Bring the tables to what this instar needs, in one transaction: all of it or nothing.

    It only adds; nothing that is stored is lost. A SQLite file needs no call: it is brought there when it is opened.
    """
    opened = open_project(project, environment)
    with database_of(opened) as database:
        before = schema.standing(database)
        if before.kind == "newer":
            raise schema.too_new(database, before)
        after = schema.upgrade(database, to)
        if after.current not in (None, before.current):
            _note(database, opened.environment_name, "db upgrade", "", before.current, after.current)
        _show(database, after, output)
    return OK


def downgrade(
    to: Annotated[str, typer.Argument(metavar="REVISION", help=f"An earlier revision, or {BASE}: no tables at all.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="For those who ask later.")] = "",
    confirm: Annotated[
        str | None, typer.Option("--confirm", metavar="ENVIRONMENT", help="The environment's name again: do it.")
    ] = None,
    output: OutputOption = Document.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
) -> int:
    """Bring the tables back to an earlier revision. What later ones added is dropped with all that is in it.

    Without --confirm it only shows what would be dropped. Back up the database first.
    """
    opened = open_project(project, environment)
    name = opened.environment_name
    with database_of(opened) as database:
        undone = schema.steps_down(database, to)
        if not undone:
            fail(f"The tables are not past revision {to}: there is nothing to undo.", "instar db current", USAGE)
        for step in undone:
            _say(f"undo {step.revision}: {step.about}")
            for table, count in schema.rows(database, step.tables).items():
                _say(f"  drop {table} with {count} rows")
        if confirm is None:
            _say(f"Nothing was changed; --reason TEXT --confirm {name} does it.")
            return OK
        if confirm != name:
            fail(f"--confirm says {confirm!r}, the environment is {name!r}.", f"Add --confirm {name}.", USAGE)
        if not reason.strip():
            fail("A downgrade needs a reason.", "Add --reason TEXT.", USAGE)
        before = schema.standing(database)
        after = schema.downgrade(database, to)
        if after.current is not None:
            _note(database, name, "db downgrade", reason, before.current, after.current)
        _show(database, after, output)
    return OK


def _note(
    database: Database, environment: str, action: str, reason: str, before: str | None, after: str | None
) -> None:
    """In the ledger, which every revision has but the one without tables."""
    if after is not None and after >= _LEDGER_SINCE:
        noted = Noted(asked_by().by, action, reason, "", {"from": before, "to": after})
        state_of(database, environment).ledger.note("", noted)


def _show(database: Database, now: Standing, output: Document) -> None:
    if output is Document.JSON:
        document: dict[str, Any] = {"database": str(database), "standing": now.kind}
        print_json(document | {"current": now.current, "wanted": now.wanted, "missing": list(map(asdict, now.missing))})
        return
    words = {
        "current": "as this instar needs it",
        "behind": f"older than this instar needs ({now.wanted})",
        "empty": f"no tables yet, this instar needs {now.wanted}",
        "newer": f"of a later instar; this one knows up to {now.wanted}",
    }
    print(f"{database}: {now.current or 'empty'}, {words[now.kind]}")
    for step in now.missing:
        print(f"  {step.revision}  {step.about}")


def _say(text: str) -> None:
    stderr.print(text, markup=False, soft_wrap=True)
