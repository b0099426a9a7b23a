"""What the verbs that steer and show a migration share: which directions, who asks, and looking at them."""

import getpass
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from instar.cli import completing
from instar.cli.runs import Which, chosen
from instar.cli.scope import kafka_settings, open_project
from instar.clock import now_ms
from instar.core.control import Asked
from instar.core.status import Status
from instar.operations.steering import Steered, steering

MigrationArgument = Annotated[
    str,
    typer.Argument(
        help="The migration's name in the settings.", metavar="MIGRATION", autocompletion=completing.migrations
    ),
]
DirectionOption = Annotated[Which | None, typer.Option(help="Default: as `producers` and the rollout ask.")]
WhyOption = Annotated[str, typer.Option("--why", help="For those who wonder later.", metavar="TEXT")]

ACKNOWLEDGED_WITHIN_S = 20.0
_LOOK_EVERY_S = 0.25


def steered(
    migration: str, direction: Which | None, project: Path | None, environment: str | None, bootstrap: str | None
) -> Steered:
    """What the options of a command name."""
    opened = open_project(project, environment)
    asked = None if direction is None else chosen(direction, ())
    return steering(opened, migration, asked, kafka_settings(opened, bootstrap))


def asked_by(why: str = "") -> Asked:
    """Who asks: the user and the machine."""
    return Asked(f"{getpass.getuser()}@{socket.gethostname()}", now_ms(), why)


def wait_until(state: Steered, ready: Callable[[Status], bool], timeout_s: float) -> list[Status]:
    """The last look, as soon as ``ready`` is true of every direction, and at the latest when the time is over."""
    progress = state.progress()
    deadline_s = time.monotonic() + timeout_s
    while True:
        statuses = state.look(progress)
        if all(ready(status) for status in statuses) or time.monotonic() > deadline_s:
            return statuses
        time.sleep(_LOOK_EVERY_S)
