"""Who did or tried what through the dashboard, append-only by the database's triggers.

A table of its own and not the ledger. The ledger's chain is one line that everybody waits in, held until the commit of
a rollout's step: what strangers try at the door must not keep an operator's switch waiting, nor make `history --verify`
read it. What became of a rollout is in the ledger anyway, in one transaction with the step.

A deed is written down before it is done and once more when it has ended. Where the second line is missing the server
ended in between, and nobody knows more than that it was begun.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from instar.core.ledger import details_text
from instar.state.database import Database
from instar.state.tables import audit
from instar.state.text import storable
from instar.state.wanted import Wanted, holds, within

BEGUN, DONE, FAILED, REFUSED = "begun", "done", "failed", "refused"


@dataclass(frozen=True, slots=True)
class Deed:
    """One line. ``id`` is the deed's; ``number`` the line's, 0 until it is stored. Times are the server's.

    ``outcome`` is begun, done, failed, refused, or how a rollout's move ended. ``by`` is empty where nobody said who.
    """

    id: str
    began_ms: int
    at_ms: int
    by: str
    role: str
    what: str
    migration: str = ""
    why: str = ""
    outcome: str = DONE
    details: Mapping[str, Any] = field(default_factory=dict)
    number: int = 0


class Trail:
    """The audit of one environment."""

    def __init__(self, database: Database, environment: str) -> None:
        self._database = database
        self._environment = environment

    def add(self, deed: Deed) -> None:
        """Raises TypeError where the details are not plain JSON."""
        row = {
            "environment": self._environment,
            "deed": deed.id,
            "began_ms": deed.began_ms,
            "at_ms": deed.at_ms,
            "actor": storable(deed.by),
            "role": deed.role,
            "what": storable(deed.what),
            "migration": storable(deed.migration),
            "why": storable(deed.why),
            "outcome": deed.outcome,
            "details": details_text(deed.details),
        }
        with self._database.writing() as connection:
            connection.execute(audit.insert().values(row))

    def page(self, wanted: Wanted, limit: int, before: int | None = None) -> list[Deed]:
        """Each deed by its newest line, the newest first; those whose line is ``before`` a number."""
        later = audit.alias("later")
        same = (later.c.environment == audit.c.environment, later.c.deed == audit.c.deed)
        newest = ~sa.exists(sa.select(1).where(*same, later.c.number > audit.c.number))
        asked = sa.select(audit).where(audit.c.environment == self._environment, newest, *within(wanted, audit))
        if wanted.what:
            asked = asked.where(holds(audit.c.what, wanted.what))
        if wanted.refused:
            asked = asked.where(audit.c.outcome == REFUSED)
        if before is not None:
            asked = asked.where(audit.c.number < before)
        with self._database.reading() as connection:
            return [_deed(row) for row in connection.execute(asked.order_by(audit.c.number.desc()).limit(limit))]


def _deed(row: Row[tuple[Any, ...]]) -> Deed:
    return Deed(
        row.deed,
        row.began_ms,
        row.at_ms,
        row.actor,
        row.role,
        row.what,
        row.migration,
        row.why,
        row.outcome,
        json.loads(row.details),
        row.number,
    )
