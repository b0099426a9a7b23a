"""Results of the census, mirrored from Kafka: of each the state that counts most, however often it is told."""

from collections.abc import Iterable

import sqlalchemy as sa

from instar.core.census_fold import Census, fold, newest
from instar.core.census_result import Mix, Result, parse_result
from instar.core.rejected import Rejected
from instar.state.database import Database
from instar.state.tables import census
from instar.state.text import storable


class CensusResults:
    """The census of one environment. It is measured, not decided: the ledger does not tell of it."""

    def __init__(self, database: Database, environment: str) -> None:
        self._database = database
        self._environment = environment

    def keep(self, results: Iterable[Result]) -> None:
        """Each result, unless a later state of it is kept already."""
        rows = [
            {
                "environment": self._environment,
                "key": result.key.decode(),
                "subject": storable(result.subject),
                "last_ms": _last_ms(result),
                "counted_to": result.offset,
                "result": result.encode().decode(),
            }
            for result in newest(results)
        ]
        if not rows:
            return
        change = self._database.insert(census)
        new = change.excluded
        change = change.on_conflict_do_update(
            index_elements=["environment", "key"],
            set_={name: new[name] for name in ("last_ms", "counted_to", "result")},
            where=census.c.counted_to < new.counted_to,
        )
        with self._database.writing() as connection:
            connection.execute(change, rows)

    def read(self, since_ms: int = 0, subject: str | None = None) -> Census:
        """What was last heard of at ``since_ms`` or later. What a newer instar wrote is left out."""
        asked = sa.select(census.c.result).where(
            census.c.environment == self._environment, census.c.last_ms >= since_ms
        )
        if subject is not None:
            asked = asked.where(census.c.subject == storable(subject))
        with self._database.reading() as connection:
            found = [parse_result(row.result.encode()) for row in connection.execute(asked)]
        return fold(each for each in found if not isinstance(each, Rejected))

    def results(self, since_ms: int, at_most: int) -> list[Result] | None:
        """What was last heard of at ``since_ms`` or later, as it was told; None where more than ``at_most``."""
        asked = sa.select(census.c.result).where(
            census.c.environment == self._environment, census.c.last_ms >= since_ms
        )
        with self._database.reading() as connection:
            rows = connection.execute(asked.limit(at_most + 1)).all()
        if len(rows) > at_most:
            return None
        found = [parse_result(row.result.encode()) for row in rows]
        return [each for each in found if not isinstance(each, Rejected)]

    def prune(self, before_ms: int) -> int:
        """Forget what was last heard of before a time; how many results."""
        old = sa.and_(census.c.environment == self._environment, census.c.last_ms < before_ms)
        with self._database.writing() as connection:
            return connection.execute(census.delete().where(old)).rowcount


def _last_ms(result: Result) -> int:
    return result.window_start_ms + result.window_ms if isinstance(result, Mix) else result.last_ms
