"""Watching a topic: what comes is told as it comes, masked, by filter, and what is left out is counted."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.support.folders import write_files
from tests.support.sales import body, produce
from tests.support.serving import TOKENS, served, token_settings
from tests.support.shop import FILES, at_v3, sale

from instar.core.dead_letter import dead_letter
from instar.core.record import Record
from instar.core.rejected import Rejected
from instar.dashboard import tails
from instar.dashboard.api import tail as api
from instar.dashboard.site import Site, open_site
from instar.kafka.built_in import BuiltInBroker
from instar.operations import tailing
from instar.project.project import load_project

WITHIN_S = 60
HIDDEN = "Ada"


@pytest.fixture
def broker() -> Iterator[dict[str, str]]:
    with BuiltInBroker() as built_in:
        yield {"bootstrap.servers": built_in.bootstrap}


@pytest.fixture
def shop(tmp_path: Path, broker: dict[str, str]) -> Iterator[Site]:
    write_files(
        tmp_path, {**FILES, "instar.toml": FILES["instar.toml"].replace("127.0.0.1:1", broker["bootstrap.servers"])}
    )
    settings = tmp_path / "instar.toml"
    settings.write_text(settings.read_text() + token_settings())
    produce(broker, "sales", body(sale(1)))  # was there before
    site = open_site(load_project(tmp_path))
    yield site
    site.tails.stop()


def request_of(role: str, after: str) -> Any:
    """A request of a stream, as the endpoint sees it."""
    return SimpleNamespace(
        app=SimpleNamespace(state=SimpleNamespace(stopping=asyncio.Event())),
        headers={"authorization": f"Bearer {TOKENS[role]}", "last-event-id": after},
        cookies={},
        url=SimpleNamespace(path="/v1/topics/sales/tail"),
    )


class Listener:
    """Somebody who watches ``sales``."""

    def __init__(
        self, site: Site, *, role: str = "viewer", after: str = "", topic: str = "sales", **asked: Any
    ) -> None:
        self.request = request_of(role, after)
        caller = site.door.caller(self.request)
        assert caller is not None
        self.response = api.tail(site, caller, self.request, topic, **asked)
        self.site = site
        self.events: AsyncIterator[bytes] = self.response.body_iterator  # type: ignore[assignment]
        self.text = ""
        self.id = ""

    async def next(self) -> tuple[str, dict[str, Any]]:
        """The next event: its name and what it says."""
        while True:
            said = (await anext(self.events)).decode()
            self.text += said
            if said.startswith("event: "):
                fields = dict(line.split(": ", 1) for line in said.strip().splitlines())
                self.id = fields["id"]
                return fields["event"], json.loads(fields["data"])

    async def rows(self, count: int) -> list[dict[str, Any]]:
        """The next rows, until there are so many."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            event, said = await self.next()
            assert event == "records", said
            found += said["rows"]
        return found

    async def leave(self) -> None:
        await self.events.aclose()  # type: ignore[attr-defined]
        self.site.tails.close(self.response._tail)  # type: ignore[attr-defined]


def within(work: Awaitable[Any]) -> Any:
    async def run() -> Any:
        return await asyncio.wait_for(work, WITHIN_S)

    return asyncio.run(run())


def test_a_record_is_told_as_it_comes_and_masked(shop: Site, broker: dict[str, str]) -> None:
    async def watch() -> tuple[list[dict[str, Any]], str]:
        listener = Listener(shop)
        assert await listener.next() == ("ready", {"resumed": False, "records_per_s": tailing.SHOWN_PER_S})
        await asyncio.to_thread(produce, broker, "sales", body(sale(2)), key=b"k2", partition=1)
        rows = await listener.rows(1)
        await listener.leave()
        return rows, listener.text

    [row], text = within(watch())
    assert (row["partition"], row["offset"], row["key"], row["version"], row["subject"]) == (1, 0, "k2", "v1", "sales")
    assert json.loads(row["value"]) == {"id": 2, "buyer": "***", "cents": 250, "note": None}
    assert (row["why"], row["letter"]) == (None, None)
    assert HIDDEN not in text


def test_what_cannot_be_read_is_told_with_the_reason_and_without_what_it_holds(
    shop: Site, broker: dict[str, str]
) -> None:
    async def watch() -> tuple[list[dict[str, Any]], str]:
        listener = Listener(shop)
        await listener.next()
        for value, version in ((body(sale(3))[:-1], "v1"), (body(sale(4)) + b"more", "v1"), (body(sale(5)), "v9")):
            await asyncio.to_thread(produce, broker, "sales", value, version=version)
        await asyncio.to_thread(produce, broker, "sales", None)
        await asyncio.to_thread(produce, broker, "sales", b"x" * 300_000)
        rows = await listener.rows(5)
        await listener.leave()
        return rows, listener.text

    rows, text = within(watch())
    assert [(row["why"] or {"code": None})["code"] for row in rows[:3]] == [
        "truncated",
        "trailing-bytes",
        "unknown-version",
    ]
    assert [row["value"] for row in rows[3:]] == ["tombstone", "300,000 bytes"]
    assert HIDDEN not in text
    assert len(text) < 4_000


