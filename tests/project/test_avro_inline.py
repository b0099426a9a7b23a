from io import BytesIO
from typing import Any

import fastavro
import pytest

from instar.project.avro_inline import inlined

MONEY = {"type": "record", "name": "Money", "namespace": "shop", "fields": [{"name": "cents", "type": "long"}]}
ADDRESS = {
    "type": "record",
    "name": "Address",
    "namespace": "shop.people",
    "fields": [{"name": "street", "type": "string"}, {"name": "rent", "type": "shop.Money"}],
}
NAMED = {"shop.Money": MONEY, "shop.people.Address": ADDRESS}


def order(*types: Any) -> dict[str, Any]:
    fields = [{"name": f"f{index}", "type": each} for index, each in enumerate(types)]
    return {"type": "record", "name": "Order", "namespace": "shop", "fields": fields}


@pytest.mark.parametrize(
    "types",
    [
        ("Money",),
        ("shop.Money", "Money", "shop.Money"),
        (["null", "Money"],),
        ({"type": "array", "items": "Money"}, {"type": "map", "values": ["null", "shop.Money"]}),
        ("shop.people.Address", "Money"),
        ("Money", "shop.people.Address"),
    ],
)
def test_the_whole_document_stands_alone_and_means_the_same(types: tuple[Any, ...]) -> None:
    whole = inlined(order(*types), NAMED)
    alone = fastavro.parse_schema(whole)
    named: dict[str, Any] = {}
    for each in (MONEY, ADDRESS):
        fastavro.parse_schema(each, named)
    together = fastavro.parse_schema(order(*types), named)
    value = {f"f{index}": _value(each) for index, each in enumerate(types)}
    bytes_of = []
    for schema in (alone, together):
        out = BytesIO()
        fastavro.schemaless_writer(out, schema, value)
        bytes_of.append(out.getvalue())
    assert bytes_of[0] == bytes_of[1]


def _value(kind: Any) -> Any:
    match kind:
        case "Money" | "shop.Money":
            return {"cents": 1}
        case "shop.people.Address":
            return {"street": "x", "rent": {"cents": 1}}
        case list():
            return _value(kind[-1])
        case {"items": items}:
            return [_value(items)]
        case {"values": values}:
            return {"k": _value(values)}
        case _:
            raise AssertionError(kind)


def test_a_type_is_written_out_once_where_it_is_first_used() -> None:
    whole = inlined(order("Money", "shop.Money"), NAMED)
    first, second = (field["type"] for field in whole["fields"])
    assert first["name"] == "shop.Money"
    assert second == "shop.Money"


def test_a_document_that_refers_to_nothing_outside_is_unchanged() -> None:
    document = order("string", {"type": "enum", "name": "E", "symbols": ["A"]}, "E", ["null", "Order"])
    assert inlined(document, NAMED) == document


def test_a_type_of_its_own_comes_before_a_shared_one() -> None:
    own = {"type": "record", "name": "Money", "fields": []}
    assert inlined(order(own, "Money"), NAMED) == order(own, "Money")


def test_types_that_refer_to_each_other_are_written_out_once() -> None:
    a = {"type": "record", "name": "A", "namespace": "x", "fields": [{"name": "b", "type": ["null", "B"]}]}
    b = {"type": "record", "name": "B", "namespace": "x", "fields": [{"name": "a", "type": ["null", "A"]}]}
    whole = inlined({"type": "record", "name": "Top", "fields": [{"name": "a", "type": "x.A"}]}, {"x.A": a, "x.B": b})
    fastavro.parse_schema(whole)
    assert str(whole).count("'name': 'x.A'") == 1


def test_what_is_malformed_passes_through_for_the_parser_to_name() -> None:
    for document in (5, {"type": "record", "name": "R"}, {"type": "record", "name": "R", "fields": [3]}, {"type": 5}):
        assert inlined(document, NAMED) == document
