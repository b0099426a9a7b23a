"""Docs are found where their author wrote them, also behind references into other files."""

from tests.support.generated import imported, notes_of, text_of

from instar.core.formats.avro import parse_avro
from instar.core.formats.json_schema import parse_json
from instar.core.models.module import module
from instar.core.models.notes import JsonNotes


def test_avro_docs_are_found_by_full_name_in_whatever_namespace() -> None:
    inner = {
        "type": "record",
        "name": "Line",
        "doc": "one article",
        "fields": [{"name": "n", "type": "int", "doc": "how many"}],
    }
    document = {
        "type": "record", "name": "shop.Order", "doc": "what was bought",
        "fields": [{"name": "lines", "type": {"type": "array", "items": inner}, "doc": "at least one"}],
    }  # fmt: skip
    with imported(text_of(parse_avro(document), document)) as made:
        assert made.Order.__doc__ == "what was bought"
        assert made.Line.__doc__ == "one article"
    assert notes_of(parse_avro(document), document).of_field("shop.Line", "n", ()) == "how many"


def test_json_descriptions_and_names_are_found_through_references_into_other_files() -> None:
    common = {
        "$defs": {
            "account": {"description": "who it is", "type": "object", "properties": {"id": {"$ref": "#/$defs/id"}}},
            "id": {"type": "integer", "description": "never used again"},
        }
    }
    document = {
        "type": "object",
        "properties": {
            "sender": {"$ref": "common.json#/$defs/account"},
            "others": {"type": "array", "items": {"$ref": "common.json#/$defs/account"}},
            "lines": {"type": "array", "items": {"type": "object", "description": "one article", "required": ["n"]}},
        },
    }
    shape = parse_json(document, resources={"common.json": common}).shape
    text = module(shape, "json", JsonNotes(document, {"common.json": common}), "orders", 1)
    assert 'class Account(_Record, extra="allow"):\n    """who it is"""\n' in text
    assert '    id: int | None = None\n    """never used again"""\n' in text
    assert 'class Line(_Record, extra="allow"):\n    """one article"""\n' in text
    assert "    others: list[Account] | None = None\n" in text


def test_references_in_a_circle_end() -> None:
    document = {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}
    notes = JsonNotes(document, {})
    assert (notes.of_type(None, notes.root), notes.name(notes.root)) == ("", "a")
