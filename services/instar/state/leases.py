"""The right to move a migration, held for a time by the database's clock.

A token grows with every holder and never comes back, so that whoever was asleep for longer than their time is told
apart from the next one, here and in the control records that carry it.

While it is held a thread renews it: one step may take longer than the lease's time, an archive hours. A process that is
stopped as a whole renews nothing and loses it.
"""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from instar.core.rollout.storage import LeaseLost, LeaseTaken
from instar.state.database import Database
from instar.state.errors import StateTrouble
from instar.state.tables import leases

log = structlog.get_logger(__name__)

TTL_MS = 30_000


class Token(Protocol):
    """What a store is given back as a lease: any coordinator's, so that the store must look whether it is its own."""

    @property
    def token(self) -> int: ...


@dataclass(frozen=True, slots=True)
class HeldLease:
    """A lease in hand. It satisfies ``rollout.ports.Lease``."""

    leases: "Leases"
    migration: str
    owner: str
    token: int

    def renew(self) -> None:
        """Hold it for its time to live again. Raises ``LeaseLost``."""
        self.leases.renew(self)


@dataclass(frozen=True, slots=True)
class Leases:
    """The leases of one environment."""

    database: Database
    environment: str
    ttl_ms: int = TTL_MS
    renewals: int = 3  # within its time: two may fail

    @contextlib.contextmanager
    def held(self, migration: str, owner: str) -> Iterator[HeldLease]:
        """Take it, keep it alive, and give it back when left. Raises ``LeaseTaken``."""
        lease = self._take(migration, owner)
        left = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(lease, left), name=f"lease of {migration}", daemon=True)
        keeper.start()
        try:
            yield lease
        finally:
            left.set()
            keeper.join()
            self._release(lease)

    def renew(self, lease: HeldLease) -> None:
        now = self.database.now
        with self.database.writing() as connection:
            renewed = connection.execute(
                leases.update()
                .where(self._row(lease.migration), leases.c.token == lease.token, leases.c.until_ms > now)
                .values(until_ms=now + self.ttl_ms)
            )
            if renewed.rowcount != 1:
                raise self._lost(lease)

    def require(self, connection: Connection, lease: HeldLease) -> None:
        """In the caller's transaction, and until its end: the lease is the newest and its time is not over.

        Raises ``LeaseLost``.
        """
        asked = sa.select(leases.c.token, leases.c.until_ms).where(self._row(lease.migration)).with_for_update()
        row = connection.execute(asked).one_or_none()
        # The clock is asked after the row is locked: waiting for the lock takes time as well.
        if row is None or row.token != lease.token or row.until_ms <= self.database.now_ms(connection):
            raise self._lost(lease)

    def holder(self, migration: str) -> str:
        """Who holds it now; empty: nobody."""
        asked = sa.select(leases.c.owner).where(self._row(migration), leases.c.until_ms > self.database.now)
        with self.database.reading() as connection:
            return connection.execute(asked).scalar_one_or_none() or ""

    def _take(self, migration: str, owner: str) -> HeldLease:
        first = {"environment": self.environment, "migration": migration, "owner": "", "token": 0, "until_ms": 0}
        with self.database.writing() as connection:
            connection.execute(self.database.insert(leases).values(first).on_conflict_do_nothing())
            asked = sa.select(leases).where(self._row(migration)).with_for_update()
            row = connection.execute(asked).one()
            now_ms = self.database.now_ms(connection)
            if row.until_ms > now_ms:
                raise LeaseTaken(row.owner, (row.until_ms - now_ms) / 1000)
            taken = {"owner": owner, "token": row.token + 1, "until_ms": now_ms + self.ttl_ms}
            connection.execute(leases.update().where(self._row(migration)).values(taken))
            return HeldLease(self, migration, owner, taken["token"])

    def _keep(self, lease: HeldLease, left: threading.Event) -> None:
        """Until it is left or lost. Who holds it finds the loss at the next write, which is refused."""
        while not left.wait(self.ttl_ms / self.renewals / 1000):
            try:
                self.renew(lease)
            except LeaseLost:
                log.warning("the lease is lost", migration=lease.migration, owner=lease.owner)
                return
            except StateTrouble as trouble:
                log.warning("the lease could not be renewed", migration=lease.migration, why=str(trouble))

    def _release(self, lease: HeldLease) -> None:
        mine = leases.c.token == lease.token
        try:
            with self.database.writing() as connection:
                connection.execute(leases.update().where(self._row(lease.migration), mine).values(until_ms=0))
        except StateTrouble as trouble:
            # What was done under it is persisted already, and it ends by itself.
            log.warning("the lease could not be given back", migration=lease.migration, why=str(trouble))

    def _row(self, migration: str) -> sa.ColumnElement[bool]:
        return sa.and_(leases.c.environment == self.environment, leases.c.migration == migration)

    def _lost(self, lease: HeldLease) -> LeaseLost:
        return LeaseLost(f"{lease.owner} no longer has {lease.migration}")
