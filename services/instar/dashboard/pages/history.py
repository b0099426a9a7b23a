"""History: what the ledger tells of the migrations, and who changed what through this server."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from instar.dashboard.pages.rendering import render
from instar.dashboard.site import OfSite, Viewer

router = APIRouter(prefix="/history")

_SHOWN = 200


@router.get("")
def history(request: Request, site: OfSite, caller: Viewer) -> Response:
    told = [entry for look in site.watcher.seen.migrations.values() for entry in look.entries]
    told.sort(key=lambda entry: entry.number, reverse=True)
    return render(request, "history.html", caller, deeds=site.audit.newest(), entries=told[:_SHOWN])
