"""Names and docs come from untrusted schemas: nothing of them may become code."""

import ast
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from tests.support.avro_schemas import unhurried
from tests.support.generated import forbidden_in, imported, root_of, text_of
from tests.support.json_schemas import SCHEMAS

from instar.client.models import maker, taker
from instar.core.formats.avro import parse_avro
from instar.core.formats.json_schema import parse_json
from instar.core.models.names import class_name, field_names, symbol_names
from instar.core.models.text import docstring, literal, quoted
from instar.core.rejected import Rejected
from instar.project.project import load_project

REPOSITORY = Path(__file__).resolve().parents[3]

NASTY = [
    '"""\nimport os\nos.system("true")\n"""',
    '"',
    '""',
    '"""',
    "'''",
    "\\",
    '\\"',
    '\\"""',
    '"\\',
    "a\nb",
    "a\r\nb",
    "a\x00b",
    "a\u2028b",
    "a\x0cb",
    "\ud800",
    "\u202e evil \u2066",
    "{__import__('os')}",
    "%s",
    "#",
    "# type: ignore",
    "=",
    "class",
    "None",
    "True",
    "def f(): pass",
    "__init__",
    "_private",
    "model_config",
    "model_fields",
    "model_x",
    "__class__",
    "__pydantic_extra__",
    "a-b",
    "a b",
    "1st",
    "",
    " ",
    "\t",
    "𝐜𝐥𝐚𝐬𝐬",
    "ﬁ",
    "größe",
    "self",
    "cls",
    "copy",
    "json",
    "dict",
    "list",
    "str",
    "int",
    "dt",
    "Field",
    "Any",
    "Decimal",
    "root",
    "instar_subject",
    "class_",
    "a_b",
    "validate",
    "schema",
    "date",
    "Order",
    "Record",
    "_Record",
    "mro",
]

names = st.one_of(st.sampled_from(NASTY), st.text(max_size=8))
docs = st.one_of(
    st.sampled_from(NASTY), st.text(max_size=200), st.lists(st.sampled_from(NASTY), max_size=6).map("".join)
)


@given(docs)
def test_a_doc_is_a_docstring_and_nothing_else(doc: str) -> None:
    lines = docstring(doc, "    ")
    tree = ast.parse("\n".join(["class A:", *lines, "    x = 1"]))
    (made,) = tree.body
    assert isinstance(made, ast.ClassDef)
    assert [type(each) for each in made.body] == ([ast.Expr] if lines else []) + [ast.Assign]
    assert "".join((ast.get_docstring(made) or "").split()) == "".join(doc.split())
    assert all(each.isprintable() for line in lines for each in line)


@given(docs)
def test_a_name_is_a_string_on_one_line_and_the_same_name(text: str) -> None:
    written = quoted(text)
    assert ast.literal_eval(written) == text
    assert written.isprintable()
    assert ast.literal_eval(literal({"a": [text, text.encode("utf-8", "replace"), None, True, -1]}))["a"][0] == text


@given(st.lists(names, unique=True, max_size=12))
def test_every_field_and_symbol_gets_a_name_of_its_own_that_python_takes(wires: list[str]) -> None:
    for made in (field_names(wires, {"Order"}), symbol_names(wires)):
        assert list(made) == wires
        assert len(set(made.values())) == len(wires)
        assert all(each.isidentifier() and not each.startswith("_") for each in made.values())
        for wire, name in made.items():
            assert name == wire or name not in wires  # no field is read by the name of another
    taken: list[str] = []
    for wire in wires:
        taken.append(class_name(wire, taken))
        assert taken[-1].isidentifier()
    assert len(set(taken)) == len(wires)


def test_no_field_hides_what_a_model_has_itself() -> None:
    with_defaults = [each for each in dir(BaseModel) if not each.startswith("_")]
    assert set(field_names(with_defaults, ()).values()).isdisjoint(with_defaults)


