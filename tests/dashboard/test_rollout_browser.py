"""A migration from draft to switched and back on a real Kafka, by two people with a browser each."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from tests.support.browsing import chromium, served_at
from tests.support.projects import QUICK_SESSION, Shop, event, produce, write_shop
from tests.support.rolled_out import phase, rollout, run, way_back
from tests.support.serving import TOKENS, token_settings
from tests.support.workers import until, worker

from instar.dashboard.site import Site, open_site
from instar.project.project import load_project
from realkafka.pytest_plugin import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.browser, pytest.mark.timeout(900)]

WITHIN_MS = 60_000


@pytest.fixture
def shop(kafka: Kafka, topic_name: Callable[[str], str], tmp_path: Path) -> Shop:
    made = write_shop(tmp_path, topic_name("browsed"), {**kafka.client_config(), **QUICK_SESSION})
    settings = made.root / "instar.toml"
    settings.write_text(settings.read_text() + token_settings())
    produce(made.kafka, made.old, [event(number, 1, number % 2) for number in range(20)])
    return made


@pytest.fixture
def site(shop: Shop) -> Site:
    return open_site(load_project(shop.root))


@pytest.fixture
def engine() -> Iterator[Browser]:
    path = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def signed_in(engine: Browser, address: str, role: str) -> Page:
    page = engine.new_context(base_url=address).new_page()
    page.set_default_timeout(WITHIN_MS)
    page.goto("/sign-in")
    page.get_by_label("Token").fill(TOKENS[role])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(address + "/")
    return page


def move(page: Page, site: Site, shop: Shop, offered: str, confirm: str, first_step: str) -> None:
    """Follow what the migration's page offers, read the steps, confirm, and wait for the end of it."""
    page.goto(f"/migrations/{shop.migration}")
    page.get_by_role("link", name=offered).click()
    assert first_step in (page.locator("ol.plan").text_content() or "")
    page.get_by_label("Why").fill("the shows")
    page.get_by_role("button", name=confirm).click()
    page.wait_for_url(f"**/migrations/{shop.migration}")
    site.moves.wait(shop.migration, WITHIN_MS / 1000)


def go_on_until(page: Page, site: Site, shop: Shop, wanted: str, verb: str, confirm: str) -> None:
    """What has to wait says so, and goes on when it is told to again."""

    def there() -> bool:
        if phase(shop) == wanted and rollout(shop).underway is None:
            return True
        move(page, site, shop, f"Go on with {verb}…", confirm, "")
        return False

    until(f"it is {wanted}", there, WITHIN_MS / 1000)


def asked_and_approved(operator: Page, approver: Page, site: Site, shop: Shop, action: str) -> None:
    site.watcher.look(thoroughly=True)
    operator.goto(f"/migrations/{shop.migration}")
    operator.get_by_text("Ask for an approval").click()
    operator.locator("select[name=action]").select_option(action)
    operator.get_by_label("Why it is wanted").fill("it is time")
    operator.get_by_role("button", name="Ask", exact=True).click()
    operator.get_by_text(f"{action} open").wait_for()
    assert operator.get_by_role("link", name=f"Answer {action}…").count() == 0
    approver.goto(f"/migrations/{shop.migration}")
    approver.get_by_role("link", name=f"Answer {action}…").click()
    approver.get_by_label("Why yes or no").fill("I have looked")
    approver.get_by_role("button", name="Approve it").click()
    approver.get_by_text(f"{action} approved").wait_for()


def test_a_migration_goes_from_draft_to_switched_and_back_in_the_browser(
    shop: Shop, site: Site, engine: Browser
) -> None:
    with ExitStack() as stack:
        address = stack.enter_context(served_at(site))
        site.watcher.look(thoroughly=True)
        operator, approver = (signed_in(engine, address, role) for role in ("operator", "approver"))
        viewer = signed_in(engine, address, "viewer")
        asked_and_approved(operator, approver, site, shop, "apply")
        move(operator, site, shop, "Apply…", "Apply it", shop.new)
        assert phase(shop) == "expanded"
        operator.reload()
        assert "done" in (operator.get_by_role("status").text_content() or "")
        operator.get_by_role("link", name="Switch…").click()
        operator.get_by_text("It cannot be done now.").wait_for()  # nothing is carried and verified yet
        stack.enter_context(worker(shop, "--direction", "up"))
        stack.enter_context(way_back(shop))
        run(shop, "guard", "--once")
        until("it is caught up", lambda: run(shop, "guard", "--once") and phase(shop) == "caught-up", 120)
        run(shop, "verify")
        run(shop, "guard", "--once")
        site.watcher.look(thoroughly=True)
        viewer.goto(f"/migrations/{shop.migration}")
        assert viewer.get_by_role("link", name="Switch…").count() == 0
        move(operator, site, shop, "Switch…", "Switch it", "")
        go_on_until(operator, site, shop, "switched", "switch", "Switch it")
        assert rollout(shop).authority == "new"
        move(operator, site, shop, "Roll back…", "Roll it back", "")
        if rollout(shop).authority != "old" or rollout(shop).underway is not None:
            until("it is back", lambda: back(operator, site, shop), WITHIN_MS / 1000)
        assert rollout(shop).authority == "old"
        operator.reload()
        operator.get_by_role("link", name="Record the lesson…").click()
        for label in ("What went wrong, and why", "What was done about it", "What will be done differently"):
            operator.get_by_label(label).fill("a test")
        operator.get_by_role("button", name="Record it").click()
        operator.get_by_role("link", name="Switch…").wait_for()
        assert not rollout(shop).lesson_due


def back(page: Page, site: Site, shop: Shop) -> bool:
    if rollout(shop).underway is None:
        return rollout(shop).authority == "old"
    move(page, site, shop, "Go on with rollback…", "Roll it back", "")
    return False
