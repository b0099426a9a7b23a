import base64
import io
import json
from pathlib import Path
from typing import Any

import fastavro
import pytest
from tests.support.command import Ran, instar
from tests.support.folders import PEOPLE, write_files
from tests.support.shop import BECOMES_TWO, ENDS, FAILS, FILES, V1, V2, V3, at_v3, sale

PAYLOAD_FIELD = """
    format = 1
    [migrations.people-v3]
    subjects = ["people"]
    source = { topic = "people", framing = { kind = "payload-field", field = "format", default = "v1" } }
    target = { topic = "people.v3", version = "v3" }
    """


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    return write_files(tmp_path, FILES)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return write_files(tmp_path, PEOPLE)


def archive(path: Path, records: list[dict[str, Any]], schema: Any = V1, codec: str = "null", **more: Any) -> bytes:
    out = io.BytesIO()
    fastavro.writer(out, schema, records, codec=codec, **more)
    path.write_bytes(out.getvalue())
    return out.getvalue()


def contents(path: Path) -> list[Any]:
    with path.open("rb") as file:
        return list(fastavro.reader(file))


def convert(root: Path, *arguments: object, subject: str = "sales", to: str = "v3") -> Ran:
    return instar("convert", *arguments, "--subject", subject, "--to", to, at=root)


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --------------------------------------------------------------------------------------------------- containers


@pytest.mark.parametrize("codec", ["null", "deflate", "bzip2", "xz", "snappy"])
def test_a_container_keeps_records_order_codec_and_metadata(shop: Path, codec: str) -> None:
    sales = [sale(number) for number in range(100, 400)]
    archive(shop / "old/a.avro", sales, codec=codec, metadata={"origin": "till 7"})
    ran = convert(shop, "old/a.avro", "--output", "new", "-o", "json")
    assert ran.code == 0
    assert contents(shop / "new/a.avro") == [at_v3(each) for each in sales]
    with (shop / "new/a.avro").open("rb") as file:
        reader = fastavro.reader(file)
        assert (reader.codec, reader.metadata["origin"]) == (codec, "till 7")
    (row,) = ran.json
    assert (row["read"], row["written"], row["rejected"], row["from"]) == (300, 300, 0, {"v1": 300})


def test_the_same_archive_converts_to_the_same_bytes(shop: Path) -> None:
    archive(shop / "old/a.avro", [sale(1), sale(2)])
    assert convert(shop, "old/a.avro", "--output", "new/one.avro").code == 0
    assert convert(shop, "old/a.avro", "--output", "new/two.avro").code == 0
    assert (shop / "new/one.avro").read_bytes() == (shop / "new/two.avro").read_bytes()


def test_an_archive_can_be_empty(shop: Path) -> None:
    archive(shop / "old/a.avro", [])
    assert convert(shop, "old/a.avro", "--output", "new/a.avro").code == 0
    assert contents(shop / "new/a.avro") == []


def test_fan_out_and_ends_are_counted(shop: Path) -> None:
    archive(shop / "old/a.avro", [sale(1), sale(ENDS), sale(BECOMES_TWO)])
    ran = convert(shop, "old/a.avro", "--output", "new/a.avro", "-o", "json")
    assert [record["id"] for record in contents(shop / "new/a.avro")] == [1, 15, 16]
    (row,) = ran.json
    assert (row["read"], row["written"], row["dropped"]) == (3, 3, 1)


def test_a_file_says_its_version_itself_and_already_new_ones_stay(shop: Path) -> None:
    archive(shop / "old/b.avro", [at_v3(sale(1))], schema=V3)
    assert convert(shop, "old/b.avro", "--output", "new/b.avro").code == 0
    assert contents(shop / "new/b.avro") == [at_v3(sale(1))]


def test_a_schema_that_is_no_version_is_refused_and_not_guessed(shop: Path) -> None:
    almost = {**V1, "fields": [*V1["fields"][:3], {"name": "note", "type": ["null", "string"]}]}  # no default
    archive(shop / "old/c.avro", [sale(1)], schema=almost)
    ran = convert(shop, "old/c.avro", "--output", "new/c.avro")
    assert ran.code == 1
    assert "equals no version of sales" in ran.err
    assert leftovers(shop / "new") == []


def test_a_from_that_contradicts_the_file_is_refused(shop: Path) -> None:
    archive(shop / "old/a.avro", [{**at_v3(sale(1))}], schema=V2)
    ran = convert(shop, "old/a.avro", "--from", "v1", "--output", "new/a.avro")
    assert ran.code == 1
    assert "is sales v2, not v1" in ran.err


