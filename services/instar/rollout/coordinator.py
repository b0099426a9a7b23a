"""The coordinator: decides under a lease, persists before it acts, runs effects one at a time, finishes what broke off.

The order within a step is what a crash is survived by:

1. renew the lease: whoever lost it stops here (the runner's own fence in Kafka is the second line);
2. take the picture of what the effect changes, and persist that the step is tried;
3. run the effect;
4. persist that it is done, with its evidence.

Each persisting is one database transaction with its ledger entry, compared with the revision that was read. Between two
of these points a crash loses nothing: the state says which step is in doubt, and that one is run, or undone, again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from instar.core.rollout.decide import LIMITS, decide
from instar.core.rollout.decision import Decided, Refused
from instar.core.rollout.document import effect_document, from_document, to_document
from instar.core.rollout.effect import OWN, ConfirmReady, Hold, words
from instar.core.rollout.event import (
    Apply,
    Command,
    Event,
    LimitsSeen,
    Revert,
    StepDone,
    StepFailed,
    StepTried,
    TimePassed,
)
from instar.core.rollout.guards import broken_limits, closed_gates
from instar.core.rollout.limits import gravest
from instar.core.rollout.phase import Stage
from instar.core.rollout.plan import Plan
from instar.core.rollout.state import Rollout, Underway
from instar.core.rollout.storage import Conflict, LeaseLost, LeaseTaken, Noted
from instar.rollout.ports import (
    Clock,
    Context,
    EffectRunner,
    GateKeeper,
    Lease,
    Outcome,
    RunnerTrouble,
    Store,
)

BARRIER_S = 120.0  # the longest that producers stay stopped before the barrier gives up and is undone
LOOK_AGAIN_S = 0.5
_LOOK_AT_LIMITS_S = 5.0  # how often limits are asked while a hold lasts

Kind = Literal["done", "nothing", "waiting", "undone", "failed", "unknown", "refused", "stopped"]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a command.

    done: the transition is finished. nothing: there was nothing to do. waiting: run it again, not before
    ``until_ms`` if that is set. undone: the transition was reverted and ``message`` says why. failed, unknown: a step
    did not come about, or may have; running the command again goes on from there. refused: ``code`` says why.
    stopped: the program was told to end, which the coordinator lets through as KeyboardInterrupt; the same again.
    """

    kind: Kind
    state: Rollout
    message: str
    remedy: str = ""
    code: str = ""
    evidence: tuple[str, ...] = ()
    until_ms: int = 0
    ran: tuple[str, ...] = ()


@dataclass(slots=True)
class _Session:
    """A rollout in hand: its state as persisted, under a lease."""

    migration: str
    state: Rollout
    revision: int
    lease: Lease
    actor: str
    reason: str
    fingerprint: str
    began_ms: int
    ran: list[str] = field(default_factory=list)


