"""What stands between the dashboard and those who should not use it."""

from collections.abc import Callable
from hashlib import sha256

import pytest
from starlette.testclient import TestClient
from tests.support.serving import HERE, TOKENS, served

from instar.dashboard.callers import COOKIE
from instar.dashboard.guard import MAX_BODY_BYTES, Limiter
from instar.dashboard.site import Site

WHY = {"why": "a test"}


def sign_in(client: TestClient, role: str, onwards: str = "/") -> str:
    answer = client.post("/sign-in", data={"token": TOKENS[role], "onwards": onwards})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def csrf_of(client: TestClient, path: str) -> str:
    text = client.get(path).text
    return text.partition('name="csrf" value="')[2].partition('"')[0]


def test_a_browser_signs_in_once_and_keeps_no_token(browser: TestClient) -> None:
    assert browser.get("/migrations").headers["location"] == "/sign-in?next=/migrations"
    assert sign_in(browser, "viewer", "/migrations") == "/migrations"
    cookie = next(each for each in browser.cookies.jar if each.name == COOKIE)
    assert cookie.value not in TOKENS.values()
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "strict"
    assert "viewer-1 · viewer" in browser.get("/migrations").text


@pytest.mark.parametrize("onwards", ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere", "data:,1"])
def test_signing_in_leads_to_our_own_pages_only(browser: TestClient, onwards: str) -> None:
    assert sign_in(browser, "viewer", onwards) == "/"


@pytest.mark.parametrize("token", ["", "guess", sha256(TOKENS["viewer"].encode()).hexdigest()])
def test_a_wrong_token_opens_nothing(browser: TestClient, token: str) -> None:
    answer = browser.post("/sign-in", data={"token": token})
    assert answer.status_code == 401
    assert not token or token not in answer.text
    bearer = browser.get("/v1/subjects", headers={"Authorization": f"Bearer {token}"})
    assert bearer.status_code == 401
    assert bearer.headers["www-authenticate"].startswith("Bearer")


def test_signing_out_ends_the_session(browser: TestClient) -> None:
    sign_in(browser, "viewer")
    cookie = browser.cookies[COOKIE]
    assert browser.post("/sign-out", data={"csrf": csrf_of(browser, "/")}).status_code == 303
    assert browser.get("/history", headers={"Cookie": f"{COOKIE}={cookie}"}).status_code == 303


def test_a_form_of_another_session_is_refused(browser: TestClient, site: Site) -> None:
    sign_in(browser, "operator")
    for csrf in ("", "guess"):
        answer = browser.post("/migrations/orders-v3/pause", data={"csrf": csrf, **WHY})
        assert answer.status_code == 403
    assert [(deed.by, deed.what, deed.outcome) for deed in site.audit.newest()] == [
        ("operator-1", "pause", "refused")
    ] * 2
    csrf = csrf_of(browser, "/migrations/orders-v3/pause")
    assert browser.post("/migrations/orders-v3/pause", data={"csrf": csrf, **WHY}).status_code == 303
    assert browser.post("/migrations/orders-v3/resume", data={"csrf": csrf}).status_code == 303
    assert [deed.what for deed in site.audit.newest() if deed.outcome == "done"] == ["resume", "pause"]


def test_a_cookie_alone_changes_nothing_through_the_api(browser: TestClient, site: Site) -> None:
    """A form of another site can send neither the key nor the media type without asking us, and we never agree."""
    sign_in(browser, "operator")
    answer = browser.post("/v1/migrations/orders-v3/pause", content="{}", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 422
    preflight = browser.options("/v1/migrations/orders-v3/pause", headers={"Origin": "https://elsewhere.example"})
    assert "access-control-allow-origin" not in preflight.headers
    assert site.audit.newest() == []


def test_every_answer_forbids_what_pages_do_not_need(browser: TestClient, empty: TestClient) -> None:
    for client, path in ((browser, "/sign-in"), (browser, "/v1/subjects"), (empty, "/"), (empty, "/static/live.js")):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


def test_no_page_holds_a_script_or_style_of_its_own(as_: Callable[[str], TestClient]) -> None:
    client = as_("operator")
    for path in ("/", "/migrations/orders-v3", "/subjects/orders", "/records?topic=orders", "/dead-letters"):
        text = client.get(path).text
        assert "<style" not in text
        assert " style=" not in text
        assert " onclick=" not in text
        assert text.count("<script") == text.count('<script type="module" src="/static/')


@pytest.mark.parametrize("host", ["attacker.example", "attacker.example:8300", "127.0.0.1.attacker.example", ""])
def test_without_tokens_a_foreign_name_is_refused(empty: TestClient, host: str) -> None:
    assert empty.get("/", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost:8300", "127.0.0.1", "[::1]:8300"])
def test_without_tokens_this_machine_is_let_in(empty: TestClient, host: str) -> None:
    assert empty.get("/", headers={"Host": host}).status_code == 200


def test_what_is_pasted_is_text_and_never_markup(as_: Callable[[str], TestClient]) -> None:
    attack = '"><script>alert(1)</script>'
    form = {"subject": "orders", "start": "v1", "content": attack}
    text = as_("viewer").post("/records/pasted", data=form).text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert "<script>alert" not in as_("viewer").get("/records", params={"topic": "orders", "key": attack}).text


def test_a_body_that_is_too_large_is_refused(as_: Callable[[str], TestClient]) -> None:
    large = b" " * (MAX_BODY_BYTES + 1)
    path, headers = "/v1/subjects/orders/convert", {"Content-Type": "application/json"}
    assert as_("viewer").post(path, content=large, headers=headers).status_code == 413
    in_parts = (large[start : start + 65_536] for start in range(0, len(large), 65_536))
    assert as_("viewer").post(path, content=in_parts, headers=headers).status_code == 413


def test_too_many_requests_are_told_when_to_come_again(site: Site) -> None:
    now_s = 0.0
    limiter = Limiter(rate_per_s=1.0, burst=3.0, now_s=lambda: now_s)
    client = served(site, limiter=limiter)
    assert [client.get("/sign-in").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert client.get("/sign-in").headers["retry-after"] == "1"
    now_s = 1.0
    assert client.get("/sign-in").status_code == 200


def test_no_token_and_no_hash_of_one_is_ever_shown(as_: Callable[[str], TestClient], browser: TestClient) -> None:
    secrets = [*TOKENS.values(), *(sha256(token.encode()).hexdigest() for token in TOKENS.values())]
    for client in (as_("approver"), browser):
        for path in ("/", "/history", "/v1/", "/v1/audit", "/v1/openapi.json", "/sign-in"):
            text = client.get(path).text
            assert not [secret for secret in secrets if secret in text]


def test_the_own_origin_is_told_by_its_host(as_: Callable[[str], TestClient]) -> None:
    client = as_("operator")
    for origin, status in ((HERE, 422), ("https://127.0.0.1:8300", 422), ("http://127.0.0.1:9", 403), ("null", 403)):
        answer = client.post("/v1/migrations/orders-v3/pause", json={}, headers={"Origin": origin})
        assert answer.status_code == status  # 422: it came through, and lacks its key
