"""Home: may the old versions go, and what is under way."""

from collections import Counter

from fastapi import APIRouter, Request
from starlette.responses import Response

from instar.dashboard.pages.rendering import render
from instar.dashboard.site import OfSite, Viewer
from instar.dashboard.verdicts import verdicts
from instar.dashboard.views.migration import summaries
from instar.dashboard.views.verdict import WORDS, shown

router = APIRouter()

# The worst first: the rest stands on the subjects' pages.
_VERDICTS = 30
_OTHERS = 60


@router.get("/")
def home(request: Request, site: OfSite, caller: Viewer) -> Response:
    found = verdicts(site.project, site.watcher.seen)
    carried = {name for migration in site.project.settings.migrations.values() for name in migration.subjects}
    others = [subject for name, subject in sorted(site.project.catalogue.subjects.items()) if name not in carried]
    return render(
        request,
        "home.html",
        caller,
        verdicts=[shown(site.project, verdict) for verdict in found[:_VERDICTS]],
        more=Counter(WORDS[verdict.answer] for verdict in found[_VERDICTS:]),
        migrations=summaries(site.project, site.watcher.seen),
        others=others[:_OTHERS],
        more_others=len(others[_OTHERS:]),
        errors=site.project.errors,
    )
