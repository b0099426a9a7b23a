"""add: a field of the new version."""

from datetime import UTC, datetime
from decimal import Decimal

from tests.support.shape_values import assert_lawful, avro, bound_changes, down, findings_of, json, misfit, up
from tests.support.subjects import LONG, STRING, nullable, optional

from instar.changes import add
from instar.core.formats.shape import NULL, Array, Enum, Field, Map, Scalar, Union


def test_the_default_of_the_new_schema_is_added_and_dropped_on_the_way_down() -> None:
    hop = assert_lawful(avro(a=LONG), avro(a=LONG, channel=Field(STRING, default="web")), add("channel"))
    assert up(hop, {"a": 1}) == {"a": 1, "channel": "web"}
    assert down(hop, {"a": 1, "channel": "shop"}) == {"a": 1}
    assert (hop.lost_up, hop.lost_down) == ((), ("channel",))


def test_avro_defaults_are_read_as_the_codec_would_decode_them() -> None:
    card, cash = avro("Card", no=Field(STRING, default="?")), avro("Cash")
    defaults = {
        "decimal": (Scalar("bytes", "decimal", (("precision", 9), ("scale", 2))), "\u0001\u0000", Decimal("2.56")),
        "raw": (Scalar("bytes"), "\u00ff", b"\xff"),
        "at": (Scalar("long", "timestamp-millis"), 1000, datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)),
        "nothing": (nullable(STRING), None, None),
        "double": (Scalar("double"), 1, 1.0),
        "pair": (Union((card, cash)), {}, ("Card", {"no": "?"})),
        "list": (Array(Union((NULL, LONG))), [1, None], [1, None]),
        "map": (Map(LONG), {"k": 1}, {"k": 1}),
        "kind": (Enum(("A", "B"), "Kind"), "B", "B"),
    }
    after = avro(**{name: Field(shape, default=default) for name, (shape, default, _) in defaults.items()})
    hop = bound_changes(avro(), after, *(add(name) for name in defaults))
    assert up(hop, {}) == {name: value for name, (_, _, value) in defaults.items()}


def test_a_default_with_parts_is_not_shared_between_records() -> None:
    hop = bound_changes(avro(), avro(tags=Field(Array(STRING), default=[])), add("tags"))
    first = up(hop, {})
    first["tags"].append("x")
    assert up(hop, {}) == {"tags": []}


def test_a_value_is_given_where_the_schema_has_no_default() -> None:
    hop = assert_lawful(json(), json(forking=Scalar("boolean")), add("forking", value=False))
    assert up(hop, {}) == {"forking": False}
    found = misfit(json(), json(forking=Scalar("boolean")), add("forking"))
    assert found.code == "no-default"
    assert 'add("forking", value=...)' in found.remedy


def test_a_value_of_the_wrong_type_is_found_before_any_record_runs() -> None:
    found = misfit(json(), json(n=Scalar("integer")), add("n", value="1"))
    assert (found.code, found.path) == ("wrong-value", "n")
    assert misfit(json(), json(n=Scalar("integer")), add("n", value=True)).code == "wrong-value", "true is no number"


def test_an_optional_json_field_without_default_is_not_invented_and_says_so() -> None:
    before, after = json(), json(n=optional(STRING))
    (note,) = findings_of(before, after, add("n"))
    assert (note.severity, note.code) == ("note", "adds-nothing")
    assert note.message == "n: optional and without a default, so nothing is added"
    hop = assert_lawful(before, after, add("n"))
    assert up(hop, {}) == {}
    assert down(hop, {"n": "x"}) == {}


def test_gaps_of_an_optional_field_are_filled_and_what_is_there_stays() -> None:
    hop = assert_lawful(json(n=optional(STRING)), json(n=STRING), add("n", value="none"))
    assert up(hop, {}) == {"n": "none"}
    assert up(hop, {"n": "x"}) == {"n": "x"}
    assert hop.lost_up == ("n",)


def test_fields_are_added_in_each_element() -> None:
    before, after = json(items=Array(json(a=STRING))), json(items=Array(json(a=STRING, b=Scalar("integer"))))
    hop = assert_lawful(before, after, add("items[].b", value=0))
    assert up(hop, {"items": [{"a": "x"}]}) == {"items": [{"a": "x", "b": 0}]}
    assert hop.lost_down == ("items[].b",)


def test_what_an_open_object_holds_under_the_name_is_kept() -> None:
    hop = bound_changes(json(is_open=True), json(is_open=True, n=STRING), add("n", value="d"))
    assert up(hop, {"n": "mine"}) == {"n": "mine"}


def test_a_field_that_the_new_version_does_not_have_cannot_be_added() -> None:
    assert misfit(avro(), avro(), add("x")).code == "not-in-new-version"


def test_a_field_that_is_there_cannot_be_added() -> None:
    assert misfit(avro(a=LONG), avro(a=LONG), add("a")).code == "field-exists"
