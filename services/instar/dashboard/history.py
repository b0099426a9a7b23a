"""What the ledger and the audit tell, in pages, for the API and the page alike."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from instar.core.ledger import Entry
from instar.core.rollout.telling import effect_told
from instar.dashboard.paging import cursor_of, place_of
from instar.dashboard.site import Site
from instar.state.audit import Deed
from instar.state.errors import StateTrouble
from instar.state.wanted import Wanted

Line = TypeVar("Line", Entry, Deed)
_MOST = 2**63


@dataclass(frozen=True, slots=True)
class Told(Generic[Line]):
    """A page, the newest first, and the cursor of the one behind it.

    ``away``: why the store did not answer, so that these are only what this server knows by itself.
    """

    lines: list[Line]
    next: str | None = None
    away: StateTrouble | None = None


def ledger(site: Site, wanted: Wanted, limit: int, cursor: str | None) -> Told[Entry]:
    """Raises ``StateTrouble``: nobody but the store has the ledger."""
    if site.store is None:
        return Told([])
    with site.store.asked() as state:
        found = state.ledger.page(wanted, limit + 1, _before(cursor))
    shown = found[:limit]
    return Told(shown, cursor_of([shown[-1].number]) if len(found) > limit else None)


def audit(site: Site, wanted: Wanted, limit: int, cursor: str | None) -> Told[Deed]:
    """Where the store is away it is what this server remembers."""
    before, away = _before(cursor), None
    try:
        found = site.audit.page(wanted, limit + 1, before)
    except StateTrouble as trouble:
        found, away = site.audit.remembered(wanted, limit + 1), trouble
    shown = found[:limit]
    return Told(shown, cursor_of([shown[-1].number]) if len(found) > limit and away is None else None, away)


def entry_document(entry: Entry) -> dict[str, Any]:
    return {
        "number": entry.number,
        "at": moment(entry.at_ms),
        "by": entry.actor,
        "migration": entry.migration,
        "what": entry.action,
        "effect": effect_told(entry),
        "why": entry.reason,
        "plan": entry.fingerprint,
        "details": json.loads(entry.details),
        "hash": entry.hash,
    }


def deed_document(deed: Deed) -> dict[str, Any]:
    return {
        "number": deed.number,
        "at": moment(deed.at_ms),
        "began": moment(deed.began_ms),
        "by": deed.by,
        "role": deed.role,
        "what": deed.what,
        "migration": deed.migration,
        "why": deed.why,
        "outcome": deed.outcome,
        "about": dict(deed.details),
    }


def moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()


def _before(cursor: str | None) -> int | None:
    place = place_of(cursor, int)
    return None if place is None else max(-_MOST, min(_MOST - 1, place[0]))  # what a database can count to
