"""Every endpoint by role, in one table: who may ask what."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from tests.support.serving import HERE, TOKENS, served

from instar.dashboard import rollouts
from instar.dashboard.audit import Audit
from instar.dashboard.callers import Caller, Role
from instar.dashboard.pages import router as pages
from instar.dashboard.site import Site
from instar.state.errors import Refused

# Method, path, body; the statuses of nobody, viewer, operator, approver.
READ = (401, 200, 200, 200)
PAGE = (303, 200, 200, 200)
STEER = (401, 403, 200, 200)
OPERATOR_PAGE = (303, 403, 200, 200)
NOT_NOW = (401, 403, 409, 409)  # a draft that nobody has approved: who may is told why it cannot be
M = "/v1/migrations/orders-v3"
WHY = {"reason": "only asking"}
TABLE: list[tuple[str, str, Any, tuple[int, int, int, int]]] = [
    ("GET", "/v1/", None, READ),
    ("GET", "/v1/verdicts", None, READ),
    ("GET", "/v1/audit", None, (401, 403, 200, 200)),
    ("GET", "/v1/ledger", None, READ),
    ("GET", "/v1/subjects", None, READ),
    ("GET", "/v1/subjects/orders", None, READ),
    ("GET", "/v1/subjects/orders/versions", None, READ),
    ("GET", "/v1/subjects/orders/versions/v1", None, READ),
    ("GET", "/v1/subjects/orders/deprecations", None, READ),
    ("GET", "/v1/subjects/orders/diff?from=v1&to=v3", None, READ),
    ("GET", "/v1/subjects/orders/chain?from=v3&to=v1", None, READ),
    ("GET", "/v1/subjects/orders/program?from=v1&to=v3", None, READ),
    ("POST", "/v1/subjects/orders/convert", {"from": "v1", "to": "v3", "records": []}, READ),
    ("GET", "/v1/migrations", None, READ),
    ("GET", M, None, READ),
    ("POST", f"{M}/pause", {}, STEER),
    ("POST", f"{M}/resume", {}, STEER),
    ("POST", f"{M}/rate", {"rate": "default"}, STEER),
    ("GET", f"{M}/rollout", None, READ),
    ("GET", f"{M}/verifications", None, READ),
    ("GET", f"{M}/verifications/999", None, (401, 404, 404, 404)),
    ("POST", f"{M}/apply", WHY, NOT_NOW),
    ("POST", f"{M}/switch", WHY, NOT_NOW),
    ("POST", f"{M}/rollback", WHY, NOT_NOW),
    ("POST", f"{M}/retire", WHY, NOT_NOW),
    ("POST", f"{M}/abandon", WHY, STEER),
    ("POST", f"{M}/revert", WHY, NOT_NOW),
    ("POST", f"{M}/lesson", {"cause": "a test", "fix": "none", "lesson": "none"}, NOT_NOW),
    ("GET", f"{M}/approvals", None, READ),
    ("POST", f"{M}/approvals", {"action": "apply", **WHY}, STEER),
    ("POST", f"{M}/approvals/{{asked}}/approve", WHY, (401, 403, 403, 200)),
    ("POST", f"{M}/approvals/{{asked}}/refuse", WHY, (401, 403, 403, 200)),
    ("GET", f"{M}/dead-letters", None, READ),
    ("GET", f"{M}/dead-letters/causes", None, READ),
    ("GET", f"{M}/dead-letters/{{letter}}", None, READ),
    ("POST", f"{M}/dead-letters/redrive", {}, STEER),
    ("POST", f"{M}/dead-letters/discard", {"reason": "only asking"}, STEER),
    ("GET", "/v1/subjects/orders/mix", None, READ),
    ("GET", "/v1/consumers", None, READ),
    ("GET", "/v1/topics", None, READ),
    ("GET", "/v1/topics/orders/records", None, READ),
    ("GET", "/v1/topics/orders/records/0/0", None, READ),
    ("GET", "/v1/topics/orders/groups", None, READ),
    ("GET", "/", None, PAGE),
    ("GET", "/migrations", None, PAGE),
    ("GET", "/migrations/orders-v3", None, PAGE),
    ("GET", "/migrations/orders-v3/verifications", None, PAGE),
    ("GET", "/migrations/orders-v3/verifications/999", None, (303, 404, 404, 404)),
    ("GET", "/migrations/orders-v3/pause", None, OPERATOR_PAGE),
    ("POST", "/migrations/orders-v3/resume", "form", (401, 403, 303, 303)),
    ("GET", "/migrations/orders-v3/rollout/apply", None, OPERATOR_PAGE),
    ("GET", "/migrations/orders-v3/rollout/revert", None, OPERATOR_PAGE),
    ("GET", "/migrations/orders-v3/rollout/lesson", None, OPERATOR_PAGE),
    ("POST", "/migrations/orders-v3/rollout/switch", "form", (401, 403, 409, 409)),
    ("POST", "/migrations/orders-v3/rollout/lesson", "form", (401, 403, 409, 409)),
    ("POST", "/migrations/orders-v3/approvals", "form", (401, 403, 303, 303)),
    ("GET", "/migrations/orders-v3/approvals/{asked}", None, (303, 403, 403, 200)),
    ("POST", "/migrations/orders-v3/approvals/{asked}", "form", (401, 403, 403, 303)),
    ("GET", "/subjects", None, PAGE),
    ("GET", "/subjects/orders", None, PAGE),
    ("GET", "/records", None, PAGE),
    ("GET", "/records?topic=orders", None, PAGE),
    ("GET", "/records/orders/0/0", None, PAGE),
    ("GET", "/records/pasted", None, PAGE),
    ("POST", "/records/pasted", "form", (401, 200, 200, 200)),
    ("GET", "/dead-letters", None, PAGE),
    ("GET", "/dead-letters/orders-v3/{letter}", None, PAGE),
    ("GET", "/dead-letters/orders-v3/settle/redrive", None, OPERATOR_PAGE),
    ("POST", "/dead-letters/orders-v3/settle/redrive", "form", (401, 403, 303, 303)),
    ("GET", "/consumers", None, PAGE),
    ("GET", "/consumers?does=writes&version=v1&in_the_way=yes", None, PAGE),
    ("GET", "/consumers/why?does=reads&name=nobody", None, (303, 404, 404, 404)),
    ("GET", "/history", None, PAGE),
    ("GET", "/history/servers", None, PAGE),
    ("GET", "/v1/openapi.json", None, (200, 200, 200, 200)),
    ("GET", "/sign-in", None, (200, 200, 200, 200)),
    ("POST", "/sign-in", "form", (401, 401, 401, 401)),
    ("POST", "/sign-out", "form", (303, 303, 303, 303)),
    ("GET", "/static/style.css", None, (200, 200, 200, 200)),
]
ELSEWHERE = {
    "/v1/events": "a stream without an end: tests/dashboard/test_events.py",
    "/v1/topics/{topic}/tail": "another: tests/dashboard/test_tail.py",
}
FORM = {
    "subject": "orders",
    "start": "v1",
    "content": "{}",
    "code": "no letter has this code",
    "reason": "a test",
    "action": "apply",
    "given": "refuse",
    "cause": "a test",
    "fix": "none",
    "learnt": "none",
}


@pytest.fixture
def letter(looked_at: Site) -> str:
    """The place of some dead letter."""
    causes = looked_at.watcher.seen.migrations["orders-v3"].causes
    assert causes is not None
    first = next(cause.first for cause in causes if cause.first is not None)
    return f"{first[0]}/{first[1]}"


@pytest.fixture
def asked(site: Site) -> Iterator[str]:
    """The id of a request that somebody else has made."""
    somebody = Caller("grace", Role.OPERATOR, "", by_cookie=False)
    request = rollouts.ask(site, somebody, "orders-v3", "apply", "a test")
    site.audit = Audit()
    yield str(request["id"])
    with contextlib.suppress(Refused):  # it was refused already
        rollouts.answer(site, somebody, "orders-v3", request["id"], "refuse", "the test is over")


def ask(client: TestClient, method: str, path: str, body: Any, key: str = "") -> Any:
    if body == "form":
        return client.post(path, data=FORM)
    headers = {"Idempotency-Key": key or f"{method} {path}".replace(" ", "-")} if body is not None else {}
    return client.request(method, path, json=body, headers=headers)


@pytest.mark.parametrize(("method", "path", "body", "statuses"), TABLE, ids=[f"{row[0]} {row[1]}" for row in TABLE])
def test_each_role_may_do_what_the_table_says(
    browser: TestClient,
    as_: Callable[[str], TestClient],
    letter: str,
    asked: str,
    method: str,
    path: str,
    body: Any,
    statuses: tuple[int, int, int, int],
) -> None:
    clients = [browser, *(as_(role) for role in TOKENS)]
    path = path.format(letter=letter, asked=asked)
    answers = [ask(client, method, path, body) for client in clients]
    assert tuple(answer.status_code for answer in answers) == statuses, [answer.text[:300] for answer in answers]


def routes(site: Site) -> Iterator[tuple[str, str]]:
    """Of the API by its own description, and of the pages."""
    of_pages = FastAPI()
    of_pages.include_router(pages)
    for document in (served(site).get("/v1/openapi.json").json(), of_pages.openapi()):
        for path, methods in document["paths"].items():
            yield from ((method.upper(), path) for method in methods)


def test_the_table_has_every_endpoint_and_every_page(site: Site) -> None:
    def shape(path: str) -> list[str]:
        return path.partition("?")[0].split("/")

    listed = [(method, shape(path.format(letter="0/0", asked="3f2a"))) for method, path, _, _ in TABLE]

    def is_listed(method: str, path: str) -> bool:
        wanted = shape(path)
        return any(
            method == other
            and len(parts) == len(wanted)
            and all(want.startswith("{") or want == part for want, part in zip(wanted, parts, strict=True))
            for other, parts in listed
        )

    missing = [f"{m} {path}" for m, path in routes(site) if not is_listed(m, path) and path not in ELSEWHERE]
    assert missing == []


# Posts that change nothing: what is sent is only converted, and whoever signs in or out does so for themselves.
READING = {"/v1/subjects/orders/convert", "/records/pasted", "/sign-in", "/sign-out"}
CHANGING = [row for row in TABLE if row[0] == "POST" and "403" in str(row[3])]


@pytest.mark.parametrize(("method", "path", "body", "_statuses"), CHANGING, ids=[row[1] for row in CHANGING])
@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}],
    ids=str,
)
def test_what_changes_things_is_refused_across_sites(
    as_: Callable[[str], TestClient],
    site: Site,
    method: str,
    path: str,
    body: Any,
    _statuses: Any,
    headers: dict[str, str],
) -> None:
    client = as_("approver")
    client.headers.update(headers)
    answer = ask(client, method, path, body)
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:instar:problem:cross-site"
    assert [(deed.by, deed.outcome) for deed in site.audit.newest()] == [("", "refused")]


def test_whatever_changes_things_is_refused_to_nobody_and_to_viewers() -> None:
    methods = {row[0] for row in TABLE} - {"GET"}
    assert methods == {"POST"}
    changing = [row for row in TABLE if row[0] == "POST" and row[1] not in READING]
    assert [row for row in changing if row[3][:2] != (401, 403)] == []
    assert {row[1] for row in CHANGING} == {row[1] for row in changing}


FORMS = [row[1] for row in CHANGING if row[2] == "form"]


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("csrf", ["", "a guess", None], ids=["none", "a guess", "of another session"])
def test_what_a_form_changes_is_refused_without_the_token_of_its_session(
    site: Site, asked: str, path: str, csrf: str | None
) -> None:
    client, other = served(site), served(site)
    for each in (client, other):
        assert each.post("/sign-in", data={"token": TOKENS["approver"]}).status_code == 303
    if csrf is None:
        text = other.get("/migrations/orders-v3/pause").text
        csrf = text.partition('name="csrf" value="')[2].partition('"')[0]
        assert csrf
    answer = client.post(path.format(asked=asked), data={**FORM, "csrf": csrf})
    assert answer.status_code == 403
    assert "The form was not made by this session." in answer.text


def test_the_same_site_is_no_other_site(as_: Callable[[str], TestClient]) -> None:
    client = as_("operator")
    client.headers.update({"Origin": HERE, "Sec-Fetch-Site": "same-origin"})
    assert ask(client, "POST", f"{M}/resume", {}).status_code == 200
