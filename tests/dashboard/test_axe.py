"""axe over every page in a real Chromium, and the keyboard: light and dark, desktop and phone, full, empty, in error.

axe-core comes with a package for tests alone. What it calls serious or critical is a fault, and so is the rest.
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, sync_playwright
from tests.support.browsing import chromium, served_at
from tests.support.folders import write_files
from tests.support.serving import TOKENS
from tests.support.shop import FILES
from tests.support.verifying import verified
from tests.verifier.test_report import world_with

from instar.core.ledger import Entry
from instar.core.retirement import Group, Reason, Verdict
from instar.core.rollout.phase import Phase
from instar.core.rollout.state import Rollout
from instar.dashboard import rollouts
from instar.dashboard.callers import Caller, Door, Role
from instar.dashboard.pages import router
from instar.dashboard.site import Site, open_site
from instar.dashboard.watcher import Point, Seen, Watcher
from instar.operations.kept_results import keep_result
from instar.project.project import load_project
from instar.rollout.evidence import GroupsSeen
from instar.verifier.modes import Mode

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

M = "orders-v3"
# Every page by its route, with the addresses that show it with something in it. {letter} and {asked} are places.
PAGES: Mapping[str, Sequence[str]] = {
    "/": ["/"],
    "/migrations": ["/migrations"],
    "/migrations/{migration}": [f"/migrations/{M}", f"/migrations/{M}?done=pause"],
    "/migrations/{migration}/{verb}": [f"/migrations/{M}/{verb}" for verb in ("pause", "resume", "rate")],
    "/migrations/{migration}/rollout/{verb}": [f"/migrations/{M}/rollout/{verb}" for verb in ("abandon", "switch")],
    "/migrations/{migration}/rollout/lesson": [f"/migrations/{M}/rollout/lesson"],
    "/migrations/{migration}/verifications": [f"/migrations/{M}/verifications"],
    "/migrations/{migration}/verifications/{verification}": [f"/migrations/{M}/verifications/999"],  # one: see AWAY
    "/migrations/{migration}/approvals/{approval}": [f"/migrations/{M}/approvals/{{asked}}"],
    "/subjects": ["/subjects"],
    "/subjects/{name}": ["/subjects/orders", "/subjects/orders?from=v1&to=v2"],
    "/records": ["/records", "/records?topic=orders&offset=0", "/records?topic=orders&offset=x"],
    "/records/pasted": ["/records/pasted"],
    "/records/{topic}/{partition}/{offset}": ["/records/orders/0/0"],
    "/dead-letters": ["/dead-letters", "/dead-letters?done=redriven&letters=3"],
    "/dead-letters/{migration}/settle/{verb}": [f"/dead-letters/{M}/settle/{verb}" for verb in ("redrive", "discard")],
    "/dead-letters/{migration}/{partition}/{offset}": [f"/dead-letters/{M}/{{letter}}"],
    "/consumers": ["/consumers", "/consumers?name=nobody"],
    "/consumers/why": ["/consumers/why?does=reads&name=group-1&topic=orders&subject=orders"],
    "/history": ["/history", "/history?who=nobody"],
    "/history/servers": ["/history/servers", "/history/servers?refused=yes"],
    "/sign-in": ["/sign-in?next=/history"],
}
ERRORS = ("/nothing", "/subjects/ordres", f"/migrations/{M}/rollout/nothing", f"/dead-letters/{M}/0/999999")
WITHOUT_DATA = tuple(route for route in PAGES if "{" not in route and route != "/sign-in")
AWAY = (
    *(path for path in WITHOUT_DATA if path != "/consumers/why"),
    "/migrations/sales-v3",
    "/migrations/sales-v3/verifications",
    "/migrations/sales-v3/verifications/1",
    "/subjects/sales",
    "/records?topic=sales",
    "/records/sales/0/0",
)
SIZES = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
LOOKS = [(size, scheme) for size in SIZES for scheme in ("light", "dark")]
PARTS = 4  # a day has three fields and a calendar, and each takes the focus
AXE = Axe()
EMPTY = """
format = 1
[environments.local]
kafka = { "bootstrap.servers" = "127.0.0.1:1" }
"""
ORDER = json.dumps(
    {
        "order_id": "A-1",
        "customer_name": "Ada Lovelace",
        "street": "1 Harbour Way",
        "city": "Lisbon",
        "created": "2026-01-05T08:00:00Z",
        "status": "SENT",
        "items": [{"sku": "MUG-01", "qty": 2, "price_cents": 1250}],
        "coupon": None,
    }
)


class Still(Watcher):
    """What it has seen stays what it is."""

    def look(self, *, thoroughly: bool = False) -> Seen:
        return self.seen


@pytest.fixture(scope="module")
def asked(looked_at: Site) -> Iterator[str]:
    """The id of a request for an approval that somebody else has made."""
    somebody = Caller("grace", Role.OPERATOR, "", by_cookie=False)
    request = rollouts.ask(looked_at, somebody, M, "apply", "it is time")
    yield str(request["id"])
    rollouts.answer(looked_at, somebody, M, request["id"], "refuse", "the test is over")


@pytest.fixture(scope="module")
def full(looked_at: Site, asked: str) -> Site:
    """Something on every page: a rollout on its way, groups, a history, a request, and all three verdicts."""
    now_s = time.time()
    seen = looked_at.watcher.look(thoroughly=True)
    look = seen.migrations[M]
    assert [each.id for each in look.requests if each.standing == "open"] == [asked]
    groups = tuple(Group(f"group-{number}", number % 3, number * 1_000, owner="accounting") for number in range(5))
    against = Reason("groups", "no", "billing reads it: 2 members, 7 behind", "Move it: `instar switch`.", "accounting")
    unseen = Reason("clients", "unknown", "the census cannot be read", "Is instar.census readable?")
    watcher = Still(looked_at.project, looked_at.connection)
    rich = replace(
        look,
        rollout=Rollout(M, Phase.VERIFIED),
        entries=tuple(  # of them the steps have who and when
            Entry("local", number, M, 1_750_000_000_000, "ada", "apply", "it is time", "", f'{{"phase": "{phase}"}}')
            for number, phase in enumerate(("expanded", "replaying", "caught-up", "verified"), 1)
        ),
        groups={"orders": GroupsSeen(groups), "orders.v3": GroupsSeen(groups)},
        history={
            status.direction: tuple(Point(now_s - 60 + number, number * 100.0, 6_000 - number) for number in range(60))
            for status in look.statuses
        },
        verdicts=tuple(
            Verdict("orders", version, M, "orders", reasons)
            for version, reasons in (("v1", (against, unseen)), ("v2", (unseen,)), ("v3", ()))
        ),
    )
    watcher.seen = replace(seen, at_s=now_s, migrations={M: rich})
    door = Door(looked_at.project.serve.tokens)
    site = Site(looked_at.project, looked_at.connection, watcher, door, store=looked_at.store)
    site.audit.note(Caller("ada", Role.OPERATOR, "", by_cookie=False), "pause", M, "the disk is full")
    site.audit.refused(None, "sign-in", "The token is not known here.", "127.0.0.1")
    return site


@pytest.fixture(scope="module")
def addresses(full: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """Where each state of the dashboard is served."""
    bare = {"instar.toml": EMPTY}
    broken = {**FILES, "upcasters/sales/v1_to_v2.py": "def upcast(record, context:\n"}
    with ExitStack() as stack:
        found = {"full": stack.enter_context(served_at(full))}
        for name, files in (("empty", bare), ("away", FILES), ("broken", broken)):
            site = open_site(load_project(write_files(tmp_path_factory.mktemp(name), files)))
            if name == "away":  # what was verified can be read all the same
                report = verified(world_with({"text": "seven", "number": 7}), Mode.FULL, site.project.root / "verified")
                keep_result(site.project, "sales-v3", [report])
            site.watcher.look()
            watcher = Still(site.project, site.connection)
            watcher.seen = site.watcher.seen
            site.watcher = watcher
            found[name] = stack.enter_context(served_at(site))
        yield found


@pytest.fixture(scope="module")
def engine() -> Iterator[Browser]:
    path = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def signed_in(engine: Browser, addresses: Mapping[str, str]) -> Any:
    """What the browser of an approver keeps."""
    context = engine.new_context(base_url=addresses["full"])
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_label("Token").fill(TOKENS["approver"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(addresses["full"] + "/")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def page(engine: Browser, signed_in: Any) -> Iterator[Page]:
    context = engine.new_context(storage_state=signed_in)
    yield context.new_page()
    context.close()


@pytest.fixture
def places(looked_at: Site, asked: str) -> Mapping[str, str]:
    causes = looked_at.watcher.seen.migrations[M].causes
    assert causes
    partition, offset = next(cause.first for cause in causes if cause.first is not None)
    return {"letter": f"{partition}/{offset}", "asked": asked}


def faults(page: Page) -> list[str]:
    """What axe says of the page in every look with everything unfolded, and whether it is wider than its window."""
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    found = []
    for size, scheme in LOOKS:
        page.set_viewport_size(SIZES[size])
        page.emulate_media(color_scheme=scheme)
        for each in AXE.run(page, options={"resultTypes": ["violations"]}).response["violations"]:
            nodes = [f"{node['html'][:120]} {node.get('failureSummary', '')[:200]}" for node in each["nodes"]]
            found.append(f"{size} {scheme} {each['impact']} {each['id']}: {nodes}")
        over: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        found += [f"{size}: {over} px wider than the window"] if over > 0 else []
    return found


def faulty(page: Page, address: str, paths: Iterable[str]) -> dict[str, list[str]]:
    found = {}
    for path in paths:
        answer = page.goto(address + path)
        assert answer is not None
        assert answer.status != 429
        found[path] = faults(page)
    return {path: said for path, said in found.items() if said}


def test_every_page_is_looked_at() -> None:
    """A new page needs an entry in the table."""
    app = FastAPI()
    app.include_router(router)
    assert {path for path, methods in app.openapi()["paths"].items() if "get" in methods} == set(PAGES)


def test_axe_finds_nothing_on_full_pages(page: Page, addresses: Mapping[str, str], places: Mapping[str, str]) -> None:
    paths = [path.format(**places) for paths in PAGES.values() for path in paths]
    assert faulty(page, addresses["full"], paths) == {}


def test_axe_finds_nothing_on_what_was_pasted(page: Page, addresses: Mapping[str, str]) -> None:
    wrong = {}
    for content in ('{"order_id": "A-1"}', ORDER):
        page.goto(addresses["full"] + "/records/pasted")
        page.get_by_label("record", exact=True).fill(content)
        page.get_by_role("button", name="Show it").click()
        page.locator(".rejection, .hops").first.wait_for()
        wrong[content] = faults(page)
    assert not any(wrong.values()), wrong


@pytest.mark.parametrize(
    ("state", "paths"), [("empty", WITHOUT_DATA), ("away", AWAY), ("broken", ("/", "/subjects")), ("full", ERRORS)]
)
def test_axe_finds_nothing_on_pages_that_have_little_to_show(
    page: Page, addresses: Mapping[str, str], state: str, paths: Sequence[str]
) -> None:
    assert faulty(page, addresses[state], paths) == {}


def test_axe_finds_nothing_where_somebody_signs_in(engine: Browser, addresses: Mapping[str, str]) -> None:
    context = engine.new_context(base_url=addresses["full"])
    page = context.new_page()
    page.goto("/sign-in")
    assert faults(page) == []
    page.get_by_label("Token").fill("a guess")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").wait_for()
    assert faults(page) == []
    context.close()


# What takes the focus, in order, each with a number of its own, and what the focus looks like where it is.
NUMBER = """() => {
  const seen = (each) => each.checkVisibility() && !each.disabled;
  const all = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, "
    + "[tabindex='0']")].filter(seen);
  all.forEach((each, index) => { each.dataset.number = index; });
  const ordered = [...document.querySelectorAll("[tabindex]")].filter((each) => each.tabIndex > 0);
  return { count: all.length, ordered: ordered.length };
}"""
FOCUS = """() => {
  const each = document.activeElement, style = getComputedStyle(each), box = each.getBoundingClientRect();
  return { number: each.dataset.number ?? null, said: each.outerHTML.slice(0, 100),
    visible: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && box.width > 1 && box.height > 1 };
}"""


def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    page: Page, addresses: Mapping[str, str], places: Mapping[str, str]
) -> None:
    for paths in PAGES.values():
        path = paths[-1].format(**places)
        page.goto(addresses["full"] + path)
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        said = page.evaluate(NUMBER)
        assert said["ordered"] == 0, path
        reached: list[int] = []
        for _ in range(said["count"] * PARTS):
            page.keyboard.press("Tab")
            focus = page.evaluate(FOCUS)
            assert focus["visible"], (path, focus)
            if reached[-1:] != [int(focus["number"])]:
                reached.append(int(focus["number"]))
            if len(reached) == said["count"]:
                break
        assert reached == list(range(said["count"])), path


def test_the_first_key_offers_to_skip_to_the_page(page: Page, addresses: Mapping[str, str]) -> None:
    page.goto(addresses["full"] + "/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the page"
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.id === 'main'")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


@pytest.mark.parametrize(("wish", "scrolling"), [("reduce", "auto"), ("no-preference", "smooth")])
def test_nothing_moves_for_who_does_not_want_it(
    engine: Browser, addresses: Mapping[str, str], signed_in: Any, wish: Any, scrolling: str
) -> None:
    context = engine.new_context(reduced_motion=wish, storage_state=signed_in, base_url=addresses["full"])
    page = context.new_page()
    page.goto(f"/migrations/{M}")
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == scrolling
    assert page.evaluate("document.getAnimations().length") == 0
    context.close()
