"""A rollout in hand: its project, its cluster, its state, and the coordinator that moves it, wired together once."""

import getpass
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from instar.clock import now_ms
from instar.core.control import TOPIC
from instar.core.rollout.control_messages import Said, said_of
from instar.core.rollout.decide import LIMITS
from instar.core.rollout.event import (
    Circumstances,
    Event,
    LimitsSeen,
    LimitVerdict,
    TimePassed,
    VerificationSeen,
    Waiver,
)
from instar.core.rollout.phase import FINAL, Phase, Stage
from instar.core.rollout.plan import Plan
from instar.core.rollout.state import Rollout, Underway
from instar.kafka.cluster import Cluster
from instar.kafka.entries import read_entries
from instar.operations.effects import runner
from instar.operations.failure import REFUSED, fail
from instar.operations.gating import gate_verdicts
from instar.operations.keeping import Keeper
from instar.operations.scope import kafka_settings, migration_of
from instar.operations.stating import state_of
from instar.project.migration import Migration
from instar.project.project import Project
from instar.rollout.coordinator import Coordinator, Result
from instar.rollout.look import Look, events
from instar.state.approvals import Request
from instar.state.errors import StateTrouble
from instar.state.opening import State
from instar.state.readers import DeclaredReader
from instar.translation.group import unmovable

_REQUESTS_TOLD = 20
_NO_STATE = "The state store is needed for this."


@dataclass(frozen=True, slots=True)
class Observed:
    """What the machine made of a look, None where there was nothing to tell it, and the limits as they were judged."""

    result: Result | None
    verdicts: tuple[LimitVerdict, ...] = ()


@dataclass(slots=True)
class Rolling:
    """``state`` and ``coordinator`` are there unless the store may be away and is (``away``: why)."""

    project: Project
    name: str
    migration: Migration
    kafka: Mapping[str, Any]
    cluster: Cluster
    actor: str
    _state: State | None
    _coordinator: Coordinator | None
    _keeper: Keeper | None
    away: str = ""

    @property
    def state(self) -> State:
        if self._state is None:
            raise StateTrouble(self.away or _NO_STATE)
        return self._state

    @property
    def coordinator(self) -> Coordinator:
        if self._coordinator is None:
            raise StateTrouble(self.away or _NO_STATE)
        return self._coordinator

    @property
    def keeper(self) -> Keeper:
        if self._keeper is None:
            raise StateTrouble(self.away or _NO_STATE)
        return self._keeper

    def now_ms(self) -> int:
        return now_ms()

    @property
    def producer_header(self) -> str:
        """The header in which producers say who they are, where the settings name one."""
        return self.project.settings.census.producer_header or ""

    def rollout_or_none(self) -> Rollout | None:
        """None where the store does not answer."""
        try:
            return self.coordinator.state(self.name)
        except StateTrouble:
            return None

    def readers_or_none(self) -> tuple[DeclaredReader, ...] | None:
        """All declared readers; None where the store does not answer."""
        try:
            return tuple(self.state.readers.list())
        except StateTrouble:
            return None

    def circumstances(
        self, action: str, waived: tuple[Waiver, ...], plan: Plan | None = None, *, moving: Iterable[str] = ()
    ) -> Circumstances:
        """What is known at this moment, for a command. ``moving``: the groups that it would move to the new topic.

        Fails where another store moves the migration.
        """
        self._refuse_another_store()
        fingerprint = self.project.fingerprint(self.name)
        meant = plan.fingerprint if plan is not None else self.coordinator.state(self.name).fingerprint or fingerprint
        return Circumstances(
            now_ms=now_ms(),
            fingerprint=fingerprint,
            gates=self.keeper.gates(action),
            limits=self.keeper.limits(),
            approval=self.state.approvals.find(self.name, action, meant),
            waivers=waived,
            requests=tuple(
                _told(each)
                for each in self.state.approvals.list(self.name)[:_REQUESTS_TOLD]
                if (each.action, each.fingerprint) == (action, meant) and each.standing != "approved"
            ),
            unmovable=tuple(self._unmovable(moving)),
        )

    def observe(self) -> Observed:
        """Tell the machine what is seen of the world now; what limits ask for is done, and gone on with where it had to
        wait: nobody gives a command for it.

        Raises ``KafkaTrouble`` and ``StateTrouble``.
        """
        rollout = self._observed()
        if rollout is None:
            return Observed(None)
        seen = self.keeper.watch()
        verdicts = self.keeper.limits()
        if rollout.underway is not None and (rollout.underway.actor == LIMITS or rollout.underway.reverting):
            return Observed(self.coordinator.resume(self.name), verdicts)
        if rollout.underway is not None and self._left_closing(rollout.underway):
            # Whoever moves it and is alive has the lease, and this is refused.
            if rollout.place is Stage.IN_DOUBT:
                return Observed(self.coordinator.resume(self.name), verdicts)
            why = f"producers were stopped for more than {self.migration.rollout.barrier} s and nobody went on"
            return Observed(self.coordinator.revert(self.name, actor=self.actor, reason=why), verdicts)
        found = self._seen(rollout, seen)
        if verdicts and rollout.phase is not Phase.EXPANDED:
            found.append(LimitsSeen(now_ms(), verdicts))
        return Observed(self.coordinator.observe(self.name, found), verdicts)

    def _left_closing(self, underway: Underway) -> bool:
        """Do producers wait for longer than they may, because the command that stopped them has died?"""
        since_ms = underway.closing_since_ms
        return since_ms is not None and now_ms() - since_ms > self.migration.rollout.barrier * 1000

    def look(self) -> None:
        """Tell the machine how far things are, before a command: no guard need run for that. Limits do nothing here.

        Raises ``KafkaTrouble`` and ``StateTrouble``.
        """
        rollout = self._observed()
        if rollout is not None and rollout.underway is None:
            self.coordinator.observe(self.name, self._seen(rollout, self.keeper.watch()))

    def another_store(self) -> str:
        """What the control topic says of the migration that this store cannot have written; empty: nothing.

        Raises ``KafkaTrouble`` and ``StateTrouble``.
        """
        return stranger(self.cluster, self.name, self.coordinator.state(self.name))

    def _refuse_another_store(self) -> None:
        """The tokens of two stores are not each other's, so the fence between two coordinators does not hold, and a
        store that takes over knows neither what was made nor where the groups are: there is no going on with it."""
        other = self.another_store()
        if other:
            fail(
                other,
                "Let the setting `state` name the store that moves it, or restore that one. If it is lost for good, "
                "end its workers and managed producers, and give the next attempt another name.",
                REFUSED,
            )

    def _unmovable(self, moving: Iterable[str]) -> Iterator[str]:
        groups = tuple(moving)
        said = read_said(self.cluster, self.name).groups if groups else {}
        for group in groups:
            there = said.get(group)
            if there is None or there.side == "old":
                why = unmovable(self.migration, self.name, group, "new", self.kafka)
                if why:
                    yield why

    def _observed(self) -> Rollout | None:
        """The rollout, where there is anything to be seen of it."""
        rollout = self.coordinator.state(self.name)
        return None if rollout.phase in FINAL or rollout.phase is Phase.DRAFT or rollout.plan is None else rollout

    def _seen(self, rollout: Rollout, seen: Look) -> list[Event]:
        found: list[Event] = [*events(seen, self.migration.rollout.caught_up_lag), TimePassed(now_ms())]
        verified = self._verification(rollout)
        return found if verified is None else [*found, verified]

    def _verification(self, rollout: Rollout) -> VerificationSeen | None:
        """The newest result of the plan in force, unless the machine knows it or it is over."""
        newest = self.state.verifications.newest(self.name, rollout.fingerprint)
        if newest is None:
            return None
        until_ms = min(newest.until_ms, newest.at_ms + self.migration.rollout.verification_valid * 1000)
        known = rollout.verification
        if known is not None and (known.right, known.until_ms) == (newest.is_right, until_ms):
            return None
        return VerificationSeen(newest.fingerprint, newest.is_right, until_ms, now_ms())


