"""Home: may the old versions go, and what is under way."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from instar.dashboard.pages.rendering import render
from instar.dashboard.site import OfSite, Viewer
from instar.dashboard.verdicts import verdicts
from instar.dashboard.views.migration import summaries
from instar.dashboard.views.verdict import shown

router = APIRouter()


@router.get("/")
def home(request: Request, site: OfSite, caller: Viewer) -> Response:
    found = [shown(site.project, verdict) for verdict in verdicts(site.project, site.watcher.seen)]
    carried = {name for migration in site.project.settings.migrations.values() for name in migration.subjects}
    others = [subject for name, subject in sorted(site.project.catalogue.subjects.items()) if name not in carried]
    return render(
        request,
        "home.html",
        caller,
        verdicts=found,
        migrations=summaries(site.project, site.watcher.seen),
        others=others,
        errors=site.project.errors,
    )