def test_no_chain_no_conversion(shop: Path) -> None:
    archive(shop / "old/b.avro", [at_v3(sale(1))], schema=V3)
    ran = convert(shop, "old/b.avro", "--output", "new/b.avro", to="v1")
    assert ran.code == 1
    assert "one-way" in ran.err


# --------------------------------------------------------------------------------------------------- rejected


def test_one_rejected_record_fails_the_run_and_nothing_is_left(shop: Path) -> None:
    archive(shop / "old/a.avro", [sale(1)])
    archive(shop / "old/b.avro", [sale(2), sale(FAILS)])
    ran = convert(shop, "old/a.avro", "old/b.avro", "--output", "new")
    assert ran.code == 1
    assert "old/b.avro, block 1, record 2: hop-raised  in v1_to_v2" in ran.err
    assert "1 record was rejected; nothing was written" in ran.err
    assert "Ada 13" not in ran.err  # the buyer is sensitive, and the exception quotes it
    assert leftovers(shop / "new") == []


def test_rejects_are_put_aside_whole_and_the_rest_is_converted(shop: Path) -> None:
    archive(shop / "old/a.avro", [sale(1), sale(FAILS), sale(2)])
    ran = convert(shop, "old/a.avro", "--output", "new/a.avro", "--rejects", "new/rejects.jsonl", "-o", "json")
    assert ran.code == 0
    assert [record["id"] for record in contents(shop / "new/a.avro")] == [1, 2]
    (line,) = (shop / "new/rejects.jsonl").read_text().splitlines()
    rejected = json.loads(line)
    assert (rejected["place"], rejected["code"], rejected["hop"]) == ("block 1, record 2", "hop-raised", "v1_to_v2")
    body = io.BytesIO(base64.b64decode(rejected["base64"]))
    assert fastavro.schemaless_reader(body, fastavro.parse_schema(V1), None) == sale(FAILS)
    assert ran.json[0]["rejected"] == 1


def test_without_a_reject_there_is_no_file_of_rejects(shop: Path) -> None:
    archive(shop / "old/a.avro", [sale(1)])
    assert convert(shop, "old/a.avro", "--output", "new/a.avro", "--rejects", "new/rejects").code == 0
    assert leftovers(shop / "new") == ["a.avro"]


def test_a_damaged_file_fails_even_where_rejects_are_put_aside(shop: Path) -> None:
    whole = archive(shop / "old/a.avro", [sale(number) for number in range(100)])
    (shop / "old/a.avro").write_bytes(whole[:-10])
    ran = convert(shop, "old/a.avro", "--output", "new/a.avro", "--rejects", "new/rejects")
    assert ran.code == 1
    assert "old/a.avro is damaged" in ran.err
    assert leftovers(shop / "new") == []


def test_a_signal_leaves_nothing_behind(shop: Path) -> None:
    hop = FILES["upcasters/sales/v1_to_v2.py"].replace(
        'print("a hop may print")',
        'import os, signal; record["id"] == 3 and os.kill(os.getpid(), signal.SIGTERM)',
    )
    write_files(shop, {"upcasters/sales/v1_to_v2.py": hop})
    archive(shop / "old/a.avro", [sale(3)] + [sale(20)] * 1_000)
    ran = convert(shop, "old/a.avro", "--output", "new/a.avro")
    assert ran.code == 143
    assert leftovers(shop / "new") == []


# --------------------------------------------------------------------------------------------------- JSON


def test_json_lines_go_up_and_come_back_down(people: Path) -> None:
    (people / "a.jsonl").write_text('{"name": "Ada"}\n\n{"name": "Bob"}\n')
    assert convert(people, "a.jsonl", "--from", "v1", "--output", "up.jsonl", subject="people").code == 0
    assert [json.loads(line) for line in (people / "up.jsonl").read_text().splitlines()] == [
        {"full_name": "Ada", "kind": "person"},
        {"full_name": "Bob", "kind": "person"},
    ]
    down = convert(people, "up.jsonl", "--from", "v3", "--output", "down.jsonl", subject="people", to="v1")
    assert down.code == 0
    assert (people / "down.jsonl").read_text() == '{"name":"Ada"}\n{"name":"Bob"}\n'


def test_a_single_document_stays_one(people: Path) -> None:
    (people / "a.json").write_text('{\n  "name": "Ada"\n}\n')
    assert convert(people, "a.json", "--from", "v1", "--output", "b.json", subject="people").code == 0
    assert json.loads((people / "b.json").read_text()) == {"full_name": "Ada", "kind": "person"}


def test_json_of_an_avro_subject_is_in_the_readable_notation(shop: Path) -> None:
    (shop / "old/a.jsonl").write_text(json.dumps(sale(1)) + "\n" + json.dumps(sale(2)) + "\n")
    assert convert(shop, "old/a.jsonl", "--from", "v1", "--output", "new/a.jsonl").code == 0
    first = json.loads((shop / "new/a.jsonl").read_text().splitlines()[0])
    assert first == {"id": 1, "buyer": "Ada 1", "price": "1.50", "note": None, "channel": "WEB"}


