"""A drafted hop is a file that binds, keeps the laws, and says what it does not know."""

from random import Random
from typing import Any

import pytest
from tests.support.evolving import evolved

from instar.core.formats.avro import parse_avro
from instar.core.formats.json_schema import parse_json
from instar.core.formats.schema import Schema
from instar.core.record import Context
from instar.core.scaffolding.draft import Draft, draft
from instar.core.scaffolding.hop_text import hop_text
from instar.core.upcasting.hop import BoundHop, Hop, bind
from instar.core.upcasting.laws import check_laws

PAIRS = 80
DRAWN_RECORDS = 12


def avro(*fields: dict[str, Any]) -> Schema:
    return parse_avro({"type": "record", "name": "Event", "namespace": "shop", "fields": list(fields)})


def field(name: str, kind: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **more}


def codes(made: Draft) -> list[str]:
    return [line.code for line in made.lines]


def executed(made: Draft, before: Schema, after: Schema) -> BoundHop:
    """The file as a project would load it, bound. Fails where it does not bind."""
    text = hop_text(made, "events", 1, 2)
    namespace: dict[str, Any] = {}
    exec(compile(text, "v1_to_v2.py", "exec"), namespace)  # noqa: S102 - our own draft
    hop = Hop.from_namespace("events", 1, 2, namespace, file="v1_to_v2.py", source=text)
    assert isinstance(hop, Hop), f"{hop}\n{text}"
    bound = bind(hop, before, after)
    assert isinstance(bound, BoundHop), f"{bound}\n{text}"
    return bound


def drawn(schema: Schema, seed: int) -> list[Any]:
    random = Random(seed)
    return [schema.sample(random) for _ in range(DRAWN_RECORDS)]


def test_what_the_schemas_decide_binds_and_keeps_the_laws() -> None:
    complete = 0
    for seed in range(2000, 2000 + PAIRS):
        before, after = evolved(seed).schemas()
        made = draft(before, after, old="v1", new="v2")
        if not made.is_complete:
            continue
        complete += 1
        hop = executed(made, before, after)
        broken = [
            each
            for each in check_laws(hop, before, after, drawn(before, seed), drawn(after, seed))
            if each.severity == "error"
        ]
        assert not broken, f"seed {seed}: {broken}\n{hop_text(made, 'events', 1, 2)}"
    assert complete >= PAIRS // 3


def test_what_is_left_is_exactly_what_check_will_say() -> None:
    """The draft of an incomplete hop loads, and what it does not bind for is in it as a to-do."""
    for seed in range(3000, 3040):
        before, after = evolved(seed).schemas()
        made = draft(before, after)
        text = hop_text(made, "events", 1, 2)
        namespace: dict[str, Any] = {}
        exec(compile(text, "v1_to_v2.py", "exec"), namespace)  # noqa: S102 - our own draft
        hop = Hop.from_namespace("events", 1, 2, namespace, file="v1_to_v2.py", source=text)
        assert isinstance(hop, Hop)
        bound = bind(hop, before, after)
        errors = set() if isinstance(bound, BoundHop) else {each.path for each in bound if each.severity == "error"}
        assert errors == {each.path for each in made.left if each.severity == "error"}
        assert text.count("# todo:") == len([each for each in made.left if each.severity == "error"])


def test_a_field_with_a_default_is_added_without_a_guess() -> None:
    made = draft(avro(field("id", "long")), avro(field("id", "long"), field("channel", "string", default="SHOP")))
    assert [(line.code, line.guess) for line in made.lines] == [('add("channel")', "")]


def test_a_field_that_nothing_is_known_of_is_left_to_its_author() -> None:
    before, after = avro(field("id", "long")), avro(field("id", "long"), field("owner", "string"))
    made = draft(before, after)
    assert not made.is_complete
    text = hop_text(made, "events", 1, 2)
    assert "# todo: the new version requires owner" in text
    assert '# add("owner", value=...)' in text


def test_a_dropped_field_comes_back_as_its_old_default() -> None:
    made = draft(avro(field("id", "long"), field("n", "int", default=7)), avro(field("id", "long")))
    assert codes(made) == ['drop("n", restore=7)']


def test_a_dropped_field_without_default_makes_the_hop_one_way_and_says_so() -> None:
    before, after = avro(field("id", "long"), field("n", "int")), avro(field("id", "long"))
    made = draft(before, after, old="v1", new="v2")
    assert codes(made) == ['drop("n")']
    assert "one-way" in made.lines[0].guess
    assert executed(made, before, after).one_way


