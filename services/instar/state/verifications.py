"""Results of verifications: what was found right or not, under which plan, and until when it counts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from instar.core.ledger import details_text
from instar.core.rollout.storage import Noted
from instar.state.database import Database
from instar.state.errors import NotThere
from instar.state.ledger import Ledger
from instar.state.tables import verifications

KEPT = 50  # reports of a migration


@dataclass(frozen=True, slots=True)
class Verified:
    """One result. ``report`` is plain JSON: scope, counts, what it cannot catch.

    ``until_ms`` is until when it counts for a rollout; a right one whose ``until_ms`` is 0 never does, and is kept to
    be read. A wrong one always counts.
    """

    migration: str
    fingerprint: str
    at_ms: int
    is_right: bool
    until_ms: int
    report: Mapping[str, Any]

    @property
    def counts(self) -> bool:
        return not self.is_right or self.until_ms > 0


class Verifications:
    """The verifications of one environment."""

    def __init__(self, database: Database, environment: str, ledger: Ledger) -> None:
        self._database = database
        self._environment = environment
        self._ledger = ledger

    def save(self, verified: Verified, by: str) -> None:
        """Keep a result, and its entry in the ledger where it counts.

        Raises TypeError where the report is not plain JSON. Of a migration's older ones the last 50 stay, and those
        that may still decide how it goes on.
        """
        row = {
            "environment": self._environment,
            "migration": verified.migration,
            "fingerprint": verified.fingerprint,
            "at_ms": verified.at_ms,
            "is_right": verified.is_right,
            "until_ms": verified.until_ms,
            "report": details_text(verified.report),
        }
        action = "verification passed" if verified.is_right else "verification failed"
        details = {"at_ms": verified.at_ms, "until_ms": verified.until_ms}
        with self._database.writing() as connection:
            connection.execute(verifications.insert().values(row))
            connection.execute(self._outlived(verified.migration))
            if verified.counts:
                noted = Noted(by, action, "", verified.fingerprint, details)
                self._ledger.append(connection, verified.migration, noted)

    def newest(self, migration: str, fingerprint: str) -> Verified | None:
        """The last one under that plan that counts, right or not, expired or not."""
        asked = (
            sa.select(verifications)
            .where(
                verifications.c.environment == self._environment,
                verifications.c.migration == migration,
                verifications.c.fingerprint == fingerprint,
                _counting(verifications),
            )
            .order_by(verifications.c.at_ms.desc(), verifications.c.id.desc())
            .limit(1)
        )
        with self._database.reading() as connection:
            row = connection.execute(asked).one_or_none()
        if row is None:
            return None
        return _verified(row)

    def list(self, migration: str, newest: int, before: int | None = None) -> list[tuple[int, Verified]]:
        """The last ones with their ids, the newest first; with ``before`` those older than that id."""
        asked = sa.select(verifications).where(*self._of(migration))
        if before is not None:
            asked = asked.where(verifications.c.id < before)
        with self._database.reading() as connection:
            rows = connection.execute(asked.order_by(verifications.c.id.desc()).limit(newest)).all()
        return [(row.id, _verified(row)) for row in rows]

    def get(self, migration: str, number: int) -> Verified:
        """The one of that id. Raises ``NotThere``."""
        asked = sa.select(verifications).where(*self._of(migration), verifications.c.id == number)
        with self._database.reading() as connection:
            row = connection.execute(asked).one_or_none()
        if row is None:
            raise NotThere(
                f"{migration} has no verification {number}.", f"The last {KEPT} are kept; look at the list of them."
            )
        return _verified(row)

    def _of(self, migration: str) -> tuple[sa.ColumnElement[bool], ...]:
        return verifications.c.environment == self._environment, verifications.c.migration == migration

    def _outlived(self, migration: str) -> sa.Delete:
        """What is neither among the last ones nor the newest that counts under its plan: nobody asks for it again."""
        last = sa.select(verifications.c.id).where(*self._of(migration)).order_by(verifications.c.id.desc()).limit(KEPT)
        later = verifications.alias("later")
        is_later = sa.or_(
            later.c.at_ms > verifications.c.at_ms,
            sa.and_(later.c.at_ms == verifications.c.at_ms, later.c.id > verifications.c.id),
        )
        same = (later.c[name] == verifications.c[name] for name in ("environment", "migration", "fingerprint"))
        superseded = sa.exists().where(*same, is_later, _counting(later))
        return verifications.delete().where(
            *self._of(migration),
            verifications.c.id.not_in(last),
            sa.or_(sa.not_(_counting(verifications)), superseded),
        )


def _counting(table: sa.FromClause) -> sa.ColumnElement[bool]:
    return sa.or_(sa.not_(table.c.is_right), table.c.until_ms > 0)


def _verified(row: sa.Row[Any]) -> Verified:
    return Verified(row.migration, row.fingerprint, row.at_ms, row.is_right, row.until_ms, json.loads(row.report))
