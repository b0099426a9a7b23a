"""What became of workers: an event is kept once, however often it is told (`mirror.py`)."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from instar.core.ledger import details_text
from instar.state.database import Database
from instar.state.tables import worker_events
from instar.state.text import storable


@dataclass(frozen=True, slots=True)
class WorkerEvent:
    """``kind``: started, stopped, failed, dropped (events that a full spool lost), ... The time is the worker's."""

    id: str
    migration: str
    at_ms: int
    worker: str
    kind: str
    details: Mapping[str, Any] = field(default_factory=dict)


class WorkerEvents:
    """The worker events of one environment. They are reports, not decisions: the ledger does not tell of them."""

    def __init__(self, database: Database, environment: str) -> None:
        self._database = database
        self._environment = environment

    def keep(self, events: Iterable[WorkerEvent]) -> int:
        """Those that are not kept yet; how many these were."""
        with self._database.writing() as connection:
            now_ms = self._database.now_ms(connection)
            kept = 0
            for event in events:
                row = {
                    "environment": self._environment,
                    "id": event.id,
                    "migration": event.migration,
                    "at_ms": event.at_ms,
                    "worker": storable(event.worker),
                    "kind": event.kind,
                    "details": details_text(event.details),
                    "mirrored_at_ms": now_ms,
                }
                change = self._database.insert(worker_events).values(row).on_conflict_do_nothing()
                kept += connection.execute(change).rowcount
        return kept

    def list(self, migration: str, newest: int = 100) -> "list[WorkerEvent]":
        """The newest of a migration, in order of time."""
        asked = (
            sa.select(worker_events)
            .where(worker_events.c.environment == self._environment, worker_events.c.migration == migration)
            .order_by(worker_events.c.at_ms.desc(), worker_events.c.id.desc())
            .limit(newest)
        )
        with self._database.reading() as connection:
            rows = connection.execute(asked).all()[::-1]
        return [
            WorkerEvent(row.id, row.migration, row.at_ms, row.worker, row.kind, json.loads(row.details)) for row in rows
        ]
