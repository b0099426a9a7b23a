"""Consumers: who reads and writes which version, how that is known, and what stands in the way of a retirement."""

from dataclasses import asdict
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from instar.dashboard.api.consumers import LIMIT_CURSOR_CHARS
from instar.dashboard.pages.rendering import render
from instar.dashboard.paging import page
from instar.dashboard.problems import not_found
from instar.dashboard.site import OfSite, Viewer
from instar.dashboard.views.matrix import Asked, called, matrix
from instar.operations.dependants import WAYS, Does

router = APIRouter(prefix="/consumers")

SHOWN = 50
Text = Annotated[str, Query(max_length=2_000)]


@router.get("")
def consumers(
    request: Request,
    site: OfSite,
    caller: Viewer,
    does: Does = "reads",
    name: Text = "",
    subject: Text = "",
    version: Text = "",
    owner: Text = "",
    in_the_way: Literal["", "yes"] = "",
    cursor: Annotated[str | None, Query(max_length=LIMIT_CURSOR_CHARS)] = None,
) -> Response:
    found = matrix(site.project, site.watcher.seen)
    asked = Asked("", name, subject, version, owner, in_the_way == "yes")
    rows = found.fitting(asked)
    kept = {key: value for key, value in asdict(asked).items() if value and key not in ("does", "in_the_way")}
    kept |= {"in_the_way": "yes"} if asked.in_the_way else {}
    wanted = sorted(({"name": "\n".join(row.key), "row": row} for row in rows if row.does == does), key=_name)
    shown = page(wanted, SHOWN, cursor)
    first = 1 + (wanted.index(shown["items"][0]) if shown["items"] else 0)
    return render(
        request,
        "consumers.html",
        caller,
        matrix=found,
        does=does,
        rows=[each["row"] for each in shown["items"]],
        span=(first, first + len(shown["items"]) - 1, len(wanted)),
        next=shown["next"] and "?" + urlencode({"does": does, **kept, "cursor": shown["next"]}),
        first="" if cursor is None else "?" + urlencode({"does": does, **kept}),
        counts={each: sum(row.does == each for row in rows) for each in ("reads", "writes")},
        sides={each: "?" + urlencode({"does": each, **kept}) for each in ("reads", "writes")},
        asked=asked,
        filtered=bool(kept),
        subjects=sorted(site.project.catalogue.subjects),
        called=called,
        ways=WAYS,
    )


@router.get("/why")
def why(
    request: Request,
    site: OfSite,
    caller: Viewer,
    does: Does,
    name: Text = "",
    topic: Text = "",
    subject: Text = "",
) -> Response:
    """One row with what every source says of it, and what remains to be done."""
    found = matrix(site.project, site.watcher.seen)
    row = found.row((does, name, topic, subject))
    if row is None:
        raise not_found(
            f"Nobody called {name or 'so'} is known now who {does} {subject} in {topic or 'any topic'}.",
            "`instar consumers list` and `instar census show` say who was; /consumers lists who is.",
        )
    return render(request, "consumer.html", caller, row=row, name=called(row), unseen=found.unseen, ways=WAYS)


def _name(item: dict[str, object]) -> str:
    return str(item["name"])