class Coordinator:
    """Moves migrations of one environment. ``owner`` names this process in leases; ``wait`` sits out hold
    times and whatever is not ready yet, for as long as that takes."""

    def __init__(
        self,
        store: Store,
        runner: EffectRunner,
        keeper: GateKeeper,
        clock: Clock,
        *,
        environment: str,
        owner: str,
        wait: bool = False,
        barrier_s: float = BARRIER_S,
    ) -> None:
        self._store = store
        self._runner = runner
        self._keeper = keeper
        self._clock = clock
        self._environment = environment
        self._owner = owner
        self._wait = wait
        self._barrier_s = barrier_s

    def state(self, migration: str) -> Rollout:
        """As it is stored; a draft where nothing is. Raises ``document.UnknownFormat``."""
        return self._load(migration)[0]

    def command(self, migration: str, command: Command) -> Result:
        """Do what was asked, or go on with it where it broke off."""
        event: Any = command
        return self._under_lease(migration, event, command.actor, command.reason, command.at.fingerprint)

    def observe(self, migration: str, events: Iterable[Event], *, actor: str = "instar") -> Result:
        """Tell the machine what was seen of the world. What limits begin is carried out at once.

        The lease is taken only where something changes: who watches must not keep an operator's command out.
        """
        result = Result("nothing", self.state(migration), "nothing was seen")
        for event in events:
            state = self.state(migration)
            decided = decide(state, event)
            if isinstance(decided, Decided) and decided.state == state:
                result = Result("nothing", state, decided.note)
            else:
                result = self._under_lease(migration, event, actor, "", "")
        return result

    def tell(self, migration: str, event: Event, *, actor: str, reason: str = "") -> Result:
        """Anything else that people say: a lesson."""
        return self._under_lease(migration, event, actor, reason, "")

    def resume(self, migration: str) -> Result:
        """Go on with whatever is in progress, also with what limits began and no command names."""
        return self._under_lease(migration, None, "instar", "", "")

    def revert(self, migration: str, *, actor: str, reason: str) -> Result:
        """Undo the transition in progress, where that is still possible."""
        return self._under_lease(migration, Revert(actor, reason), actor, reason, "")

    def _under_lease(self, migration: str, event: Event | None, actor: str, reason: str, fingerprint: str) -> Result:
        try:
            with self._store.lease(migration, self._owner) as lease:
                state, revision = self._load(migration)
                session = _Session(
                    migration,
                    state,
                    revision,
                    lease,
                    actor,
                    reason,
                    fingerprint or state.fingerprint,
                    self._clock.now_ms(),
                )
                return self._answer(session, event)
        except LeaseTaken as taken:
            return Result(
                "refused",
                self.state(migration),
                f"{migration} is being moved already: {taken}.",
                "Wait for it, or stop the other command.",
                "lease-taken",
            )
        except (LeaseLost, Conflict) as lost:
            return Result(
                "refused",
                self.state(migration),
                f"The right to move {migration} was lost on the way ({lost}); nothing was done after that.",
                "`instar status` shows where it stands; run the command again.",
                "lease-lost",
            )

    def _answer(self, session: _Session, event: Event | None) -> Result:
        if event is None:
            return self._go_on(session)
        if isinstance(event, Command) and session.state.underway is None:
            self._take(session, TimePassed(self._clock.now_ms()))  # what has expired does not count any more
        if isinstance(event, Revert) and session.state.place is Stage.IN_DOUBT:
            event = replace(event, happened=self._happened(session))
        before = session.state
        decided = self._take(session, event)
        if isinstance(decided, Refused):
            return Result("refused", session.state, decided.message, decided.remedy, decided.code, decided.evidence)
        if session.state.underway is None:
            kind: Kind = "nothing" if session.state == before else "undone" if isinstance(event, Revert) else "done"
            return Result(kind, session.state, decided.note)
        return self._drive(session)

    def _go_on(self, session: _Session) -> Result:
        if session.state.underway is None:
            return Result("nothing", session.state, "nothing is in progress")
        return self._drive(session)

    def _drive(self, session: _Session) -> Result:
        """Run or undo steps until the transition is over or cannot go on now."""
        name = ""
        why = ""
        while session.state.underway is not None:
            underway = session.state.underway
            name, why = underway.transition, underway.why_reverting or why
            session.lease.renew()
            if underway.closing_since_ms is None:  # between two steps is a place to end, but not while producers wait
                self._clock.sleep(0)
            stopped = self._undo(session, underway) if underway.reverting else self._do(session, underway)
            if stopped is not None:
                return stopped
        if why:
            return Result("undone", session.state, f"{name} was undone: {why}", ran=tuple(session.ran))
        return Result("done", session.state, f"{name} is done", ran=tuple(session.ran))

    def _do(self, session: _Session, underway: Underway) -> Result | None:
        """One step forward. None: look again."""
        index = _index(underway)
        step = underway.steps[index]
        if step.progress == "planned":
            try:
                before = (
                    {} if isinstance(step.effect, OWN) else self._runner.before(step.effect, self._context(session))
                )
            except RunnerTrouble as trouble:
                return self._failed(session, index, str(trouble), trouble.remedy)
            self._take(session, StepTried(index, before))
            session.lease.renew()
        if isinstance(step.effect, Hold):
            return self._hold(session, _underway(session), index, step.effect)
        if isinstance(step.effect, ConfirmReady):
            outcome = self._confirm(session.state, step.effect)
        else:
            outcome = self._runner.run(step.effect, self._context(session))
        match outcome.kind:
            case "done":
                self._take(session, StepDone(index, self._clock.now_ms(), outcome.evidence))
                session.ran.append(words(step.effect))
                return None
            case "failed":
                return self._failed(session, index, outcome.message, outcome.remedy)
            case "waiting" if underway.stage is Stage.MOVING and underway.closing_since_ms is not None:
                # Of this run: a hold time that was sat out before does not count, nor what a dead one has waited.
                since_ms = max(session.began_ms, underway.closing_since_ms)
                if self._clock.now_ms() - since_ms >= self._barrier_s * 1000:
                    message = f"not within {self._barrier_s:.0f} s: {outcome.message}"
                    return self._failed(session, index, message, outcome.remedy)
                self._clock.sleep(LOOK_AGAIN_S)
                return None
            case "waiting" if self._wait:
                self._clock.sleep(LOOK_AGAIN_S)
                return None
            case kind:
                return _stopped(session, kind, f"{words(step.effect)}: {outcome.message}", outcome.remedy)

    def _undo(self, session: _Session, underway: Underway) -> Result | None:
        """One step back. None: look again."""
        index = _index(underway)
        step = underway.steps[index]
        if not isinstance(step.effect, OWN):
            outcome = self._runner.revert(step.effect, self._context(session))
            if outcome.kind != "done":
                kind: Kind = "waiting" if outcome.kind == "waiting" else "failed"
                message = f"undoing {words(step.effect)}: {outcome.message}"
                return _stopped(session, kind, message, outcome.remedy)
        self._take(session, StepDone(index, self._clock.now_ms()))
        session.ran.append(f"undo {words(step.effect)}")
        return None

    def _failed(self, session: _Session, index: int, message: str, remedy: str) -> Result | None:
        """A step that certainly did not come about: a barrier is undone now, others wait for the next try."""
        self._take(session, StepFailed(index, self._clock.now_ms(), message))
        underway = _underway(session)
        if underway is not None and not underway.reverting:
            return _stopped(session, "failed", f"{words(underway.steps[index].effect)}: {message}", remedy)
        return None

    def _hold(self, session: _Session, underway: Underway | None, index: int, effect: Hold) -> Result | None:
        """Let time pass, with an eye on the limits: they may take the transition out of our hands."""
        if underway is None:
            return None
        since_ms = underway.steps[index - 1].done_at_ms if index else underway.started_at_ms
        due_ms, now_ms = since_ms + effect.hold_s * 1000, self._clock.now_ms()
        verdicts = self._keeper.limits()
        action, evidence = gravest(verdicts)
        self._take(session, LimitsSeen(now_ms, verdicts))
        if session.state.underway is not underway:
            session.ran.append(f"{LIMITS}: {evidence}")
            return None
        held = action in ("pause", "rollback")
        if now_ms >= due_ms and not held:
            self._take(session, StepDone(index, now_ms))
            session.ran.append(words(effect))
            return None
        if not self._wait or held:
            message = f"held by a limit: {evidence}" if held else f"{effect.group} has moved and is watched"
            return _stopped(session, "waiting", message, "Run the command again then.", until_ms=due_ms)
        self._clock.sleep(min(_LOOK_AT_LIMITS_S, (due_ms - now_ms) / 1000))
        return None

    def _confirm(self, state: Rollout, effect: ConfirmReady) -> Outcome:
        against = [
            *closed_gates(self._keeper.gates(effect.action), effect.waived),
            *broken_limits(self._keeper.limits(), effect.waived),
        ]
        known = state.verification
        if known is None or not known.fresh(state.fingerprint, self._clock.now_ms()):
            against.insert(0, "the verification has expired")
        return Outcome("failed", message="; ".join(against)) if against else Outcome("done")

    def _happened(self, session: _Session) -> bool | None:
        underway = _underway(session)
        if underway is None:
            return None
        return self._runner.happened(underway.steps[_index(underway)].effect, self._context(session))

    def _context(self, session: _Session) -> Context:
        underway = _underway(session)
        if underway is None:
            raise TypeError("a context belongs to a transition in progress")
        index = _index(underway)
        return Context(
            migration=session.migration,
            environment=self._environment,
            plan=_plan(session.state, underway),
            actor=underway.actor,
            reason=underway.reason,
            token=session.lease.token,
            epoch=underway.epoch,
            step_id=f"{session.migration}/{underway.transition}/{underway.started_at_ms}/{index}",
            before=underway.steps[index].before,
            offsets=_offsets(session.state, underway),
            evidence=underway.steps[index].evidence,
            in_force=0 if session.state.record is None else session.state.record.epoch,
        )

    def _take(self, session: _Session, event: Event) -> Decided | Refused:
        """Decide, and persist what that changes before anybody acts on it."""
        decided = decide(session.state, event)
        if isinstance(decided, Refused) or decided.state == session.state:
            return decided
        noted = _noted(session, event, decided)
        session.revision = self._store.write(
            session.migration,
            to_document(decided.state),
            noted,
            expected_revision=session.revision,
            lease=session.lease,
        )
        session.state = decided.state
        return decided

    def _load(self, migration: str) -> tuple[Rollout, int]:
        held = self._store.held(migration)
        return (Rollout(migration) if held.document is None else from_document(held.document)), held.revision


