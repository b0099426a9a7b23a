"""Rollouts as they are stored: compared and set under a lease, each change with its ledger entry, all or nothing.

``Rollouts`` satisfies ``rollout.ports.Store``. Within a transaction rows are locked in one order (lease, rollout,
approval, ledger), so that two coordinators wait for each other and never for ever.
"""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from instar.core.ledger import details_text
from instar.core.rollout.storage import Conflict, Document, Held, LeaseLost, Noted
from instar.state.approvals import use_up
from instar.state.database import Database
from instar.state.leases import HeldLease, Leases, Token
from instar.state.ledger import Ledger
from instar.state.tables import rollouts


class Rollouts:
    """The rollouts of one environment."""

    def __init__(self, database: Database, environment: str, ledger: Ledger, leases: Leases) -> None:
        self._database = database
        self._environment = environment
        self._ledger = ledger
        self._leases = leases

    def held(self, migration: str) -> Held:
        asked = sa.select(rollouts.c.document, rollouts.c.revision).where(self._row(migration))
        with self._database.reading() as connection:
            row = connection.execute(asked).one_or_none()
        return Held(None, 0) if row is None else Held(json.loads(row.document), row.revision)

    def all(self) -> Mapping[str, Held]:
        """Every migration that has a rollout, by name."""
        asked = sa.select(rollouts).where(rollouts.c.environment == self._environment).order_by(rollouts.c.migration)
        with self._database.reading() as connection:
            return {row.migration: Held(json.loads(row.document), row.revision) for row in connection.execute(asked)}

    def lease(self, migration: str, owner: str) -> AbstractContextManager[HeldLease]:
        """Held until left. Raises ``LeaseTaken``."""
        return self._leases.held(migration, owner)

    def mover(self, migration: str) -> str:
        """Who moves it at this moment; empty: nobody."""
        return self._leases.holder(migration)

    def write(self, migration: str, document: Document, noted: Noted, *, expected_revision: int, lease: Token) -> int:
        """Persist the rollout and its ledger entry, and use up its approval; the new revision.

        Raises ``Conflict``, ``LeaseLost``, and TypeError where document or details are not plain JSON.
        """
        if not isinstance(lease, HeldLease) or lease.migration != migration:
            raise LeaseLost(f"the lease is none of this store's on {migration}")
        text = details_text(document)
        with self._database.writing() as connection:
            self._leases.require(connection, lease)
            self._set(connection, migration, text, expected_revision)
            if noted.uses_approval:
                use_up(self._database, connection, self._environment, migration, noted)
            self._ledger.append(connection, migration, noted, expected_revision + 1, text)
        return expected_revision + 1

    def _set(self, connection: Connection, migration: str, text: str, expected: int) -> None:
        new = {"revision": expected + 1, "document": text, "changed_at_ms": self._database.now_ms(connection)}
        if expected == 0:
            row = {"environment": self._environment, "migration": migration, **new}
            change = self._database.insert(rollouts).values(row).on_conflict_do_nothing()
        else:
            change = rollouts.update().where(self._row(migration), rollouts.c.revision == expected).values(new)
        if connection.execute(change).rowcount != 1:
            raise Conflict(f"{migration} is not at revision {expected}")

    def _row(self, migration: str) -> sa.ColumnElement[bool]:
        return sa.and_(rollouts.c.environment == self._environment, rollouts.c.migration == migration)
