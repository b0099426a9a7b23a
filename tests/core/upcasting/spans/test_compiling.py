"""Which programs the fast executor takes, what it says of the others, and what its code holds."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from tests.support.bridging import event_subject

from instar.changes import (
    add,
    allow_null,
    compute,
    convert,
    drop,
    inside,
    map_values,
    merge,
    move,
    rename,
    rename_type,
    split,
    when,
    wrap,
)
from instar.core.formats.avro import AvroSchema, parse_avro
from instar.core.formats.avro_types import LIMIT_DEPTH, Logical, Primitive
from instar.core.formats.avro_write import encoded_long
from instar.core.formats.shape import MISSING
from instar.core.record import Context
from instar.core.rejected import Rejected
from instar.core.subject import Subject, SubjectParts, build_subject
from instar.core.upcasting.hop import Hop
from instar.core.upcasting.program import Program
from instar.core.upcasting.spans.code import Code, decimal_bytes, string_bytes, written
from instar.core.upcasting.spans.executor import Refused, Spans, compile_spans
from instar.core.upcasting.spans.fit import Written, fit, pieces
from instar.core.upcasting.spans.source import Source
from instar.core.upcasting.spans.symbols import Made, Table

STRING = {"type": "string"}
ANNOTATED_NULL = {"type": "null", "logicalType": "nothing"}
STATUS = {"type": "enum", "name": "Status", "symbols": ["NEW", "SENT"]}


def schema(**fields: Any) -> AvroSchema:
    made = [{"name": name, **(kind if "default" in kind else {"type": kind})} for name, kind in fields.items()]
    return parse_avro({"type": "record", "name": "Top", "fields": made})


def subject(before: AvroSchema, after: AvroSchema, *changes: Any, **more: Any) -> Subject:
    hop = Hop("drawn", 1, 2, "v1_to_v2.py", changes=changes or None, **more)
    made, findings = build_subject(SubjectParts("drawn", [(1, before), (2, after)], [hop]))
    assert made is not None
    assert not [finding for finding in findings if finding.severity == "error"], findings
    return made


def program(of: Subject, start: int = 1, end: int = 2) -> Program:
    found = of.program(start, end)
    assert isinstance(found, Program)
    return found


def taken(of: Program) -> Spans:
    made = compile_spans(of)
    assert isinstance(made, Spans), made
    return made


def record(**fields: Any) -> dict[str, Any]:
    return {
        "type": "record",
        "name": "Inner",
        "fields": [{"name": name, "type": each} for name, each in fields.items()],
    }


def node(text: str) -> dict[str, Any]:
    """A record that may hold one of its own kind."""
    inner = {"name": "next", "type": ["null", "Node"], "default": None}
    return {"type": "record", "name": "Node", "fields": [{"name": text, "type": "string"}, inner]}


@pytest.mark.parametrize(
    ("of", "why"),
    [
        (
            lambda: subject(schema(a="string"), schema(b="string"), upcast=lambda _record, _context: {"b": ""}),
            "v1_to_v2 is a hop of functions",
        ),
        (
            lambda: subject(
                schema(a="string"), schema(b={"type": "array", "items": "string"}), wrap("a", "b")
            ),
            "Wrap is not one of the operations that are understood here",
        ),
        (
            lambda: subject(
                schema(kind=STATUS, a="string"),
                schema(kind=STATUS, a="string"),
                when("kind", "NEW", [convert("a", up=str.upper, down=str.lower)]),
            ),
            "When is not one of the operations that are understood here",
        ),
        (
            lambda: subject(
                schema(a=["null", record(x="string")]),
                schema(a=["null", record(y="string")]),
                rename("a.x", "a.y"),
            ),
            "a change reaches for 'x' in what is not a record that is always there",
        ),
        (
            lambda: subject(
                schema(a={"type": "map", "values": record(x="string")}),
                schema(a={"type": "map", "values": record(y="string")}),
                rename("a{}.x", "a{}.y"),
            ),
            "a change reaches into a map",
        ),
        (
            lambda: subject(
                schema(a=["null", "string"]),
                schema(b=["null", "string"], c=["null", "string"]),
                split("a", ["b", "c"], up=lambda text: (text, text), down=lambda one, _other: one),
            ),
            "is given a value that may be null",
        ),
        (
            lambda: subject(
                schema(a=[ANNOTATED_NULL, "string"]),
                schema(b=["null", "string"], c=["null", "string"]),
                split("a", ["b", "c"], up=lambda text: (str(text), str(text))),
            ),
            "is given a value that may be null",
        ),
        (
            lambda: subject(schema(a=node("text")), schema(a=node("body")), rename("a.text", "a.body")),
            "a change reaches for 'text' in what is not a record that is always there",
        ),
        (
            lambda: subject(parse_avro(node("text")), parse_avro(node("body")), rename("text", "body")),
            "the source is not a record, or one that may hold its own kind",
        ),
        (
            lambda: subject(
                schema(a={"type": "array", "items": record(x={"type": "array", "items": "string"})}),
                schema(a={"type": "array", "items": record(x={"type": "array", "items": "string"})}, b="string"),
                compute("b", reads=["a[].x[]"], up=repr),
            ),
            "it reads elements of elements",
        ),
        (
            lambda: subject(
                schema(a=[record(x="string"), STATUS]),
                schema(a=[{**record(x="string"), "name": "Other"}, STATUS]),
                rename_type("Inner", "Other"),
            ),
            "a union shows the names of its types",
        ),
    ],
)  # fmt: skip
def test_what_is_left_to_the_reference_says_why(of: Callable[[], Subject], why: str) -> None:
    made = compile_spans(program(of()))
    assert isinstance(made, Refused)
    assert why in made.why


def test_json_is_left_to_the_reference() -> None:
    found = event_subject().program(1, 2)
    assert isinstance(found, Program)
    made = compile_spans(found)
    assert isinstance(made, Refused)
    assert made.why == "it is not Avro"


def test_a_record_at_the_target_version_passes_with_its_very_bytes() -> None:
    """Also where they are not the bytes that instar would write: an array in two blocks."""
    of = Subject("drawn", "avro", {1: schema(a={"type": "array", "items": "int"})})
    here = program(of, 1, 1)
    data = bytes.fromhex("0202020400")
    assert taken(here).run(data, Context()) == here.run(data, Context()) == [data]


def test_what_a_function_does_to_its_arguments_changes_nothing_else() -> None:
    def greedy(items: list[dict[str, Any]], inner: dict[str, Any]) -> str:
        text = repr((items, inner))
        items.clear()
        inner["x"] = "spoilt"
        return text

    item = {"type": "record", "name": "Item", "fields": [{"name": "n", "type": "long"}]}
    fields = {"items": {"type": "array", "items": item}, "inner": record(x="string")}
    before, after = schema(**fields), schema(**fields, one="string", two="string")
    reads = ["items", "inner"]
    of = subject(before, after, compute("one", reads=reads, up=greedy), compute("two", reads=reads, up=greedy))
    data = before.encode({"items": [{"n": 1}, {"n": 2}], "inner": {"x": "kept"}})
    assert isinstance(data, bytes)
    spans = taken(program(of))
    made = spans.fast(data)
    assert made is not None
    assert [made] == program(of).run(data, Context())
    decoded = after.decode(made)
    assert decoded["inner"] == {"x": "kept"}
    assert decoded["one"] == decoded["two"] == "([{'n': 1}, {'n': 2}], {'x': 'kept'})"


def words() -> Callable[[str], list[str]]:
    """A function that hands out the same list again and again."""
    found: list[str] = []

    def split_words(text: str) -> list[str]:
        found[:] = text.split()
        return found

    return split_words


def test_what_a_function_hands_out_again_is_copied_at_once() -> None:
    texts = {"type": "array", "items": "string"}
    before = schema(a="string", b="string", c="string", d="string")
    after = schema(a="string", b="string", e="string", f="string", g="string", h="string", x=texts, y=texts)
    each, pair = words(), words()
    of = subject(
        before,
        after,
        compute("x", reads=["a"], up=each),
        compute("y", reads=["b"], up=each),
        split("c", ["e", "f"], up=pair),
        split("d", ["g", "h"], up=pair),
    )
    here = program(of)
    data = before.encode({"a": "1 2", "b": "3", "c": "4 5", "d": "6 7"})
    assert isinstance(data, bytes)
    made = taken(here).fast(data)
    assert made is not None
    assert [made] == here.run(data, Context())
    expected = {"a": "1 2", "b": "3", "e": "4", "f": "5", "g": "6", "h": "7", "x": ["1", "2"], "y": ["3"]}
    assert after.decode(made) == expected


@pytest.mark.parametrize(
    ("change", "beside"),
    [
        (compute("x", reads=["a"], up=lambda _text: MISSING), {"a": "string"}),
        (merge(["a"], "x", up=lambda _text: MISSING), {}),
        (split("a", ["w", "x"], up=lambda text: (text, MISSING)), {"w": "string"}),
    ],
)
def test_a_function_that_says_that_there_is_no_value_is_judged_by_the_reference(change: Any, beside: Any) -> None:
    """Also where a later change of the same hop puts a value there, so that no version has what it returned."""
    of = subject(schema(a="string"), schema(**beside, x="string"), change, convert("x", up=lambda _none: "made"))
    here = program(of)
    expected = here.run(b"\x02a", Context())
    assert isinstance(expected, Rejected)
    assert taken(here).run(b"\x02a", Context()) == expected


def test_a_users_function_is_not_called_before_there_is_a_record() -> None:
    """Also not for what is the same in all of them."""
    called: list[str] = []

    def noted(text: str) -> str:
        called.append(text)
        return text.upper()

    here = program(
        subject(schema(a="string"), schema(a="string", b="string"), add("b", value="x"), convert("b", up=noted))
    )
    spans = taken(here)
    assert not called
    assert spans.fast(b"\x02a") == b"\x02a\x02X"
    assert here.run(b"\x02a", Context()) == [b"\x02a\x02X"]


def test_a_constant_with_parts_that_stands_for_null_is_each_functions_own() -> None:
    branches = [record(n="long"), {**record(n="long"), "name": "Other"}]
    branch = ("Inner", {"n": 1})

    def greedy(value: Any, text: str) -> str:
        value[1]["n"] += 1
        return f"{value} {text}"

    versions = [
        schema(s="string"),
        schema(x=branches, y="string"),
        schema(x=["null", *branches], y="string"),
        schema(y="string"),
    ]
    hops = [
        Hop("drawn", 1, 2, "1.py", changes=(split("s", ["x", "y"], up=lambda text: (branch, text), down=greedy),)),
        Hop("drawn", 2, 3, "2.py", changes=(allow_null("x", null=branch),)),
        Hop("drawn", 3, 4, "3.py", changes=(drop("x", restore=None),)),
    ]
    of, findings = build_subject(SubjectParts("drawn", list(enumerate(versions, 1)), hops))
    assert of is not None, findings
    here = program(of, 4, 1)
    spans = taken(here)
    for _ in range(2):
        assert [spans.fast(b"\x02a")] == here.run(b"\x02a", Context()) == [string_bytes("('Inner', {'n': 2}) a")]


def test_a_rejection_is_the_references_own() -> None:
    def picky(text: str) -> str:
        raise ValueError(text)

    before, after = schema(a="string", b="long"), schema(a="string", b="long")
    here = program(subject(before, after, convert("a", up=picky, down=picky)))
    expected = here.run(b"\x02x\x02", Context())
    assert isinstance(expected, Rejected)
    assert (expected.code, expected.hop, expected.path) == ("hop-raised", "v1_to_v2", "a")
    assert taken(here).run(b"\x02x\x02", Context()) == expected


def test_what_a_function_returns_is_checked_though_it_is_dropped_later() -> None:
    before, middle, after = schema(a="string"), schema(a="string", b="string"), schema(a="string")
    hops = [
        Hop("drawn", 1, 2, "1.py", changes=(compute("b", reads=["a"], up=len),)),
        Hop("drawn", 2, 3, "2.py", changes=(drop("b", restore=""),)),
    ]
    of, _ = build_subject(SubjectParts("drawn", [(1, before), (2, middle), (3, after)], hops))
    assert of is not None
    here = program(of, 1, 3)
    expected = here.run(b"\x02x", Context())
    assert isinstance(expected, Rejected)
    assert taken(here).run(b"\x02x", Context()) == expected


HOSTILE = "x\"\"\"\n    raise SystemExit\n'''#\\"


def test_no_word_of_a_schema_or_hop_becomes_code() -> None:
    """Avro's own names are letters and digits; defaults, symbols' new names and summaries may be anything."""
    before = schema(a="string", status=STATUS, items={"type": "array", "items": record(n="long")})
    after = schema(
        a="string",
        status=STATUS,
        items={"type": "array", "items": record(m="long")},
        b={"type": "string", "default": HOSTILE},
        c="string",
    )
    of = subject(
        before,
        after,
        add("b"),
        add("c", value=HOSTILE),
        map_values("status", {"NEW": "SENT", "SENT": "NEW"}),
        inside("items[]", [rename("n", "m")]),
    )
    data = before.encode({"a": HOSTILE, "status": "NEW", "items": [{"n": 4}]})
    assert isinstance(data, bytes)
    spans = taken(program(of))
    assert "SystemExit" not in spans.text
    assert spans.fast(data) is not None
    assert spans.run(data, Context()) == program(of).run(data, Context())


def test_a_fields_path_stands_in_the_code_only_as_a_quoted_comment() -> None:
    """Should a name ever hold more than Avro lets it: the line is a comment, and stays one."""
    honest = schema(a="string")
    source = Source(honest.types)
    source.leaves[0].path = HOSTILE
    text, fast = Code(source, honest).function([], None)
    assert [line.strip() for line in text.splitlines() if "raise" in line] == [f"# {HOSTILE!r}"]
    assert fast(b"\x02x") == b"\x02x"


def test_a_schema_that_is_too_large_is_left_to_the_reference() -> None:
    many = {f"f{at}": "string" for at in range(1_001)}
    made = compile_spans(program(Subject("drawn", "avro", {1: schema(**many)}), 1, 1))
    assert isinstance(made, Refused)
    assert made.why == "the source has more than 1,000 values"


def test_arrays_that_are_nested_too_deep_are_left_to_the_reference() -> None:
    kind: Any = "string"
    for _ in range(9):
        kind = {"type": "array", "items": kind}
    made = compile_spans(program(Subject("drawn", "avro", {1: schema(a=kind)}), 1, 1))
    assert isinstance(made, Refused)
    assert made.why == "arrays are nested deeper than 8 levels"


def test_records_that_are_nested_deeper_than_any_that_is_read_are_left_to_the_reference() -> None:
    """A schema's text may be flat where its records are not."""
    kinds: dict[str, Any] = {"u0": ["null", {"type": "record", "name": "R0", "fields": [{"name": "x", "type": "int"}]}]}
    for at in range(1, LIMIT_DEPTH):
        inner = {"type": "record", "name": f"R{at}", "fields": [{"name": "x", "type": f"R{at - 1}"}]}
        kinds[f"u{at}"] = ["null", inner]
    fits, deeper = f"R{LIMIT_DEPTH - 2}", f"R{LIMIT_DEPTH - 1}"
    data = bytes(LIMIT_DEPTH + 1)
    here = program(Subject("drawn", "avro", {1: schema(**kinds, a=fits)}), 1, 1)
    assert taken(here).fast(data) == data
    assert here.run(data, Context()) == [data]
    here = program(Subject("drawn", "avro", {1: schema(**kinds, a=deeper)}), 1, 1)
    assert isinstance(here.run(data, Context()), Rejected)
    assert compile_spans(here) == Refused("the source is nested deeper than 200 levels")