def test_a_version_field_says_which_version_each_record_has(people: Path) -> None:
    lines = [{"name": "Ada"}, {"full_name": "Bob", "format": 2}, {"full_name": "Eve", "kind": "person", "format": "v3"}]
    files = {"instar.toml": PAYLOAD_FIELD}
    for version, fields in (("v1", {"name": {}}), ("v2", {"full_name": {}}), ("v3", {"full_name": {}, "kind": {}})):
        schema = {"type": "object", "properties": {**fields, "format": {}}, "required": list(fields)}
        files[f"schemas/people/{version}.json"] = schema  # type: ignore[assignment]
    write_files(people, files)
    (people / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    ran = convert(people, "a.jsonl", "--output", "b.jsonl", "-o", "json", subject="people")
    assert ran.code == 0, ran.err
    assert ran.json[0]["from"] == {"v1": 1, "v2": 1, "v3": 1}
    made = [json.loads(line) for line in (people / "b.jsonl").read_text().splitlines()]
    assert [(each["full_name"], each["kind"], each["format"]) for each in made] == [
        ("Ada", "person", 3),
        ("Bob", "person", 3),
        ("Eve", "person", 3),
    ]


def test_bad_lines_are_named_by_their_number(people: Path) -> None:
    (people / "a.jsonl").write_bytes(b'{"name": "Ada"}\n\n{"nam": 1}\n{"name"\n\xff\n')
    ran = convert(people, "a.jsonl", "--from", "v1", "--output", "b", "--rejects", "r", subject="people")
    assert ran.code == 0
    rejected = [json.loads(line) for line in (people / "r").read_text().splitlines()]
    assert [(each["place"], each["code"]) for each in rejected] == [
        ("line 3", "invalid-input"),
        ("line 4", "unreadable"),
        ("line 5", "invalid-utf8"),
    ]
    assert rejected[2]["base64"] == "/w=="


def test_json_without_a_version_asks_for_it(people: Path) -> None:
    (people / "a.jsonl").write_text('{"name": "Ada"}\n')
    ran = convert(people, "a.jsonl", "--output", "b.jsonl", subject="people")
    assert ran.code == 2
    assert "--from v1" in ran.err


# --------------------------------------------------------------------------------------------------- files


def test_nothing_is_overwritten_unless_told(people: Path) -> None:
    (people / "a.jsonl").write_text('{"name": "Ada"}\n')
    (people / "b.jsonl").write_text("mine")
    refused = convert(people, "a.jsonl", "--from", "v1", "--output", "b.jsonl", subject="people")
    assert refused.code == 1
    assert "--force" in refused.err
    assert (people / "b.jsonl").read_text() == "mine"
    assert convert(people, "a.jsonl", "--from", "v1", "--output", "b.jsonl", "--force", subject="people").code == 0
    assert "Ada" in (people / "b.jsonl").read_text()


def test_a_file_can_be_replaced_by_its_own_conversion(people: Path) -> None:
    (people / "a.jsonl").write_text('{"name": "Ada"}\n')
    assert convert(people, "a.jsonl", "--from", "v1", "--output", "a.jsonl", "--force", subject="people").code == 0
    assert json.loads((people / "a.jsonl").read_text()) == {"full_name": "Ada", "kind": "person"}


@pytest.mark.parametrize(
    ("files", "output", "code", "said"),
    [
        (("missing.jsonl",), "b", 2, "missing.jsonl is not there"),
        (("schemas",), "b", 2, "schemas is a folder"),
        (("a.jsonl", "c/a.jsonl"), "b", 2, "is not a folder, and there are 2 files"),
        (("a.jsonl", "c/a.jsonl"), "c", 2, "Two of the files would become c/a.jsonl"),
        (("a.jsonl",), "nowhere/b", 1, "nowhere/b cannot be written"),
        (("a.jsonl",), "-", 2, "Name a file or a folder"),
        (("z.gz",), "b", 1, "gunzip z.gz"),
    ],
)
def test_wrong_files_are_named(people: Path, files: tuple[str, ...], output: str, code: int, said: str) -> None:
    (people / "c").mkdir()
    for name in ("a.jsonl", "c/a.jsonl"):
        (people / name).write_text('{"name": "Ada"}\n')
    (people / "z.gz").write_bytes(b"\x1f\x8b\x08rest")
    ran = convert(people, *files, "--from", "v1", "--output", output, subject="people")
    assert ran.code == code
    assert said in ran.err
    assert "Traceback" not in ran.err
