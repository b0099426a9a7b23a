"""``instar guard M``: keep looking at a migration, tell the machine what is seen, and let its limits act."""

import time
from typing import Annotated

import structlog
import typer

from instar.cli.exits import OK
from instar.cli.scope import BootstrapOption, EnvironmentOption, ProjectOption, open_project
from instar.cli.steering import MigrationArgument
from instar.cli.stopping import stopping
from instar.core.rollout.phase import FINAL, Phase
from instar.kafka.errors import KafkaTrouble
from instar.operations.alerting import Alerts
from instar.operations.notifying import notifier
from instar.operations.rolling import Rolling, rolling
from instar.state.errors import StateTrouble

log = structlog.get_logger(__name__)

AGAIN_AFTER_S = 300.0


def add_to(app: typer.Typer) -> None:
    app.command("guard")(guard)


def guard(
    migration: MigrationArgument,
    every: Annotated[float, typer.Option(min=0.2, max=3600, metavar="SECONDS", help="How often to look.")] = 5.0,
    once: Annotated[bool, typer.Option("--once", help="Look once, and end.")] = False,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Move a migration along by what is seen of it (replaying, caught up, verified), keep samples for its limits, and
    do what a limit asks for: tell people, pause the bridges, or roll back.

    Run one for each migration that has limits, until it is retired. A cluster or a database that is away, or a topic
    that is gone, is told and waited for; with --once it ends the command, with the exit code of its kind.
    """
    with (
        stopping() as ending,
        rolling(open_project(project, environment), migration, bootstrap=bootstrap, actor="guard") as at,
    ):
        alerts = Alerts(at.name, at.project.environment_name, at.migration.limits.to_judge(), notifier(at.project).tell)
        patience = _Patience()
        while not ending.event.is_set():
            if _patient_look(at, alerts, patience, once=once) or once:
                return OK
            ending.event.wait(every)
    return ending.exit_code


class _Patience:
    """What a limit began and had to be undone is not begun again at once: each try stops the producers."""

    def __init__(self) -> None:
        self._until_s = 0.0

    def undone(self) -> None:
        self._until_s = time.monotonic() + AGAIN_AFTER_S

    @property
    def waits(self) -> bool:
        return time.monotonic() < self._until_s


def _patient_look(at: Rolling, alerts: Alerts, patience: _Patience, *, once: bool) -> bool:
    """A look; what stops it is told and waited for, unless it is the only one."""
    try:
        return _look(at, alerts, patience)
    except (KafkaTrouble, StateTrouble) as trouble:
        if once:
            raise
        log.warning("it cannot be looked at now", migration=at.name, why=str(trouble), remedy=trouble.remedy)
        return False


def _look(at: Rolling, alerts: Alerts, patience: _Patience) -> bool:
    """One look. Is the migration at its end? Raises ``KafkaTrouble`` and ``StateTrouble``."""
    before = at.coordinator.state(at.name)
    if patience.waits and before.underway is None:
        at.look()
        return before.phase in FINAL
    seen = at.observe()
    result = seen.result
    verdicts = () if result is None or result.state.phase is Phase.EXPANDED else seen.verdicts
    if result is not None and result.kind == "undone":
        patience.undone()
        log.warning(
            "undone, and not begun again for a while", migration=at.name, why=result.message, wait_s=AGAIN_AFTER_S
        )
    if result is not None and (result.state.place != before.place or result.ran):
        log.info(
            "moved",
            migration=at.name,
            was=before.place.value,
            now=result.state.place.value,
            did=list(result.ran),
            why=result.message,
        )
    for message, reached in alerts.look(verdicts, at.now_ms()):
        log.warning(message.subject, migration=at.name, why=message.text, **reached)
    return (before if result is None else result.state).phase in FINAL
