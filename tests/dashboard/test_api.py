"""What the API answers: the same as the commands, in pages, with problems that say what to do."""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from instar.core.record import Context
from instar.core.subject import Subject
from instar.dashboard.site import Site

M = "/v1/migrations/orders-v3"
ORDER = {
    "order_id": "A-1",
    "customer_name": "Ada Lovelace",
    "street": "1 Harbour Way",
    "city": "Lisbon",
    "created": "2026-01-05T08:00:00Z",
    "status": "SENT",
    "items": [{"sku": "MUG-01", "qty": 2, "price_cents": 1250}],
    "coupon": None,
}


@pytest.fixture
def viewer(as_: Callable[[str], TestClient]) -> TestClient:
    return as_("viewer")


@pytest.fixture
def operator(as_: Callable[[str], TestClient]) -> TestClient:
    return as_("operator")


@pytest.fixture
def orders(site: Site) -> Subject:
    return site.project.catalogue["orders"]


def convert(client: TestClient, **body: Any) -> Any:
    return client.post("/v1/subjects/orders/convert", json={"from": "v1", "to": "v3", **body})


def test_a_record_is_converted_to_any_version_and_back(viewer: TestClient) -> None:
    [made] = convert(viewer, record=ORDER).json()["outputs"]
    assert made["customer"] == {"first": "Ada", "last": "Lovelace"}
    assert made["items"] == [{"sku": "MUG-01", "quantity": 2, "unit_price": "12.50"}]
    assert made["total"] == "25.00"
    body = {"from": "v3", "to": "v1", "record": made}
    [back] = viewer.post("/v1/subjects/orders/convert", json=body).json()["outputs"]
    assert back["customer_name"] == "Ada Lovelace"
    assert back["items"] == ORDER["items"]


def test_a_batch_converts_each_record_by_itself(viewer: TestClient) -> None:
    said = convert(viewer, records=[ORDER, {"order_id": "A-2"}, ORDER | {"created": "last Tuesday"}]).json()
    assert (said["converted"], said["rejected"]) == (1, 2)
    assert said["results"][0]["outputs"][0]["order_id"] == "A-1"
    assert said["results"][2]["rejected"]["code"] == "conversion-failed"


def test_bytes_are_converted_as_the_program_does(viewer: TestClient, orders: Subject) -> None:
    data = orders.versions[1].encode(ORDER)
    assert isinstance(data, bytes)
    program = orders.program(1, 3)
    said = convert(viewer, encoding="base64", record=b64encode(data).decode()).json()
    assert [b64decode(each) for each in said["outputs"]] == program.run(data, Context())  # type: ignore[union-attr]


def test_a_rejected_record_is_a_problem_that_says_where(viewer: TestClient) -> None:
    answer = convert(viewer, record=ORDER | {"created": "last Tuesday"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    rejected = answer.json()["rejected"]
    assert (rejected["hop"], rejected["path"]) == ("v1_to_v2", "created")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"record": ORDER, "records": []},
        {"record": ORDER, "speed": 9},
        {"record": 3},
        {"encoding": "base64", "record": "%"},
    ],
    ids=str,
)
def test_a_conversion_that_makes_no_sense_is_refused(viewer: TestClient, body: dict[str, Any]) -> None:
    assert convert(viewer, **body).status_code == 422


@pytest.mark.parametrize(
    ("content", "status"), [("{", 400), ('{"from": "v1", "from": "v2"}', 400), ("[]", 422), ("null", 422)]
)
def test_a_body_that_is_no_conversion_is_refused(viewer: TestClient, content: str, status: int) -> None:
    headers = {"Content-Type": "application/json"}
    assert viewer.post("/v1/subjects/orders/convert", content=content, headers=headers).status_code == status


def test_a_form_is_no_conversion(viewer: TestClient) -> None:
    assert viewer.post("/v1/subjects/orders/convert", data={"from": "v1"}).status_code == 415


