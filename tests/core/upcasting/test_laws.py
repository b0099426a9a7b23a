"""The laws find what an author got wrong, name the field and the line to write, and leave sound hops in peace."""

from random import Random

import pytest
from tests.support.subjects import (
    BOOLEAN,
    DECIMAL,
    DOUBLE,
    LONG,
    STRING,
    Array,
    Enum,
    ShapeSchema,
    bound,
    codes,
    draws,
    nullable,
    optional,
    record,
)

from instar.core.finding import Finding
from instar.core.formats.shape import Object
from instar.core.upcasting.laws import check_laws

OLD = record(name=STRING, qty=LONG)
NEW = record(name=STRING, quantity=LONG)
RENAME = """
    def upcast(record, context):
        return {"name": record["name"], "quantity": record["qty"]}

    def downcast(record, context):
        return {"name": record["name"], "qty": record["quantity"]}
"""


def broken_laws(
    source: str, before: Object = OLD, after: Object = NEW, count: int = 60, sensitive: tuple[str, ...] = ()
) -> list[Finding]:
    return check_laws(
        bound(source, before, after),
        ShapeSchema(before),
        ShapeSchema(after),
        draws(before, count),
        draws(after, count, seed=8),
        sensitive=sensitive,
    )


def only(found: list[Finding]) -> Finding:
    assert len(found) == 1, found
    (finding,) = found
    assert finding.file == "upcasters/orders/v1_to_v2.py"
    assert finding.subject == "orders"
    assert finding.remedy
    return finding


def test_a_sound_hop_breaks_no_law() -> None:
    assert broken_laws(RENAME) == []


def test_values_are_left_as_they_are() -> None:
    values = draws(OLD, 5)
    schema = ShapeSchema(OLD)
    source = "def upcast(record, context):\n    record.clear()\n    return record"
    check_laws(bound(source, OLD, OLD), schema, schema, values, [])
    assert values == draws(OLD, 5)


def test_an_undeclared_loss_is_named_with_the_line_to_declare_it() -> None:
    source = """
        def upcast(record, context): return {"name": record["name"]}
        def downcast(record, context): return {"name": record["name"], "qty": 0}
    """
    finding = only(broken_laws(source, after=record(name=STRING)))
    assert (finding.code, finding.path, finding.severity) == ("undeclared-loss", "qty", "error")
    assert 'lost = {"up": ["qty"]}' in finding.remedy
    assert "came back as 0" in finding.message


def test_a_declared_loss_breaks_no_law() -> None:
    source = """
        lost = {"up": ["qty"]}
        def upcast(record, context): return {"name": record["name"]}
        def downcast(record, context): return {"name": record["name"], "qty": 0}
    """
    assert broken_laws(source, after=record(name=STRING)) == []


def test_a_loss_on_the_way_down_is_named_too() -> None:
    source = """
        def upcast(record, context): return {**record, "total": 0}
        def downcast(record, context): return {"name": record["name"], "qty": record["qty"]}
    """
    finding = only(broken_laws(source, after=record(name=STRING, qty=LONG, total=LONG)))
    assert (finding.code, finding.path) == ("undeclared-loss", "total")
    assert 'lost = {"down": ["total"]}' in finding.remedy


def test_a_loss_in_elements_of_an_array_has_the_pattern_of_all_of_them() -> None:
    before = record(items=Array(record(sku=STRING, gift=nullable(BOOLEAN))))
    source = """
        def upcast(record, context): return {"items": [{"sku": item["sku"]} for item in record["items"]]}
        def downcast(record, context): return {"items": [{**item, "gift": None} for item in record["items"]]}
    """
    finding = only(broken_laws(source, before, record(items=Array(record(sku=STRING)))))
    assert finding.path == "items[].gift"
    assert "items[0].gift" in finding.message