def test_a_dead_letter_is_told_with_why_it_is_one(shop: Site, broker: dict[str, str]) -> None:
    source = Record("sales", 0, 7, b"k", body(sale(13)), (("instar-version", b"v1"),), 1_700_000_000_123)
    rejected = Rejected("hop-raised", "unlucky ***", hop="v1_to_v2", from_version="v1", to_version="v2")
    letter = dead_letter(source, bytes(16), rejected, "sales-v3", "up")
    headers = [(name, content) for name, content in letter.headers if content is not None]
    topic = shop.project.settings.migrations["sales-v3"].dead_letter_topic

    async def watch() -> tuple[dict[str, Any], str]:
        await asyncio.to_thread(produce, broker, topic, body(sale(12)))  # so that there is the topic
        listener = Listener(shop, topic=topic)
        await listener.next()
        await asyncio.to_thread(produce, broker, topic, letter.value, version=None, headers=headers)
        [row] = await listener.rows(1)
        await listener.leave()
        return row, listener.text

    row, text = within(watch())
    assert row["letter"] == {"code": "hop-raised", "message": "in v1_to_v2: unlucky ***"}
    assert HIDDEN not in text


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"key": "k4"}, [4]),
        ({"key": "0x6b34"}, [4]),
        ({"version": "v3"}, [5]),
        ({"partition": 1}, [3, 4]),
        ({"subject": "sales", "partition": 0}, [2, 5, 6]),
        ({"key": "k6", "version": "v1", "partition": 0}, [6]),
    ],
    ids=str,
)
def test_a_listener_is_told_of_what_fits_its_filter_and_nothing_else(
    shop: Site, broker: dict[str, str], asked: dict[str, Any], expected: list[int]
) -> None:
    async def watch() -> list[int]:
        everybody, listener = Listener(shop), Listener(shop, **asked)
        await everybody.next()
        await listener.next()
        for number, partition, version in ((2, 0, 1), (3, 1, 1), (4, 1, 1), (5, 0, 3), (6, 0, 1)):
            value = sale(number) if version == 1 else at_v3(sale(number))
            await asyncio.to_thread(
                produce,
                broker,
                "sales",
                body(value, version),
                key=f"k{number}".encode(),
                partition=partition,
                version=f"v{version}",
            )
        assert len(await everybody.rows(5)) == 5  # all of them were read, and held against every filter
        rows = await listener.rows(len(expected))
        await everybody.leave()
        await listener.leave()
        return sorted(json.loads(row["value"])["id"] for row in rows)

    assert within(watch()) == expected


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/v1/topics/nope/tail", 422, "No migration in the settings names"),
        ("/v1/topics/sales/tail?partition=99", 404, "has no partition 99"),
        ("/v1/topics/sales/tail?key=0x1", 422, "not hexadecimal"),
        ("/v1/topics/sales/tail?version=v9", 422, "has a version 'v9'"),
        ("/v1/topics/sales/tail?subject=orders", 422, "holds no subject 'orders'"),
    ],
)
def test_what_cannot_be_watched_is_a_problem_before_the_stream_begins(
    shop: Site, path: str, status: int, said: str
) -> None:
    answer = served(shop, token=TOKENS["viewer"]).get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert said in answer.json()["detail"]
    assert answer.json()["remedy"]


def test_watching_needs_a_token_and_every_role_may(shop: Site) -> None:
    assert served(shop).get("/v1/topics/sales/tail").status_code == 401

    async def watch() -> None:
        for role in TOKENS:
            listener = Listener(shop, role=role)
            assert (await listener.next())[0] == "ready"
            await listener.leave()

    within(watch())


# ------------------------------------------------------------------ how much


def some(count: int) -> list[Record]:
    return [Record("sales", 0, number, b"k", b"", (), 0) for number in range(count)]


def frame_of(channel: tailing.Channel, came: int, not_read: int = 0) -> tuple[list[int], int, int] | None:
    """What a frame shows of so many records, and what it does not."""
    records = some(came)
    channel.fresh.extend(records)
    channel.came += len(records)
    frame = channel.frame(lambda record: str(record.offset), not_read)
    return None if frame is None else ([int(row) for row in frame.rows], frame.not_shown, frame.not_read)


