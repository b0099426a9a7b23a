"""What `worker` and `backfill` tell the state of themselves: that they began, how they ended, and what died on the way.

The work does not depend on it: a state that is away is told later, and one that is not set up is not told.
"""

import contextlib
from collections.abc import Callable, Iterator

import structlog

from instar.cli.exits import Failure
from instar.kafka.errors import Fenced, KafkaTrouble
from instar.operations.stating import state_url
from instar.processor.supervise import Tally
from instar.project.project import Project
from instar.state.mirror import FOLDER, Mirror, keeping
from instar.state.spool import Spool

log = structlog.get_logger(__name__)

Show = Callable[[Tally], None]


@contextlib.contextmanager
def mirroring(project: Project, migration: str, worker: str, command: str, show: Show) -> Iterator[Show]:
    """Around the supervised work: gives what to call with each tally, which calls ``show``."""
    try:
        url = state_url(project)
    except Failure as failure:  # the variable that names the database is not given to workers everywhere
        log.info("worker events are not mirrored", migration=migration, why=str(failure))
        yield show
        return
    environment = project.environment_name
    spool = Spool(project.root / FOLDER / environment)
    with Mirror(spool, keeping(url, environment, project.root), migration, worker) as mirror:
        last = Tally()
        restarts = 0

        def shown(tally: Tally) -> None:
            nonlocal last, restarts
            last = tally
            if tally.restarts > restarts:
                mirror.tell("restarted", restarts=tally.restarts)
                restarts = tally.restarts
            show(tally)

        mirror.tell("started", command=command)
        try:
            yield shown
        except KafkaTrouble as trouble:
            kind = "fenced" if isinstance(trouble, Fenced) else "failed"
            mirror.tell(kind, command=command, trouble=type(trouble).__name__, message=str(trouble), **_done(last))
            raise
        except BaseException as error:
            mirror.tell("failed", command=command, trouble=type(error).__name__, **_done(last))
            raise
        mirror.tell("stopped", command=command, **_done(last))


def _done(tally: Tally) -> dict[str, int]:
    """What this call has committed."""
    return {**tally.counts.as_dict(), "restarts": tally.restarts}
