"""``instar rate M 5000/s``: how fast a migration's records may be carried, while they are."""

from typing import Annotated

import typer

from instar.cli.exits import OK, USAGE, Failure
from instar.cli.output import stderr
from instar.cli.scope import BootstrapOption, EnvironmentOption, ProjectOption
from instar.cli.steering import DirectionOption, MigrationArgument, WhyOption, asked_by, steered
from instar.core.throttle import Rate, parse_rate

DEFAULT = "default"


def add_to(app: typer.Typer) -> None:
    app.command("rate")(rate)


def rate(
    migration: MigrationArgument,
    limit: Annotated[
        str,
        typer.Argument(
            metavar="RATE", help="5000/s (records), 20MB/s (bytes), 5000/s,20MB/s, unlimited, or default: as started."
        ),
    ],
    direction: DirectionOption = None,
    why: WhyOption = "",
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Change the rate of a migration's workers and backfills, on any machine, while they run.

    The rate is for all of them together, for each direction. A run that is started later with a --rate of its own goes
    by that one: the newest word counts.
    """
    asked = None if limit == DEFAULT else rate_of(limit)
    state = steered(migration, direction, project, environment, bootstrap)
    state.set_rate(asked, asked_by(why))
    for one in state.directions:
        stderr.print(f"{migration} {one}: {'as started' if asked is None else asked}", markup=False)
    return OK


def rate_of(text: str) -> Rate:
    try:
        return parse_rate(text)
    except ValueError as problem:
        raise Failure(f"{problem}.", exit_code=USAGE) from problem