def test_unchanged_neighbours_are_copied_as_one() -> None:
    fields = dict.fromkeys("abcdef", "string")
    of = subject(schema(**fields, g="string"), schema(**fields, h="string"), rename("g", "h"))
    assert 'return b"".join((data[0:], ))' in taken(program(of)).text


@pytest.mark.parametrize("kind", ["string", "bytes"])
def test_a_negative_length_does_not_lead_back_into_what_was_read(kind: str) -> None:
    before, after = schema(a=kind, b="int"), schema(c=kind, b="int")
    here = program(subject(before, after, rename("a", "c")))
    assert isinstance(here.run(b"\x01", Context()), Rejected)
    assert taken(here).run(b"\x01", Context()) == here.run(b"\x01", Context())


def test_symbols_in_another_order_have_other_numbers() -> None:
    other = {**STATUS, "symbols": ["SENT", "NEW"]}
    before, after = schema(a="string", status=STATUS), schema(b="string", status=other)
    here = program(subject(before, after, rename("a", "b")))
    assert taken(here).fast(b"\x02x\x00") == b"\x02x\x02"
    assert here.run(b"\x02x\x00", Context()) == [b"\x02x\x02"]


@pytest.mark.parametrize("parts", [("a",), ("a", "b", "c"), ["a", "b"], "ab", None])
def test_a_split_that_returns_something_else_than_its_parts_is_rejected_as_by_the_reference(parts: Any) -> None:
    change = split("a", ["b", "c"], up=lambda _text: parts, down=lambda one, _other: one)
    here = program(subject(schema(a="string"), schema(b="string", c="string"), change))
    expected = here.run(b"\x02x", Context())
    assert taken(here).run(b"\x02x", Context()) == expected
    assert isinstance(expected, Rejected) == (parts != ["a", "b"])


