"""What moves, as server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from starlette.testclient import TestClient
from tests.support.serving import TOKENS, served

from instar.dashboard.api import standing
from instar.dashboard.live import live_values
from instar.dashboard.site import Site


class _Connection:
    """A request of a stream, as the endpoint sees it."""

    def __init__(self, site: Site, headers: dict[str, str]) -> None:
        self.app = served(site).app
        self.headers = headers
        self.cookies: dict[str, str] = {}


def parsed(event: bytes) -> tuple[str, int, dict[str, object]]:
    fields = dict(line.split(": ", 1) for line in event.decode().strip().splitlines())
    return fields["event"], int(fields["id"]), json.loads(fields["data"])


def stream(site: Site, **headers: str) -> tuple[AsyncIterator[bytes], standing.Listeners, _Connection]:
    listeners = standing.Listeners()
    request = _Connection(site, {"authorization": f"Bearer {TOKENS['viewer']}", **headers})
    return standing._stream(site, listeners, request), listeners, request  # type: ignore[arg-type]


def test_a_stream_begins_with_the_newest_look_and_goes_on_with_the_next(site: Site) -> None:
    async def follow() -> list[tuple[str, int, dict[str, object]]]:
        events, listeners, request = stream(site)
        assert (await anext(events)).startswith(b"retry:")
        first = parsed(await anext(events))
        assert listeners.open == 1
        stop = asyncio.Event()
        looking = asyncio.create_task(site.watcher.run(stop))
        second = parsed(await anext(events))
        stop.set()
        await looking
        request.app.state.stopping.set()  # type: ignore[attr-defined]
        assert [event async for event in events] == []
        assert listeners.open == 0
        return [first, second]

    first, second = asyncio.run(asyncio.wait_for(follow(), 60))
    assert first[0] == second[0] == "migrations"
    assert second[1] > first[1]
    assert first[2]["values"]["orders-v3/up/state"]  # type: ignore[index]


def test_a_stream_that_comes_back_is_not_told_the_same_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "HEARTBEAT_S", 0.01)

    async def come_back() -> bytes:
        events, _, _ = stream(site, **{"last-event-id": str(site.watcher.seen.number)})
        await anext(events)
        said = await anext(events)
        await events.aclose()  # type: ignore[attr-defined]
        return said

    assert asyncio.run(asyncio.wait_for(come_back(), 60)) == b": still here\n\n"


def test_a_stream_needs_a_token(browser: TestClient) -> None:
    assert browser.get("/v1/events").status_code == 401


def test_no_more_streams_are_opened_than_the_limit(site: Site) -> None:
    client = served(site, token=TOKENS["viewer"])
    client.app.state.listeners.open = standing.MAX_LISTENERS  # type: ignore[attr-defined]
    assert client.get("/v1/events").status_code == 503


def test_every_figure_that_a_page_marks_as_live_is_in_the_events(site: Site) -> None:
    client = served(site, token=TOKENS["viewer"])
    values = live_values(site.watcher.seen, site.moves)
    for path in ("/", "/migrations", "/migrations/orders-v3"):
        marked = {part.partition('"')[0] for part in client.get(path).text.split('data-live="')[1:]}
        assert marked
        assert marked <= values.keys()
