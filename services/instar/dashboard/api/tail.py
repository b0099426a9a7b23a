"""A topic's new records as server-sent events, a few each second to each listener, with how many are left out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from instar.core.record import Record
from instar.core.value_text import compact
from instar.dashboard.api.document import KAFKA, TopicName, problems
from instar.dashboard.api.topics import KEY, Migration, key_of, known_subject, known_version
from instar.dashboard.problems import Problem, problem_of
from instar.dashboard.site import OfSite, Site, Viewer
from instar.dashboard.tails import Tail
from instar.dashboard.views.rows import row
from instar.operations.tailing import FRAME_S, SHOWN_PER_S, Filter, Frame
from instar.operations.topic_reader import TopicReader, topic_reader

router = APIRouter(prefix="/topics", tags=["topics"])

HEARTBEAT_S = 15.0
LET_IN_EVERY_S = 5.0  # how long a stream outlives its session: each look asks the state store


class TailResponse(StreamingResponse):
    """A stream whose listener is gone when it is over, also where it never began."""

    def __init__(self, site: Site, tail: Tail, request: Request) -> None:
        super().__init__(
            _stream(site, tail, request),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
        self._site = site
        self._tail = tail

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._site.tails.close(self._tail)


@router.get(
    "/{topic}/tail",
    response_class=StreamingResponse,
    responses={
        **problems(*KAFKA),
        200: {"content": {"text/event-stream": {}}, "description": "Server-sent events: ready, records, trouble"},
    },
)
def tail(
    site: OfSite,
    caller: Viewer,
    request: Request,
    topic: TopicName,
    key: Annotated[str | None, Query(max_length=1_000, description=KEY)] = None,
    version: Annotated[str | None, Query(max_length=12, examples=["v1"])] = None,
    partition: Annotated[int | None, Query(ge=0, le=2**31 - 1, description="All of them by default.")] = None,
    subject: Annotated[str | None, Query(max_length=249)] = None,
    migration: Migration = None,
) -> StreamingResponse:
    """Committed records as they come, the newest of each moment: at most 20 a second, and how many more there were.

    `ready` comes first: what is committed from then on is seen. `records` has rows, `not_shown` (they fitted as well)
    and `not_read` (offsets of a topic that is faster than 10,000 records/s). `trouble` is a problem, and the last one.
    """
    reader = topic_reader(site.project, topic, subject=None, framing=None, migration=migration)
    wanted = Filter(key_of(key), known_version(reader, version), partition, known_subject(reader, subject))
    opened = site.tails.open(
        site.connection.cluster(),
        topic,
        migration,
        reader,
        _row_text,
        wanted,
        caller.name,
        request.headers.get("last-event-id", ""),
    )
    return TailResponse(site, opened, request)


def _row_text(reader: TopicReader, record: Record) -> str:
    return compact(row(reader, record))


async def _stream(site: Site, tail: Tail, request: Request) -> AsyncIterator[bytes]:
    """What is new every moment, and a comment now and then, so that proxies keep the stream open."""
    stopping: asyncio.Event = request.app.state.stopping
    yield b"retry: 3000\n\n"
    yield _ready(tail, tail.resumed)
    quiet_s = unasked_s = 0.0
    while not stopping.is_set():
        if unasked_s >= LET_IN_EVERY_S:
            unasked_s = 0.0
            if await asyncio.to_thread(site.door.caller, request) is None:
                return
        before, frames = tail.number, tail.frames()
        if frames and frames[0].number != before + 1:
            yield _ready(tail, resumed=False)  # it took the last ones so slowly that some are gone
        for frame in frames:
            quiet_s = 0.0
            yield _event("records", f"{tail.channel.name}-{frame.number}", _records(frame))
        if tail.feed.ended:
            yield _event("trouble", tail.place, compact(_trouble(tail, request)))
            return
        if quiet_s >= HEARTBEAT_S:
            quiet_s = 0.0
            yield b": still here\n\n"
        quiet_s += FRAME_S
        unasked_s += FRAME_S
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), FRAME_S)


def _ready(tail: Tail, resumed: bool) -> bytes:
    return _event("ready", tail.place, compact({"resumed": resumed, "records_per_s": SHOWN_PER_S}))


def _records(frame: Frame) -> str:
    """The rows are JSON already, made once for all listeners."""
    rows = ", ".join(frame.rows)
    return f'{{"rows": [{rows}], "not_shown": {frame.not_shown}, "not_read": {frame.not_read}}}'


def _trouble(tail: Tail, request: Request) -> dict[str, Any]:
    why = tail.feed.trouble
    problem = Problem(503, "stopping", "The server ends.") if why is None else problem_of(why)
    return problem.document(request.url.path)


def _event(kind: str, number: str, data: str) -> bytes:
    return f"event: {kind}\nid: {number}\ndata: {data}\n\n".encode("utf-8", "replace")