@pytest.mark.parametrize("count", [0, 1, 63, 64, 10_000])
def test_arrays_of_any_length(count: int) -> None:
    before = schema(items={"type": "array", "items": record(n="long", m="string")})
    after = schema(items={"type": "array", "items": record(m="string", n="long")})
    here = program(subject(before, after, convert("items[].m", up=str.upper, down=str.lower)))
    data = before.encode({"items": [{"n": at, "m": "x" * (at % 70)} for at in range(count)]})
    assert isinstance(data, bytes)
    assert [taken(here).fast(data)] == here.run(data, Context())


@pytest.mark.parametrize("gone", ["a", "b", "c"])
def test_elements_that_lose_a_field_are_not_copied_whole(gone: str) -> None:
    fields = dict.fromkeys("abc", "string")
    before = schema(items={"type": "array", "items": record(**fields)})
    after = schema(items={"type": "array", "items": record(**{name: "string" for name in fields if name != gone})})
    here = program(subject(before, after, drop(f"items[].{gone}", restore="")))
    data = before.encode({"items": [{"a": "1", "b": "22", "c": "333"}, {"a": "4", "b": "55", "c": "666"}]})
    assert isinstance(data, bytes)
    assert [taken(here).fast(data)] == here.run(data, Context())


def test_the_way_down_undoes_the_last_change_first() -> None:
    there, back = lambda text: text + "x", lambda text: text.replace("x", "y")
    twice = convert("a", up=there, down=back), convert("a", up=there, down=lambda text: text + "x")
    here = program(subject(schema(a="string"), schema(a="string"), *twice), 2, 1)
    assert taken(here).fast(b"\x02x") == b"\x04yy"
    assert here.run(b"\x02x", Context()) == [b"\x04yy"]


