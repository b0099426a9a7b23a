"""What a hop's changes make of the old version, held against the new one."""

import pytest
from tests.support.shape_values import avro, bound_changes, findings_of, json
from tests.support.subjects import DOUBLE, LONG, STRING, nullable, optional

from instar.changes import add, convert, drop, inside, map_values, merge, move, rename, split
from instar.core.finding import Finding
from instar.core.formats.shape import NULL, Array, Enum, Field, Map, Object, Scalar, Shape, Union
from instar.core.upcasting.derive import derive

MICROS = Scalar("long", "timestamp-micros")
DECIMAL = Scalar("bytes", "decimal", (("precision", 9), ("scale", 2)))


def lines(before: Shape, after: Shape) -> list[str]:
    """The lines that the findings of an empty hop say to add."""
    found = findings_of(before, after)
    assert all(each.severity == "error" for each in found)
    return [each.remedy.removeprefix("add: ") for each in found]


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        (avro(a=LONG), avro(a=LONG, b=Field(STRING, default="")), 'add("b")'),
        (avro(a=LONG, b=STRING), avro(a=LONG), 'drop("b", restore=...)'),
        (avro(qty=LONG), avro(quantity=LONG), 'rename("qty", "quantity")'),
        (avro(a=STRING), avro(a=LONG), 'convert("a", "string -> long")'),
        (avro(a=LONG), avro(a=DOUBLE), 'convert("a", "long -> double")'),
        (avro(a=Scalar("int")), avro(a=LONG), 'convert("a", "int -> long")'),
        (avro(a=STRING), avro(a=MICROS), 'convert("a", "iso8601 -> timestamp-micros")'),
        (avro(a=LONG), avro(a=DECIMAL), 'convert("a", "cents -> decimal")'),
        (avro(a=STRING), avro(a=Array(STRING)), 'convert("a", up=..., down=...)'),
        (avro(a=LONG), avro(a=nullable(LONG)), 'allow_null("a", null=...)'),
        (avro(a=nullable(LONG)), avro(a=LONG), 'convert("a", up=..., down=...)'),
        (avro(s=Enum(("A",), "S")), avro(s=Enum(("A", "B"), "S")), 'map_values("s", {}, down={"B": ...})'),
        (avro(s=Enum(("A", "B"), "S")), avro(s=Enum(("A",), "S")), 'map_values("s", {"B": ...})'),
        (avro(s=Enum(("A",), "S")), avro(s=Enum(("A",), "T")), 'rename_type("S", "T")'),
        (avro("Old", a=LONG), avro("New", a=LONG), 'rename_type("Old", "New")'),
        (json(a=optional(STRING)), json(a=STRING), 'add("a", value=...)'),
        (json(a=STRING), json(a=optional(STRING)), 'allow_absent("a", absent=...)'),
        (json(), json(a=optional(STRING)), 'add("a")'),
        (
            avro(p=nullable(avro("Card", n=LONG))),
            avro(p=Union((NULL, avro("Card", n=LONG), avro("Cash")))),
            'convert("p", up=lambda value: ("Card", value), down=...)',
        ),
    ],
)
def test_a_difference_names_the_line_to_add(before: Shape, after: Shape, line: str) -> None:
    assert lines(before, after) == [line]


@pytest.mark.parametrize("wrap", [lambda r: r, Array, Map, nullable, lambda r: Array(nullable(r))])
def test_a_difference_inside_is_named_with_its_path(wrap: type[Array]) -> None:
    before, after = avro(x=wrap(avro("R", qty=LONG, s=STRING))), avro(x=wrap(avro("R", quantity=LONG, s=LONG)))
    token = {"Array": "[]", "Map": "{}"}.get(type(before.fields["x"].shape).__name__, "")
    assert lines(before, after) == [
        f'rename("x{token}.qty", "x{token}.quantity")',
        f'convert("x{token}.s", "string -> long")',
    ]


def test_fields_that_went_into_a_record_or_out_of_one_are_moves() -> None:
    flat, deep = avro(street=STRING, city=STRING), avro(address=avro("A", street=STRING, city=STRING))
    assert lines(flat, deep) == ['move("street", "address.street")', 'move("city", "address.city")']
    assert lines(deep, flat) == ['move("address.street", "street")', 'move("address.city", "city")']
    assert findings_of(flat, deep, move("street", "address.street"), move("city", "address.city")) == []


