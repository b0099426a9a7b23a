"""Consumers: which group reads which versions, as far as it is known."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from instar.dashboard.pages.rendering import render
from instar.dashboard.site import OfSite, Viewer
from instar.dashboard.views.matrix import matrix

router = APIRouter(prefix="/consumers")


@router.get("")
def consumers(request: Request, site: OfSite, caller: Viewer, subject: str = "", name: str = "") -> Response:
    found = matrix(site.project, site.watcher.seen)
    rows = [row for row in found.rows if subject in ("", *row.subjects) and name.lower() in row.group.name.lower()]
    return render(request, "consumers.html", caller, matrix=found, rows=rows, asked={"subject": subject, "name": name})
