"""What somebody hostile sends, stores or asks for does nothing to whoever looks at the dashboard, nor to the server."""

import json
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import sync_playwright
from starlette.testclient import TestClient
from tests.support.browsing import chromium, served_at
from tests.support.folders import write_files
from tests.support.projects import FIRST_MS, Event, produce
from tests.support.serving import TOKENS, served
from tests.support.shop import FILES

from instar.core.ledger import Entry
from instar.core.retirement import Group, Reason, Verdict
from instar.core.rollout.phase import Phase
from instar.core.rollout.state import Rollout, Underway
from instar.dashboard import guard, rollouts
from instar.dashboard.callers import COOKIE, Caller, Role
from instar.dashboard.form_token import padded, unpadded
from instar.dashboard.site import Site, open_site
from instar.dashboard.watcher import CauseSeen, Seen, Watcher
from instar.project.project import load_project
from instar.rollout.evidence import GroupsSeen
from instar.state.approvals import Request

ATTACK = '"\'><img src=x onerror="window.hacked=1"><script>window.hacked=1</script></textarea></pre>{{7*7}}'
M = "sales-v3"
FOUND = """() => ({ hacked: window.hacked ?? null,
  markup: document.querySelectorAll("img, script:not([src]), [onerror]").length, said: document.body.innerText })"""


class Still(Watcher):
    """What it has seen stays what it is."""

    def look(self, *, thoroughly: bool = False) -> Seen:
        return self.seen


@pytest.fixture
def attacked(looked_at: Site, tmp_path: Path) -> Site:
    """Wherever a name, a reason, a message or a record of somebody else's is shown, it is an attack."""
    files = {
        **FILES,
        "schemas/sales/subject.toml": f"owner = {json.dumps(ATTACK)}\ndescription = {json.dumps(ATTACK)}\n",
    }
    broker = looked_at.connection.settings()["bootstrap.servers"]
    files["instar.toml"] = files["instar.toml"].replace("127.0.0.1:1", broker)
    site = open_site(load_project(write_files(tmp_path, files)))
    kafka = site.connection.settings()
    value = site.project.catalogue["sales"].versions[1].encode({"id": 1, "buyer": ATTACK, "cents": 1, "note": ATTACK})
    assert isinstance(value, bytes)
    headers = (("instar-version", b"v1"), (ATTACK, ATTACK.encode()))
    for content in (value, ATTACK.encode()):
        produce(kafka, "sales", [Event(content, 0, ATTACK.encode(), headers, FIRST_MS)])
    site.connection.cluster().create("sales.v3.dlq", 4, {})
    reason = Reason("groups", "no", ATTACK, ATTACK, ATTACK)
    unseen = Reason("clients", "unknown", ATTACK, ATTACK)
    underway = Underway(ATTACK, Phase.VERIFIED, Phase.SWITCHED, ATTACK, ATTACK, 0, ())
    groups = (Group(ATTACK, 1, 1, owner=ATTACK),)
    attacker = Caller(ATTACK, Role.OPERATOR, "", by_cookie=False)
    rollouts.ask(site, attacker, M, "apply", ATTACK)  # for the ledger
    look = site.watcher.look(thoroughly=True).migrations[M]
    look = replace(
        look,
        causes=(CauseSeen("up", ATTACK, ATTACK, ATTACK, 1, 0, 0, (0, 0), ATTACK),),
        groups={"sales": GroupsSeen(groups), "sales.v3": GroupsSeen(groups)},
        verdicts=(Verdict("sales", "v1", M, "sales", (reason, unseen)),),
        rollout=Rollout(M, Phase.VERIFIED, underway=underway),
        entries=(Entry("local", 1, M, 0, ATTACK, ATTACK, ATTACK, "", "{}"),),
        requests=(Request("3f2a", M, "apply", "", ATTACK, 0, ATTACK, 0, ATTACK, 0, ATTACK, 0, "open"),),
    )
    watcher = Still(site.project, site.connection)
    watcher.seen = replace(site.watcher.seen, at_s=time.time(), migrations={M: look})
    site.watcher = watcher
    site.audit.note(attacker, ATTACK, ATTACK, ATTACK)
    return site


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_what_others_wrote_is_text_on_every_page(attacked: Site) -> None:
    path = chromium()
    attack = quote(ATTACK, safe="")
    pages = {
        "/": 3, f"/migrations/{M}": 3, "/subjects": 1, "/subjects/sales": 3, "/dead-letters": 2, "/consumers": 1,
        "/history": 2, "/history/servers": 3, "/records?topic=sales&offset=0": 2, "/records/sales/0/0": 3,
        f"/dead-letters/{M}/settle/redrive?code={attack}": 1, f"/migrations/{M}/rollout/switch?waive={attack}": 0,
        f"/records?topic=sales&key={attack}": 0, f"/consumers?name={attack}": 1, f"/subjects/{attack}": 0,
    }  # fmt: skip
    with served_at(attacked) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_context(base_url=address, bypass_csp=True).new_page()  # nothing else holds it back
        for where, times in pages.items():
            page.goto(where)
            found = page.evaluate(FOUND)
            assert (found["hacked"], found["markup"]) == (None, 0), where
            assert found["said"].count("onerror=") >= times, (where, found["said"])
            assert "49" not in found["said"].replace(str(FIRST_MS), ""), where
        browser.close()