def test_all_differences_are_found_at_once() -> None:
    before = avro("Old", a=nullable(avro("X", n=LONG)), b=STRING, count=LONG)
    after = avro("New", a=nullable(avro("Y", n=STRING)), b=LONG, counts=nullable(LONG), e=Field(STRING, default=""))
    assert set(lines(before, after)) == {
        'rename_type("Old", "New")',
        'rename_type("X", "Y")',
        'convert("a.n", "long -> string")',
        'convert("b", "string -> long")',
        'rename("count", "counts")',
        'add("e")',
    }


def test_following_the_lines_leads_to_a_hop_that_binds() -> None:
    before = avro(qty=LONG, when=STRING, street=STRING, gone=STRING)
    after = avro(quantity=LONG, when=MICROS, address=avro("A", street=STRING), new=Field(LONG, default=0))
    names = {"add": add, "convert": convert, "drop": drop, "move": move, "rename": rename}
    changes = []
    for line in lines(before, after):
        text = line.replace("restore=...", 'restore=""')
        changes.append(eval(text, names))  # noqa: S307 - the line as it stands
    assert findings_of(before, after, *changes) == []


def test_a_one_way_hop_is_held_to_its_way_up_only() -> None:
    before, after = avro(a=LONG, b=LONG), avro(a=nullable(LONG))
    assert findings_of(before, after, drop("b")) == []
    assert [each.code for each in findings_of(before, after, drop("b", restore=0))] == ["no-place-for-null"]


def test_what_shapes_do_not_decide_is_a_warning() -> None:
    short = Scalar("string", None, (("maxLength", 5),))
    tightened = findings_of(json(a=STRING), json(a=short))
    assert [(each.severity, each.code, each.path) for each in tightened] == [("warning", "not-proven", "a")]
    assert "maxLength 5" in tightened[0].message
    loosened = findings_of(json(a=short), json(a=STRING))
    assert [each.severity for each in loosened] == ["warning"]
    assert "on the way down" in loosened[0].message
    unnamed = findings_of(json(is_open=True, a=optional(STRING)), json(is_open=True))
    assert [each.severity for each in unnamed] == ["warning"]


def test_a_change_that_does_not_fit_is_one_finding_at_its_line_and_the_others_are_judged() -> None:
    changes = [rename("a", "b"), rename("x", "y"), drop("q", restore="")]
    _, found = derive(changes, avro(a=LONG), avro(b=LONG), lambda index: 10 + index)
    assert [(each.code, each.line, each.path) for each in found] == [
        ("no-such-field", 11, "x"),
        ("no-such-field", 12, "q"),
    ]
    assert found[0].message.startswith("rename x -> y: ")


def test_losses_are_named_by_the_versions_own_paths() -> None:
    before = avro(name=STRING, items=Array(avro("I", cents=LONG, at=STRING)), code=STRING)
    line = avro("I", price=DECIMAL, time=MICROS)
    after = avro(who=avro("W", first=LONG, last=STRING), lines=Array(line), extra=Field(LONG, default=1))
    hop = bound_changes(
        before,
        after,
        rename("items", "lines"),
        inside(
            "lines[]",
            [
                rename("at", "time"),
                convert("time", "iso8601 -> timestamp-micros"),
                rename("cents", "price"),
                convert("price", "cents -> decimal"),
            ],
        ),
        split("name", ["who.first", "who.last"], up=lambda n: (len(n), n), down=lambda n, name: name),
        drop("code", restore=""),
        add("extra"),
    )
    assert set(hop.lost_up) == {"items[].at", "code"}
    assert hop.lost_down == ("extra",)


def test_a_loss_of_what_was_merged_is_a_loss_of_all_that_it_was_made_of() -> None:
    hop = bound_changes(
        avro(a=STRING, b=STRING),
        avro(first=STRING),
        merge(["a", "b"], "first", up=lambda a, b: a + b, down=lambda both: (both[:1], both[1:])),
        map_values("first", {"xy": "x", "x": "x"}, down={"x": "xy"}),
    )
    assert hop.lost_up == ("a", "b")
    assert hop.lost_down == ("first",)


def test_the_same_shape_needs_no_changes() -> None:
    shape = avro(
        a=nullable(LONG), u=Union((NULL, avro("A", x=LONG), avro("B"))), m=Map(Array(STRING)), e=Enum(("X",), "E")
    )
    assert findings_of(shape, shape) == []
    other: Object = json(is_open=True, a=optional(Union((STRING, Scalar("integer"), json(b=STRING)))))
    assert findings_of(other, other) == []


def test_findings_say_nothing_of_files() -> None:
    _, found = derive([], avro(a=LONG), avro())
    assert found == [
        Finding(
            "forgotten-field",
            "the changes leave a, which the new version does not have",
            'add: drop("a", restore=...)',
            path="a",
        )
    ]