def test_a_burst_is_shown_whole_and_a_flood_as_its_newest_with_the_count_of_the_others() -> None:
    channel = tailing.Channel(tailing.Filter())
    assert frame_of(channel, 30) == (list(range(30)), 0, 0)
    shown, not_shown, _ = frame_of(channel, 10_000) or ([], 0, 0)
    assert shown == list(range(10_000 - len(shown), 10_000))
    assert len(shown) + not_shown == 10_000
    each_second = round(1 / tailing.FRAME_S)
    frames = [frame_of(channel, 10_000) or ([], 0, 0) for _ in range(10 * each_second)]
    assert sum(len(rows) for rows, _, _ in frames) == 10 * tailing.SHOWN_PER_S
    assert all(len(rows) + left == 10_000 for rows, left, _ in frames)


def test_nothing_is_told_of_nothing_but_that_something_was_not_read() -> None:
    channel = tailing.Channel(tailing.Filter())
    assert frame_of(channel, 0) is None
    assert frame_of(channel, 0, not_read=7) == ([], 0, 7)


def test_a_topic_that_is_faster_than_the_server_reads_is_skipped_and_the_offsets_are_counted(
    shop: Site, broker: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tailing, "READ_PER_S", 40)
    monkeypatch.setattr(tailing, "SKIP_BEHIND", 60)
    monkeypatch.setattr(tailing, "_BATCH_RECORDS", 10)
    count = 500

    async def watch() -> tuple[int, int, list[int]]:
        listener = Listener(shop)
        await listener.next()
        await asyncio.to_thread(flood, broker, count)
        seen = not_read = 0
        offsets: list[int] = []
        while seen + not_read < count:
            _, said = await listener.next()
            seen += len(said["rows"]) + said["not_shown"]
            not_read += said["not_read"]
            offsets += [row["offset"] for row in said["rows"]]
        await listener.leave()
        return seen, not_read, offsets

    seen, not_read, offsets = within(watch())
    assert seen + not_read == count
    assert not_read > 0
    assert offsets == sorted(set(offsets))


def flood(broker: dict[str, str], count: int) -> None:
    from confluent_kafka import Producer

    producer = Producer(broker)
    for number in range(count):
        producer.produce("sales", body(sale(number)), b"k", partition=2, headers=[("instar-version", b"v1")])
    assert producer.flush(30) == 0


def test_fifty_listeners_are_one_consumer(shop: Site, broker: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tails, "MAX_OF_A_CALLER", 50)

    async def watch() -> tuple[list[list[int]], int]:
        before = threading.active_count()
        listeners = [Listener(shop) for _ in range(50)]
        for listener in listeners:
            await listener.next()
        threads = [each.name for each in threading.enumerate() if each.name == "tail sales"]
        for number in (7, 8):
            await asyncio.to_thread(produce, broker, "sales", body(sale(number)))
        told = [[json.loads(row["value"])["id"] for row in await each.rows(2)] for each in listeners]
        for listener in listeners:
            await listener.leave()
        assert threading.active_count() - before < 10
        return told, len(threads)

    assert within(watch()) == ([[7, 8]] * 50, 1)


def test_a_caller_and_a_server_have_no_more_than_the_limits(shop: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tails, "MAX_OF_A_CALLER", 2)
    monkeypatch.setattr(tails, "MAX_TAILS", 3)
    viewer, operator = served(shop, token=TOKENS["viewer"]), served(shop, token=TOKENS["operator"])

    async def watch() -> None:
        mine = [Listener(shop) for _ in range(2)]
        answer = await asyncio.to_thread(viewer.get, "/v1/topics/sales/tail")
        assert (answer.status_code, answer.json()["type"]) == (429, "urn:instar:problem:too-many-tails")
        assert answer.headers["retry-after"]
        assert answer.json()["remedy"]
        theirs = Listener(shop, role="approver")
        answer = await asyncio.to_thread(operator.get, "/v1/topics/sales/tail")
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:instar:problem:too-many-tails")
        assert answer.json()["remedy"]
        await mine[0].leave()
        again = Listener(shop)
        assert (await again.next())[0] == "ready"
        for listener in (mine[1], theirs, again):
            await listener.leave()

    within(watch())


@pytest.mark.parametrize(("limit", "path"), [("MAX_TOPICS", "sales.v3/tail"), ("MAX_FILTERS", "sales/tail?key=other")])
def test_topics_and_filters_are_limited(
    shop: Site, broker: dict[str, str], monkeypatch: pytest.MonkeyPatch, limit: str, path: str
) -> None:
    monkeypatch.setattr(tails, limit, 1)
    produce(broker, "sales.v3", body(at_v3(sale(1)), 3), version="v3")

    async def watch() -> Any:
        listener = Listener(shop)
        await listener.next()
        answer = await asyncio.to_thread(served(shop, token=TOKENS["viewer"]).get, f"/v1/topics/{path}")
        await listener.leave()
        return answer

    answer = within(watch())
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:instar:problem:too-many-tails")
    assert shop.tails._open.total() == 0


