"""Telling the control topic again what it must say of a migration, from the state store, after it was lost."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from instar.clock import now_ms
from instar.core.control import TOPIC
from instar.core.ledger import Broken
from instar.core.rollout.control_messages import EpochMessage
from instar.core.rollout.plan import Plan
from instar.core.rollout.restoring import Contradiction, Rebuilt, missing, rebuilt
from instar.core.rollout.state import Rollout
from instar.core.rollout.storage import LeaseTaken, Noted
from instar.kafka.entries import read_entries
from instar.operations.failure import REFUSED, Failure, NotThere
from instar.operations.rolling import Rolling
from instar.rollout.ports import Context
from instar.rollout.running.control import RolloutControl

SETTLE_S = 15.0
"""How long nobody else may move the migration afterwards: managed producers that run find the topic within this time,
and register in it again. One that a barrier does not know of would not be waited for."""


@dataclass(frozen=True, slots=True)
class Lost:
    """What the topic lacks: ``lines`` for people, ``entries`` by key. Nothing: it is as it must be."""

    lines: tuple[str, ...]
    entries: Mapping[str, bytes]


def lost(at: Rolling) -> Lost:
    """What would be written. Raises ``Failure``, ``KafkaTrouble`` and ``StateTrouble``."""
    wanted = _wanted(at, _rollout(at), token=0)
    return Lost(_lines(wanted), _missing(read_entries(at.cluster, TOPIC), wanted))


def restore(at: Rolling, reason: str, *, settle: Callable[[float], object] = time.sleep) -> Lost:
    """Write it, under the right to move the migration, and into the ledger before and after. Raises like ``lost``."""
    try:
        with at.state.rollouts.lease(at.name, f"{at.actor} (control restore)") as lease:
            rollout = _rollout(at)
            wanted = _wanted(at, rollout, token=lease.token)
            if not _missing(read_entries(at.cluster, TOPIC), wanted):
                return Lost(_lines(wanted), {})
            written: dict[str, bytes] = {}

            def lacks(entries: Mapping[str, bytes]) -> Mapping[str, bytes]:
                written.update(_missing(entries, wanted))
                return written

            details = {"control": list(_lines(wanted))}
            at.state.ledger.note(at.name, _noted(at, "control topic: restore begun", reason, rollout, details))
            control = RolloutControl(at.cluster)
            try:
                control.restore(_context(at, rollout, reason, lease.token), lacks)
            finally:
                control.close()
            settle(SETTLE_S)
            details["keys"] = sorted(written)
            at.state.ledger.note(at.name, _noted(at, "control topic: restored", reason, rollout, details))
            return Lost(_lines(wanted), written)
    except LeaseTaken as taken:
        raise Failure(
            f"{at.name} is being moved: {taken}.", "Wait for it, or stop the other command.", REFUSED
        ) from taken


def _rollout(at: Rolling) -> Rollout:
    rollout = at.coordinator.state(at.name)
    if rollout.plan is None:
        raise NotThere(
            f"{at.name} has no rollout in {at.project.environment_name}: there is nothing to tell {TOPIC}.",
            "Is this the environment, and the state store, that moved it?",
        )
    return rollout


def _wanted(at: Rolling, rollout: Rollout, token: int) -> Rebuilt:
    verdict = at.state.ledger.verify()
    if isinstance(verdict, Broken):
        raise Failure(
            f"The ledger is broken at entry {verdict.number}: {verdict.why}. {TOPIC} is not written from it.",
            "`instar history --verify`; restore the state store from a backup first.",
            REFUSED,
        )
    wanted = rebuilt(rollout, at.state.ledger.entries(at.name), token, now_ms())
    if isinstance(wanted, Contradiction):
        raise Failure(
            f"{at.name} cannot be told from the state store: {wanted.why}.",
            "Restore the newest backup of the state store first.",
            REFUSED,
        )
    return wanted


def _missing(entries: Mapping[str, bytes], wanted: Rebuilt) -> Mapping[str, bytes]:
    found = missing(entries, wanted)
    if isinstance(found, Contradiction):
        raise Failure(
            f"{TOPIC} says of {wanted.migration} what the state store does not know: {found.why}.",
            "The store is older than the topic: restore the newest backup of the store, and nothing of the topic.",
            REFUSED,
        )
    return found


def _lines(wanted: Rebuilt) -> tuple[str, ...]:
    return (
        _epoch_line(wanted.epoch),
        *(f"group {name}: {each.order} the {each.side} topic" for name, each in wanted.groups.items()),
        *(f"workers of the {side} bridge: {each.order}" for side, each in wanted.bridges.items()),
        *(f"{name.partition('/')[2]}: a limit asked for it" for name in wanted.pauses),
    )


def _epoch_line(epoch: EpochMessage) -> str:
    whose = "is to get authority" if epoch.state == "closing" else "has authority"
    count = len(epoch.windows)
    ends = f", B {dict(epoch.left)}, T {dict(epoch.begun)}" if epoch.left or epoch.begun else ""
    windows = f"; the new topic had it in {count} window{'s'[: count != 1]}" if count else ""
    return f"epoch {epoch.epoch}, {epoch.state}: the {epoch.authority} topic {whose}{ends}{windows}"


def _noted(at: Rolling, action: str, reason: str, rollout: Rollout, details: Mapping[str, Any]) -> Noted:
    return Noted(at.actor, action, reason, rollout.fingerprint, dict(details))


def _context(at: Rolling, rollout: Rollout, reason: str, token: int) -> Context:
    plan = rollout.plan
    assert isinstance(plan, Plan)  # noqa: S101 - _rollout has seen to it
    environment, step = at.project.environment_name, f"{at.name}/control restore"
    return Context(at.name, environment, plan, at.actor, reason, token, rollout.epoch, step)
