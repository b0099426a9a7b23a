"""``instar consumers declare | withdraw | list``: readers that cannot report themselves, on somebody's word."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from instar.cli.exits import USAGE, fail
from instar.cli.moving import ActorOption
from instar.cli.output import Format, print_rows, stderr
from instar.cli.scope import EnvironmentOption, ProjectOption, open_project, subject_of, version_of
from instar.core.version import label
from instar.operations.rolling import who
from instar.operations.stating import state_of
from instar.state.opening import State
from instar.state.readers import DeclaredReader

_COLUMNS = {"group": "group", "reads": "reads", "owner": "owner", "expires": "expires", "declared_by": "declared by"}

GroupArgument = Annotated[str, typer.Argument(metavar="GROUP", help="The consumer group, or any name of the program.")]


def add_to(group: typer.Typer) -> None:
    group.command("declare")(declare)
    group.command("withdraw")(withdraw)
    group.command("list")(list_declared)


def declare(
    group: GroupArgument,
    reads: Annotated[str, typer.Option("--reads", metavar="SUBJECT:VERSION", help="What it reads: orders:v2.")],
    owner: Annotated[str, typer.Option("--owner", metavar="TEAM", help="Who can be asked about it.")],
    expires: Annotated[
        datetime,
        typer.Option(
            "--expires", formats=["%Y-%m-%d"], metavar="DATE", help="The first day on which it does not count."
        ),
    ],
    by: ActorOption = None,
    output: Annotated[Format, typer.Option("-o", "--output")] = Format.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
) -> int:
    """Say that a program reads a version. Until that day, or until it is withdrawn, the version is not retired."""
    opened = open_project(project, environment)
    subject, _, text = reads.partition(":")
    version = version_of(subject_of(opened, subject), text)
    expires_ms = int(expires.replace(tzinfo=UTC).timestamp() * 1000)
    if expires.replace(tzinfo=UTC) <= datetime.now(UTC):
        fail(f"{expires:%Y-%m-%d} is over already.", "Give a later day: --expires 2027-06-30.", USAGE)
    with state_of(opened) as state:
        state.readers.declare(DeclaredReader(group, subject, version, owner, expires_ms), by or who())
        _show(state, subject, output)
    return 0


def withdraw(
    group: GroupArgument,
    subject: Annotated[str, typer.Option("--subject", "-s", metavar="SUBJECT", help="What it no longer reads.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="How that is known.")],
    by: ActorOption = None,
    output: Annotated[Format, typer.Option("-o", "--output")] = Format.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
) -> int:
    """Say that a declared reader reads a subject no more."""
    if not reason.strip():
        fail("A withdrawal says how it is known.", "Give --reason.", USAGE)
    with state_of(open_project(project, environment)) as state:
        state.readers.withdraw(group, subject, by or who(), reason)
        _show(state, subject, output)
    return 0


def list_declared(
    subject: Annotated[str | None, typer.Option("--subject", "-s", metavar="SUBJECT")] = None,
    output: Annotated[Format, typer.Option("-o", "--output")] = Format.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
) -> int:
    """List the declared readers."""
    with state_of(open_project(project, environment)) as state:
        _show(state, subject, output)
    return 0


def _show(state: State, subject: str | None, output: Format) -> None:
    rows = [_row(each) for each in state.readers.list(subject)]
    if not rows and output is Format.TABLE:
        stderr.print("No reader is declared.")
    print_rows(rows, _COLUMNS, output)


def _row(each: DeclaredReader) -> dict[str, Any]:
    return {
        "group": each.group,
        "reads": f"{each.subject}:{label(each.version)}",
        "owner": each.owner,
        "expires": datetime.fromtimestamp(each.expires_at_ms / 1000, UTC).date().isoformat(),
        "declared_by": each.declared_by,
    }