# ------------------------------------------------------------------ coming back and ending


def test_a_listener_that_comes_back_misses_nothing_that_is_still_kept(shop: Site, broker: dict[str, str]) -> None:
    async def watch() -> tuple[bool, list[int]]:
        first = Listener(shop)
        await first.next()
        await asyncio.to_thread(produce, broker, "sales", body(sale(2)))
        await first.rows(1)
        place = first.id
        stays = Listener(shop)
        await stays.next()
        await first.leave()
        await asyncio.to_thread(produce, broker, "sales", body(sale(3)))
        await stays.rows(1)
        back = Listener(shop, after=place)
        _, ready = await back.next()
        rows = await back.rows(1)
        await back.leave()
        await stays.leave()
        return ready["resumed"], [json.loads(row["value"])["id"] for row in rows]

    assert within(watch()) == (True, [3])


def test_one_that_listens_too_slowly_is_told_that_something_is_missing(
    shop: Site, broker: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tailing, "FRAMES_KEPT", 1)

    async def watch() -> list[Any]:
        quick, slow = Listener(shop), Listener(shop)
        await quick.next()
        await slow.next()
        for number in (2, 3):
            await asyncio.to_thread(produce, broker, "sales", body(sale(number)))
            await quick.rows(1)
        said = [await slow.next(), await slow.rows(1)]
        await quick.leave()
        await slow.leave()
        return said

    (event, ready), [row] = within(watch())
    assert (event, ready["resumed"]) == ("ready", False)
    assert json.loads(row["value"])["id"] == 3


@pytest.mark.parametrize("after", ["", "no-such-stream-3", "0011223344556677-1", "x", "-", "0011223344556677-²"])
def test_one_that_comes_back_too_late_is_told_so(shop: Site, after: str) -> None:
    async def watch() -> Any:
        listener = Listener(shop, after=after)
        ready = await listener.next()
        await listener.leave()
        return ready

    assert within(watch())[1]["resumed"] is False


def test_nobody_listens_and_the_topic_is_read_no_more(
    shop: Site, broker: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tailing, "LINGER_S", 0.0)

    async def watch() -> list[int]:
        listener = Listener(shop)
        await listener.next()
        feed = listener.response._tail.feed  # type: ignore[attr-defined]
        await listener.leave()
        await asyncio.to_thread(feed.join)
        assert feed.ended
        again = Listener(shop)
        await again.next()
        await asyncio.to_thread(produce, broker, "sales", body(sale(9)))
        rows = await again.rows(1)
        await again.leave()
        return [json.loads(row["value"])["id"] for row in rows]

    assert within(watch()) == [9]


def test_a_quiet_stream_says_that_it_is_there_and_ends_with_the_server(
    shop: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "HEARTBEAT_S", 0.0)

    async def watch() -> list[bytes]:
        listener = Listener(shop)
        await listener.next()
        said = [await anext(listener.events)]
        listener.request.app.state.stopping.set()
        said += [event async for event in listener.events]
        return said

    assert within(watch())[0] == b": still here\n\n"
    began_s = time.monotonic()
    shop.tails.stop()
    assert time.monotonic() - began_s < tailing._END_WITHIN_S


def test_a_reader_that_fails_ends_the_stream_with_what_to_do(shop: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from instar.kafka.errors import TopicMissing

    def fails(*_: Any) -> Any:
        raise TopicMissing("Topic 'sales' does not exist.", "Create it.")

    async def watch() -> list[tuple[str, dict[str, Any]]]:
        listener = Listener(shop)
        said = [await listener.next()]
        monkeypatch.setattr("instar.kafka.live.LiveReader.read", fails)
        said.append(await listener.next())
        assert [event async for event in listener.events] == []
        await listener.leave()
        return said

    said = within(watch())
    assert said[1] == ("trouble", said[1][1])
    assert (said[1][1]["status"], said[1][1]["remedy"]) == (404, "Create it.")


def test_a_stream_ends_when_its_session_does(shop: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "LET_IN_EVERY_S", 0.0)

    async def watch() -> list[bytes]:
        listener = Listener(shop)
        await listener.next()
        listener.request.headers.pop("authorization")
        rest = [event async for event in listener.events]
        await listener.leave()
        return rest

    assert within(watch()) == []