def hostile_json(fields: list[str], doc: str) -> dict[str, Any]:
    properties = {name: {"type": "string", "description": doc, "default": doc} for name in fields}
    inner = {"type": "object", "title": doc, "properties": properties, "additionalProperties": False}
    return {
        "type": "object", "description": doc, "required": fields,
        "properties": {**properties, doc: inner, "kind": {"enum": [*fields, "x"]}},
        "$defs": {doc: {"type": "integer"}},
    }  # fmt: skip


@unhurried
@given(st.lists(names.filter(lambda text: "\ud800" not in text), unique=True, max_size=6), docs, st.integers(0, 2**32))
def test_a_hostile_json_schema_gives_models_and_no_code(fields: list[str], doc: str, seed: int) -> None:
    doc = doc.encode("utf-8", "ignore").decode()
    document = hostile_json(fields, doc)
    schema = parse_json(document)
    assert forbidden_in(text_of(schema, document, subject=doc)) == []
    with root_of(schema, document) as root:
        value = schema.sample(Random(seed))
        made = maker(root, schema)(value)
        assert not isinstance(made, Rejected), made
        assert taker(schema)(made) == value


def hostile_avro(doc: str) -> dict[str, Any]:
    words = [
        "class",
        "None",
        "_x",
        "__init__",
        "model_dump",
        "copy",
        "str",
        "list",
        "dt",
        "Status",
        "Order",
        "Field",
        "name",
    ]
    status = {
        "type": "enum",
        "name": "Status",
        "doc": doc,
        "symbols": ["None", "name", "mro", "title", "_a", "__b__", "class"],
    }
    return {
        "type": "record", "name": "Order", "namespace": "class.def", "doc": doc,
        "fields": [
            {"name": "status", "type": status, "default": "None", "doc": doc},
            *({"name": word, "type": ["null", "string"], "default": None, "doc": doc} for word in words),
            {"name": "text", "type": "string", "default": doc, "doc": doc},
            {"name": "raw", "type": "bytes", "default": "\u0000\"'\\"},
            {"name": "any", "type": {"type": "record", "name": "Any", "fields": [{"name": "Any", "type": "Status"}]}},
        ],
    }  # fmt: skip


@pytest.mark.parametrize("doc", [each for each in NASTY if "\ud800" not in each])
def test_a_hostile_avro_schema_gives_models_and_no_code(doc: str) -> None:
    document = hostile_avro(doc)
    schema = parse_avro(document)
    assert forbidden_in(text_of(schema, document, subject=doc)) == []
    with root_of(schema, document) as root:
        for seed in range(5):
            value = schema.sample(Random(seed))
            made = maker(root, schema)(value)
            assert taker(schema)(made) == value
        least = root(any={"Any": "None"})
        assert (least.text, least.raw, least.status.value) == (doc, b"\0\"'\\", "None")


def test_a_schema_that_would_break_out_of_a_docstring_runs_nothing() -> None:
    document = hostile_avro('"""\nraise SystemExit("owned")\n"""')
    with imported(text_of(parse_avro(document), document)) as made:
        assert "owned" in (made.Order.__doc__ or "")


