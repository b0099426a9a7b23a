"""Pages: what they say when there is something, nothing, and when Kafka does not answer."""

import html
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.support.folders import write_files
from tests.support.serving import served
from tests.support.shop import FILES

from instar.dashboard.site import open_site
from instar.project.project import load_project

PAGES = (
    "/",
    "/migrations",
    "/subjects",
    "/records",
    "/records/pasted",
    "/dead-letters",
    "/consumers",
    "/history",
    "/history/servers",
)


def test_home_begins_with_the_verdict_and_its_reasons(as_: Callable[[str], TestClient]) -> None:
    text = as_("viewer").get("/").text
    assert text.index("No, not yet") < text.index("<h2>Migrations</h2>")
    for reason in ("it is not deprecated", "the way up loses", "are in the dead letters"):
        assert reason in text


@pytest.mark.parametrize("path", PAGES)
def test_a_page_without_data_says_so(empty: TestClient, path: str) -> None:
    answer = empty.get(path)
    assert answer.status_code == 200
    assert 'class="empty"' in answer.text or path == "/records/pasted"


@pytest.fixture
def away(tmp_path: Path) -> TestClient:
    """A project with a migration whose Kafka does not answer."""
    write_files(tmp_path, FILES)
    site = open_site(load_project(tmp_path))
    site.watcher.look()
    return served(site)


@pytest.mark.parametrize("path", [*PAGES, "/migrations/sales-v3", "/subjects/sales"])
def test_a_page_says_when_kafka_does_not_answer(away: TestClient, path: str) -> None:
    answer = away.get(path)
    assert answer.status_code == 200
    assert "Kafka does not answer" in answer.text


def test_without_kafka_the_verdict_is_never_yes(away: TestClient) -> None:
    text = away.get("/").text
    assert "Yes, it can go" not in text
    assert "the consumer groups cannot be listed" in text


def test_kafka_that_does_not_answer_is_an_error_of_its_own(away: TestClient) -> None:
    answer = away.get("/v1/topics/sales/records")
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:instar:problem:kafka-unreachable"
    assert int(answer.headers["retry-after"]) > 0


def test_one_record_is_shown_at_every_version_with_what_changed(as_: Callable[[str], TestClient]) -> None:
    client = as_("viewer")
    for version in ("v1", "v3"):
        paths = (f"/v1/topics/orders/records?partition={number}&offset=0&version={version}" for number in range(4))
        records = [each for path in paths for each in client.get(path).json()["items"]]
        found = next(each for each in records if each["value"] and each["value"]["created"] != "last Tuesday")
        text = client.get(f"/records/orders/{found['partition']}/{found['offset']}").text
        assert "One record, 3 versions" in text
        assert "<ins>" in text
        assert "<del>" in text
        assert "items[0].quantity" in text


def address_of(text: str, link: str) -> str:
    """Where the first link of that name leads; empty without one."""
    before, found, _ = text.partition(f'">{link}')
    return html.unescape(before.rpartition('href="')[2]) if found else ""


def test_records_say_how_far_was_looked_and_how_to_look_further(
    as_: Callable[[str], TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = as_("viewer")
    monkeypatch.setattr("instar.operations.browsing.LOOK_LIMIT_RECORDS", 8)
    text = client.get("/records?topic=orders&record_version=v2").text
    assert "4 partitions hold" in text
    assert re.search(r"looked at the last [1-8] records", text)  # markers of transactions are offsets as well
    path = address_of(text, "Look from the beginning")
    rows, pages = [], 0
    while path:
        text = client.get(path).text
        rows += re.findall(r'href="(/records/orders/\d+/\d+)"', text)
        path = address_of(text, "Look further")
        pages += 1
    listed = client.get("/v1/topics/orders/records?offset=0&version=v2&limit=200")
    assert pages > 2
    monkeypatch.undo()
    whole = client.get("/v1/topics/orders/records?offset=0&version=v2&limit=200").json()["items"]
    assert rows == [f"/records/orders/{each['partition']}/{each['offset']}" for each in whole]
    assert listed.headers["instar-looked-at"] == "8"


def test_the_last_records_of_all_partitions_come_newest_first(as_: Callable[[str], TestClient]) -> None:
    said = as_("viewer").get("/v1/topics/orders/records?limit=10").json()
    times = [each["timestamp_ms"] for each in said["items"]]
    assert len(times) == 10
    assert times == sorted(times, reverse=True)
    assert len({each["partition"] for each in said["items"]}) > 1


def test_records_are_chosen_by_a_time_that_ends(as_: Callable[[str], TestClient]) -> None:
    client = as_("viewer")
    [newest, *_] = client.get("/v1/topics/orders/records?limit=1").json()["items"]
    earlier = client.get(f"/v1/topics/orders/records?limit=200&until={newest['time']}").json()["items"]
    assert earlier[0]["timestamp_ms"] == newest["timestamp_ms"]
    assert client.get(f"/v1/topics/orders/records?at={newest['time']}&until=2001-01-01").json()["items"] == []
    onwards = client.get(f"/v1/topics/orders/records?at={newest['time']}").json()["items"]
    assert {each["timestamp_ms"] for each in onwards} == {newest["timestamp_ms"]}


@pytest.mark.parametrize("cursor", ["[-1,0]", "[0,-1]", "[1,0]", "[0]", '{"0":1}'])
def test_a_cursor_of_another_list_is_refused(as_: Callable[[str], TestClient], cursor: str) -> None:
    text = urlsafe_b64encode(cursor.encode()).decode().rstrip("=")
    answer = as_("viewer").get(f"/v1/topics/orders/records?partition=0&cursor={text}")
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:instar:problem:cursor")


def test_a_page_that_is_not_there_says_what_to_do(as_: Callable[[str], TestClient]) -> None:
    answer = as_("viewer").get("/subjects/ordres")
    assert answer.status_code == 404
    assert "did you mean <code>orders</code>?" in answer.text


def test_a_viewer_is_offered_nothing_that_changes_things(as_: Callable[[str], TestClient]) -> None:
    assert "Pause…" in as_("operator").get("/migrations/orders-v3").text
    viewed = as_("viewer").get("/migrations/orders-v3").text
    assert "Pause…" not in viewed
    assert "You may look at everything here" in viewed
    assert "Discard…" not in as_("viewer").get("/dead-letters").text


def test_what_would_happen_is_shown_before_it_does(as_: Callable[[str], TestClient]) -> None:
    text = as_("operator").get("/migrations/orders-v3/pause").text
    assert text.index("What happens") < text.index("Pause it")
    text = as_("operator").get("/dead-letters/orders-v3/settle/redrive").text
    assert "are still rejected, and stay" in text
