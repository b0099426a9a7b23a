"""The table: what every event does in every place, as data. ``decide`` looks up here and nowhere else.

``_row`` has an argument for each place and no default, so an event without an answer somewhere does not even import.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from instar.core.rollout.event import Kind
from instar.core.rollout.phase import Phase, Place, Stage


@dataclass(frozen=True, slots=True)
class Transition:
    """``to`` None: back to where it began. ``guards`` are asked in this order; ``barrier``: it takes an epoch."""

    name: str
    to: Phase | None
    guards: tuple[str, ...]
    barrier: bool = False


@dataclass(frozen=True, slots=True)
class Go:
    """Begin a transition. ``unless``: a condition under which there is nothing to do."""

    transition: str
    unless: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """Change the phase at once, when the condition holds; else the event passes."""

    to: Phase
    when: str


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on with the transition in progress if it is the one that was asked for; else refuse."""


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Begin ``rollback`` although the switch has steps left: its record is written, and a group that will not stop
    must not keep authority where it does harm. Any other transition in progress: as ``Resume``."""


@dataclass(frozen=True, slots=True)
class ByLimits:
    """What a limit may do here: begin ``pause`` or ``rollback``, or act on a switch in progress (``revert`` before the
    epoch record, ``take over`` after it); other transitions it leaves alone."""

    pause: Literal["pause", "stay"]
    rollback: Literal["pause", "rollback", "revert", "take over"]


@dataclass(frozen=True, slots=True)
class Do:
    """A change of the transition in progress, or of what is remembered."""

    what: Literal["try", "done", "failed", "undone", "revert", "revert if it did not happen", "learn"]


@dataclass(frozen=True, slots=True)
class Stay:
    """The event passes; ``why`` in a few words."""

    why: str


@dataclass(frozen=True, slots=True)
class No:
    """A named refusal (``refusals.py``). ``unless``: a condition under which there is nothing to do instead."""

    code: str
    unless: str = ""


Cell = Go | Move | Resume | TakeOver | ByLimits | Do | Stay | No

_ASKED = ("named waivers", "open gates")
TRANSITIONS: Mapping[str, Transition] = MappingProxyType(
    {
        each.name: each
        for each in (
            Transition(
                "apply",
                Phase.EXPANDED,
                ("no lesson due", "a current plan", *_ASKED, "an approval if destructive"),
            ),
            Transition(
                "replan",
                None,
                ("a current plan", "the same topics", *_ASKED, "an approval if destructive"),
            ),
            Transition(
                "switch",
                Phase.SWITCHED,
                (
                    "no lesson due",
                    "no drift",
                    "a fresh verification",
                    *_ASKED,
                    "limits kept",
                    "groups that can move",
                    "an approval if destructive",
                ),
                barrier=True,
            ),
            Transition("rollback", Phase.VERIFIED, ("a reason", "a way back", *_ASKED), barrier=True),
            Transition(
                "retire",
                Phase.RETIRED,
                ("a reason", "no drift", "no readers", "an archive", *_ASKED, "limits kept", "an approval"),
            ),
            Transition("abandon", Phase.ABANDONED, ("a reason", *_ASKED, "an approval if destructive")),
            Transition("pause", None, ()),
        )
    }
)


def _row(
    *,
    draft: Cell,
    expanded: Cell,
    replaying: Cell,
    caught_up: Cell,
    verified: Cell,
    switched: Cell,
    retired: Cell,
    abandoned: Cell,
    moving: Cell,
    in_doubt: Cell,
    committed: Cell,
    reverting: Cell,
) -> Mapping[Place, Cell]:
    return MappingProxyType(
        {
            Phase.DRAFT: draft,
            Phase.EXPANDED: expanded,
            Phase.REPLAYING: replaying,
            Phase.CAUGHT_UP: caught_up,
            Phase.VERIFIED: verified,
            Phase.SWITCHED: switched,
            Phase.RETIRED: retired,
            Phase.ABANDONED: abandoned,
            Stage.MOVING: moving,
            Stage.IN_DOUBT: in_doubt,
            Stage.COMMITTED: committed,
            Stage.REVERTING: reverting,
        }
    )


_RETIRED, _ABANDONED, _BUSY = No("retired"), No("abandoned"), No("busy")
_OVER = Stay("it is over")
_WAIT = Stay("a transition is in progress")
_EARLY = Stay("nothing runs yet")
_NO_STEP = No("no-step")
_IDLE = No("nothing-underway")
_SAME = "the plan is applied"
_NOT_SWITCHED = No("not-switched", unless="it was rolled back")
_BEFORE_SWITCH = ByLimits(pause="pause", rollback="pause")

TABLE: Mapping[Kind, Mapping[Place, Cell]] = MappingProxyType(
    {
        Kind.APPLY: _row(
            draft=Go("apply"),
            expanded=Go("apply", unless=_SAME),
            replaying=Go("apply", unless=_SAME),
            caught_up=Go("apply", unless=_SAME),
            verified=Go("apply", unless=_SAME),
            switched=Go("replan", unless=_SAME),
            retired=_RETIRED,
            abandoned=_ABANDONED,
            moving=Resume(),
            in_doubt=Resume(),
            committed=Resume(),
            reverting=Resume(),
        ),
        Kind.SWITCH: _row(
            draft=No("not-applied"),
            expanded=No("not-replayed"),
            replaying=No("not-caught-up"),
            caught_up=No("not-verified"),
            verified=Go("switch"),
            switched=Stay("the new topic has authority"),
            retired=_RETIRED,
            abandoned=_ABANDONED,
            moving=Resume(),
            in_doubt=Resume(),
            committed=Resume(),
            reverting=Resume(),
        ),
        Kind.ROLLBACK: _row(
            draft=No("not-switched"),
            expanded=_NOT_SWITCHED,
            replaying=_NOT_SWITCHED,
            caught_up=_NOT_SWITCHED,
            verified=_NOT_SWITCHED,
            switched=Go("rollback"),
            retired=_RETIRED,
            abandoned=_ABANDONED,
            moving=Resume(),
            in_doubt=Resume(),
            committed=TakeOver(),
            reverting=Resume(),
        ),
        Kind.RETIRE: _row(
            draft=No("not-switched"),
            expanded=No("not-switched"),
            replaying=No("not-switched"),
            caught_up=No("not-switched"),
            verified=No("not-switched"),
            switched=Go("retire"),
            retired=Stay("it is retired"),
            abandoned=_ABANDONED,
            moving=Resume(),
            in_doubt=Resume(),
            committed=Resume(),
            reverting=Resume(),
        ),
        Kind.ABANDON: _row(
            draft=Go("abandon"),
            expanded=Go("abandon"),
            replaying=Go("abandon"),
            caught_up=Go("abandon"),
            verified=Go("abandon"),
            switched=No("switched"),
            retired=_RETIRED,
            abandoned=Stay("it is abandoned"),
            moving=Resume(),
            in_doubt=Resume(),
            committed=Resume(),
            reverting=Resume(),
        ),
        Kind.LESSON: _row(
            draft=No("no-lesson-due"),
            expanded=Do("learn"),
            replaying=Do("learn"),
            caught_up=Do("learn"),
            verified=Do("learn"),
            switched=No("no-lesson-due"),
            retired=_RETIRED,
            abandoned=_ABANDONED,
            moving=_BUSY,
            in_doubt=_BUSY,
            committed=_BUSY,
            reverting=_BUSY,
        ),
        Kind.REVERT: _row(
            draft=_IDLE,
            expanded=_IDLE,
            replaying=_IDLE,
            caught_up=_IDLE,
            verified=_IDLE,
            switched=_IDLE,
            retired=_IDLE,
            abandoned=_IDLE,
            moving=Do("revert"),
            in_doubt=Do("revert if it did not happen"),
            committed=No("past-return"),
            reverting=Do("revert"),
        ),
        Kind.BRIDGE_SEEN: _row(
            draft=_EARLY,
            expanded=Move(Phase.REPLAYING, "a bridge works"),
            replaying=Stay("known"),
            caught_up=Stay("known"),
            verified=Stay("known"),
            switched=Stay("known"),
            retired=_OVER,
            abandoned=_OVER,
            moving=_WAIT,
            in_doubt=_WAIT,
            committed=_WAIT,
            reverting=_WAIT,
        ),
        Kind.LAG_MEASURED: _row(
            draft=_EARLY,
            expanded=Stay("no bridge has been seen yet"),
            replaying=Move(Phase.CAUGHT_UP, "lag is small everywhere"),
            caught_up=Move(Phase.REPLAYING, "lag is not small"),
            verified=Move(Phase.REPLAYING, "lag is not small"),
            switched=Stay("the limits look after it"),
            retired=_OVER,
            abandoned=_OVER,
            moving=_WAIT,
            in_doubt=_WAIT,
            committed=_WAIT,
            reverting=_WAIT,
        ),
        Kind.VERIFICATION_SEEN: _row(
            draft=_EARLY,
            expanded=Stay("not caught up"),
            replaying=Stay("not caught up"),
            caught_up=Move(Phase.VERIFIED, "fresh and right"),
            verified=Move(Phase.CAUGHT_UP, "expired or wrong"),
            switched=Stay("the limits look after it"),
            retired=_OVER,
            abandoned=_OVER,
            moving=_WAIT,
            in_doubt=_WAIT,
            committed=_WAIT,
            reverting=_WAIT,
        ),
        Kind.TIME_PASSED: _row(
            draft=_EARLY,
            expanded=Stay("nothing expires"),
            replaying=Stay("nothing expires"),
            caught_up=Stay("nothing expires"),
            verified=Move(Phase.CAUGHT_UP, "the verification expired"),
            switched=Stay("nothing expires"),
            retired=_OVER,
            abandoned=_OVER,
            moving=_WAIT,
            in_doubt=_WAIT,
            committed=_WAIT,
            reverting=_WAIT,
        ),
        Kind.LIMITS_SEEN: _row(
            draft=_EARLY,
            expanded=_BEFORE_SWITCH,
            replaying=_BEFORE_SWITCH,
            caught_up=_BEFORE_SWITCH,
            verified=_BEFORE_SWITCH,
            switched=ByLimits(pause="pause", rollback="rollback"),
            retired=_OVER,
            abandoned=_OVER,
            moving=ByLimits(pause="stay", rollback="revert"),
            in_doubt=Stay("finish it first"),
            committed=ByLimits(pause="stay", rollback="take over"),
            reverting=Stay("finish it first"),
        ),
        Kind.STEP_TRIED: _row(
            draft=_NO_STEP,
            expanded=_NO_STEP,
            replaying=_NO_STEP,
            caught_up=_NO_STEP,
            verified=_NO_STEP,
            switched=_NO_STEP,
            retired=_NO_STEP,
            abandoned=_NO_STEP,
            moving=Do("try"),
            in_doubt=Do("try"),
            committed=Do("try"),
            reverting=Stay("the pictures are there"),
        ),
        Kind.STEP_DONE: _row(
            draft=_NO_STEP,
            expanded=_NO_STEP,
            replaying=_NO_STEP,
            caught_up=_NO_STEP,
            verified=_NO_STEP,
            switched=_NO_STEP,
            retired=_NO_STEP,
            abandoned=_NO_STEP,
            moving=Do("done"),
            in_doubt=Do("done"),
            committed=Do("done"),
            reverting=Do("undone"),
        ),
        Kind.STEP_FAILED: _row(
            draft=_NO_STEP,
            expanded=_NO_STEP,
            replaying=_NO_STEP,
            caught_up=_NO_STEP,
            verified=_NO_STEP,
            switched=_NO_STEP,
            retired=_NO_STEP,
            abandoned=_NO_STEP,
            moving=Do("failed"),
            in_doubt=Do("failed"),
            committed=Stay("only finishing is left"),
            reverting=Stay("only undoing is left"),
        ),
    }
)
