"""Dead letters: by cause, one before and after, and settling them, with what would happen shown first."""

from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from instar.core.reading import Read
from instar.core.record_text import bytes_text, headers_told, time_text
from instar.core.rejected import Rejected
from instar.dashboard import actions
from instar.dashboard.api.dead_letters import open_letters
from instar.dashboard.api.document import OffsetNumber, PartitionNumber
from instar.dashboard.callers import check_csrf
from instar.dashboard.pages.rendering import render
from instar.dashboard.problems import not_found, unfit
from instar.dashboard.site import OfSite, Operator, Viewer
from instar.dashboard.views.marked import columns
from instar.dead_letters.choice import Choice
from instar.operations.dead_letters import position_of, stages_of
from instar.operations.scope import migration_of

router = APIRouter(prefix="/dead-letters")

Verb = Literal["redrive", "discard"]
Text = Annotated[str, Form(max_length=500)]
_PARTS = ("direction", "code", "hop", "field", "letter")


@router.get("")
def by_cause(request: Request, site: OfSite, caller: Viewer, done: str = "", letters: int = 0) -> Response:
    said = f"{letters:,} letters {done}." if done in ("redriven", "discarded") else ""
    return render(
        request,
        "letters.html",
        caller,
        migrations=[
            (name, site.watcher.seen.migrations.get(name)) for name in sorted(site.project.settings.migrations)
        ],
        said=said,
    )


@router.get("/{migration}/settle/{verb}")
def ask(request: Request, site: OfSite, caller: Operator, migration: str, verb: Verb) -> Response:
    """What would become of the chosen letters."""
    migration_of(site.project, migration)
    asked = {name: request.query_params.get(name, "") for name in _PARTS}
    plan = (
        actions.redrive(site, caller, migration, actions.Wanted(_choice(asked), execute=False))
        if verb == "redrive"
        else actions.discard(site, caller, migration, actions.Wanted(_choice(asked), execute=False), "to be said", "")
    )
    return render(request, "settle.html", caller, migration=migration, verb=verb, asked=asked, plan=plan)


@router.post("/{migration}/settle/{verb}")
def do(
    site: OfSite,
    caller: Operator,
    migration: str,
    verb: Verb,
    csrf: Text = "",
    direction: Text = "",
    code: Text = "",
    hop: Text = "",
    field: Text = "",
    letter: Text = "",
    reason: Annotated[str, Form(max_length=2_000)] = "",
    confirm: Text = "",
) -> Response:
    check_csrf(caller, csrf)
    asked = {"direction": direction, "code": code, "hop": hop, "field": field, "letter": letter}
    wanted = actions.Wanted(_choice(asked), execute=True)
    if verb == "redrive":
        count = actions.redrive(site, caller, migration, wanted)["results"].get("redriven", 0)
    else:
        count = actions.discard(site, caller, migration, wanted, reason, confirm)["letters"]
    site.watcher.look(thoroughly=True)
    done = "redriven" if verb == "redrive" else "discarded"
    return RedirectResponse(f"/dead-letters?done={done}&letters={count}", 303)


@router.get("/{migration}/{partition}/{offset}")
def one(
    request: Request, site: OfSite, caller: Viewer, migration: str, partition: PartitionNumber, offset: OffsetNumber
) -> Response:
    """Why it was refused, the record as it was, and how far today's chain takes it."""
    found = open_letters(site, migration)
    letter = found.at(partition, offset)
    if letter is None:
        raise not_found(f"{found.topic.name} has no dead letter of {migration} at {partition}:{offset}.")
    read = found.reading(letter)
    stages = stages_of(found, letter, read) if isinstance(read, Read) else []
    return render(
        request,
        "letter.html",
        caller,
        migration=migration,
        letter=letter,
        rejected=letter.verdict.rejected,
        record=letter.record,
        key=bytes_text(letter.record.key),
        time=time_text(letter.record.timestamp_ms),
        written=time_text(letter.written_ms),
        headers=headers_told(letter.record, None),
        columns=columns(read.subject, stages) if isinstance(read, Read) else [],
        today=read if isinstance(read, Rejected) else stages[-1].rejected if stages else None,
        is_tombstone=read is None,
    )


def _choice(asked: Mapping[str, str]) -> Choice:
    """Every part that is not empty must fit. Raises ``Problem`` and ``Failure``."""
    side = asked["direction"]
    if side not in ("", "up", "down"):
        raise unfit("The direction is neither up nor down.")
    letters = frozenset({position_of(asked["letter"])}) if asked["letter"] else None
    return Choice(
        "up" if side == "up" else "down" if side == "down" else None,
        asked["code"] or None,
        asked["hop"] or None,
        asked["field"] or None,
        letters,
    )
