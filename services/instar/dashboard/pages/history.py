"""History: who changed what through this server."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from instar.dashboard.pages.rendering import render
from instar.dashboard.site import OfSite, Viewer

router = APIRouter(prefix="/history")


@router.get("")
def history(request: Request, site: OfSite, caller: Viewer) -> Response:
    return render(request, "history.html", caller, deeds=site.audit.newest())
