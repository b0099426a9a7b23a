"""History: the ledger of the rollouts, and who did or tried what through the servers of this environment."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from instar.core.rollout.telling import effect_told
from instar.dashboard import history
from instar.dashboard.pages.rendering import render
from instar.dashboard.problems import unfit
from instar.dashboard.site import OfSite, Viewer
from instar.dashboard.views.deed import shown
from instar.state.errors import StateTrouble
from instar.state.wanted import Wanted

router = APIRouter(prefix="/history")

_SHOWN = 50
Part = Annotated[str, Query(max_length=200)]


def asked(who: Part = "", what: Part = "", migration: Part = "", since: Part = "", until: Part = "") -> dict[str, str]:
    """The form as it was filled in; its days are whole ones, in UTC."""
    return {"who": who, "what": what, "migration": migration, "since": since, "until": until}


Asked = Annotated[dict[str, str], Depends(asked)]
Cursor = Annotated[str | None, Query(max_length=500)]


@router.get("")
def ledger(request: Request, site: OfSite, caller: Viewer, asked: Asked, cursor: Cursor = None) -> Response:
    away = None
    try:
        told = history.ledger(site, _wanted(asked), _SHOWN, cursor)
    except StateTrouble as trouble:
        told, away = history.Told([]), trouble
    return render(
        request,
        "history.html",
        caller,
        tab="ledger",
        lines=[(entry, effect_told(entry)) for entry in told.lines],
        failed=away,
        **_around(request, asked, told.next, sorted(site.project.settings.migrations)),
    )


@router.get("/servers")
def servers(
    request: Request, site: OfSite, caller: Viewer, asked: Asked, refused: Part = "", cursor: Cursor = None
) -> Response:
    told = history.audit(site, replace(_wanted(asked), refused=bool(refused)), _SHOWN, cursor)
    return render(
        request,
        "history.html",
        caller,
        tab="servers",
        lines=[shown(deed, caller) for deed in told.lines],
        failed=told.away,
        **_around(request, {**asked, "refused": refused}, told.next, sorted(site.project.settings.migrations)),
    )


def _around(request: Request, asked: dict[str, str], onwards: str | None, migrations: list[str]) -> dict[str, Any]:
    given = {name: value for name, value in asked.items() if value}
    return {
        "asked": {"refused": "", **asked},
        "filtered": bool(given),
        "migrations": migrations,
        "is_first": "cursor" not in request.query_params,
        "newest": f"{request.url.path}?{urlencode(given)}",
        "older": None if onwards is None else f"{request.url.path}?{urlencode({**given, 'cursor': onwards})}",
    }


def _wanted(asked: dict[str, str]) -> Wanted:
    since, until = _day(asked["since"]), _day(asked["until"])
    return Wanted(
        asked["who"].strip(),
        asked["what"].strip(),
        asked["migration"],
        None if since is None else _ms(since),
        None if until is None else _ms(until + timedelta(days=1)),
    )


def _day(text: str) -> date | None:
    """Raises ``Problem``."""
    try:
        found = date.fromisoformat(text) if text else None
    except ValueError:
        found = date.max
    if found == date.max:  # its end is no date any more
        raise unfit(f"{text!r} is not a day.", "Write 2026-01-05.")
    return found


def _ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
