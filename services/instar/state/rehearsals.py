"""Rehearsals: whether the whole life of a migration went well on scratch topics, under which plan, and when."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from instar.core.ledger import details_text
from instar.core.rollout.storage import Noted
from instar.state.database import Database
from instar.state.ledger import Ledger
from instar.state.tables import rehearsals


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One rehearsal. ``report`` is plain JSON."""

    migration: str
    fingerprint: str
    at_ms: int
    passed: bool
    report: Mapping[str, Any]


class Rehearsals:
    """The rehearsals of one environment."""

    def __init__(self, database: Database, environment: str, ledger: Ledger) -> None:
        self._database = database
        self._environment = environment
        self._ledger = ledger

    def save(self, rehearsed: Rehearsed, by: str) -> None:
        """Keep a result, and its entry in the ledger. Raises TypeError where the report is not plain JSON."""
        row = {
            "environment": self._environment,
            "migration": rehearsed.migration,
            "fingerprint": rehearsed.fingerprint,
            "at_ms": rehearsed.at_ms,
            "passed": rehearsed.passed,
            "report": details_text(rehearsed.report),
        }
        action = "rehearsal passed" if rehearsed.passed else "rehearsal failed"
        details = {"at_ms": rehearsed.at_ms}
        with self._database.writing() as connection:
            connection.execute(rehearsals.insert().values(row))
            self._ledger.append(connection, rehearsed.migration, Noted(by, action, "", rehearsed.fingerprint, details))

    def newest(self, migration: str, fingerprint: str) -> Rehearsed | None:
        """The last one under that plan, passed or not."""
        asked = (
            sa.select(rehearsals)
            .where(
                rehearsals.c.environment == self._environment,
                rehearsals.c.migration == migration,
                rehearsals.c.fingerprint == fingerprint,
            )
            .order_by(rehearsals.c.at_ms.desc(), rehearsals.c.id.desc())
            .limit(1)
        )
        with self._database.reading() as connection:
            row = connection.execute(asked).one_or_none()
        if row is None:
            return None
        return Rehearsed(migration, fingerprint, row.at_ms, row.passed, json.loads(row.report))
