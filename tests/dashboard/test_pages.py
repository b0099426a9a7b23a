"""Pages: what they say when there is something, nothing, and when Kafka does not answer; how heavy the first one is."""

import time
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
LIMIT_BYTES = 60_000
LIMIT_S = 0.1


def test_home_begins_with_the_verdict_and_its_reasons(as_: Callable[[str], TestClient]) -> None:
    text = as_("viewer").get("/").text
    assert text.index("No, not yet") < text.index("<h2>Migrations</h2>")
    for reason in ("it is not deprecated", "the way up loses", "are in the dead letters"):
        assert reason in text


def test_the_first_page_is_light_and_quick(as_: Callable[[str], TestClient]) -> None:
    client = as_("viewer")
    weight = sum(len(client.get(path).content) for path in ("/", "/static/style.css", "/static/live.js"))
    assert weight < LIMIT_BYTES
    times_s = []
    for _ in range(10):
        began_s = time.perf_counter()
        client.get("/")
        times_s.append(time.perf_counter() - began_s)
    assert min(times_s) < LIMIT_S, times_s  # the least: the machine does other things as well


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


def test_a_page_that_is_not_there_says_what_to_do(as_: Callable[[str], TestClient]) -> None:
    answer = as_("viewer").get("/subjects/ordres")
    assert answer.status_code == 404
    assert "did you mean <code>orders</code>?" in answer.text


def test_a_viewer_is_offered_nothing_that_changes_things(as_: Callable[[str], TestClient]) -> None:
    assert "Pause…" in as_("operator").get("/migrations/orders-v3").text
    assert "Pause…" not in as_("viewer").get("/migrations/orders-v3").text
    assert "Discard…" not in as_("viewer").get("/dead-letters").text


def test_what_would_happen_is_shown_before_it_does(as_: Callable[[str], TestClient]) -> None:
    text = as_("operator").get("/migrations/orders-v3/pause").text
    assert text.index("What happens") < text.index("Pause it")
    text = as_("operator").get("/dead-letters/orders-v3/settle/redrive").text
    assert "are still rejected, and stay" in text