def _noted(session: _Session, event: Event, decided: Decided) -> Noted:
    underway = decided.state.underway
    details: dict[str, Any] = {
        "note": decided.note,
        "phase": decided.state.phase.value,
        "epoch": decided.state.epoch,
        "underway": "" if underway is None else underway.transition,
        "reverting": underway is not None and underway.reverting,
    }
    fingerprint, used = session.fingerprint, ""
    match event:
        case Command():
            at = event.at
            details["gates"] = [f"{each.name}: {each.answer}: {each.evidence}" for each in at.gates]
            details["limits"] = [f"{each.name}: {each.verdict}: {each.evidence}" for each in at.limits]
            details["waivers"] = [f"{each.what}: {each.by}: {each.reason}" for each in at.waivers]
            details["steps"] = [] if underway is None else [words(step.effect) for step in underway.steps]
            if isinstance(event, Apply):
                details["risk"] = event.plan.risk
            if underway is not None and at.approval is not None:
                # The guards have seen that it is for the plan in hand, which a drifted project does not have any more.
                fingerprint, used = at.approval.fingerprint, underway.approval
                details["approval"] = f"{used} by {at.approval.approved_by}"
        case LimitsSeen(_, verdicts):
            details["limits"] = [f"{each.name}: {each.verdict}: {each.evidence}" for each in verdicts]
        case StepTried(index, before):
            details |= {"step": index, "effect": _effect(session, index), "before": dict(before)}
        case StepDone(index, _, evidence):
            details |= {"step": index, "effect": _effect(session, index), "evidence": dict(evidence)}
        case StepFailed(index, _, message):
            details |= {"step": index, "effect": _effect(session, index), "message": message}
        case _:
            pass
    current = session.state.underway
    action = event.KIND.value if current is None else f"{current.transition}: {event.KIND.value}"
    return Noted(session.actor, action, session.reason, fingerprint, details, used)


def _effect(session: _Session, index: int) -> dict[str, Any]:
    underway = session.state.underway
    return {} if underway is None else effect_document(underway.steps[index].effect)


def _stopped(session: _Session, kind: Kind, message: str, remedy: str, until_ms: int = 0) -> Result:
    return Result(kind, session.state, message, remedy, until_ms=until_ms, ran=tuple(session.ran))


def _underway(session: _Session) -> Underway | None:
    return session.state.underway


def _index(underway: Underway) -> int:
    if underway.index is None:
        raise TypeError(f"{underway.transition} has no step left")
    return underway.index


def _plan(state: Rollout, underway: Underway) -> Plan:
    plan = underway.plan or state.plan
    if plan is None:
        raise TypeError(f"{underway.transition} of {state.migration} runs without a plan")
    return plan


def _offsets(state: Rollout, underway: Underway) -> Mapping[str, Mapping[int, int]]:
    """The ends by name; before this transition has its own, those of the epoch record in force."""
    record = state.record
    known = {} if record is None else {"B": record.left, "T": record.begun}
    own = {name: found for name in ("B", "T") if (found := underway.offsets(name))}
    return known | own
