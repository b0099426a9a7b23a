"""What verifications found: all of a migration, and one as its report."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from markupsafe import Markup
from starlette.responses import Response

from instar.dashboard import verifications
from instar.dashboard.pages.rendering import render
from instar.dashboard.site import OfSite, Viewer
from instar.operations.scope import migration_of
from instar.state.verifications import KEPT
from instar.verifier.page import body

router = APIRouter(prefix="/migrations/{migration}/verifications")


@router.get("")
def all_of_them(request: Request, site: OfSite, caller: Viewer, migration: str) -> Response:
    migration_of(site.project, migration)
    found = verifications.newest(site.project, migration, KEPT)
    return render(request, "verifications.html", caller, migration=migration, verifications=found, most=KEPT)


@router.get("/{verification}")
def one(
    request: Request,
    site: OfSite,
    caller: Viewer,
    migration: str,
    verification: Annotated[int, Path(ge=0, le=2**63 - 1)],
) -> Response:
    migration_of(site.project, migration)
    found = verifications.one(site.project, migration, verification)
    documents = verifications.documents_of(found)
    # The verifier's own page escapes what it tells.
    report = Markup(body(documents, found.report.get("native_not_carried_back"))) if documents else ""  # noqa: S704
    return render(
        request,
        "verification.html",
        caller,
        migration=migration,
        kept=verifications.kept(verification, found),
        report=report,
        left_out=found.report.get("left_out", 0),
    )
