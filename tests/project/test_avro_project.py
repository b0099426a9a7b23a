"""A project whose records are Avro: named types in files of their own, readable examples, documents for registries."""

import json
from pathlib import Path
from typing import Any

from tests.support.folders import SETTINGS, write_files

from instar.core.formats.avro import parse_avro
from instar.core.record import Context
from instar.project.catalogue import Read, read_catalogue
from instar.project.check import check_project
from instar.project.project import load_project

MICROS = {"type": "long", "logicalType": "timestamp-micros"}


def record(name: str, *fields: tuple[str, Any], **more: Any) -> dict[str, Any]:
    parts = [{"name": field, "type": kind} for field, kind in fields]
    return {"type": "record", "name": name, "namespace": "shop", "fields": parts, **more}


PRICE = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
SHOP: dict[str, Any] = {
    "instar.toml": SETTINGS,
    "schemas/_shared/money.avsc": record("Money", ("amount", PRICE)),
    "schemas/orders/types/address.avsc": record("Address", ("street", "string"), ("rent", ["null", "Money"])),
    "schemas/orders/v1.avsc": record("Order", ("id", "string"), ("to", "Address"), ("at", MICROS)),
    "schemas/orders/v2.avsc": record("Order", ("order_id", "string"), ("to", "shop.Address"), ("at", MICROS)),
    "upcasters/orders/v1_to_v2.py": """
        \"\"\"An id says of what.\"\"\"
        from instar.changes import rename

        changes = [rename("id", "order_id")]
        """,
    "schemas/orders/examples/one.v1.json": {
        "id": "o-1",
        "to": {"street": "Main", "rent": {"amount": "12.5"}},
        "at": "2024-01-31T12:00:00Z",
    },
    "schemas/orders/examples/one.v2.json": {
        "order_id": "o-1",
        "to": {"street": "Main", "rent": {"amount": "12.50"}},
        "at": "2024-01-31T12:00:00Z",
    },
}


def read(root: Path, changes: dict[str, Any] | None = None) -> Read:
    return read_catalogue(write_files(root, {**SHOP, **(changes or {})}))


def test_named_types_of_other_files_are_part_of_the_schema(tmp_path: Path) -> None:
    result = read(tmp_path)
    assert result.findings == ()
    program = result.catalogue["orders"].program(1, 2)
    data = result.catalogue["orders"].examples["one", 1]
    assert program.run(data, Context()) == [result.catalogue["orders"].examples["one", 2]]  # type: ignore[union-attr]


def test_such_a_project_checks_clean(tmp_path: Path) -> None:
    write_files(tmp_path, SHOP)
    assert [each for each in check_project(load_project(tmp_path), samples=30) if each.severity == "error"] == []


def test_a_registry_gets_one_document_that_means_the_same(tmp_path: Path) -> None:
    result = read(tmp_path)
    for version, source in result.sources["orders"].schemas.items():
        alone = parse_avro(json.loads(source.document))
        assert alone.canonical == result.catalogue["orders"].versions[version].canonical


def test_a_type_that_is_nowhere_is_found_at_its_line(tmp_path: Path) -> None:
    schema = record("Order", ("order_id", "string"), ("to", "Adress"), ("at", MICROS))
    findings = read(tmp_path, {"schemas/orders/v2.avsc": schema}).findings
    assert [(each.code, each.file) for each in findings] == [("schema-invalid", "schemas/orders/v2.avsc")]
    assert findings[0].line is not None
    text = (tmp_path / "schemas/orders/v2.avsc").read_text().splitlines()
    assert "Adress" in "".join(text[findings[0].line - 1 : findings[0].line + 3])


def test_a_mistake_inside_a_named_type_is_found_in_its_own_file(tmp_path: Path) -> None:
    findings = read(tmp_path, {"schemas/_shared/money.avsc": record("Money", ("amount", "bites"))}).findings
    assert {each.file for each in findings if each.code == "schema-invalid"} == {"schemas/_shared/money.avsc"}
    text = (tmp_path / "schemas/_shared/money.avsc").read_text().splitlines()
    assert findings[0].line is not None
    assert "bites" in "".join(text[findings[0].line - 1 : findings[0].line + 3])


def test_a_type_file_that_is_no_named_type_is_found(tmp_path: Path) -> None:
    findings = read(tmp_path, {"schemas/orders/types/x.avsc": ["null", "string"]}).findings
    assert [(each.code, each.file) for each in findings] == [("type-invalid", "schemas/orders/types/x.avsc")]


def test_a_type_that_is_defined_twice_is_found(tmp_path: Path) -> None:
    findings = read(tmp_path, {"schemas/orders/types/again.avsc": record("Address", ("x", "int"))}).findings
    assert "type-twice" in {each.code for each in findings}


def test_what_all_subjects_share_is_found_once(tmp_path: Path) -> None:
    others = {"schemas/others/v1.avsc": record("Other", ("x", "int")), "schemas/_shared/broken.avsc": "{"}
    findings = read(tmp_path, others).findings
    assert [(each.code, each.file) for each in findings] == [("schema-unreadable", "schemas/_shared/broken.avsc")]


def test_a_subject_s_own_type_comes_before_a_shared_one(tmp_path: Path) -> None:
    own = record("Money", ("cents", "long"))
    result = read(tmp_path, {"schemas/orders/types/money.avsc": own})
    assert {each.code for each in result.findings} == {"example-invalid"}
    assert '"cents"' in result.catalogue["orders"].versions[1].canonical


def test_an_example_that_is_no_record_names_the_field(tmp_path: Path) -> None:
    example = {"id": "o-1", "to": {"street": "Main", "rent": {"amount": 12.5}}, "at": "2024-01-31T12:00:00Z"}
    findings = read(tmp_path, {"schemas/orders/examples/one.v1.json": example}).findings
    assert [(each.code, each.path) for each in findings] == [("example-invalid", "to.rent.amount")]


def test_an_example_that_the_schema_does_not_allow_names_the_field(tmp_path: Path) -> None:
    example = {"id": "o-1", "to": {"street": "Main", "rent": None}, "at": "2024-01-31T12:00:00Z", "more": 1}
    findings = read(tmp_path, {"schemas/orders/examples/one.v1.json": example}).findings
    assert [(each.code, each.path) for each in findings] == [("example-invalid", "more")]


def test_a_union_whose_values_do_not_say_their_branch_is_a_warning(tmp_path: Path) -> None:
    schema = record("Order", ("order_id", ["int", "long"]))
    write_files(tmp_path, {"instar.toml": SETTINGS, "schemas/orders/v1.avsc": schema})
    found = check_project(load_project(tmp_path))
    assert [(each.code, each.severity, each.path) for each in found] == [("ambiguous-union", "warning", "order_id")]


def test_a_payload_field_cannot_say_the_version_of_avro(tmp_path: Path) -> None:
    settings = (
        SETTINGS
        + """
[migrations.m]
subjects = ["orders"]
source = { topic = "orders", framing = { kind = "payload-field", field = "v" } }
target = { topic = "orders.v2", version = "v2" }
"""
    )
    write_files(tmp_path, {**SHOP, "instar.toml": settings})
    found = load_project(tmp_path).findings
    assert [each.path for each in found] == ["migrations.m.source.framing"]
    assert "cannot be read before its version is known" in found[0].message
