"""A program takes a record's bytes from one version to another."""

from hypothesis import given
from hypothesis import strategies as st
from tests.support.subjects import LONG, STRING, ShapeSchema, record, subject_of

from instar.core.record import Context
from instar.core.rejected import CONVERSION_FAILED, HOP_RAISED, UNREADABLE, Rejected
from instar.core.subject import Subject
from instar.core.upcasting.program import Program

HOP = """
    def upcast(record, context):
        return {"n": int(record["text"])}

    def downcast(record, context):
        return {"text": str(record["n"])}
"""
SHAPES = (record(text=STRING), record(n=LONG))


def program(low: int, high: int, subject: Subject | None = None) -> Program:
    found = (subject or subject_of(SHAPES, [HOP])).program(low, high)
    assert isinstance(found, Program)
    return found


def test_bytes_go_in_and_bytes_come_out() -> None:
    assert program(1, 2).run(b'{"text":"7"}', Context()) == [b'{"n":7}']
    assert program(2, 1).run(b'{"n":7}', Context()) == [b'{"text":"7"}']


def test_a_record_at_the_target_version_passes_with_its_very_bytes() -> None:
    assert program(2, 2).run(b'{ "n" : 7 }', Context()) == [b'{ "n" : 7 }']


def test_a_record_at_the_target_version_is_checked_all_the_same() -> None:
    rejected = program(2, 2).run(b'{"n":"seven"}', Context())
    assert isinstance(rejected, Rejected)
    assert (rejected.path, rejected.subject, rejected.from_version) == ("n", "orders", "v2")


@given(st.binary(max_size=30))
def test_no_bytes_make_a_program_raise(data: bytes) -> None:
    assert isinstance(program(1, 2).run(data, Context()), list | Rejected)


def test_unreadable_bytes_are_rejected_with_subject_and_version() -> None:
    rejected = program(1, 2).run(b"\xff", Context())
    assert isinstance(rejected, Rejected)
    assert (rejected.code, rejected.subject, rejected.from_version) == (UNREADABLE, "orders", "v1")


def test_what_the_target_cannot_encode_is_rejected_with_both_versions() -> None:
    class Narrow(ShapeSchema):
        def encode(self, value: object) -> bytes | Rejected:
            return Rejected("too-large", "no")

    subject = subject_of(SHAPES, [HOP])
    chain = program(1, 2, subject).chain
    narrow = type(chain)("orders", 1, 2, chain.before, Narrow(SHAPES[1]), chain.links)
    rejected = Program(narrow).run(b'{"text":"7"}', Context())
    assert isinstance(rejected, Rejected)
    assert (rejected.code, rejected.from_version, rejected.to_version) == ("too-large", "v1", "v2")


def test_the_text_of_an_exception_is_shown_without_sensitive_fields() -> None:
    data = b'{"text":"4111-1111"}'
    plain = program(1, 2).run(data, Context())
    hidden = program(1, 2, subject_of(SHAPES, [HOP], sensitive=("text",))).run(data, Context())
    assert isinstance(plain, Rejected)
    assert isinstance(hidden, Rejected)
    assert hidden.code == HOP_RAISED
    assert "4111" in plain.message
    assert "4111" not in hidden.message
    assert "ValueError" in hidden.message


def test_a_conversion_does_not_quote_sensitive_fields_either() -> None:
    hop = """
        from instar.changes import convert

        changes = [convert("born", "iso8601 -> epoch-millis")]
    """
    shapes = (record(born=STRING), record(born=LONG))
    data = b'{"born":"10 December 1815"}'
    plain = program(1, 2, subject_of(shapes, [hop])).run(data, Context())
    hidden = program(1, 2, subject_of(shapes, [hop], sensitive=("born",))).run(data, Context())
    assert isinstance(plain, Rejected)
    assert isinstance(hidden, Rejected)
    assert plain.code == hidden.code == CONVERSION_FAILED
    assert "1815" in plain.message
    assert "1815" not in hidden.message


def test_what_a_hop_on_the_way_made_of_a_sensitive_field_is_not_quoted() -> None:
    splits = """
        def upcast(record, context):
            first, _, last = record["name"].partition(" ")
            return {"first": first, "last": last}
    """
    refuses = """
        def upcast(record, context):
            raise ValueError(f"who is {record['last']}?")
    """
    shapes = (record(name=STRING), record(first=STRING, last=STRING), record(n=LONG))
    subject = subject_of(shapes, [splits, refuses], sensitive=("name", "first", "last"))
    rejected = program(1, 3, subject).run(b'{"name":"Ada Lovelace"}', Context())
    assert isinstance(rejected, Rejected)
    assert "who is ***?" in rejected.message
