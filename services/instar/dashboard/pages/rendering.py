"""Templates to pages, with what every page shows: where one is, who one is, and how fresh it is."""

import re
import time
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, RedirectResponse, Response

from instar import __version__
from instar.core.retirement import ago
from instar.dashboard.callers import Caller, Role
from instar.dashboard.form_token import padded
from instar.dashboard.problems import Problem
from instar.dashboard.site import Site, site_of

NAVIGATION = (
    ("/", "Compatibility"),
    ("/migrations", "Migrations"),
    ("/subjects", "Subjects"),
    ("/records", "Records"),
    ("/dead-letters", "Dead letters"),
    ("/consumers", "Consumers"),
    ("/history", "History"),
)


@cache
def _templates() -> Environment:
    folder = files("instar.dashboard") / "templates"
    environment = Environment(
        loader=FileSystemLoader(str(folder)),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = lambda number: "–" if number is None else f"{number:,}"
    environment.filters["ticked"] = _ticked
    environment.filters["moment"] = lambda at_ms: f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"
    environment.filters["ago"] = lambda at_ms: f"{ago(time.time_ns() // 1_000_000 - at_ms)} ago"
    environment.filters["path"] = lambda text: quote(str(text), safe="")
    environment.globals["version"] = __version__
    return environment


def _ticked(text: str) -> Markup:
    """Text in which what stands in backticks is code."""
    parts = re.split(r"`([^`]+)`", text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if index % 2 else escape(part) for index, part in enumerate(parts)
    )


def render(request: Request, template: str, caller: Caller | None, *, status: int = 200, **more: Any) -> Response:
    """A page. ``more`` is what its template shows."""
    site: Site = site_of(request)
    seen = site.watcher.seen
    here = "/" + request.url.path.strip("/").partition("/")[0]
    html = (
        _templates()
        .get_template(template)
        .render(
            navigation=NAVIGATION,
            here=here,
            caller=caller,
            csrf=padded(caller.csrf) if caller else "",
            signs_in=not site.door.open,
            environment=site.project.environment_name,
            seen=seen,
            age_s=max(0, round(time.time() - seen.at_s)) if seen.number else None,
            away=None if site.store is None else site.store.away,
            strangers=[look for look in seen.migrations.values() if look.stranger],
            may_approve=caller is not None and caller.may(Role.APPROVER),
            may_operate=caller is not None and caller.role.name != "VIEWER",
            **more,
        )
    )
    return HTMLResponse(html, status_code=status)


def error_page(request: Request, problem: Problem) -> Response:
    """What went wrong, for a person; somebody who is not known yet is asked for a token first."""
    if problem.status == 401 and request.method == "GET":
        return RedirectResponse(f"/sign-in?next={quote(request.url.path, safe='/')}", 303)
    try:
        caller = site_of(request).door.caller(request)
    except Problem:
        caller = None
    page = render(request, "error.html", caller, status=problem.status, problem=problem)
    page.headers.update(problem.headers)
    return page
