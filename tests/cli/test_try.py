import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.command import Ran, instar
from tests.support.folders import PEOPLE, json_object, write_files
from tests.support.shop import BECOMES_TWO, ENDS, FAILS, FILES, sale


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write_files(tmp_path, FILES)


def tried(root: Path, record: Any, *arguments: object) -> Ran:
    text = record if isinstance(record, str) else json.dumps(record)
    return instar("try", *arguments, at=root, stdin=text)


def test_each_version_is_shown_with_what_the_hop_changed(shop: Path) -> None:
    ran = tried(shop, sale(1), "sales", "v1", "v3")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert [line for line in lines if line in ("v1", "v2", "v3")] == ["v1", "v2", "v3"]
    assert "v1_to_v2  Prices are decimal." in lines
    assert "  - cents: 150" in lines
    assert "  + price: 1.50" in lines
    assert '  + channel: "WEB"' in lines
    assert "a hop may print" not in ran.out


def test_json_has_the_stages_as_data(shop: Path) -> None:
    document = tried(shop, sale(1), "sales", "v1", "v3", "-o", "json").json
    assert [(stage["version"], stage["hop"]) for stage in document["stages"]] == [
        ("v1", None),
        ("v2", "v1_to_v2"),
        ("v3", "v2_to_v3"),
    ]
    last = document["stages"][-1]["records"][0]
    assert last["value"] == {"id": 1, "buyer": "Ada 1", "price": "1.50", "note": None, "channel": "WEB"}
    assert last["changes"] == [{"kind": "added", "path": "channel", "after": "WEB"}]
    assert document["rejected"] is None


def test_the_way_down_is_shown_too(tmp_path: Path) -> None:
    ran = tried(write_files(tmp_path, PEOPLE), {"full_name": "Ada", "kind": "person"}, "people", "v3", "v1")
    assert ran.code == 0
    assert "v2_to_v3  downwards" in ran.out
    assert '  ~ full_name → name: "Ada"' in ran.out.splitlines()


def test_a_rejection_names_hop_and_reason_and_exits_3(shop: Path) -> None:
    ran = tried(shop, sale(FAILS), "sales", "v1", "v3")
    assert ran.code == 3
    assert "rejected hop-raised  in v1_to_v2" in ran.out
    assert "unlucky" in ran.out
    document = tried(shop, sale(FAILS), "sales", "v1", "v3", "-o", "json").json
    assert document["rejected"]["hop"] == "v1_to_v2"
    assert document["rejected"]["from_version"] == "v1"


def test_an_event_that_becomes_several_shows_each(shop: Path) -> None:
    ran = tried(shop, sale(BECOMES_TWO), "sales", "v1", "v3")
    assert ran.code == 0
    assert "v3  record 1 of 2" in ran.out
    assert "v3  record 2 of 2" in ran.out


def test_an_event_that_ends_says_so(shop: Path) -> None:
    ran = tried(shop, sale(ENDS), "sales", "v1", "v3")
    assert ran.code == 0
    assert "v2  no record: the event ends here" in ran.out


@pytest.mark.parametrize(
    ("record", "code", "path"),
    [
        ('{"id": 1', "unreadable", None),
        ({"id": "one", "buyer": "Ada", "cents": 1, "note": None}, "unreadable", "id"),
        ({"id": 1, "cents": 1, "note": None}, "invalid-input", "buyer"),
    ],
)
def test_a_record_that_is_none_of_the_version_is_rejected_with_its_path(
    shop: Path, record: Any, code: str, path: str | None
) -> None:
    ran = tried(shop, record, "sales", "v1", "v3", "-o", "json")
    assert ran.code == 3
    assert ran.json["rejected"]["code"] == code
    assert ran.json["rejected"]["path"] == path


def test_numbers_keep_all_their_digits(tmp_path: Path) -> None:
    files = {
        "instar.toml": "format = 1\n",
        "schemas/numbers/v1.json": json_object({"n": {"type": "number"}, "m": {"type": "integer"}}),
    }
    text = '{"n": 0.1000000000000000055, "m": 123456789012345678901234567890}'
    ran = tried(write_files(tmp_path, files), text, "numbers", "v1", "v1", "-o", "json")
    assert '"n": 0.1000000000000000055' in ran.out
    assert '"m": 123456789012345678901234567890' in ran.out


def test_no_way_down_through_a_one_way_hop(shop: Path) -> None:
    ran = tried(shop, {}, "sales", "v3", "v1")
    assert ran.code == 3
    assert "one-way" in ran.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("sale", "v1", "v3"), "did you mean `sales`?"),
        (("sales", "1", "v3"), "versions are written like v1"),
        (("sales", "v1", "v9"), "It has v1, v2, v3."),
        (("sales", "v1"), "Missing argument"),
    ],
)
def test_a_wrong_command_line_exits_2_and_says_what_is_right(shop: Path, arguments: tuple[str, ...], said: str) -> None:
    ran = tried(shop, sale(1), *arguments)
    assert ran.code == 2
    assert said in ran.err
    assert ran.out == ""


def test_an_empty_stdin_exits_2_and_says_how_to_give_a_record(shop: Path) -> None:
    ran = tried(shop, "  \n", "sales", "v1", "v3")
    assert ran.code == 2
    assert "instar try orders v1 v3 <" in ran.err


def test_a_missing_hop_is_the_projects_error_with_its_file(tmp_path: Path) -> None:
    root = write_files(tmp_path, {**PEOPLE, "upcasters/people/v1_to_v2.py": None})
    ran = tried(root, {"name": "Ada"}, "people", "v1", "v3")
    assert ran.code == 1
    assert "add upcasters/people/v1_to_v2.py" in ran.err
