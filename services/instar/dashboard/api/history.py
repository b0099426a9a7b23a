"""Who did what: the ledger of the rollouts, and the audit of this environment's servers."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from instar.dashboard import history
from instar.dashboard.api.document import Cursor, Document, Limit, Page, problems
from instar.dashboard.history import deed_document, entry_document
from instar.dashboard.paging import DEFAULT_LIMIT
from instar.dashboard.site import OfSite, Operator, Viewer
from instar.state.wanted import Wanted

router = APIRouter(tags=["history"])

Part = Annotated[str, Query(max_length=200)]
Moment = Annotated[datetime | None, Query(description="RFC 3339; without an offset it is UTC.")]


def wanted(who: Part = "", what: Part = "", migration: Part = "", since: Moment = None, until: Moment = None) -> Wanted:
    """Every part that is given must fit; ``who`` and ``what`` may be any part of a name."""
    return Wanted(who, what, migration, _ms(since), _ms(until))


Filter = Annotated[Wanted, Depends(wanted)]


@router.get("/ledger", response_model=Page, responses=problems(502, 503))
def ledger(site: OfSite, _: Viewer, asked: Filter, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Document:
    """Each step of each rollout, decision and approval, the newest first. `instar history --verify` proves it."""
    told = history.ledger(site, asked, limit, cursor)
    return Document({"items": [entry_document(each) for each in told.lines], "next": told.next})


@router.get("/audit", response_model=Page, responses=problems(502, 503))
def audit(
    site: OfSite,
    _: Operator,
    asked: Filter,
    refused: Annotated[bool, Query(description="Only what was refused.")] = False,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Document:
    """Who did or tried what through the API and the pages of this environment's servers, the newest first."""
    told = history.audit(site, replace(asked, refused=refused), limit, cursor)
    if told.away is not None:
        raise told.away
    return Document({"items": [deed_document(each) for each in told.lines], "next": told.next})


def _ms(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
