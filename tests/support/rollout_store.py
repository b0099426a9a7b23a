"""A store for rollouts in memory that keeps the real one's promises: compare-and-set, leases with tokens, a ledger."""

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support.rollout_runner import Killed

from instar.core.rollout.approving import why_unusable
from instar.core.rollout.event import Approval
from instar.core.rollout.storage import Conflict, Document, Held, LeaseLost, LeaseTaken, Noted

TTL_MS = 30_000


@dataclass
class FakeClock:
    ms: int = 1_000_000

    def now_ms(self) -> int:
        return self.ms

    def sleep(self, seconds: float) -> None:
        self.ms += math.ceil(seconds * 1000)


@dataclass
class MemoryLease:
    store: "MemoryStore"
    migration: str
    owner: str
    token: int

    def renew(self) -> None:
        self.store.require(self)
        self.store.until_ms[self.migration] = self.store.clock.now_ms() + TTL_MS


@dataclass
class MemoryStore:
    clock: FakeClock
    rows: dict[str, tuple[str, int]] = field(default_factory=dict)
    ledger: list[Noted] = field(default_factory=list)
    approvals: dict[str, tuple[str, Approval]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    tokens: dict[str, int] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    until_ms: dict[str, int] = field(default_factory=dict)
    tick: Callable[[], None] = lambda: None

    def approve(self, migration: str, approval: Approval) -> Approval:
        """Somebody says yes."""
        self.approvals[approval.id] = migration, approval
        return approval

    def held(self, migration: str) -> Held:
        text, revision = self.rows.get(migration, ("", 0))
        return Held(json.loads(text) if text else None, revision)

    @contextmanager
    def lease(self, migration: str, owner: str) -> Iterator[MemoryLease]:
        left_ms = self.until_ms.get(migration, 0) - self.clock.now_ms()
        if left_ms > 0:
            raise LeaseTaken(self.owners[migration], left_ms / 1000)
        self.tokens[migration] = self.tokens.get(migration, 0) + 1
        self.owners[migration], self.until_ms[migration] = owner, self.clock.now_ms() + TTL_MS
        lease = MemoryLease(self, migration, owner, self.tokens[migration])
        try:
            yield lease
        except Killed:
            raise  # a process that dies releases nothing
        except BaseException:
            self._release(lease)
            raise
        else:
            self._release(lease)

    def write(
        self, migration: str, document: Document, noted: Noted, *, expected_revision: int, lease: MemoryLease
    ) -> int:
        self.tick()
        if lease.migration != migration:
            raise LeaseLost(f"the lease is on {lease.migration}, not on {migration}")
        self.require(lease)
        if self.rows.get(migration, ("", 0))[1] != expected_revision:
            raise Conflict(f"{migration} is not at revision {expected_revision}")
        text, _ = json.dumps(document), json.dumps(noted.details)  # both are plain JSON, or nothing is written
        self._use_up(migration, noted)
        self.rows[migration] = text, expected_revision + 1
        self.ledger.append(noted)
        self.tick()
        return expected_revision + 1

    def require(self, lease: MemoryLease) -> None:
        newest, until_ms = self.tokens.get(lease.migration), self.until_ms.get(lease.migration, 0)
        if newest != lease.token or self.clock.now_ms() >= until_ms:
            raise LeaseLost(f"{lease.owner} no longer has {lease.migration}")

    def _use_up(self, migration: str, noted: Noted) -> None:
        if not noted.uses_approval:
            return
        owner, approval = self.approvals.get(noted.uses_approval, ("", None))
        used = noted.uses_approval in self.used
        why = why_unusable(approval if owner == migration else None, noted, used=used, now_ms=self.clock.now_ms())
        if why is not None:
            raise Conflict(why)
        self.used.add(noted.uses_approval)

    def _release(self, lease: MemoryLease) -> None:
        if self.tokens[lease.migration] == lease.token:
            self.until_ms[lease.migration] = 0
