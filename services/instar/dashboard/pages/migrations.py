"""Migrations: all, one, and steering one, with what it would do shown first."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from instar.dashboard import actions
from instar.dashboard.callers import check_csrf
from instar.dashboard.pages.rendering import render
from instar.dashboard.site import OfSite, Operator, Viewer
from instar.dashboard.verdicts import verdicts
from instar.dashboard.views.migration import steps, summaries, summary
from instar.dashboard.views.mix import mix_of
from instar.dashboard.views.rollout import onwards
from instar.dashboard.views.verdict import shown
from instar.operations.scope import migration_of

router = APIRouter(prefix="/migrations")

REQUESTS_SHOWN = 10
Verb = Literal["pause", "resume", "rate"]
Text = Annotated[str, Form(max_length=500)]
_SAID = {
    "pause": "Paused. Workers commit what they hold, and stop.",
    "resume": "Resumed. Workers go on where they stopped.",
    "rate": "The rate is set. Workers take it up within seconds.",
}


@router.get("")
def all_of_them(request: Request, site: OfSite, caller: Viewer) -> Response:
    return render(request, "migrations.html", caller, migrations=summaries(site.project, site.watcher.seen))


@router.get("/{migration}")
def one(request: Request, site: OfSite, caller: Viewer, migration: str, done: str = "") -> Response:
    settings = migration_of(site.project, migration)
    topics = (settings.source.topic, settings.target.topic)
    seen = site.watcher.seen
    found = [shown(site.project, each) for each in verdicts(site.project, seen) if each.migration == migration]
    look = seen.migrations.get(migration)
    return render(
        request,
        "migration.html",
        caller,
        migration=summary(site.project, seen, migration),
        steps=steps(look),
        onwards=onwards(
            None if look is None else look.rollout,
            site.moves.of(migration),
            () if look is None else look.requests[:REQUESTS_SHOWN],
        ),
        causes=None if look is None else look.causes,
        verifications=None if look is None else look.verifications,
        verdicts=found,
        mixes=[(each, mix_of(site.project, seen, each, topics).charts) for each in settings.subjects],
        said=_SAID.get(done, ""),
    )


@router.get("/{migration}/{verb}")
def ask(request: Request, site: OfSite, caller: Operator, migration: str, verb: Verb) -> Response:
    migration_of(site.project, migration)
    found = summary(site.project, site.watcher.seen, migration)
    return render(request, "steer.html", caller, migration=found, verb=verb)


@router.post("/{migration}/{verb}")
def do(
    site: OfSite,
    caller: Operator,
    migration: str,
    verb: Verb,
    csrf: Text = "",
    why: Text = "",
    rate: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    check_csrf(caller, csrf)
    match verb:
        case "pause":
            actions.pause(site, caller, migration, None, why)
        case "resume":
            actions.resume(site, caller, migration, None)
        case "rate":
            actions.set_rate(site, caller, migration, None, rate, why)
    site.watcher.look()
    return RedirectResponse(f"/migrations/{migration}?done={verb}", 303)
