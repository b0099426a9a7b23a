"""Which page is pictured, and how one comes to it. A page of the dashboard without an entry here is an error."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from playwright.sync_api import Page

from instar.dashboard.pages import router

REPOSITORY = Path(__file__).resolve().parents[2]


def _nothing(_page: Page) -> None: ...


@dataclass(frozen=True, slots=True)
class Picture:
    """``name`` is the beginning of its files' names; ``route`` the page as the dashboard registers it; ``shows`` is its
    caption.

    ``path`` is what the browser opens. What only a look at another page tells, a dead letter's place or an approval's
    number, is found there: ``link`` is the CSS selector of a link on ``path`` that leads to the page. ``prepare`` fills
    in what the page wants to be shown with.
    """

    name: str
    route: str
    path: str
    shows: str
    link: str = ""
    prepare: Callable[[Page], None] = _nothing


def _a_record(page: Page) -> None:
    """Gives the form a record, as a person would who has one from a log."""
    page.locator("select[name=subject]").select_option("customers")
    page.locator("textarea[name=content]").fill(
        (REPOSITORY / "schemas/customers/examples/ada.v1.json").read_text("utf-8")
    )
    page.get_by_role("button", name="Show it at every version").click()
    page.get_by_role("heading", name="v2").wait_for()


PICTURES = (
    Picture("home", "/", "/", "May the old versions go, and why not"),
    Picture("migrations", "/migrations", "/migrations", "All migrations"),
    Picture("migration", "/migrations/{migration}", "/migrations/orders-v3", "A migration that is verified"),
    Picture(
        "migration-switched", "/migrations/{migration}", "/migrations/customers-v2", "A migration that is switched"
    ),
    Picture(
        "pause",
        "/migrations/{migration}/{verb}",
        "/migrations/orders-v3/pause?direction=up",
        "What a pause does, before it is confirmed",
    ),
    Picture(
        "move",
        "/migrations/{migration}/rollout/{verb}",
        "/migrations/customers-v2/rollout/rollback",
        "The steps of a rollback, before it is confirmed",
    ),
    Picture(
        "verifications",
        "/migrations/{migration}/verifications",
        "/migrations/orders-v3/verifications",
        "The verifications that are kept",
    ),
    Picture(
        "verification",
        "/migrations/{migration}/verifications/{verification}",
        "/migrations/orders-v3/verifications",
        "One verification: what was compared, and what was found",
        link='main th a[href^="/migrations/orders-v3/verifications/"]',
    ),
    Picture("subjects", "/subjects", "/subjects", "All subjects"),
    Picture("subject", "/subjects/{name}", "/subjects/orders", "A subject: its chain, and what changed"),
    Picture("records", "/records", "/records?topic=orders&offset=0", "Records of a topic, at the versions they have"),
    Picture(
        "record",
        "/records/{topic}/{partition}/{offset}",
        "/records?topic=orders&offset=0",
        "One record at every version",
        link='main a[href^="/records/orders/"]',
    ),
    Picture("pasted", "/records/pasted", "/records/pasted", "A record that somebody pasted", prepare=_a_record),
    Picture("dead-letters", "/dead-letters", "/dead-letters", "Dead letters by cause"),
    Picture(
        "dead-letter",
        "/dead-letters/{migration}/{partition}/{offset}",
        "/dead-letters",
        "One dead letter, and how far today's chain takes it",
        link='tr:has-text("conversion-failed") a:has-text("Look at the first")',
    ),
    Picture(
        "redrive",
        "/dead-letters/{migration}/settle/{verb}",
        "/dead-letters",
        "What a redrive would do",
        link='tr:has-text("conversion-failed") a:has-text("Redrive")',
    ),
    Picture("consumers", "/consumers", "/consumers", "Who reads which version"),
    Picture(
        "why",
        "/consumers/why",
        "/consumers",
        "Why one of them is said to read a version",
        link='main a[href^="/consumers/why"][href*="name=billing"]',
    ),
    Picture("history", "/history", "/history", "Who did what"),
    Picture("history-servers", "/history/servers", "/history/servers", "What was done through the servers"),
    Picture("error", "/subjects/{name}", "/subjects/parcels", "Nothing at this address"),
)
# Pages that are not pictured, and why not.
LEFT_OUT: Mapping[str, str] = {
    "/sign-in": "the demonstration has no tokens, so nobody signs in",
    "/migrations/{migration}/approvals/{approval}": "is an approver's, and without tokens nobody approves",
    "/migrations/{migration}/rollout/lesson": "is shown after a rollback, and the demonstration has none",
}


def routes() -> set[str]:
    """Every page that can be opened, as the dashboard registers it."""
    app = FastAPI()
    app.include_router(router)
    return {path for path, methods in app.openapi()["paths"].items() if "get" in methods}


def wrong_entries() -> list[str]:
    """What does not fit between the dashboard's pages and the entries here."""
    known = {picture.route for picture in PICTURES} | LEFT_OUT.keys()
    missing = [f"{route} has no entry in {__name__}" for route in sorted(routes() - known)]
    return missing + [f"{route} is no page any more" for route in sorted(known - routes())]