def test_a_field_that_may_be_what_a_new_one_is_made_of_is_not_dropped() -> None:
    before = avro(field("name", "string"))
    inner = {"type": "record", "name": "Person", "fields": [field("first", "string"), field("last", "string")]}
    made = draft(before, avro(field("person", inner)))
    assert codes(made) == []
    assert {each.path for each in made.left} == {"name", "person"}


def test_types_that_widen_convert_without_a_guess_and_meanings_are_guesses() -> None:
    stamp = {"type": "long", "logicalType": "timestamp-micros"}
    before = avro(field("n", "int"), field("at", "string"))
    made = draft(before, avro(field("n", "long"), field("at", stamp)))
    by_code = {line.code: line.guess for line in made.lines}
    assert by_code['convert("n", "int -> long")'] == ""
    assert "iso8601" in by_code['convert("at", "iso8601 -> timestamp-micros")']


def test_null_becomes_the_new_default() -> None:
    before = avro(field("n", ["null", "int"], default=None))
    after = avro(field("n", "int", default=0))
    made = draft(before, after)
    hop = executed(made, before, after)
    assert hop.up({"n": None}, Context()) == [{"n": 0}]
    assert hop.up({"n": 5}, Context()) == [{"n": 5}]


def test_a_symbol_that_is_called_otherwise_is_mapped_and_a_new_one_falls_to_the_default() -> None:
    old = {"type": "enum", "name": "S", "symbols": ["NEW", "CANCELED"], "default": "NEW"}
    new = {"type": "enum", "name": "S", "symbols": ["NEW", "CANCELLED", "LOST"]}
    made = draft(avro(field("s", old)), avro(field("s", new)))
    assert codes(made) == ['map_values("s", {"CANCELED": "CANCELLED"}, down={"LOST": "NEW"})']
    assert made.lines[0].guess


def test_a_record_that_was_renamed_is_renamed_whole_and_then_inside() -> None:
    def address(name: str, street: str) -> dict[str, Any]:
        return {"type": "record", "name": name, "fields": [field(street, "string"), field("city", "string")]}

    before = avro(field("id", "long"), field("addr", address("Addr", "street_name")))
    after = avro(field("id", "long"), field("address", address("Address", "street")))
    made = draft(before, after)
    assert codes(made) == [
        'rename("addr", "address")',
        'rename_type("shop.Addr", "shop.Address")',
        'rename("address.street_name", "street")',
    ]
    assert made.is_complete


def test_json_fields_that_only_the_old_version_names_pass_as_they_are() -> None:
    before = parse_json({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}})
    after = parse_json({"type": "object", "properties": {"a": {"type": "string"}}})
    assert codes(draft(before, after)) == []


def test_an_optional_json_field_that_became_required_is_filled() -> None:
    before = parse_json({"type": "object", "properties": {"tags": {"type": "array", "items": {"type": "string"}}}})
    after = parse_json(
        {
            "type": "object",
            "properties": {"tags": {"type": "array", "items": {"type": "string"}}},
            "required": ["tags"],
        }
    )
    made = draft(before, after)
    assert codes(made) == ['add("tags", value=[])']
    assert made.lines[0].guess


@pytest.mark.parametrize("quote", ['it"s', "back\\slash", "new\nline", 'tri"""ple'])
def test_defaults_and_names_are_written_as_python_reads_them(quote: str) -> None:
    before, after = avro(field("id", "long")), avro(field("id", "long"), field("t", "string", default="x"))
    dropped = draft(avro(field("id", "long"), field("t", "string", default=quote)), before)
    namespace: dict[str, Any] = {}
    exec(hop_text(dropped, 'o"\\rders', 1, 2), namespace)  # noqa: S102 - our own draft
    assert namespace["changes"][0].restore == quote
    executed(draft(before, after), before, after)


def test_equal_schemas_need_no_changes() -> None:
    schema = avro(field("id", "long"))
    made = draft(schema, schema)
    assert made.lines == ()
    assert "changes = []" in hop_text(made, "events", 1, 2)
    executed(made, schema, schema)


def test_logical_defaults_come_with_their_imports() -> None:
    date = {"type": "int", "logicalType": "date"}
    price = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
    before = avro(field("id", "long"), field("d", date, default=1), field("p", price, default="\u0001\u0000"))
    made = draft(before, avro(field("id", "long")))
    text = hop_text(made, "events", 1, 2)
    assert 'drop("d", restore=date(1970, 1, 2))' in text
    assert 'drop("p", restore=Decimal("2.56"))' in text
    executed(made, before, avro(field("id", "long")))