def test_a_symbol_that_has_no_counterpart_is_left_to_the_reference() -> None:
    """A bound hop has one for each symbol; should one ever be missing, nothing is written in its place."""
    of = schema(status=STATUS)
    source = Source(of.types)
    leaf = source.leaves[0]
    made = Made(0, leaf.loop, str, (leaf,), None)
    made.table = Table(leaf, ["x", None], {1})
    write = schema(a="string").part(Primitive("string")).write
    _, fast = Code(source, of).function([made], [Written(made, Primitive("string"), write)])
    assert fast(b"\x00") == b"\x02x"
    assert fast(b"\x02") is None


@pytest.mark.parametrize("size", [0, 1, 62, 63, 64, 65, 8191, 8192])
def test_text_and_decimals_of_any_length_are_written_as_the_reference_writes_them(size: int) -> None:
    text = schema(a="string").part(Primitive("string"))
    assert string_bytes("x" * size) == written(text.write, "x" * size)
    kind = {"type": "bytes", "logicalType": "decimal", "precision": 4_000}
    write = schema(a=kind).part(Primitive("bytes", Logical("decimal", 4_000))).write
    for number in (256 ** min(size, 1_600), 128 * 256 ** min(size, 1_600), 127 * 256 ** min(size, 1_600)):
        for unscaled in (number, -number, number - 1, 1 - number):
            assert decimal_bytes(unscaled) == written(write, Decimal(unscaled))


def test_a_value_of_another_type_than_its_version_has_is_checked() -> None:
    """No bound hop leaves one; should one ever do so, the reference rejects the record."""
    source = Source(schema(a="long").types)
    wanted = schema(a="int")
    (check,) = fit(source.record, wanted, source.top)
    _, fast = Code(source, schema(a="long")).function([check], pieces(source.record, wanted))
    assert fast(encoded_long(2**31 - 1)) == encoded_long(2**31 - 1)
    assert fast(encoded_long(2**31)) is None


def test_a_moved_field_leaves_two_copies() -> None:
    before = schema(a="string", b="string", c="string")
    after = schema(a="string", c="string", inner=record(b="string"))
    text = taken(program(subject(before, after, move("b", "inner.b")))).text
    assert 'return b"".join((data[0:p0_1], data[p0_2:], data[p0_1:p0_2], ))' in text