def test_null_that_comes_back_absent_is_a_loss() -> None:
    before = record(note=optional(nullable(STRING)))
    source = """
        def upcast(record, context): return {key: part for key, part in record.items() if part is not None}
        def downcast(record, context): return dict(record)
    """
    finding = only(broken_laws(source, before, record(note=optional(STRING))))
    assert (finding.code, finding.path) == ("undeclared-loss", "note")
    assert "None came back as nothing" in finding.message


def test_a_wrong_way_back_is_told_from_a_loss() -> None:
    finding = only(broken_laws(RENAME.replace('"qty": record["quantity"]', '"qty": record["quantity"] + 1')))
    assert (finding.code, finding.path) == ("wrong-down", "qty")
    assert finding.line == 4 or finding.line == 1


def test_a_declared_loss_that_never_happens_is_a_note() -> None:
    finding = only(broken_laws(RENAME + '\n    lost = {"up": ["name"]}\n'))
    assert (finding.code, finding.path, finding.severity) == ("needless-loss", "name", "note")


def test_few_values_say_nothing_about_a_declared_loss() -> None:
    assert broken_laws(RENAME + '\n    lost = {"up": ["name"]}\n', count=5) == []


def test_mutation_of_the_given_record_is_found() -> None:
    source = """
        def upcast(record, context):
            record["quantity"] = record.pop("qty")
            return record

        def downcast(record, context):
            return {"name": record["name"], "qty": record["quantity"]}
    """
    finding = only([entry for entry in broken_laws(source) if entry.path == "qty"])
    assert finding.code == "mutation"
    assert finding.line == 1


def test_mutation_deep_inside_is_found_where_it_happens() -> None:
    shape = record(items=Array(record(n=LONG)))
    source = """
        def upcast(record, context):
            items = record["items"]
            for item in items:
                item["n"] = 7
            return {"items": items}
    """
    assert [(entry.code, entry.path) for entry in broken_laws(source, shape, shape)] == [("mutation", "items[].n")]


@pytest.mark.parametrize(
    "value",
    ["next(count)", "len(seen.append(1) or seen)", "id(object()) % 2**40 + len(seen.append(1) or seen)"],
)
def test_state_between_records_is_found(value: str) -> None:
    source = f"""
        from itertools import count as counting
        count = counting()
        seen = []

        def upcast(record, context):
            return {{"name": record["name"], "quantity": {value}}}
    """
    found = [entry for entry in broken_laws(source) if entry.path is not None]
    assert [(entry.code, entry.path) for entry in found] == [("not-deterministic", "quantity")]


@pytest.mark.parametrize("value", ["random.randrange(2)", "random.choice([record['qty'], 0])", "time.time_ns() % 1000"])
def test_random_sources_and_clocks_are_found_by_running_twice(value: str) -> None:
    source = f"""
        import random, time

        def upcast(record, context):
            return {{"name": record["name"], "quantity": {value}}}
    """
    found = broken_laws(source)
    assert codes(found) == {"not-deterministic"}
    assert "quantity" in [entry.path for entry in found]


def test_a_valid_record_that_a_hop_rejects_is_found() -> None:
    finding = only(broken_laws(RENAME.replace('record["qty"]', '1 // record["qty"]', 1).partition("def downcast")[0]))
    assert finding.code == "not-total"
    assert "ZeroDivisionError" in finding.message
    assert "line 2" in finding.message
    assert 'partial = ["up"]' in finding.remedy


def test_a_direction_that_is_declared_partial_may_reject() -> None:
    source = """
        partial = ["up"]

        def upcast(record, context):
            if record["qty"] < 0:
                raise ValueError("negative")
            return {"name": record["name"], "quantity": record["qty"]}
    """
    assert broken_laws(source) == []


def test_a_partial_direction_that_never_works_is_found() -> None:
    source = "partial = ['up']\ndef upcast(record, context): raise ValueError"
    assert only(broken_laws(source)).code == "never-works"


def test_an_invalid_output_is_found_with_its_field() -> None:
    finding = only(broken_laws('def upcast(record, context): return {"name": record["name"], "quantity": "x"}'))
    assert (finding.code, finding.path) == ("hop-output-invalid", "quantity")
    assert "not valid under v2" in finding.message


