"""The pages in a real Chromium: nothing is refused by our own policy, everything has a name, and forms work."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from tests.support.browsing import chromium, served_at
from tests.support.serving import TOKENS

from instar.dashboard.site import Site
from instar.operations.stating import state_of
from instar.state.readers import DeclaredReader

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PATHS = (
    "/",
    "/migrations",
    "/migrations/orders-v3",
    "/migrations/orders-v3/verifications",
    "/subjects",
    "/subjects/orders",
    "/records?topic=orders&offset=0",
    "/records?topic=orders&live=1",
    "/records/pasted",
    "/dead-letters",
    "/consumers",
    "/consumers?does=writes&in_the_way=yes",
    "/consumers/why?does=reads&name=year-end&topic=&subject=orders",
    "/history",
    "/history/servers",
    "/subjects/nope",
)
SIZES = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
# What assistive technology needs, as axe's rules of the same names have it: every finding is a fault.
FAULTS = """() => {
  const found = [];
  const name = (element) => (element.getAttribute("aria-label") ?? element.textContent ?? "").trim();
  const say = (rule, element) => found.push(`${rule}: ${element.outerHTML.slice(0, 120)}`);
  if (!document.documentElement.lang) found.push("html-has-lang");
  if (!document.title.trim()) found.push("document-title");
  if (document.querySelectorAll("h1").length !== 1) found.push("page-has-heading-one");
  if (document.querySelectorAll("main").length !== 1) found.push("landmark-one-main");
  for (const each of document.querySelectorAll("a[href], button, summary")) if (!name(each)) say("name", each);
  for (const each of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
    if (!each.labels.length) say("label", each);
  for (const each of document.querySelectorAll("[role=img], progress, [role=region]"))
    if (!each.getAttribute("aria-label")) say("aria-name", each);
  for (const each of document.querySelectorAll("th")) if (!each.scope || !name(each)) say("th-scope", each);
  const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
  if (new Set(ids).size !== ids.length) found.push("duplicate-id");
  let before = 1;
  for (const each of document.querySelectorAll("h1, h2, h3, h4")) {
    const level = Number(each.tagName[1]);
    if (level > before + 1) say("heading-order", each);
    before = level;
  }
  const parse = (text) => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return { r, g, b, a }; };
  const light = ({ r, g, b }) => [r, g, b].map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if (colour.startsWith("rgb") && parse(colour).a === 1) return parse(colour);
    }
    return { r: 255, g: 255, b: 255 };
  };
  for (const each of document.querySelectorAll("body *")) {
    const own = [...each.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !each.checkVisibility() || each.closest(".hidden, .skip")) continue;
    const [one, two] = [light(parse(getComputedStyle(each).color)), light(behind(each))].sort((a, b) => b - a);
    if ((one + 0.05) / (two + 0.05) < 4.5) say("color-contrast", each);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def address(looked_at: Site) -> Iterator[str]:
    """The site with a declared reader, so that the matrix has a row on a broker that lists no groups."""
    with state_of(looked_at.project) as state:
        state.readers.declare(DeclaredReader("year-end", "orders", 1, "finance", 4_000_000_000_000), "ada")
        looked_at.watcher.look(thoroughly=True)
        with served_at(looked_at) as address:
            yield address
        state.readers.withdraw("year-end", "orders", "ada", "the test is over")


@pytest.fixture(scope="module")  # its loop runs in this thread, where later tests want their own
def engine() -> Iterator[Browser]:
    path = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=[(size, scheme) for size in SIZES for scheme in ("light", "dark")], ids=lambda p: "-".join(p))
def page(engine: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A browser in which the operator is signed in."""
    size, scheme = request.param
    context = engine.new_context(viewport=SIZES[size], color_scheme=scheme, base_url=address)
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_label("Token").fill(TOKENS["operator"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(address + "/")
    yield page
    context.close()


def test_no_page_has_a_serious_fault(page: Page) -> None:
    """Names, labels, headings, contrast, our own policy, and nothing wider than the window."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    wrong: dict[str, list[str]] = {}
    for path in PATHS:
        said.clear()
        page.goto(path)
        faults: list[str] = page.evaluate(FAULTS)
        over: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        faults += [f"{over} px wider than the window"] if over > 0 else []
        faults += [text for text in said if "404" not in text]
        if faults:
            wrong[path] = faults
    assert wrong == {}


def test_a_migration_is_paused_and_resumed_with_the_keyboard_alone(page: Page) -> None:
    page.goto("/migrations/orders-v3")
    page.get_by_role("link", name="Pause…").press("Enter")
    page.get_by_label("Why").press_sequentially("the disk is full")
    page.get_by_label("Why").press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("status").get_by_text("Paused.").wait_for()
    page.get_by_role("link", name="Resume…").press("Enter")
    page.get_by_role("button", name="Resume it").press("Enter")
    page.get_by_role("status").get_by_text("Resumed.").wait_for()
    page.goto("/history/servers")
    assert page.get_by_text("the disk is full").count() >= 1


def test_figures_are_kept_up_to_date_by_the_stream(page: Page, looked_at: Site) -> None:
    page.goto("/migrations/orders-v3")
    state = page.locator('[data-live="orders-v3/up/state"]').first
    before = state.text_content()
    state.evaluate("element => { element.textContent = 'stale' }")
    page.wait_for_function("element => element.textContent !== 'stale'", arg=state.element_handle(), timeout=60_000)
    assert state.text_content() == before
