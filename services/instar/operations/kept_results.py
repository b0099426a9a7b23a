"""What a verification found, kept in the state, so that the rollout that rests on it can be moved on or stopped."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import structlog

from instar.core.ledger import details_text
from instar.operations.keeping import follow_sample
from instar.operations.rolling import who
from instar.operations.stating import state_of
from instar.project.project import Project
from instar.state.errors import StateTrouble
from instar.state.opening import State
from instar.state.verifications import Verified
from instar.verifier.modes import Mode
from instar.verifier.report import FORMAT, Report, not_carried_back

log = structlog.get_logger(__name__)

SAY_EVERY_S = 5.0
MOST_SHOWN = 100  # differences of a direction, samples, redriven records
LIMIT_REPORT_CHARS = 256_000
_LONG = ("differences", "samples", "redriven")
_COMPARES_VALUES = (Mode.FULL, Mode.DIGEST)


def keep_result(project: Project, migration: str, reports: Sequence[Report]) -> None:
    """Keep the result, for who reads it and for the rollout that rests on it.

    It counts where all of the way up was compared, values included; one that is wrong counts however little was
    compared. A state that is away is told and changes nothing.
    """
    if not reports:
        return
    up = [report for report in reports if report.direction == "up"]
    whole = [report for report in up if report.mode in _COMPARES_VALUES and report.complete and _all_partitions(report)]
    wrong = [report for report in reports if not report.right]
    judged = (wrong or whole or reports)[0]
    until_ms = judged.expires_ms if wrong or whole else 0
    said = run_document(reports, who())
    found = Verified(migration, judged.fingerprint, judged.ended_ms, not wrong, until_ms, said)
    with _state(project) as state:
        if state is None:
            return
        try:
            state.verifications.save(found, who())
        except StateTrouble as trouble:
            log.warning("the result is not kept in the state", why=str(trouble))


def run_document(reports: Sequence[Report], by: str) -> dict[str, Any]:
    """All directions of a run as they are kept: in full, but for what would be more than anybody reads.

    What is left out is counted. Sensitive fields are masked in reports already.
    """
    kept = [report.document() for report in reports]
    shown = MOST_SHOWN
    while True:
        cut = [{**one, **{name: one[name][:shown] for name in _LONG}} for one in kept]
        left_out = sum(max(0, len(one[name]) - shown) for one in kept for name in _LONG)
        said = {
            "format": FORMAT,
            "by": by,
            "native_not_carried_back": not_carried_back(reports),
            "left_out": left_out,
            "reports": cut,
        }
        if not shown or len(details_text(said)) <= LIMIT_REPORT_CHARS:
            return said
        shown //= 2


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