@pytest.mark.parametrize(
    "path", ["../app.py", "..%2fapp.py", "%2e%2e/app.py", "%2e%2e%2fapp.py", "/etc/passwd", "..%5capp.py", "%00", "."]
)
def test_only_our_own_files_are_static(attacked: Site, path: str) -> None:
    with served_at(attacked) as address:
        host, _, port = address.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as sent:  # a client would tidy the path up
            sent.sendall(f"GET /static/{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            answer = b"".join(iter(lambda: sent.recv(65_536), b""))
    assert answer.split()[1] in (b"404", b"400"), answer[:300]


@pytest.mark.parametrize("path", ["/records/orders/-1/0", "/records/orders/0/-1", "/dead-letters/orders-v3/-1/0"])
def test_a_place_that_cannot_be_is_no_fault_of_ours(as_: Callable[[str], TestClient], path: str) -> None:
    assert as_("viewer").get(path).status_code == 422


@pytest.mark.parametrize("onwards", ["/\r\nSet-Cookie: a=b", "/%0d%0aSet-Cookie:%20a=b", "/\u2028x", "/\x00"])
def test_where_somebody_goes_after_signing_in_adds_no_header(browser: TestClient, onwards: str) -> None:
    answer = browser.post("/sign-in", data={"token": TOKENS["viewer"], "onwards": onwards})
    assert answer.status_code == 303
    assert [name.partition("=")[0] for name in answer.headers.get_list("set-cookie")] == [COOKIE]
    assert not set(answer.headers["location"]) & set("\r\n\x00")


@pytest.mark.parametrize("nested", ["[" * 100_000, '{"a":' * 100_000, "[" * 50_000 + "]" * 50_000, "9" * 10_000])
def test_a_body_that_is_made_to_break_a_parser_is_refused(as_: Callable[[str], TestClient], nested: str) -> None:
    client = as_("operator")
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
    for path in ("subjects/orders/convert", "migrations/orders-v3/pause", "migrations/orders-v3/dead-letters/redrive"):
        assert client.post(f"/v1/{path}", content=f'{{"record": {nested}', headers=headers).status_code == 400
    form = {"subject": "orders", "start": "v1", "content": nested}
    assert client.post("/records/pasted", data=form).status_code in (200, 400)  # 400: longer than a field may be


@pytest.mark.parametrize("path", ["/v1/migrations/orders-v3/pause", "/records/pasted"])
def test_a_body_that_grows_past_the_limit_is_refused_wherever_it_is_read(
    as_: Callable[[str], TestClient], path: str
) -> None:
    parts = (b"a" * 65_536 for _ in range(guard.MAX_BODY_BYTES // 65_536 + 1))
    kind = "application/json" if "v1" in path else "application/x-www-form-urlencoded"
    answer = as_("operator").post(path, content=parts, headers={"Content-Type": kind, "Idempotency-Key": "k"})
    assert answer.status_code == 413


def test_a_body_that_never_ends_is_waited_for_only_so_long(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_WITHIN_S", 0.3)
    with served_at(site) as address:
        host, _, port = address.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=30) as sent:
            head = f"POST /sign-in HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n"
            sent.sendall(f"{head}Content-Type: application/x-www-form-urlencoded\r\n\r\ntoken=".encode())
            assert sent.recv(1_000).split()[1] == b"408"


def test_a_stream_outlives_the_time_that_bodies_have(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_WITHIN_S", 0.1)
    headers = {"Authorization": f"Bearer {TOKENS['viewer']}"}
    with served_at(site) as address, httpx.stream("GET", f"{address}/v1/events", headers=headers, timeout=30) as answer:
        looks = [line for line in islice(answer.iter_lines(), 9) if line.startswith("id: ")]
    assert len(looks) == 2  # three seconds lie between them


def test_what_forms_carry_is_written_otherwise_each_time(browser: TestClient) -> None:
    browser.post("/sign-in", data={"token": TOKENS["operator"]})
    forms = {browser.get("/migrations/orders-v3/pause").text.partition('name="csrf" value="')[2][:60] for _ in range(5)}
    assert len(forms) == 5


@given(st.text(min_size=1, max_size=100).filter(str.isascii))
def test_what_a_form_carried_is_read_back(secret: str) -> None:
    assert unpadded(padded(secret)) == secret.encode()


@given(st.text(max_size=100))
def test_what_no_form_of_ours_carried_is_nothing(sent: str) -> None:
    assert unpadded(sent) != b"a secret of ours"


def test_pages_are_kept_by_nobody_and_static_files_are_asked_for_again(as_: Callable[[str], TestClient]) -> None:
    client = as_("viewer")
    assert client.get("/").headers["cache-control"] == "no-store"
    assert client.get("/v1/subjects").headers["cache-control"] == "no-store"
    style = client.get("/static/style.css")
    assert style.headers["cache-control"] == "no-cache"
    again = client.get("/static/style.css", headers={"If-None-Match": style.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_behind_tls_the_cookie_goes_nowhere_else(looked_at: Site) -> None:
    settings = looked_at.project.settings
    serve = settings.serve.model_copy(update={"https": True})
    project = replace(looked_at.project, settings=settings.model_copy(update={"serve": serve}))
    client = served(replace(looked_at, project=project))
    answer = client.post("/sign-in", data={"token": TOKENS["viewer"]})
    (cookie,) = answer.headers.get_list("set-cookie")
    assert {"Secure", "HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert "max-age=" in answer.headers["strict-transport-security"]
