"""Results of verifications: what was found right or not, under which plan, and until when it counts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from instar.core.ledger import details_text
from instar.core.rollout.storage import Noted
from instar.state.database import Database
from instar.state.ledger import Ledger
from instar.state.tables import verifications


@dataclass(frozen=True, slots=True)
class Verified:
    """One result. ``report`` is plain JSON: scope, counts, what it cannot catch."""

    migration: str
    fingerprint: str
    at_ms: int
    is_right: bool
    until_ms: int
    report: Mapping[str, Any]


class Verifications:
    """The verifications of one environment."""

    def __init__(self, database: Database, environment: str, ledger: Ledger) -> None:
        self._database = database
        self._environment = environment
        self._ledger = ledger

    def save(self, verified: Verified, by: str) -> None:
        """Keep a result, and its entry in the ledger. Raises TypeError where the report is not plain JSON."""
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
            self._ledger.append(connection, verified.migration, Noted(by, action, "", verified.fingerprint, details))

    def newest(self, migration: str, fingerprint: str) -> Verified | None:
        """The last one under that plan, right or not, expired or not."""
        asked = (
            sa.select(verifications)
            .where(
                verifications.c.environment == self._environment,
                verifications.c.migration == migration,
                verifications.c.fingerprint == fingerprint,
            )
            .order_by(verifications.c.at_ms.desc(), verifications.c.id.desc())
            .limit(1)
        )
        with self._database.reading() as connection:
            row = connection.execute(asked).one_or_none()
        if row is None:
            return None
        return Verified(migration, fingerprint, row.at_ms, row.is_right, row.until_ms, json.loads(row.report))
