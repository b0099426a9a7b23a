"""Golden records pair by their stem, and the chain must lead from one to the other exactly."""

from typing import Any

import pytest
from tests.support.subjects import LONG, STRING, codes, record, subject_of

from instar.core.finding import Finding
from instar.core.subject import Subject
from instar.core.upcasting import exact_json
from instar.core.upcasting.golden import check_golden

SHAPES = (record(cents=LONG, note=STRING), record(cents=LONG), record(price=STRING))
DROP = """
    lost = {"up": ["note"]}
    def upcast(record, context): return {"cents": record["cents"]}
    def downcast(record, context): return {"cents": record["cents"], "note": ""}
"""
PRICE = """
    def upcast(record, context): return {"price": str(record["cents"])}
    def downcast(record, context): return {"cents": int(record["price"])}
"""


def shop(examples: dict[tuple[str, int], Any], **more: Any) -> Subject:
    encoded = {key: exact_json.dumps(value) for key, value in examples.items()}
    return subject_of(SHAPES, [DROP, PRICE], examples=encoded, **more)


def only(found: list[Finding]) -> Finding:
    assert len(found) == 1, found
    return found[0]


def test_examples_that_agree_with_the_chain_are_clean() -> None:
    subject = shop(
        {
            ("refund", 1): {"cents": 5, "note": "n"},
            ("refund", 2): {"cents": 5},
            ("refund", 3): {"price": "5"},
            ("alone", 2): {"cents": 1},
        }
    )
    assert check_golden(subject) == []


def test_a_pair_may_leap_over_versions() -> None:
    assert check_golden(shop({("refund", 1): {"cents": 5, "note": "n"}, ("refund", 3): {"price": "5"}})) == []
    finding = only(check_golden(shop({("refund", 1): {"cents": 5, "note": "n"}, ("refund", 3): {"price": "6"}})))
    assert (finding.code, finding.path) == ("golden-differs", "price")
    assert finding.file == "schemas/orders/examples/refund.v3.json"
    assert "'5' in price; the example has '6'" in finding.message


def test_the_way_down_must_agree_too_where_nothing_is_lost() -> None:
    found = check_golden(shop({("refund", 2): {"cents": 5}, ("refund", 3): {"price": "05"}}))
    assert {finding.file for finding in found} == {"schemas/orders/examples/refund.v3.json"}
    found = check_golden(shop({("refund", 2): {"cents": 5}, ("refund", 3): {"price": "7"}}))
    assert {(finding.code, finding.path) for finding in found} == {
        ("golden-differs", "price"),
        ("golden-differs", "cents"),
    }


def test_what_the_way_up_loses_need_not_come_back() -> None:
    assert check_golden(shop({("refund", 1): {"cents": 5, "note": "n"}, ("refund", 2): {"cents": 5}})) == []


@pytest.mark.parametrize(
    ("examples", "code"),
    [
        ({("refund", 1): {"cents": "five", "note": ""}}, "example-invalid"),
        ({("refund", 9): {"cents": 5}}, "example-without-version"),
        ({("refund", 2): {"cents": 5}, ("refund", 3): {"price": "x"}}, "golden-rejected"),
    ],
)
def test_an_example_that_is_itself_wrong_is_found(examples: dict[tuple[str, int], Any], code: str) -> None:
    assert code in codes(check_golden(shop(examples)))


def test_an_event_that_ends_has_no_pair() -> None:
    subject = subject_of(
        [record(n=LONG)] * 2,
        ["def upcast(record, context): return None"],
        examples={("a", 1): b'{"n":1}', ("a", 2): b'{"n":1}'},
    )
    assert "yields 0 records" in only(check_golden(subject)).message


def test_sensitive_fields_are_not_shown() -> None:
    examples = {("refund", 1): {"cents": 4111, "note": "n"}, ("refund", 3): {"price": "4222"}}
    finding = only(check_golden(shop(examples, sensitive=("price",))))
    assert "4111" not in finding.message
    assert "4222" not in finding.message


def test_examples_may_be_written_in_another_notation() -> None:
    subject = subject_of(SHAPES[1:], [PRICE], examples={("a", 1): b"5", ("a", 2): b"5"})

    def readable(_subject: Subject, version: int, data: bytes) -> Any:
        return {"cents": int(data)} if version == 1 else {"price": data.decode()}

    assert check_golden(subject, decode=readable) == []
