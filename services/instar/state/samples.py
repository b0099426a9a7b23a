"""Samples for limits: what a migration's numbers were, so that a window outlives the program that watches."""

import sqlalchemy as sa

from instar.core.rollout.limits import Sample
from instar.state.database import Database
from instar.state.tables import limit_samples

_FIELDS = Sample.__slots__


class Samples:
    """The samples of one environment. They are measurements, not decisions: the ledger does not tell of them."""

    def __init__(self, database: Database, environment: str) -> None:
        self._database = database
        self._environment = environment

    def keep(self, migration: str, sample: Sample) -> None:
        """Where two watchers look in the same millisecond, the first is kept."""
        row = {name: getattr(sample, name) for name in _FIELDS}
        row |= {"environment": self._environment, "migration": migration}
        with self._database.writing() as connection:
            connection.execute(self._database.insert(limit_samples).values(row).on_conflict_do_nothing())

    def since(self, migration: str, since_ms: int) -> tuple[Sample, ...]:
        """In order of time, with the last one before ``since_ms``, from which ``limits.judge`` subtracts."""
        here = self._of(migration)
        asked = sa.select(limit_samples).where(here, limit_samples.c.at_ms >= since_ms)
        before = sa.select(limit_samples).where(here, limit_samples.c.at_ms < since_ms)
        with self._database.reading() as connection:
            earlier = connection.execute(before.order_by(limit_samples.c.at_ms.desc()).limit(1)).all()
            rows = [*earlier, *connection.execute(asked.order_by(limit_samples.c.at_ms))]
        return tuple(Sample(**{name: getattr(row, name) for name in _FIELDS}) for row in rows)

    def prune(self, migration: str, before_ms: int) -> int:
        """Forget those before a time; how many."""
        old = sa.and_(self._of(migration), limit_samples.c.at_ms < before_ms)
        with self._database.writing() as connection:
            return connection.execute(limit_samples.delete().where(old)).rowcount

    def _of(self, migration: str) -> sa.ColumnElement[bool]:
        return sa.and_(limit_samples.c.environment == self._environment, limit_samples.c.migration == migration)
