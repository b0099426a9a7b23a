import json
from typing import Any

from instar.core.formats.avro import parse_avro
from instar.core.formats.json_schema import parse_json
from instar.core.scaffolding.editions import Known, grouped, ordered


def avro(number: int | None, identity: int, *fields: dict[str, Any], **more: Any) -> Known:
    document = {"type": "record", "name": "Event", "fields": list(fields), **more}
    return Known((identity,), number, "avro", json.dumps(document), parse_avro(document))


def schema(number: int, **document: Any) -> Known:
    return Known((number,), number, "json", json.dumps(document), parse_json(document))


N = {"name": "n", "type": "int"}


def test_what_the_registry_no_longer_lists_stands_where_its_id_says() -> None:
    known = [avro(1, 5, N), avro(2, 9, N), avro(None, 7, N), avro(None, 2, N), avro(None, 20, N)]
    assert [each.ids[0] for each in ordered(known)] == [2, 5, 7, 9, 20]


def test_avro_patches_are_those_that_no_record_shows() -> None:
    patched = avro(2, 2, {**N, "default": 1, "doc": "How many.", "aliases": ["m"]}, doc="An event.")
    (group,) = grouped([avro(1, 1, N), patched])
    assert (group.ids, group.newest) == ((1, 2), patched)
    assert len(grouped([avro(1, 1, N), patched], separate=True)) == 2
    other = avro(2, 2, {"name": "n", "type": {"type": "int", "logicalType": "date"}})
    assert len(grouped([avro(1, 1, N), other])) == 2
    added = avro(2, 2, N, {"name": "m", "type": "int", "default": 0})
    assert len(grouped([avro(1, 1, N), added])) == 2  # the bytes are others
    swapped = [{"name": "a", "type": "int"}, {"name": "b", "type": "int"}]
    assert len(grouped([avro(1, 1, *swapped), avro(2, 2, *swapped[::-1])])) == 2


def test_json_patches_read_each_other() -> None:
    text = {"type": "string"}
    old = schema(1, type="object", properties={"a": text})
    optional = schema(2, type="object", properties={"a": text, "b": text})
    required = schema(3, type="object", properties={"a": text, "b": text, "c": text}, required=["c"])
    assert [group.ids for group in grouped([old, optional, required])] == [(1, 2), (3,)]


def test_each_member_of_a_version_reads_every_other() -> None:
    """What is compatible with its neighbour is not so with all: the third begins a version."""
    integer, number = {"type": "integer"}, {"type": "number"}
    first = schema(1, type="object", properties={"a": integer})
    second = schema(2, type="object", properties={})
    third = schema(3, type="object", properties={"a": number})
    together = [group.members for group in grouped([first, second, third])]
    assert not any(first in members and third in members for members in together)
