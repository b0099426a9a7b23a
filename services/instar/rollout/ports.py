"""What the coordinator needs of the world: small ports, so that the same suite runs over a model and the real thing."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from instar.core.rollout.effect import Effect
from instar.core.rollout.event import GateVerdict, LimitVerdict
from instar.core.rollout.plan import Plan
from instar.core.rollout.storage import Document, Held, Noted


@dataclass(frozen=True, slots=True)
class Context:
    """What an effect is run, undone or looked at with.

    ``before`` is the picture taken by ``EffectRunner.before``; ``offsets`` are the ends recorded so far, by name
    (``B``, ``T``) and partition. ``evidence`` is what the effect said when it was done; empty where it was only begun.
    ``token`` is the lease's fencing token: it goes into every control record and the
    runner's transactional id is one per migration, so an older coordinator is fenced by Kafka too.
    ``in_force`` is the number of the last epoch record that came about, 0 before any.
    ``step_id`` (``orders-v3/switch/1750000000000/4``) is the same each time a step is run: an id for messages.
    """

    migration: str
    environment: str
    plan: Plan
    actor: str
    reason: str
    token: int
    epoch: int
    step_id: str
    before: Mapping[str, Any] = field(default_factory=dict)
    offsets: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)
    in_force: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an effect.

    done: it is so now, whether by this run or an earlier one. ``evidence`` is plain JSON, kept in the ledger.
    waiting: nothing is wrong, and it is not so yet (a bridge that drains): run the command again.
    failed: it certainly did not come about. Before the epoch record a barrier is then undone.
    unknown: it may have come about (an ambiguous write). Only running it again, or ``happened``, tells.
    """

    kind: Literal["done", "waiting", "failed", "unknown"]
    evidence: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""
    remedy: str = ""


class EffectRunner(Protocol):
    """Runs effects. None of these raises for what a cluster or a registry does: that is an ``Outcome``.

    Each is idempotent and may be called after a crash at any point of an earlier call.
    """

    def before(self, effect: Effect, context: Context) -> Mapping[str, Any]:
        """A picture (plain JSON) of what the effect is about to change, which ``revert`` restores. Changes nothing.

        Called once per step and persisted before ``run``. Raises ``RunnerTrouble`` where the world cannot be seen.
        """
        ...

    def run(self, effect: Effect, context: Context) -> Outcome:
        """Make it so."""
        ...

    def revert(self, effect: Effect, context: Context) -> Outcome:
        """Restore the picture, also where ``run`` was only begun or never came about. Never called for FINAL effects.

        ``Undo`` is run by ``run``, which is the ``revert`` of the effect it names.
        """
        ...

    def happened(self, effect: Effect, context: Context) -> bool | None:
        """Whether a FINAL effect that was begun has come about; None where that cannot be told now.

        False is a promise that it will not come about later either: for an epoch record, the runner's transactional
        id has been initialised anew before the control topic was read to its end.
        """
        ...


class RunnerTrouble(Exception):
    """The world cannot be seen, so nothing was begun. The message says what and why; ``remedy`` what to do."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class Lease(Protocol):
    """The right to move one migration, by the database's clock. ``token`` grows with every holder."""

    @property
    def token(self) -> int: ...

    def renew(self) -> None:
        """Hold it for its time to live again. Raises ``LeaseLost``."""
        ...


class Store(Protocol):
    """Where rollouts live. What it raises beyond these (a database that is away) goes to the caller."""

    def held(self, migration: str) -> Held: ...

    def lease(self, migration: str, owner: str) -> AbstractContextManager[Lease]:
        """Held until left. Raises ``LeaseTaken``."""
        ...

    def write(self, migration: str, document: Document, noted: Noted, *, expected_revision: int, lease: Lease) -> int:
        """Persist the rollout and its ledger entry in one database transaction; the new revision.

        Raises ``Conflict`` where the revision is not the expected one, ``LeaseLost`` where the token is not the newest
        or its time is over.
        """
        ...


class GateKeeper(Protocol):
    """The gates and limits before an action, asked now. What cannot be asked is an answer: unknown."""

    def gates(self, action: str) -> tuple[GateVerdict, ...]: ...

    def limits(self) -> tuple[LimitVerdict, ...]: ...


class Clock(Protocol):
    def now_ms(self) -> int: ...

    def sleep(self, seconds: float) -> None:
        """Wait, or less where the command was told to stop."""
        ...
