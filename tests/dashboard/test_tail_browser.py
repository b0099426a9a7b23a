"""Records that are produced appear on the page while somebody looks, filtered, masked, and until it is paused."""

import json
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer
from playwright.sync_api import Page, expect, sync_playwright
from tests.support.browsing import chromium, served_at
from tests.support.folders import write_files
from tests.support.sales import body, produce
from tests.support.shop import FILES, at_v3, sale

from instar.dashboard.site import open_site
from instar.kafka.built_in import BuiltInBroker
from instar.project.project import load_project

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

WITHIN_MS = 60_000
Kafka = dict[str, str]


@pytest.fixture(scope="module")
def broker() -> Iterator[Kafka]:
    with BuiltInBroker() as built_in:
        yield {"bootstrap.servers": built_in.bootstrap}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, broker: Kafka) -> Iterator[Page]:
    root = tmp_path_factory.mktemp("shop")
    here = FILES["instar.toml"].replace("127.0.0.1:1", broker["bootstrap.servers"])
    write_files(root, {**FILES, "instar.toml": here})
    produce(broker, "sales", body(sale(1)), key=b"before")
    path = chromium()
    with served_at(open_site(load_project(root))) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_context(base_url=address).new_page()
        page.set_default_timeout(WITHIN_MS)
        yield page
        browser.close()


def ids(page: Page) -> list[int]:
    """The sales that are shown live, from the top."""
    texts = page.locator("[data-tail] tbody [data-text]").all_text_contents()
    return [json.loads(text)["id"] for text in texts]


def shown(page: Page, count: int) -> list[int]:
    expect(page.locator("[data-tail] tbody tr")).to_have_count(count, timeout=WITHIN_MS)
    return ids(page)


def watch(page: Page, query: str) -> None:
    """Look at the topic, and switch to live with the keyboard."""
    page.goto(f"/records?topic=sales&{query}")
    switch = page.get_by_role("switch", name="Live")
    expect(switch).to_have_attribute("aria-checked", "false")
    switch.press("Enter")
    expect(switch).to_have_attribute("aria-checked", "true")
    expect(page.locator("[data-status]")).to_have_text("Waiting for the next record.", timeout=WITHIN_MS)


def test_what_is_produced_appears_at_the_top_and_the_filter_holds(page: Page, broker: Kafka) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    watch(page, "record_version=v3")
    expect(page.get_by_text("before")).to_be_hidden()
    for number, version in ((2, 3), (3, 1), (4, 3)):
        value = sale(number) if version == 1 else at_v3(sale(number))
        produce(broker, "sales", body(value, version), version=f"v{version}", key=f"key-{number}".encode())
    assert shown(page, 2) == [4, 2]
    section = page.locator("[data-tail]")
    assert "Ada" not in page.content()
    expect(section.locator(".chip").first).to_have_text("v3")
    link = section.get_by_role("link").first
    assert link.get_attribute("href") == f"/records/sales/0/{link.text_content()}".replace("0/0:", "0/")
    assert said == []


def test_a_pause_holds_the_page_still_and_shows_afterwards_what_came(page: Page, broker: Kafka) -> None:
    watch(page, "key=mine")
    produce(broker, "sales", body(sale(5)), key=b"mine")
    assert shown(page, 1) == [5]
    pause = page.get_by_role("button", name="Pause")
    pause.press("Enter")
    produce(broker, "sales", body(sale(6)), key=b"mine")
    expect(page.locator("[data-status]")).to_contain_text("1 wait", timeout=WITHIN_MS)
    assert ids(page) == [5]
    page.get_by_role("button", name="Go on").press("Enter")
    assert shown(page, 2) == [6, 5]
    page.get_by_role("switch", name="Live").press("Enter")
    expect(page.locator("[data-tail]")).to_be_hidden()
    expect(page.get_by_text("No record fits.")).to_be_visible()  # what was there when the page was made


def test_rows_on_the_page_are_bounded_and_what_is_not_shown_is_counted(page: Page, broker: Kafka) -> None:
    watch(page, "partition=3")
    count = 400
    producer = Producer(broker)
    for number in range(count):
        producer.produce("sales", body(sale(number)), b"k", partition=3, headers=[("instar-version", b"v1")])
    assert producer.flush(30) == 0
    status = page.locator("[data-status]")
    expect(status).to_contain_text("came faster than they can be shown", timeout=WITHIN_MS)
    page.wait_for_function(
        """count => [...document.querySelector("[data-status]").textContent.matchAll(/[\\d,]+(?= shown| more)/g)]
          .reduce((sum, [text]) => sum + Number(text.replace(",", "")), 0) === count""",
        arg=count,
    )
    assert page.locator("[data-tail] tbody tr").count() <= 100
    assert ids(page)[0] == count - 1


def test_what_cannot_be_watched_is_said_with_what_to_do(page: Page) -> None:
    page.goto("/records?topic=sales&live=1&partition=99")
    expect(page.get_by_role("alert")).to_contain_text("sales has no partition 99")
    page.goto("/records?topic=sales&record_version=v9")
    expect(page.get_by_role("alert")).to_contain_text("has a version 'v9'", timeout=WITHIN_MS)
    assert page.get_by_role("switch", name="Live").count() == 0
