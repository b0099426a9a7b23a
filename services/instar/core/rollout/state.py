"""A rollout's whole state: the phase, who has authority, and the transition in progress with its steps.

It is plain data, persisted as one versioned JSON document (``document.py``) before any effect runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from instar.core.rollout.effect import CloseEpoch, Effect, WriteEpoch
from instar.core.rollout.phase import Phase, Place, Side, Stage
from instar.core.rollout.plan import Plan

Progress = Literal["planned", "tried", "done", "undone"]


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """The switch record: from ``epoch`` on, ``authority`` is written. Offsets are keyed by partition.

    ``left`` (B) are the ends of the topic that lost authority, ``begun`` (T) of the one that got it.
    """

    epoch: int
    authority: Side
    left: Mapping[int, int]
    begun: Mapping[int, int]
    at_ms: int


@dataclass(frozen=True, slots=True)
class Step:
    """An effect of a transition. ``before`` is the picture of what it changes, taken before it was first tried."""

    effect: Effect
    progress: Progress = "planned"
    before: Mapping[str, Any] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)
    done_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Underway:
    """A transition in progress. ``to`` is the phase it leads to, ``origin`` the one it came from.

    ``epoch`` is the number that its barrier has taken, 0 where it has none. A number is never taken twice, so an
    acknowledgement of an attempt that was reverted is not mistaken for one of the next attempt.
    """

    transition: str
    origin: Phase
    to: Phase
    actor: str
    reason: str
    started_at_ms: int
    steps: tuple[Step, ...]
    epoch: int = 0
    reverting: bool = False
    why_reverting: str = ""
    waivers: tuple[str, ...] = ()  # "what: by, reason", for the ledger
    plan: Plan | None = None  # what an apply will have applied
    approval: str = ""  # the id of the one that was used

    @property
    def stage(self) -> Stage:
        if self.reverting:
            return Stage.REVERTING
        final = [step.progress for step in self.steps if step.effect.FINAL]
        if "done" in final:
            return Stage.COMMITTED
        return Stage.IN_DOUBT if "tried" in final else Stage.MOVING

    @property
    def index(self) -> int | None:
        """The step to work on next: forward the first that is not done, reverting the last that is. None: finished."""
        if self.reverting:
            left = [n for n, step in enumerate(self.steps) if step.progress in ("tried", "done")]
            return left[-1] if left else None
        return next((n for n, step in enumerate(self.steps) if step.progress != "done"), None)

    @property
    def closing_since_ms(self) -> int | None:
        """Since when producers wait at the latest, for its epoch record; None where they do not: no barrier, or its
        place is before or past it. A closing that was only begun counts from the step before."""
        since_ms = self.started_at_ms
        for step in self.steps:
            if isinstance(step.effect, CloseEpoch):
                waiting = step.progress != "planned" and self.stage in (Stage.MOVING, Stage.IN_DOUBT)
                return (step.done_at_ms or since_ms) if waiting else None
            since_ms = step.done_at_ms or since_ms
        return None

    def with_step(self, index: int, step: Step) -> "Underway":
        return replace(self, steps=(*self.steps[:index], step, *self.steps[index + 1 :]))

    def offsets(self, name: str) -> dict[int, int]:
        """What the last ``RecordEnds`` of that name found; empty before it ran."""
        found: dict[int, int] = {}
        for step in self.steps:
            if getattr(step.effect, "name", None) == name and step.progress == "done":
                found = {int(key): int(value) for key, value in step.evidence.get("offsets", {}).items()}
        return found


@dataclass(frozen=True, slots=True)
class Verification:
    """A verification's result: of which plan, whether everything was right, and until when it counts."""

    fingerprint: str
    right: bool
    until_ms: int

    def fresh(self, fingerprint: str, now_ms: int) -> bool:
        return self.right and self.fingerprint == fingerprint and now_ms < self.until_ms


@dataclass(frozen=True, slots=True)
class Rollout:
    """One migration in one environment.

    ``epoch`` is the one in force (0: the old topic's, before any switch), ``last_epoch`` the last number taken.
    ``made`` are the steps that ``abandon`` undoes, each effect once, with the picture from before its first run.
    ``moved`` are the consumer groups that read the new topic because we moved them, in that order. ``paused``: a limit
    has asked for a pause, and not all is well again.
    """

    migration: str
    phase: Phase = Phase.DRAFT
    epoch: int = 0
    last_epoch: int = 0
    authority: Side = "old"
    plan: Plan | None = None
    made: tuple[Step, ...] = ()
    verification: Verification | None = None
    lesson_due: bool = False
    paused: bool = False
    moved: tuple[str, ...] = ()
    record: EpochRecord | None = None
    underway: Underway | None = None

    @property
    def place(self) -> Place:
        return self.phase if self.underway is None else self.underway.stage

    @property
    def fingerprint(self) -> str:
        """Of the plan that was applied; empty before."""
        return "" if self.plan is None else self.plan.fingerprint

    @property
    def effects(self) -> tuple[Effect, ...]:
        """What is still to run, in order; empty where nothing is in progress or steps are being undone."""
        if self.underway is None or self.underway.reverting:
            return ()
        return tuple(step.effect for step in self.underway.steps if step.progress != "done")


def is_barrier(underway: Underway) -> bool:
    """Does the transition move authority? Then a failure before the record undoes it: producers must not wait."""
    return any(isinstance(step.effect, CloseEpoch | WriteEpoch) for step in underway.steps)
