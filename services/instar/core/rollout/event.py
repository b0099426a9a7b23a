"""What can happen to a rollout: commands of people, observations of the world, and the outcome of steps.

Events carry everything a decision needs, the time included: ``decide`` looks nothing up.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Literal

from instar.core.rollout.plan import GroupPlan, Plan


class Kind(StrEnum):
    """The columns of the table."""

    APPLY = "apply"
    SWITCH = "switch"
    ROLLBACK = "rollback"
    RETIRE = "retire"
    ABANDON = "abandon"
    LESSON = "lesson"
    REVERT = "revert"
    BRIDGE_SEEN = "bridge seen"
    LAG_MEASURED = "lag measured"
    VERIFICATION_SEEN = "verification seen"
    TIME_PASSED = "time passed"
    LIMITS_SEEN = "limits seen"
    STEP_TRIED = "step tried"
    STEP_DONE = "step done"
    STEP_FAILED = "step failed"


COMMANDS = (Kind.APPLY, Kind.SWITCH, Kind.ROLLBACK, Kind.RETIRE, Kind.ABANDON)


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """A gate's answer: only ``applied`` opens it; dirty and unknown count as no."""

    name: str
    answer: Literal["applied", "not-applied", "dirty", "unknown"]
    evidence: str


@dataclass(frozen=True, slots=True)
class Approval:
    """Somebody's yes to one action under one plan. ``id`` is the store's, which sees to it that it is used once."""

    id: str
    action: str
    fingerprint: str
    requested_by: str
    approved_by: str
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class Waiver:
    """Going on although ``what`` says no, on somebody's word.

    ``what``: ``gate:NAME``, ``limit:NAME``, ``producer:NAME`` or ``archive``.
    """

    what: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class LimitVerdict:
    """One limit over its window (``limits.py``)."""

    name: str
    verdict: Literal["ok", "breached", "inconclusive"]
    action: Literal["none", "alert", "pause", "rollback"]
    evidence: str


@dataclass(frozen=True, slots=True)
class Readers:
    """Who still depends on the old topic. Unknown is never yes; each reason is a sentence."""

    answer: Literal["yes", "no", "unknown"]
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known at the moment of a command. ``fingerprint`` is the project's as it is now.

    ``approval`` is one that can be used now; ``requests`` says, a line each, what became of those that cannot.
    ``unmovable``: a line for each group that would move and has no position to translate.
    """

    now_ms: int
    fingerprint: str
    gates: tuple[GateVerdict, ...] = ()
    limits: tuple[LimitVerdict, ...] = ()
    approval: Approval | None = None
    waivers: tuple[Waiver, ...] = ()
    requests: tuple[str, ...] = ()
    unmovable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """Somebody's wish. ``reason`` is for those who ask later."""

    actor: str
    reason: str
    at: Circumstances
    KIND: ClassVar[Kind]


@dataclass(frozen=True, slots=True)
class Apply(Command):
    plan: Plan
    KIND: ClassVar[Kind] = Kind.APPLY


@dataclass(frozen=True, slots=True)
class Switch(Command):
    """``groups``: instead of the plan's; None: the plan's."""

    groups: tuple[GroupPlan, ...] | None = None
    KIND: ClassVar[Kind] = Kind.SWITCH


@dataclass(frozen=True, slots=True)
class Rollback(Command):
    KIND: ClassVar[Kind] = Kind.ROLLBACK


@dataclass(frozen=True, slots=True)
class Retire(Command):
    readers: Readers
    archive: str = ""  # instead of the plan's
    KIND: ClassVar[Kind] = Kind.RETIRE


@dataclass(frozen=True, slots=True)
class Abandon(Command):
    KIND: ClassVar[Kind] = Kind.ABANDON


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a rollback taught: without it nobody may apply or switch again."""

    actor: str
    cause: str
    fix: str
    lesson: str
    KIND: ClassVar[Kind] = Kind.LESSON


@dataclass(frozen=True, slots=True)
class Revert:
    """Undo the transition in progress. ``happened``: what a look at the world said of a step in doubt."""

    actor: str
    reason: str
    happened: bool | None = None
    KIND: ClassVar[Kind] = Kind.REVERT


@dataclass(frozen=True, slots=True)
class BridgeSeen:
    """A worker or a backfill of the up bridge is at work, or has committed past its start."""

    KIND: ClassVar[Kind] = Kind.BRIDGE_SEEN


@dataclass(frozen=True, slots=True)
class LagMeasured:
    """The up bridge's lag in every partition, None where it is unknown; ``threshold_records`` is the most allowed."""

    lag_records: Mapping[int, int | None]
    threshold_records: int
    KIND: ClassVar[Kind] = Kind.LAG_MEASURED

    @property
    def small(self) -> bool:
        return bool(self.lag_records) and all(
            lag is not None and lag <= self.threshold_records for lag in self.lag_records.values()
        )


@dataclass(frozen=True, slots=True)
class VerificationSeen:
    """The newest verification's result."""

    fingerprint: str
    right: bool
    until_ms: int
    now_ms: int
    KIND: ClassVar[Kind] = Kind.VERIFICATION_SEEN


@dataclass(frozen=True, slots=True)
class TimePassed:
    now_ms: int
    KIND: ClassVar[Kind] = Kind.TIME_PASSED


@dataclass(frozen=True, slots=True)
class LimitsSeen:
    """All limits as they stand. The gravest action among them is taken, in the name of ``limits``."""

    now_ms: int
    verdicts: tuple[LimitVerdict, ...]
    KIND: ClassVar[Kind] = Kind.LIMITS_SEEN


@dataclass(frozen=True, slots=True)
class StepTried:
    """The next step is about to run; ``before`` is the picture of what it changes."""

    index: int
    before: Mapping[str, Any] = field(default_factory=dict)
    KIND: ClassVar[Kind] = Kind.STEP_TRIED


@dataclass(frozen=True, slots=True)
class StepDone:
    """The step is done; while reverting: undone."""

    index: int
    now_ms: int
    evidence: Mapping[str, Any] = field(default_factory=dict)
    KIND: ClassVar[Kind] = Kind.STEP_DONE


@dataclass(frozen=True, slots=True)
class StepFailed:
    """The step certainly did not come about. What is uncertain is not reported at all: the step stays ``tried``.

    A step that could not even be tried, because its picture could not be taken, fails too.
    """

    index: int
    now_ms: int
    message: str
    KIND: ClassVar[Kind] = Kind.STEP_FAILED


Event = (
    Apply
    | Switch
    | Rollback
    | Retire
    | Abandon
    | Lesson
    | Revert
    | BridgeSeen
    | LagMeasured
    | VerificationSeen
    | TimePassed
    | LimitsSeen
    | StepTried
    | StepDone
    | StepFailed
)