SHAPES: dict[str, Any] = {
    "defaults": {
        "type": "record", "name": "Defaults", "namespace": "a",
        "fields": [
            {"name": "flag", "type": "boolean", "default": True},
            {"name": "ratio", "type": "double", "default": 1},
            {"name": "odd", "type": "float", "default": "NaN"},
            {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
             "default": "\u0001\u0000"},
            {"name": "day", "type": {"type": "int", "logicalType": "date"}, "default": 20000},
            {"name": "date", "type": {"type": "long", "logicalType": "timestamp-micros"}, "default": 5},
            {"name": "time", "type": {"type": "int", "logicalType": "time-millis"}, "default": 1000},
            {"name": "local", "type": {"type": "long", "logicalType": "local-timestamp-millis"}, "default": 5},
            {"name": "id", "type": {"type": "string", "logicalType": "uuid"},
             "default": "12345678-1234-5678-1234-567812345678"},
            {"name": "tags", "type": {"type": "array", "items": "string"}, "default": []},
            {"name": "more", "type": {"type": "array", "items": "string"}, "default": ["a"]},
            {"name": "map", "type": {"type": "map", "values": "long"}, "default": {}},
            {"name": "inner", "type": {"type": "record", "name": "Inner", "fields": [{"name": "n", "type": "int"}]},
             "default": {"n": 3}},
            {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["A", "B"]}, "default": "B"},
            {"name": "pick", "type": ["a.Inner", "a.Kind", {"type": "fixed", "name": "Hash", "size": 2}, "null"],
             "default": {"n": 4}},
        ],
    },
    "tree": {
        "type": "record", "name": "Tree",
        "fields": [
            {"name": "kids", "type": {"type": "array", "items": "Tree"}, "default": []},
            {"name": "other", "type": ["null", {"type": "record", "name": "Leaf", "fields": [
                {"name": "up", "type": ["null", "Tree"], "default": None}]}], "default": None},
        ],
    },
}  # fmt: skip


def test_defaults_stand_as_the_values_that_they_mean() -> None:
    document = SHAPES["defaults"]
    schema = parse_avro(document)
    with root_of(schema, document) as root:
        made = root()
        value = taker(schema)(made)
        assert not isinstance(value, Rejected), value
        assert (value["ratio"], value["tags"], value["more"], value["inner"]) == (1.0, [], ["a"], {"n": 3})
        assert value["pick"] == ("a.Inner", {"n": 4})
        assert made.pick.n == 4
        made.tags.append("mine")
        assert root().tags == []


def test_what_is_written_satisfies_a_strict_type_checker(tmp_path: Path) -> None:
    """mypy --strict and ruff, over this repository's subjects, the hostile schemas, and those of every format test."""
    for name, document in SHAPES.items():
        (tmp_path / f"shape_{name}.py").write_text(text_of(parse_avro(document), document))
    for number, doc in enumerate(NASTY[:16]):
        doc = doc.encode("utf-8", "ignore").decode()
        document = hostile_avro(doc)
        (tmp_path / f"avro_{number}.py").write_text(text_of(parse_avro(document), document, subject=doc))
        document = hostile_json([each for each in NASTY if "\ud800" not in each], doc)
        (tmp_path / f"json_{number}.py").write_text(text_of(parse_json(document), document, subject=doc))
    for name, document in SCHEMAS.items():
        (tmp_path / f"known_{name.replace(' ', '_').replace('-', '_')}.py").write_text(
            text_of(parse_json(document), document)
        )
    project = load_project(REPOSITORY)
    for name, subject in project.catalogue.subjects.items():
        for version, schema in subject.versions.items():
            text = text_of(schema, {}, subject=name)
            (tmp_path / f"own_{name.replace('-', '_')}_{version}.py").write_text(text)
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file",
        "/dev/null",
        "--cache-dir",
        tmp_path / "cache",
    ]
    done = subprocess.run([*command, tmp_path], capture_output=True, text=True, timeout=240, cwd=REPOSITORY)
    assert done.returncode == 0, done.stdout
    formatted = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "120", "--check"]
    done = subprocess.run([*formatted, *tmp_path.glob("own_*.py")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E9,F,I,UP", "--target-version", "py311"]
    done = subprocess.run([*ruff, tmp_path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_names_stay_as_near_as_python_and_pydantic_allow() -> None:
    wires = ["order_id", "class", "_id", "model_x", "a-b", "copy", "1st", "date"]
    assert list(field_names(wires, ()).values()) == [
        "order_id", "class_", "id", "field_model_x", "a_b", "copy_", "field_1st", "date",
    ]  # fmt: skip