def test_the_same_fault_in_every_element_of_an_array_is_one_finding() -> None:
    before, after = (record(items=Array(record(n=kind))) for kind in (LONG, STRING))
    finding = only(broken_laws("def upcast(record, context): return record", before, after))
    assert (finding.code, finding.path) == ("hop-output-invalid", "items[].n")


def test_a_forgotten_field_of_a_function_hop_is_found() -> None:
    finding = only(broken_laws('def upcast(record, context): return {"name": record["name"]}'))
    assert (finding.code, finding.path) == ("hop-output-invalid", "quantity")
    assert "missing" in finding.message


def test_a_downcast_to_an_invalid_record_is_found_once() -> None:
    finding = only(broken_laws(RENAME.replace('"qty": record["quantity"]', '"qty": str(record["quantity"])')))
    assert (finding.code, finding.path) == ("hop-output-invalid", "qty")
    assert "downcast" in finding.message


def test_a_fan_out_with_a_way_back_is_found() -> None:
    source = "def upcast(record, context): return [record]\ndef downcast(record, context): return record"
    assert codes(broken_laws(source, after=OLD)) == {"hop-returned-wrong-type"}


def test_a_fan_out_and_a_dropped_event_break_no_law() -> None:
    source = """
        def upcast(record, context):
            if record["qty"] < 0:
                return None
            return [{"name": record["name"], "quantity": n} for n in (record["qty"], 0)]
    """
    assert broken_laws(source) == []


def test_the_smallest_failing_value_is_shown() -> None:
    source = RENAME.replace('"qty": record["quantity"]', '"qty": record["quantity"] + 1')
    schema = (ShapeSchema(OLD), ShapeSchema(NEW))
    values = [{"name": "long name", "qty": 10**12}, {"name": "", "qty": 0}, {"name": "abc", "qty": 77}]
    finding = only(check_laws(bound(source, OLD, NEW), *schema, values, []))
    assert "{'name': '', 'qty': 0}" in finding.message


def test_sensitive_fields_are_masked_in_what_is_shown() -> None:
    source = """
        def upcast(record, context):
            return {"name": record["name"].lower(), "quantity": int(record["name"])}
    """
    values = [{"name": "SECRET-4111", "qty": 1}]
    schema = (ShapeSchema(OLD), ShapeSchema(NEW))
    finding = only(check_laws(bound(source, OLD, NEW), *schema, values, [], sensitive=("name",)))
    assert "'name': '***'" in finding.message
    assert "4111" not in finding.message
    assert "secret" not in finding.message.lower().replace("***", "")


def test_decimals_enums_and_floats_come_back_exactly() -> None:
    before = record(cents=LONG, state=Enum(("SENT", "OPEN")), ratio=DOUBLE)
    after = record(price=DECIMAL, state=Enum(("SHIPPED", "OPEN")), ratio=DOUBLE)
    source = """
        from decimal import Decimal
        NEW = {"SENT": "SHIPPED", "OPEN": "OPEN"}
        OLD = {new: old for old, new in NEW.items()}

        def upcast(record, context):
            price = Decimal(record["cents"]).scaleb(-2)
            return {"price": price, "state": NEW[record["state"]], "ratio": record["ratio"]}

        def downcast(record, context):
            return {"cents": int(record["price"].scaleb(2)), "state": OLD[record["state"]], "ratio": record["ratio"]}
    """
    assert broken_laws(source, before, after) == []


def test_findings_are_the_same_for_the_same_values() -> None:
    source = RENAME.replace('"qty": record["quantity"]', '"qty": 0')
    assert broken_laws(source) == broken_laws(source)


def test_samples_of_a_schema_are_values_to_hold_the_laws_against() -> None:
    random = Random(3)
    schema = ShapeSchema(OLD)
    drawn = [schema.sample(random) for _ in range(50)]
    assert all(schema.problem(value) is None for value in drawn)
