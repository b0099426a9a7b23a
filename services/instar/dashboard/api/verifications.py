"""What `instar verify` found: the last runs of a migration, and each in full."""

from typing import Annotated

from fastapi import APIRouter, Path

from instar.dashboard import verifications
from instar.dashboard.api.document import Cursor, Document, Limit, MigrationName, Page, problems
from instar.dashboard.paging import DEFAULT_LIMIT, cursor_of, place_of
from instar.dashboard.site import OfSite, Viewer
from instar.operations.scope import migration_of

router = APIRouter(prefix="/migrations/{migration}/verifications", tags=["migrations"])

Number = Annotated[int, Path(ge=0, le=2**63 - 1)]


@router.get("", response_model=Page, responses=problems(404, 409, 502, 503))
def list_verifications(
    site: OfSite, _: Viewer, migration: MigrationName, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Document:
    """The last verifications, the newest first: what they say, of how much, by whom, and until when they count."""
    migration_of(site.project, migration)
    place = place_of(cursor, int)
    found = verifications.newest(site.project, migration, limit + 1, None if place is None else place[0])
    items = [each.as_dict() for each in found[:limit]]
    return Document({"items": items, "next": cursor_of([items[-1]["id"]]) if len(found) > limit else None})


@router.get("/{verification}", responses=problems(404, 409, 502, 503))
def one_verification(site: OfSite, _: Viewer, migration: MigrationName, verification: Number) -> Document:
    """One with its reports: scope, totals and the first differences field by field, sensitive fields masked."""
    migration_of(site.project, migration)
    found = verifications.one(site.project, migration, verification)
    summary = verifications.kept(verification, found).as_dict()
    reports = list(verifications.documents_of(found))
    more = {name: found.report.get(name) for name in ("native_not_carried_back", "left_out")}
    return Document(summary | more | {"reports": reports})
