"""A subject is built from schemas and hops, and everything that is wrong with its structure is found at once."""

import pytest
from tests.support.subjects import LONG, ShapeSchema, codes, hop_of, record, subject_of, subject_parts

from instar.core.formats.shape import Shape
from instar.core.rejected import Rejected
from instar.core.subject import SubjectParts, build_catalogue, build_subject
from instar.core.upcasting.hop import Hop

SAME = "def upcast(record, context): return record\ndef downcast(record, context): return record"
SHAPE: Shape = record(n=LONG)


def hop(low: int, high: int | None = None, file: str = "") -> Hop:
    to = low + 1 if high is None else high
    made = Hop.from_namespace(
        "orders",
        low,
        to,
        {"upcast": lambda record, context: record},
        file=file or f"upcasters/orders/v{low}_to_v{to}.py",
    )
    assert isinstance(made, Hop)
    return made


def parts(versions: list[int], hops: list[Hop], **more: object) -> SubjectParts:
    return SubjectParts("orders", [(v, ShapeSchema(SHAPE)) for v in versions], hops, **more)  # type: ignore[arg-type]


def test_a_sound_subject_knows_its_latest_version_and_its_chains() -> None:
    subject = subject_of([SHAPE] * 3, [SAME, SAME])
    assert subject.latest == 3
    assert sorted(subject.hops) == [1, 2]
    assert not isinstance(subject.chain(1, 3), Rejected)


def test_chains_and_programs_are_made_once() -> None:
    subject = subject_of([SHAPE] * 2, [SAME])
    assert subject.chain(1, 2) is subject.chain(1, 2)
    assert subject.program(1, 2) is subject.program(1, 2)
    assert isinstance(subject.program(1, 5), Rejected)


def test_a_missing_hop_is_found_with_the_file_to_add() -> None:
    subject, found = build_subject(parts([1, 2, 3], [hop(1)]))
    assert codes(found) == {"missing-hop"}
    assert found[0].file == "upcasters/orders/v2_to_v3.py"
    assert subject is not None, "what is sound can be looked at"
    assert not isinstance(subject.chain(1, 2), Rejected)


def test_two_hops_between_the_same_versions_are_found() -> None:
    _, found = build_subject(parts([1, 2], [hop(1), hop(1, file="upcasters/orders/v1_to_v2_new.py")]))
    assert codes(found) == {"duplicate-hop"}
    assert found[0].file == "upcasters/orders/v1_to_v2_new.py"
    assert "v1_to_v2.py" in found[0].remedy


def test_a_skipping_hop_is_found_with_the_hops_to_write_instead() -> None:
    _, found = build_subject(parts([1, 2, 3], [hop(1), hop(2), hop(1, 3)]))
    assert codes(found) == {"skipping-hop"}
    assert "v1_to_v2.py, v2_to_v3.py" in found[0].remedy


@pytest.mark.parametrize(
    ("versions", "hops", "expected"),
    [
        ([1, 2], [hop(1), hop(2)], {"hop-without-schema"}),
        ([1, 2], [hop(1), hop(2, 1)], {"backward-hop"}),
        ([1, 3], [], {"missing-version"}),
        ([2, 3], [hop(2)], {"missing-version"}),
        ([1, 1], [], {"duplicate-version"}),
        ([], [], {"no-version"}),
        ([1, 2, 3], [hop(1, 3)], {"skipping-hop", "missing-hop"}),
    ],
)
def test_what_is_wrong_with_the_structure_is_found(versions: list[int], hops: list[Hop], expected: set[str]) -> None:
    _, found = build_subject(parts(versions, hops))
    assert codes(found) == expected
    assert all(finding.remedy and finding.file and finding.subject == "orders" for finding in found)


def test_all_faults_are_found_at_once() -> None:
    _, found = build_subject(parts([1, 2, 4, 4], [hop(1), hop(1), hop(2, 4), hop(7)]))
    assert codes(found) == {
        "duplicate-version",
        "missing-version",
        "duplicate-hop",
        "skipping-hop",
        "hop-without-schema",
    }


def test_what_is_unreadable_is_not_reported_as_missing_too() -> None:
    _, found = build_subject(parts([1, 3], [hop(2)], unreadable=frozenset({2}), unreadable_hops=frozenset({(1, 2)})))
    assert not found


def test_versions_in_two_formats_do_not_mix() -> None:
    mixed = SubjectParts("orders", [(1, ShapeSchema(SHAPE)), (2, ShapeSchema(SHAPE, "json"))], [hop(1)])
    _, found = build_subject(mixed)
    assert codes(found) == {"mixed-kinds"}


def test_two_subjects_of_one_name_are_found() -> None:
    catalogue, found = build_catalogue([parts([1], []), parts([1], []), subject_parts([SHAPE], [], name="payments")])
    assert codes(found) == {"duplicate-subject"}
    assert set(catalogue.subjects) == {"orders", "payments"}
    assert "payments" in catalogue
    assert catalogue["payments"].latest == 1


def test_a_hop_that_does_not_bind_is_found_and_left_out() -> None:
    broken = SubjectParts("orders", [(1, ShapeSchema(LONG)), (2, ShapeSchema(SHAPE))], [hop_of(SAME)])
    subject, found = build_subject(broken)
    assert codes(found) == {"not-a-record"}
    assert subject is not None
    assert not subject.hops


def test_a_sensitive_field_that_no_version_has_protects_nothing_and_is_found() -> None:
    _, found = build_subject(parts([1], [], sensitive=("m", "n")))
    (finding,) = found
    assert (finding.code, finding.path, finding.file) == ("unknown-field", "m", "schemas/orders/subject.toml")
    subject, found = build_subject(parts([1], [], sensitive=("a..b", "n")))
    assert codes(found) == {"bad-path"}
    assert subject is not None
    assert subject.sensitive == ("n",)
