"""What a verification found, kept in the state, so that the rollout that rests on it can be moved on or stopped."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import structlog

from instar.operations.keeping import follow_sample
from instar.operations.rolling import who
from instar.operations.stating import state_of
from instar.project.project import Project
from instar.state.errors import StateTrouble
from instar.state.opening import State
from instar.state.verifications import Verified
from instar.verifier.modes import Mode
from instar.verifier.report import Report

log = structlog.get_logger(__name__)

SAY_EVERY_S = 5.0
_COMPARES_VALUES = (Mode.FULL, Mode.DIGEST)


def keep_result(project: Project, migration: str, reports: Sequence[Report]) -> None:
    """Keep the result where it counts for a rollout: all of the way up was compared, values included.

    A result that is wrong counts however little was compared. A state that is away is told and changes nothing.
    """
    up = [report for report in reports if report.direction == "up"]
    whole = [report for report in up if report.mode in _COMPARES_VALUES and report.complete and _all_partitions(report)]
    wrong = [report for report in reports if not report.right]
    if not whole and not wrong:
        return
    judged = (wrong or whole)[0]
    said = [{**each.coverage, **each.result.as_dict(), "direction": each.direction} for each in reports]
    found = Verified(migration, judged.fingerprint, judged.ended_ms, not wrong, judged.expires_ms, {"reports": said})
    with _state(project) as state:
        if state is None:
            return
        try:
            state.verifications.save(found, who())
        except StateTrouble as trouble:
            log.warning("the result is not kept in the state", why=str(trouble))


@contextmanager
def following(project: Project, migration: str) -> Iterator[Callable[[Report], None]]:
    """While a verification follows: how many mismatches it has counted, for the limit ``mismatches``."""
    with _state(project) as state:
        said_s = 0.0

        def say(report: Report) -> None:
            nonlocal said_s
            if state is None or time.monotonic() - said_s < SAY_EVERY_S:
                return
            said_s = time.monotonic()
            try:
                state.samples.keep(migration, follow_sample(report.result.faults))
            except StateTrouble as trouble:
                log.warning("how many mismatches there are is not kept", why=str(trouble))

        yield say


def _all_partitions(report: Report) -> bool:
    return len(report.partitions) == report.source_partitions


@contextmanager
def _state(project: Project) -> Iterator[State | None]:
    """The state, or None where it is away: the verification is as right without it."""
    with ExitStack() as stack:
        try:
            state = stack.enter_context(state_of(project))
        except StateTrouble as trouble:
            log.warning("the result is not kept in the state", why=str(trouble))
            yield None
            return
        yield state
