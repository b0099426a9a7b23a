"""How things stand: the verdicts, and what moves as a stream of events."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import StreamingResponse

from instar import __version__
from instar.dashboard.api.document import Cursor, Document, Limit, Page, problems
from instar.dashboard.live import live_values
from instar.dashboard.paging import DEFAULT_LIMIT, page
from instar.dashboard.problems import Problem
from instar.dashboard.site import OfSite, Site, Viewer
from instar.dashboard.verdicts import verdicts

router = APIRouter()

HEARTBEAT_S = 15.0
MAX_LISTENERS = 100


@router.get("/", tags=["standing"], responses=problems())
def about(site: OfSite, caller: Viewer) -> Document:
    """Which project this is, and who asks."""
    return Document(
        {
            "instar": __version__,
            "environment": site.project.environment_name,
            "caller": {"name": caller.name, "role": caller.role.name.lower()},
            "subjects": len(site.project.catalogue),
            "migrations": len(site.project.settings.migrations),
            "errors": len(site.project.errors),
        }
    )


@router.get("/verdicts", tags=["standing"], response_model=Page, responses=problems())
def list_verdicts(
    site: OfSite,
    _: Viewer,
    subject: Annotated[str | None, Query(max_length=249)] = None,
    version: Annotated[str | None, Query(max_length=12)] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Document:
    """Whether each old version may be retired: yes, no or unknown, with every reason and where it was seen."""
    items = [
        verdict.as_dict()
        for verdict in verdicts(site.project, site.watcher.seen)
        if subject in (None, verdict.subject) and version in (None, verdict.version)
    ]
    return Document(page(sorted(items, key=_name), limit, cursor, _name))


def _name(verdict: dict[str, Any]) -> str:
    return f"{verdict['subject']}/{verdict['version']}/{verdict['migration']}"


class Listeners:
    """How many streams are open; a server must not be talked out of its sockets."""

    def __init__(self) -> None:
        self.open = 0


@router.get(
    "/events",
    tags=["standing"],
    response_class=StreamingResponse,
    responses={
        **problems(503),
        200: {"content": {"text/event-stream": {}}, "description": "Server-sent events, one for each look at Kafka"},
    },
)
async def events(site: OfSite, _: Viewer, request: Request) -> StreamingResponse:
    """What moves, as server-sent events: ``migrations`` with every figure by name, whenever there is a new look."""
    listeners: Listeners = request.app.state.listeners
    if listeners.open >= MAX_LISTENERS:
        raise Problem(503, "too-many-listeners", "Too many streams are open.", headers={"Retry-After": "30"})
    return StreamingResponse(
        _stream(site, listeners, request),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _stream(site: Site, listeners: Listeners, request: Request) -> AsyncIterator[bytes]:
    """The newest look at once, then each following one; a comment now and then, so that proxies keep it open."""
    listeners.open += 1
    try:
        last = request.headers.get("last-event-id", "")
        number = int(last) if last.isdecimal() and len(last) < 10 else -1
        yield b"retry: 3000\n\n"
        while not request.app.state.stopping.is_set() and await asyncio.to_thread(_is_let_in, site, request):
            seen = site.watcher.seen
            if seen.number == number:
                seen = await site.watcher.changed(number, HEARTBEAT_S)
            if seen.number == number:
                yield b": still here\n\n"
                continue
            number = seen.number
            yield _event("migrations", number, {"at_s": seen.at_s, "values": live_values(seen, site.moves)})
    finally:
        listeners.open -= 1


def _is_let_in(site: Site, request: Request) -> bool:
    """In a thread: it asks the state store."""
    return site.door.caller(request) is not None


def _event(kind: str, number: int, data: Mapping[str, Any]) -> bytes:
    return b"event: %b\nid: %d\ndata: %b\n\n" % (kind.encode(), number, orjson.dumps(data))