@contextmanager
def rolling(
    project: Project,
    name: str,
    *,
    bootstrap: str | None = None,
    actor: str | None = None,
    wait: bool = False,
    stopped: Callable[[float], object] = time.sleep,
    needs_state: bool = True,
    cluster: Cluster | None = None,
) -> Iterator[Rolling]:
    """Open what a rollout needs. Raises ``Failure``, ``KafkaTrouble`` and ``StateTrouble``.

    ``stopped`` waits for so many seconds; it is true where the program was told to end meanwhile, and the command then
    ends as if it had been killed: what it left is finished by running it again. Without ``needs_state`` a store that is
    away is no trouble before something of it is asked for. ``cluster`` is one that is open already.
    """
    migration = migration_of(project, name)
    kafka = kafka_settings(project, bootstrap)
    cluster = cluster or Cluster(kafka)
    by = actor or who()
    with ExitStack() as stack:
        try:
            state = stack.enter_context(state_of(project))
        except StateTrouble as trouble:
            if needs_state:
                raise
            yield Rolling(project, name, migration, kafka, cluster, by, None, None, None, str(trouble))
            return
        keeper = Keeper(project, name, cluster, state, lambda action: gate_verdicts(project, name, action))
        coordinator = Coordinator(
            state.rollouts,
            stack.enter_context(runner(project, name, kafka, cluster)),
            keeper,
            _Clock(stopped),
            environment=project.environment_name,
            owner=f"{by} ({socket.gethostname()} {os.getpid()})",
            wait=wait,
            barrier_s=float(migration.rollout.barrier),
        )
        yield Rolling(project, name, migration, kafka, cluster, by, state, coordinator, keeper)


def read_said(cluster: Cluster, name: str) -> Said:
    """What the control topic says of a migration now. Raises ``KafkaTrouble``."""
    return said_of(name, read_entries(cluster, TOPIC))


def stranger(cluster: Cluster, name: str, known: Rollout | None) -> str:
    """What the control topic says of a migration that the state store at hand, which has ``known`` of it, cannot have
    written: an epoch's number is on record there before the topic has it. Empty: nothing. Raises ``KafkaTrouble``."""
    epoch = read_said(cluster, name).epoch
    if epoch is None:
        return ""
    has = "has no rollout of it"
    if known is not None and (known.plan is not None or known.underway is not None or known.phase is not Phase.DRAFT):
        if epoch.epoch <= known.last_epoch:
            return ""
        has = f"knows of epoch {known.last_epoch} at most"
    return (
        f"{TOPIC} already has an epoch record of {name} (epoch {epoch.epoch}, {epoch.state}, authority "
        f"{epoch.authority}), and this state store {has}: another store moves it, or this one was lost."
    )


def _told(request: Request) -> str:
    """``request 3f2a of ada is used: bob answered it``."""
    answered = "nobody has answered it" if not request.answered_by else f"{request.answered_by} answered it"
    return f"request {request.id} of {request.requested_by} is {request.standing}: {answered}"


def who() -> str:
    """The user, as far as the system knows one."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return f"uid {os.getuid()}"


@dataclass(frozen=True, slots=True)
class _Clock:
    wait: Callable[[float], object]

    def now_ms(self) -> int:
        return now_ms()

    def sleep(self, seconds: float) -> None:
        if self.wait(seconds):
            raise KeyboardInterrupt