def test_a_program_is_data_and_never_code(viewer: TestClient) -> None:
    said = viewer.get("/v1/subjects/orders/program?from=v1&to=v3").json()
    assert [hop["hop"] for hop in said["hops"]] == ["v1_to_v2", "v2_to_v3"]
    split = said["hops"][0]["changes"][0]
    assert (split["op"], split["up"]) == ("split", {"function": "split_name"})
    assert said["portable"] is False
    assert "partition(" not in json.dumps(said)


def test_a_diff_says_in_words_what_changed(viewer: TestClient) -> None:
    said = viewer.get("/v1/subjects/orders/diff?from=v2&to=v3").json()
    by_path = {change["path"]: change for change in said["changes"]}
    assert by_path["coupon"]["kind"] == "removed"
    assert by_path["coupon"]["risk"] == "destructive"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/subjects/nope", 404),
        ("/v1/subjects/orders/versions/v9", 404),
        ("/v1/subjects/orders/diff?from=v3&to=v1", 422),
        ("/v1/subjects/orders/diff?from=v1", 422),
        ("/v1/migrations/nope", 404),
        ("/v1/topics/nope/records", 422),
        ("/v1/topics/orders/records?partition=9", 404),
        ("/v1/topics/orders/records/0/999999", 404),
        ("/v1/topics/orders/records?at=yesterday", 422),
        ("/v1/topics/orders/records?key=0x1", 422),
        ("/v1/topics/orders/records?version=v9", 422),
        ("/v1/topics/orders/records?subject=nope", 422),
        ("/v1/topics/orders/records?cursor=what", 422),
        ("/v1/topics/orders/records?limit=100000", 422),
        (f"{M}/dead-letters/0/999999", 404),
        ("/v1/nothing", 404),
    ],
)
def test_what_cannot_be_answered_is_a_problem(viewer: TestClient, path: str, status: int) -> None:
    answer = viewer.get(path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert {"type", "title", "status", "detail", "instance"} <= said.keys()
    assert said["status"] == status


def test_a_list_comes_in_pages_that_lose_and_repeat_nothing(viewer: TestClient) -> None:
    whole = [each["offset"] for each in viewer.get("/v1/topics/orders/records?offset=0&limit=200").json()["items"]]
    assert len(whole) > 4
    paged: list[int] = []
    cursor, path = None, "/v1/topics/orders/records?offset=0&limit=4"
    while True:
        said = viewer.get(path + (f"&cursor={cursor}" if cursor else "")).json()
        paged += [each["offset"] for each in said["items"]]
        cursor = said["next"]
        if cursor is None:
            break
    assert paged == whole


def test_dead_letters_come_in_pages_in_the_order_of_their_places(viewer: TestClient) -> None:
    whole = [(each["partition"], each["offset"]) for each in viewer.get(f"{M}/dead-letters").json()["items"]]
    assert whole == sorted(whole)
    first = viewer.get(f"{M}/dead-letters?limit=2").json()
    second = viewer.get(f"{M}/dead-letters?limit=2&cursor={first['next']}").json()
    places = [(each["partition"], each["offset"]) for each in first["items"] + second["items"]]
    assert places == whole[:4]


def test_records_are_chosen_by_key_and_version(viewer: TestClient) -> None:
    of_v2 = viewer.get("/v1/topics/orders/records?offset=0&version=v2").json()["items"]
    assert of_v2
    assert {each["version"] for each in of_v2} == {"v2"}
    key = of_v2[0]["key"]
    assert {each["key"] for each in viewer.get(f"/v1/topics/orders/records?offset=0&key={key}").json()["items"]} == {
        key
    }


def test_sensitive_fields_are_masked_wherever_records_are_shown(viewer: TestClient, site: Site) -> None:
    """The shop's customers: their names and streets are sensitive, their cities are not."""
    names = ("Lovelace", "Hopper", "Turing", "Easley", "Dijkstra", "Liskov", "Plato", "Harbour Way", "Mill Lane")
    record = next(
        each
        for each in viewer.get("/v1/topics/orders/records?offset=0&version=v1").json()["items"]
        if each["value"] is not None
    )
    place = f"{record['partition']}/{record['offset']}"
    causes = site.watcher.seen.migrations["orders-v3"].causes or ()
    letters = [cause.first for cause in causes if cause.first is not None]
    paths = [
        "/v1/topics/orders/records?offset=0",
        f"/v1/topics/orders/records/{place}",
        f"{M}/dead-letters",
        "/records?topic=orders&offset=0",
        f"/records/orders/{place}",
        "/dead-letters",
        *(f"{M}/dead-letters/{first[0]}/{first[1]}" for first in letters),
        *(f"/dead-letters/orders-v3/{first[0]}/{first[1]}" for first in letters),
    ]
    for path in paths:
        text = viewer.get(path).text
        assert "***" in text or "letters" in path
        assert not [name for name in names if name in text], path


def test_what_is_asked_twice_under_one_key_is_done_once(operator: TestClient, site: Site) -> None:
    headers = {"Idempotency-Key": "once"}
    first = operator.post(f"{M}/rate", json={"rate": "5000/s"}, headers=headers)
    again = operator.post(f"{M}/rate", json={"rate": "5000/s"}, headers=headers)
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert [deed.what for deed in site.audit.newest()] == ["rate"]
    other = operator.post(f"{M}/rate", json={"rate": "1/s"}, headers=headers)
    assert (other.status_code, other.json()["type"]) == (422, "urn:instar:problem:key-reused")


def test_what_changes_things_needs_a_key(operator: TestClient, site: Site) -> None:
    assert operator.post(f"{M}/pause", json={}).status_code == 422
    assert site.audit.newest() == []


def test_a_pause_is_seen_by_whoever_looks_and_taken_back(operator: TestClient, site: Site) -> None:
    said = operator.post(f"{M}/pause", json={"why": "the disk is full"}, headers={"Idempotency-Key": "p1"}).json()
    assert said["paused"] is True
    statuses = operator.get(M).json()["statuses"]
    assert {status["state"] for status in statuses} == {"paused"}
    assert "operator-1: the disk is full" in statuses[0]["paused"]
    operator.post(f"{M}/resume", json={}, headers={"Idempotency-Key": "p2"})
    assert "paused" not in {status["state"] for status in operator.get(M).json()["statuses"]}
    assert [deed.what for deed in site.audit.newest()] == ["resume", "pause"]


def test_a_redrive_is_shown_and_not_done_until_it_is_executed(operator: TestClient, site: Site) -> None:
    before = operator.get(f"{M}/dead-letters?outstanding=true").json()["items"]
    said = operator.post(f"{M}/dead-letters/redrive", json={}, headers={"Idempotency-Key": "r"}).json()
    assert said["executed"] is False
    assert sum(said["results"].values()) == len(before)
    assert operator.get(f"{M}/dead-letters?outstanding=true").json()["items"] == before
    assert site.audit.newest() == []


def test_a_discard_needs_the_name_again(operator: TestClient) -> None:
    body = {"reason": "a test", "execute": True, "confirm": "orders"}
    answer = operator.post(f"{M}/dead-letters/discard", json=body, headers={"Idempotency-Key": "d"})
    assert answer.status_code == 422
    assert "name again" in answer.json()["detail"]


def test_a_discarded_letter_is_settled_with_who_and_why(operator: TestClient, viewer: TestClient) -> None:
    letter = viewer.get(f"{M}/dead-letters?outstanding=true").json()["items"][-1]
    place = [letter["partition"], letter["offset"]]
    body = {"letters": [place], "reason": "test data", "execute": True, "confirm": "orders-v3"}
    said = operator.post(f"{M}/dead-letters/discard", json=body, headers={"Idempotency-Key": "d1"}).json()
    assert said["letters"] == 1
    after = viewer.get(f"{M}/dead-letters/{place[0]}/{place[1]}").json()["settled"]
    assert (after["deed"], after["by"], after["reason"]) == ("discarded", "operator-1", "test data")
