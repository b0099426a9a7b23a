"""convert: the same thing in another type, by name or by functions."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import strategies as st
from tests.support.shape_values import assert_lawful, avro, bound_changes, down, findings_of, json, misfit, up
from tests.support.subjects import BOOLEAN, BYTES, DOUBLE, LONG, STRING, nullable, optional

from instar.changes import convert, rename
from instar.core.formats.shape import NULL, Array, Enum, Field, Map, Scalar, Shape, Union
from instar.core.rejected import CONVERSION_FAILED, HOP_RAISED, Rejected
from instar.core.upcasting.conversions.table import CONVERSIONS

INT, FLOAT = Scalar("int"), Scalar("float")
MICROS, MILLIS = Scalar("long", "timestamp-micros"), Scalar("long", "timestamp-millis")
DATE, UUID = Scalar("int", "date"), Scalar("string", "uuid")
INTEGER, NUMBER = Scalar("integer"), Scalar("number")


def decimal(precision: int, scale: int) -> Scalar:
    return Scalar("bytes", "decimal", (("precision", precision), ("scale", scale)))


def moment(year: int, microsecond: int) -> datetime:
    return datetime(year, 1, 1, microsecond=microsecond, tzinfo=UTC)


# A pair of shapes for every conversion there is: forgetting one fails the test below.
AVRO_PAIRS: dict[str, list[tuple[Shape, Shape]]] = {
    "iso8601 -> timestamp-micros": [(STRING, MICROS)],
    "iso8601 -> timestamp-millis": [(STRING, MILLIS)],
    "timestamp-micros -> iso8601": [(MICROS, STRING)],
    "timestamp-millis -> iso8601": [(MILLIS, STRING)],
    "timestamp-micros -> timestamp-millis": [(MICROS, MILLIS)],
    "timestamp-millis -> timestamp-micros": [(MILLIS, MICROS)],
    "iso8601 -> date": [(STRING, DATE)],
    "date -> iso8601": [(DATE, STRING)],
    "cents -> decimal": [(LONG, decimal(21, 2)), (LONG, decimal(9, 2)), (INT, decimal(12, 4))],
    "decimal -> cents": [(decimal(9, 2), LONG), (decimal(9, 4), LONG), (decimal(30, 2), INT)],
    "decimal -> decimal": [(decimal(9, 2), decimal(11, 4)), (decimal(9, 4), decimal(5, 2))],
    "int -> long": [(INT, LONG)],
    "long -> int": [(LONG, INT)],
    "float -> double": [(FLOAT, DOUBLE)],
    "double -> float": [(DOUBLE, FLOAT)],
    "int -> float": [(INT, FLOAT)],
    "int -> double": [(INT, DOUBLE)],
    "long -> float": [(LONG, FLOAT)],
    "long -> double": [(LONG, DOUBLE)],
    "float -> int": [(FLOAT, INT)],
    "float -> long": [(FLOAT, LONG)],
    "double -> int": [(DOUBLE, INT)],
    "double -> long": [(DOUBLE, LONG)],
    "string -> int": [(STRING, INT)],
    "string -> long": [(STRING, LONG)],
    "int -> string": [(INT, STRING)],
    "long -> string": [(LONG, STRING)],
    "string -> float": [(STRING, FLOAT)],
    "string -> double": [(STRING, DOUBLE)],
    "float -> string": [(FLOAT, STRING)],
    "double -> string": [(DOUBLE, STRING)],
    "string -> decimal": [(STRING, decimal(9, 2))],
    "decimal -> string": [(decimal(9, 2), STRING)],
    "string -> boolean": [(STRING, BOOLEAN)],
    "boolean -> string": [(BOOLEAN, STRING)],
    "string -> uuid": [(STRING, UUID)],
    "uuid -> string": [(UUID, STRING)],
    "string -> enum": [(STRING, Enum(("A", "B"), "E"))],
    "enum -> string": [(Enum(("A", "B"), "E"), STRING)],
    "string -> bytes": [(STRING, BYTES)],
    "bytes -> string": [(BYTES, STRING)],
    "bytes -> base64": [(BYTES, STRING)],
    "base64 -> bytes": [(STRING, BYTES)],
    **{
        f"{unit} -> {moment}": [(LONG, shape)]
        for unit in ("epoch-seconds", "epoch-millis", "epoch-micros")
        for moment, shape in (("timestamp-micros", MICROS), ("timestamp-millis", MILLIS), ("iso8601", STRING))
    },
    **{
        f"{moment} -> {unit}": [(shape, LONG), (shape, INT)]
        for unit in ("epoch-seconds", "epoch-millis", "epoch-micros")
        for moment, shape in (("timestamp-micros", MICROS), ("timestamp-millis", MILLIS), ("iso8601", STRING))
    },
}
JSON_PAIRS: dict[str, list[tuple[Shape, Shape]]] = {
    "integer -> number": [(INTEGER, NUMBER)],
    "number -> integer": [(NUMBER, INTEGER)],
    "string -> integer": [(STRING, INTEGER)],
    "integer -> string": [(INTEGER, STRING)],
    "string -> number": [(STRING, NUMBER)],
    "number -> string": [(NUMBER, STRING)],
    "epoch-seconds -> iso8601": [(INTEGER, Scalar("string", "date-time"))],
    "iso8601 -> epoch-millis": [(Scalar("string", "date-time"), INTEGER)],
    "string -> uuid": [(STRING, UUID)],
    "uuid -> string": [(UUID, STRING)],
    "string -> enum": [(STRING, Enum(("A", "B")))],
}
TEXTS = st.one_of(
    st.text(max_size=5),
    st.sampled_from(["2024-02-29T23:59:59.123456+05:30", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00", "2024-01-31"]),
    st.sampled_from(["0", "-0", "007", "+5", "1e3", "12.50", "nan", "1_000", "-1.5e-7", "9" * 30, "٣"]),
    st.sampled_from(["true", "True", "A", "QQ==", "QR==", "6BA7B810-9DAD-11D1-80B4-00C04FD430C8"]),
    st.sampled_from(["9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+14:00", "2024-01-01T24:00:00Z"]),
)


def test_every_named_conversion_is_held_to_the_laws_below() -> None:
    assert {f"{source} -> {target}" for source, target in CONVERSIONS} == AVRO_PAIRS.keys() | JSON_PAIRS.keys()


def _texts(shape: Shape) -> st.SearchStrategy[object] | None:
    plain = isinstance(shape, Scalar) and shape.kind == "string" and shape.logical is None
    return st.fixed_dictionaries({"x": TEXTS}) if plain else None


@pytest.mark.parametrize(
    ("how", "source", "target"), [(how, *pair) for how, pairs in AVRO_PAIRS.items() for pair in pairs]
)
def test_a_conversion_comes_back_except_for_what_it_says_is_lost(how: str, source: Shape, target: Shape) -> None:
    before, after = avro(x=source), avro(x=target)
    assert_lawful(before, after, convert("x", how), olds=_texts(source), news=_texts(target), examples=25)


@pytest.mark.parametrize(
    ("how", "source", "target"), [(how, *pair) for how, pairs in JSON_PAIRS.items() for pair in pairs]
)
def test_a_conversion_of_json_comes_back_too(how: str, source: Shape, target: Shape) -> None:
    before, after = json(x=source), json(x=target)
    assert_lawful(before, after, convert("x", how), olds=_texts(source), news=_texts(target), examples=25)


def _once(how: str, source: Shape, target: Shape, value: object) -> object:
    make = avro if how not in JSON_PAIRS else json
    made = up(bound_changes(make(x=source), make(x=target), convert("x", how)), {"x": value})
    return made if isinstance(made, Rejected) else made["x"]


@pytest.mark.parametrize(
    ("how", "source", "target", "value", "expected"),
    [
        ("iso8601 -> timestamp-micros", STRING, MICROS, "2024-01-01T01:00:00.5+01:00", moment(2024, 500_000)),
        ("timestamp-micros -> iso8601", MICROS, STRING, moment(2024, 120_000), "2024-01-01T00:00:00.12Z"),
        ("timestamp-micros -> iso8601", MICROS, STRING, moment(2020, 0), "2020-01-01T00:00:00Z"),
        ("epoch-millis -> timestamp-micros", LONG, MICROS, -1, datetime(1969, 12, 31, 23, 59, 59, 999000, UTC)),
        ("timestamp-micros -> epoch-seconds", MICROS, LONG, datetime(1969, 12, 31, 23, 59, 59, 999000, UTC), -1),
        ("cents -> decimal", LONG, decimal(21, 2), -1999, Decimal("-19.99")),
        ("cents -> decimal", LONG, decimal(21, 2), 2**63 - 1, Decimal("92233720368547758.07")),
        ("decimal -> cents", decimal(9, 2), LONG, Decimal("19.99"), 1999),
        ("string -> decimal", STRING, decimal(40, 2), "9" * 38 + ".5", Decimal("9" * 38 + ".50")),
        ("long -> string", LONG, STRING, -5, "-5"),
        ("string -> boolean", STRING, BOOLEAN, "false", False),
        ("bytes -> base64", BYTES, STRING, b"\x00\xff", "AP8="),
        ("number -> integer", NUMBER, INTEGER, 5.0, 5),
    ],
)  # fmt: skip
def test_what_a_value_becomes(how: str, source: Shape, target: Shape, value: object, expected: object) -> None:
    made = _once(how, source, target, value)
    assert made == expected
    assert type(made) is type(expected)


@pytest.mark.parametrize(
    ("how", "source", "target", "value", "said"),
    [
        ("iso8601 -> timestamp-micros", STRING, MICROS, "2024-01-01T00:00:00", "names no time zone"),
        ("iso8601 -> timestamp-micros", STRING, MICROS, "yesterday", "not a date and time"),
        ("iso8601 -> timestamp-micros", STRING, MICROS, "9999-12-31T23:59:59-23:00", "years 1 to 9999"),
        ("epoch-seconds -> timestamp-micros", LONG, MICROS, 2**62, "years 1 to 9999"),
        ("cents -> decimal", LONG, decimal(4, 2), 10_000, "more than the 4 digits"),
        ("decimal -> cents", decimal(9, 4), LONG, Decimal("0.0001"), "whole number of cents"),
        ("decimal -> decimal", decimal(9, 4), decimal(9, 2), Decimal("0.0001"), "2 decimal places"),
        ("long -> int", LONG, INT, 2**31, "does not fit an int"),
        ("double -> long", DOUBLE, LONG, 1.5, "not a whole number"),
        ("double -> long", DOUBLE, LONG, float("inf"), "not a whole number"),
        ("double -> long", DOUBLE, LONG, -0.0, "not a whole number"),
        ("double -> float", DOUBLE, FLOAT, 1e300, "does not fit a float"),
        ("string -> long", STRING, LONG, "1_000", "not a whole number"),
        ("string -> long", STRING, LONG, "9" * 5000, "a value of 5002 characters"),
        ("string -> double", STRING, DOUBLE, "1e999", "does not fit a double"),
        ("string -> double", STRING, DOUBLE, "nan", "not a number"),
        ("string -> boolean", STRING, BOOLEAN, "True", "neither true nor false"),
        ("string -> uuid", STRING, UUID, "x", "not a UUID"),
        ("string -> enum", STRING, Enum(("A",), "E"), "B", "not one of the symbols"),
        ("bytes -> string", BYTES, STRING, b"\xff", "not UTF-8"),
        ("base64 -> bytes", STRING, BYTES, "QR==", "not base64"),
    ],
)
def test_a_value_without_a_counterpart_is_rejected_with_the_reason(
    how: str, source: Shape, target: Shape, value: object, said: str
) -> None:
    made = _once(how, source, target, value)
    assert isinstance(made, Rejected)
    assert (made.code, made.path) == (CONVERSION_FAILED, "x")
    assert said in made.message


def test_the_place_of_the_value_is_named() -> None:
    before, after = avro(a=Array(avro("I", m=Map(LONG)))), avro(a=Array(avro("I", m=Map(INT))))
    made = up(bound_changes(before, after, convert("a[].m{}", "long -> int")), {"a": [{"m": {}}, {"m": {"k": 2**40}}]})
    assert isinstance(made, Rejected)
    assert made.path == "a[1].m{k}"


def test_null_stays_null_and_absent_stays_absent() -> None:
    hop = assert_lawful(
        json(a=optional(nullable(INTEGER))), json(a=optional(nullable(STRING))), convert("a", "integer -> string")
    )
    assert up(hop, {}) == {}
    assert up(hop, {"a": None}) == {"a": None}
    assert up(hop, {"a": 5}) == {"a": "5"}


def test_functions_convert_and_come_back() -> None:
    hop = assert_lawful(
        avro(a=LONG),
        avro(a=Array(LONG)),
        convert("a", up=lambda n: [n], down=sum),
        news=st.integers(0, 9).map(lambda n: {"a": [n]}),
    )
    assert up(hop, {"a": 3}) == {"a": [3]}
    assert not hop.one_way
    assert bound_changes(avro(a=LONG), avro(a=STRING), convert("a", up=str)).one_way


def test_functions_are_not_asked_about_null_where_both_sides_have_it() -> None:
    hop = bound_changes(avro(a=nullable(LONG)), avro(a=nullable(STRING)), convert("a", up=str, down=int))
    assert up(hop, {"a": None}) == {"a": None}
    only_old = bound_changes(avro(a=nullable(LONG)), avro(a=STRING), convert("a", up=lambda n: str(n or 0), down=int))
    assert up(only_old, {"a": None}) == {"a": "0"}


def test_functions_make_a_branch_of_a_union() -> None:
    card, cash = avro("Card", no=STRING), avro("Cash")
    after = avro(paid=Union((NULL, card, cash)))
    hop = bound_changes(
        avro(paid=nullable(card)),
        after,
        convert("paid", up=lambda card: ("Card", card), down=lambda pair: pair[1] if pair[0] == "Card" else None),
    )
    assert up(hop, {"paid": {"no": "1"}}) == {"paid": ("Card", {"no": "1"})}
    assert down(hop, {"paid": ("Cash", {})}) == {"paid": None}


def test_what_a_function_raises_is_the_records_rejection() -> None:
    made = up(bound_changes(avro(a=Array(STRING)), avro(a=Array(LONG)), convert("a[]", up=int)), {"a": ["1", "x"]})
    assert isinstance(made, Rejected)
    assert (made.code, made.path) == (HOP_RAISED, "a[1]")
    assert "ValueError" in made.message


def test_a_loss_is_named_by_the_old_versions_path() -> None:
    before, after = avro(i=Array(avro("I", made=STRING))), avro(i=Array(avro("I", at=MICROS)))
    hop = bound_changes(before, after, rename("i[].made", "at"), convert("i[].at", "iso8601 -> timestamp-micros"))
    assert hop.lost_up == ("i[].made",)


def test_a_cents_decimal_that_always_fits_is_total_and_one_that_may_not_is_partial() -> None:
    wide = bound_changes(avro(x=LONG), avro(x=decimal(21, 2)), convert("x", "cents -> decimal"))
    assert (wide.partial_up, wide.partial_down) == (False, True)
    narrow = bound_changes(avro(x=LONG), avro(x=decimal(9, 2)), convert("x", "cents -> decimal"))
    assert (narrow.partial_up, narrow.partial_down) == (True, False)


@pytest.mark.parametrize(
    ("how", "source", "target", "code", "remedy"),
    [
        ("cent -> decimal", LONG, decimal(9, 2), "unknown-conversion", "did you mean 'cents -> decimal'?"),
        ("cents -> whole", LONG, decimal(9, 2), "unknown-conversion", "cents -> decimal"),
        ("cents -> decimal", STRING, decimal(9, 2), "wrong-type", "functions"),
        ("cents -> decimal", LONG, STRING, "wrong-type", "functions"),
        ("cents -> decimal", Union((LONG, STRING)), decimal(9, 2), "wrong-type", "functions"),
    ],
)
def test_a_conversion_that_does_not_fit_says_what_to_do(
    how: str, source: Shape, target: Shape, code: str, remedy: str
) -> None:
    found = misfit(avro(x=source), avro(x=target), convert("x", how))
    assert (found.code, found.path) == (code, "x")
    assert remedy in found.remedy


def test_the_type_comes_from_the_new_version_under_its_name_there() -> None:
    found = misfit(avro(a=LONG), avro(b=STRING), convert("a", "long -> string"), rename("a", "b"))
    assert found.code == "not-in-new-version"
    assert "rename first" in found.remedy


def test_a_name_and_functions_together_are_refused() -> None:
    assert misfit(avro(a=LONG), avro(a=STRING), convert("a")).code == "convert-how"
    assert misfit(avro(a=LONG), avro(a=STRING), convert("a", "long -> string", down=int)).code == "convert-how"


def test_a_nullable_source_needs_a_nullable_target() -> None:
    before, after = avro(a=nullable(LONG)), avro(a=Field(STRING))
    assert [each.code for each in findings_of(before, after, convert("a", "long -> string"))] == ["wrong-type"]
