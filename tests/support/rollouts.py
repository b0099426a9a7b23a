"""Rollouts brought to a place of the table, ready to be moved on, killed or undone."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.support.rollout_runner import Ticker, WorldRunner
from tests.support.rollout_store import TTL_MS, FakeClock, MemoryStore
from tests.support.rollout_world import PARTITIONS, World, shop

from instar.core.rollout.event import (
    Abandon,
    Apply,
    Approval,
    BridgeSeen,
    Circumstances,
    Command,
    GateVerdict,
    LagMeasured,
    LimitVerdict,
    Readers,
    Retire,
    Rollback,
    Switch,
    VerificationSeen,
)
from instar.core.rollout.phase import Phase
from instar.core.rollout.plan import GroupPlan, Plan, TopicPlan
from instar.core.rollout.state import Rollout
from instar.rollout.coordinator import Coordinator, Result

NAME = "orders-v3"
PRINT = "f" * 64
FRESH_MS = 10**9
PLAN = Plan(
    migration=NAME,
    fingerprint=PRINT,
    source="orders",
    target="orders.v3",
    partitions=PARTITIONS,
    risk="transforming",
    lossy=False,
    has_reverse=True,
    topics=(
        TopicPlan("orders.v3", PARTITIONS, {"retention.ms": "604800000", "cleanup.policy": "delete"}, True),
        TopicPlan("orders.v3.dlq", PARTITIONS, {"retention.ms": "-1"}),
    ),
    schemas=(("orders", 2), ("orders", 3)),
    groups=(GroupPlan("search", canary=True), GroupPlan("billing")),
    archive="s3://archive/orders",
)


@dataclass
class Keeper:
    closed: tuple[GateVerdict, ...] = ()
    verdicts: tuple[LimitVerdict, ...] = ()

    def gates(self, action: str) -> tuple[GateVerdict, ...]:
        return self.closed

    def limits(self) -> tuple[LimitVerdict, ...]:
        return self.verdicts


@dataclass
class Lab:
    """One migration in a world of its own. ``coordinator`` may be replaced, as a process that died is."""

    plan: Plan = PLAN
    world: World = field(default_factory=lambda: shop())
    clock: FakeClock = field(default_factory=FakeClock)
    keeper: Keeper = field(default_factory=Keeper)

    def __post_init__(self) -> None:
        self.ticker = Ticker(self.world)
        self.store = MemoryStore(self.clock)
        self.runner = WorldRunner(self.world, self._tick)
        self.store.tick = self._tick
        self.coordinator = self.operator("ada")

    def _tick(self) -> None:
        self.ticker()

    def copy(self) -> "Lab":
        """The same lab, so that one preparation serves many experiments."""
        copied: Lab = pickle.loads(pickle.dumps(self))  # noqa: S301
        return copied

    def operator(self, owner: str, **more: Any) -> Coordinator:
        return Coordinator(self.store, self.runner, self.keeper, self.clock, environment="test", owner=owner, **more)

    def at(self, action: str = "", **more: Any) -> Circumstances:
        if not action:
            return Circumstances(self.clock.now_ms(), self.plan.fingerprint, **more)
        asked = "apply" if action == "replan" else action
        name = f"a{len(self.store.approvals)}"
        approval = self.store.approve(NAME, Approval(name, asked, self.plan.fingerprint, "ada", "bob", FRESH_MS))
        return Circumstances(self.clock.now_ms(), self.plan.fingerprint, approval=approval, **more)

    def command(self, name: str) -> Command:
        """The command of that name as one gives it who has everything: a reason, an approval, no readers left."""
        at = self.at(name)
        made: dict[str, Callable[[], Command]] = {
            "apply": lambda: Apply("ada", "a new format", at, self.plan),
            "replan": lambda: Apply("ada", "other limits", at, self.plan),
            "switch": lambda: Switch("ada", "all is verified", at),
            "rollback": lambda: Rollback("ada", "search shows wrong prices", at),
            "retire": lambda: Retire("ada", "nobody reads it", at, Readers("yes")),
            "abandon": lambda: Abandon("ada", "not needed", at),
        }
        return made[name]()

    def do(self, name: str) -> Result:
        return self.coordinator.command(NAME, self.command(name))

    @property
    def state(self) -> Rollout:
        return self.coordinator.state(NAME)

    def done(self, name: str) -> Result:
        result = self.do(name)
        assert result.kind == "done", result
        return result

    def reach(self, phase: Phase) -> "Lab":
        """From draft to a phase, by the way that people go."""
        observe = self.coordinator.observe
        steps: list[tuple[Phase, Callable[[], object]]] = [
            (Phase.EXPANDED, lambda: self.done("apply")),
            (Phase.REPLAYING, lambda: (self.worker(), observe(NAME, [BridgeSeen()]))),
            (Phase.CAUGHT_UP, lambda: observe(NAME, [LagMeasured(dict.fromkeys(range(PARTITIONS), 0), 100)])),
            (Phase.VERIFIED, lambda: self.verify()),
            (Phase.SWITCHED, lambda: self.done("switch")),
        ]
        if phase is Phase.ABANDONED:
            self.done("abandon")
        for reached, step in steps if phase is not Phase.ABANDONED else []:
            if phase is Phase.DRAFT:
                break
            step()
            assert self.state.phase is reached
            if reached is phase:
                break
        if phase is Phase.RETIRED:
            self.done("retire")
        assert self.state.phase is phase
        return self

    def worker(self) -> None:
        """Somebody starts the up bridge's worker."""
        self.world.bridges["up"] = "run"
        self.world.live()

    def verify(self) -> None:
        seen = VerificationSeen(self.plan.fingerprint, True, FRESH_MS, self.clock.now_ms())
        self.coordinator.observe(NAME, [seen])

    def after_a_crash(self) -> None:
        """A new process, after the dead one's lease has run out."""
        self.ticker.kill_at = None
        self.clock.ms += TTL_MS + 1
        self.coordinator = self.operator("ada again")

    def left(self, *, undone: bool = False) -> dict[str, Any]:
        """What a transition leaves, in the world and on record, but for what depends on when it was done.

        ``undone``: but for what is kept on purpose as well, archives and messages.
        """
        state = self.state
        kept = ("archives", "messages") if undone else ()
        return {
            "world": {name: value for name, value in self.world.summary().items() if name not in kept},
            "phase": state.phase,
            "authority": state.authority,
            "plan": state.plan,
            "lesson_due": state.lesson_due,
            "paused": state.paused,
            "moved": state.moved,
            "made": [repr(step.effect) for step in state.made],
            "underway": state.underway,
        }


def replanned(plan: Plan) -> Plan:
    """The same migration after its settings were edited."""
    return replace(plan, fingerprint="e" * 64)
