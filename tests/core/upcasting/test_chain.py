"""A chain folds its hops in either direction, validates after each, and says where a record failed."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.subjects import LONG, STRING, Array, ShapeSchema, bound, record, subject_of

from instar.core.record import Context
from instar.core.rejected import HOP_OUTPUT_INVALID, HOP_RAISED, INVALID_INPUT, NO_WAY, UNKNOWN_VERSION, Rejected
from instar.core.subject import Subject
from instar.core.upcasting.chain import Chain, chain
from instar.core.upcasting.difference import Difference
from instar.core.upcasting.hop import BoundHop

NAMES = """
    def upcast(record, context):
        first, _, last = record["name"].partition(" ")
        return {"first": first, "last": last, "cents": record["cents"]}

    def downcast(record, context):
        return {"name": f"{record['first']} {record['last']}".strip(), "cents": record["cents"]}
"""
AMOUNT = """
    def upcast(record, context):
        return {"first": record["first"], "last": record["last"], "amount": str(record["cents"])}

    def downcast(record, context):
        return {"first": record["first"], "last": record["last"], "cents": int(record["amount"])}
"""
SHAPES = (
    record(name=STRING, cents=LONG),
    record(first=STRING, last=STRING, cents=LONG),
    record(first=STRING, last=STRING, amount=STRING),
)
NOWHERE = Context()


def people() -> Subject:
    return subject_of(SHAPES, [NAMES, AMOUNT], name="people")


def way(low: int, high: int, subject: Subject | None = None) -> Chain:
    found = (subject or people()).chain(low, high)
    assert isinstance(found, Chain), found
    return found


def test_a_chain_leads_up_and_down() -> None:
    old, new = {"name": "Ada Lovelace", "cents": 5}, {"first": "Ada", "last": "Lovelace", "amount": "5"}
    assert way(1, 3).fold(old, NOWHERE) == [new]
    assert way(3, 1).fold(new, NOWHERE) == [old]


def test_folding_leaves_the_given_value_alone() -> None:
    subject = subject_of(
        [record(tags=Array(STRING))] * 2,
        ["def upcast(record, context):\n    record['tags'].append('new')\n    return record"],
    )
    value = {"tags": ["a"]}
    assert way(1, 2, subject).fold(value, NOWHERE) == [{"tags": ["a", "new"]}]
    assert value == {"tags": ["a"]}


def test_a_chain_to_the_same_version_changes_nothing() -> None:
    assert way(2, 2).links == ()
    assert way(2, 2).fold({"x": 1}, NOWHERE) == [{"x": 1}]


def test_the_output_of_each_hop_is_validated() -> None:
    broken = "def upcast(record, context): return {'first': record['name'], 'last': 7, 'cents': 1}"
    rejected = way(1, 3, subject_of(SHAPES, [broken, AMOUNT])).fold({"name": "A", "cents": 1}, NOWHERE)
    assert isinstance(rejected, Rejected)
    assert (rejected.code, rejected.hop, rejected.path) == (HOP_OUTPUT_INVALID, "v1_to_v2", "last")
    assert (rejected.subject, rejected.from_version, rejected.to_version) == ("orders", "v1", "v2")


def test_a_failure_on_the_way_down_names_the_hop_as_its_file_is_called() -> None:
    rejected = way(3, 1).fold({"first": "A", "last": "B", "amount": "much"}, NOWHERE)
    assert isinstance(rejected, Rejected)
    assert (rejected.code, rejected.hop) == (HOP_RAISED, "v2_to_v3")
    assert (rejected.from_version, rejected.to_version) == ("v3", "v2")


def test_a_fan_out_runs_on_through_later_hops() -> None:
    split = "def upcast(record, context): return [{'n': n} for n in record['all']]"
    double = "def upcast(record, context): return {'n': 2 * record['n']} if record['n'] else None"
    one = record(n=LONG)
    subject = subject_of([record(all=Array(LONG)), one, one], [split, double])
    assert way(1, 3, subject).fold({"all": [1, 0, 2]}, NOWHERE) == [{"n": 2}, {"n": 4}]
    assert way(1, 3, subject).fold({"all": []}, NOWHERE) == []


def test_one_bad_output_of_a_fan_out_rejects_the_source_whole() -> None:
    split = "def upcast(record, context): return [{'n': n} for n in (1, 'two', 3)]"
    subject = subject_of([record(n=LONG)] * 2, [split])
    rejected = way(1, 2, subject).fold({"n": 1}, NOWHERE)
    assert isinstance(rejected, Rejected)
    assert rejected.path == "n"


def test_outputs_that_share_parts_are_changed_apart() -> None:
    twins = "def upcast(record, context): return [record, record]"
    mark = "def upcast(record, context):\n    record['tags'].append('seen')\n    return record"
    shape = record(tags=Array(STRING))
    subject = subject_of([shape] * 3, [twins, mark])
    assert way(1, 3, subject).fold({"tags": []}, NOWHERE) == [{"tags": ["seen"]}] * 2


def test_a_fan_out_of_fan_outs_has_a_limit() -> None:
    many = "def upcast(record, context): return [record] * 200"
    subject = subject_of([record(n=LONG)] * 3, [many, many])
    rejected = way(1, 3, subject).fold({"n": 1}, NOWHERE)
    assert isinstance(rejected, Rejected)
    assert "limit of a fan-out" in rejected.message


@pytest.mark.parametrize(
    ("low", "high", "code", "words"),
    [(1, 9, UNKNOWN_VERSION, "v9"), (9, 1, UNKNOWN_VERSION, "v1, v2, v3"), (3, 1, NO_WAY, "v1_to_v2 is one-way")],
)
def test_where_no_chain_leads_the_reason_is_said(low: int, high: int, code: str, words: str) -> None:
    one_way = NAMES.partition("def downcast")[0]
    rejected = subject_of(SHAPES, [one_way, AMOUNT]).chain(low, high)
    assert isinstance(rejected, Rejected)
    assert rejected.code == code
    assert words in rejected.message
    assert (rejected.from_version, rejected.to_version) == (f"v{low}", f"v{high}")


@dataclass(frozen=True)
class Gap:
    name: str
    versions: Mapping[int, ShapeSchema]
    hops: Mapping[int, BoundHop]


def test_a_missing_hop_is_named() -> None:
    versions = {number: ShapeSchema(shape) for number, shape in enumerate(SHAPES, start=1)}
    gap = Gap("people", versions, {2: bound(AMOUNT, SHAPES[1], SHAPES[2], low=2)})
    rejected = chain(gap, 1, 3)
    assert isinstance(rejected, Rejected)
    assert (rejected.code, rejected.hop) == (NO_WAY, "v1_to_v2")
    assert isinstance(chain(gap, 2, 3), Chain)


def test_a_trace_shows_the_record_after_each_hop_and_what_the_hop_changed() -> None:
    stages = way(1, 3).trace({"name": "Ada Lovelace", "cents": 5}, NOWHERE)
    assert [(stage.version, stage.hop) for stage in stages] == [(1, None), (2, "v1_to_v2"), (3, "v2_to_v3")]
    assert [stage.records[0].value["first"] for stage in stages[1:]] == ["Ada", "Ada"]
    assert stages[1].records[0].differences == (
        Difference("removed", "name", before="Ada Lovelace"),
        Difference("added", "first", after="Ada"),
        Difference("added", "last", after="Lovelace"),
    )


def test_a_trace_ends_where_the_record_is_rejected_and_shows_it() -> None:
    broken = "def upcast(record, context): return {'first': 'A', 'last': 7, 'cents': 1}"
    stages = way(1, 3, subject_of(SHAPES, [broken, AMOUNT])).trace({"name": "A", "cents": 1}, NOWHERE)
    assert len(stages) == 2
    assert stages[-1].rejected is not None
    assert (stages[-1].rejected.hop, stages[-1].rejected.path) == ("v1_to_v2", "last")
    assert stages[-1].records[0].value["last"] == 7


def test_a_trace_of_an_invalid_record_says_so_and_runs_nothing() -> None:
    (stage,) = way(1, 3).trace({"name": 4, "cents": 1}, NOWHERE)
    assert stage.rejected is not None
    assert (stage.rejected.code, stage.rejected.path, stage.rejected.from_version) == (INVALID_INPUT, "name", "v1")


def test_a_trace_tells_which_record_each_came_from() -> None:
    split = "def upcast(record, context): return [{'n': n} for n in range(record['n'])]"
    subject = subject_of([record(n=LONG)] * 3, [split, split])
    stages = way(1, 3, subject).trace({"n": 3}, NOWHERE)
    assert [(entry.parent, entry.value["n"]) for entry in stages[2].records] == [(1, 0), (2, 0), (2, 1)]


@given(st.text(alphabet="ab ", max_size=6), st.integers(-(2**63), 2**63 - 1))
def test_a_trace_ends_in_what_the_fold_makes(name: str, cents: int) -> None:
    value = {"name": name, "cents": cents}
    folded = way(1, 3).fold(value, NOWHERE)
    assert [entry.value for entry in way(1, 3).trace(value, NOWHERE)[-1].records] == folded
