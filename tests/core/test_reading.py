from typing import Any

import pytest
from tests.support.bridging import lossy_down_subject, two_way_subject

from instar.core.formats.framing import SchemaGuid, SchemaId
from instar.core.formats.framing.registry_prefix import PREFIX, RegistryPrefix
from instar.core.formats.framing.version_header import VersionHeader
from instar.core.reading import Read, Reader, context_of
from instar.core.record import Context, Record
from instar.core.rejected import (
    NO_VERSION,
    UNKNOWN_SCHEMA_ID,
    UNKNOWN_SUBJECT,
    UNKNOWN_VERSION,
    UNREADABLE,
    Rejected,
)
from instar.core.subject import Subject


def nobody_asked(_: SchemaId | SchemaGuid) -> tuple[str, int] | Rejected:
    raise AssertionError("this framing has no ids")


def by_header(*subjects: Subject, **settings: Any) -> Reader:
    return Reader(VersionHeader(**settings), {subject.name: subject for subject in subjects}, nobody_asked)


def read(reader: Reader, value: Any, version: bytes = b"v1") -> Read | Rejected:
    body = next(iter(reader.subjects.values())).versions[1].encode(value)
    assert not isinstance(body, Rejected)
    return reader.read(body, (("instar-version", version),))


def test_a_record_is_read_at_its_own_version_and_at_another() -> None:
    found = read(by_header(two_way_subject()), {"number": 1, "text": "a"})
    assert isinstance(found, Read)
    assert (found.version, found.value()) == (1, {"number": 1, "text": "a"})
    assert found.values_at(2, Context()) == [{"number": 2}]
    assert found.values_at(1, Context()) == [{"number": 1, "text": "a"}]


@pytest.mark.parametrize(
    ("headers", "code"),
    [((), NO_VERSION), ((("instar-version", b"v9"),), UNKNOWN_VERSION)],
)
def test_what_does_not_say_what_it_is_is_rejected(headers: Any, code: str) -> None:
    found = by_header(two_way_subject()).read(b"{}", headers)
    assert isinstance(found, Rejected)
    assert found.code == code


def test_a_subject_that_is_not_known_here_is_named() -> None:
    reader = by_header(two_way_subject(), subject_header="subject")
    found = reader.read(b"{}", (("instar-version", b"v1"), ("subject", b"people")))
    assert isinstance(found, Rejected)
    assert found.code == UNKNOWN_SUBJECT
    assert "'people'" in found.message


def test_bytes_that_are_no_value_are_rejected_with_the_version() -> None:
    found = by_header(two_way_subject()).read(b"?", (("instar-version", b"v1"),))
    assert isinstance(found, Read)
    for result in (found.value(), found.values_at(2, Context())):
        assert isinstance(result, Rejected)
        assert (result.code, result.from_version) == (UNREADABLE, "v1")


def test_ids_are_asked_for_and_an_unknown_one_is_passed_on() -> None:
    subject = lossy_down_subject()
    unknown = Rejected(UNKNOWN_SCHEMA_ID, "no such id")
    answers = {7: (subject.name, 2), 8: ("else", 1)}

    def version_of(identity: SchemaId | SchemaGuid) -> tuple[str, int] | Rejected:
        assert isinstance(identity, SchemaId)
        return answers.get(identity.id, unknown)

    reader = Reader(RegistryPrefix(), {subject.name: subject}, version_of)
    found = reader.read(PREFIX.pack(0, 7) + b"body", ())
    assert isinstance(found, Read)
    assert (found.version, found.body) == (2, b"body")
    assert reader.read(PREFIX.pack(0, 9), ()) is unknown
    foreign = reader.read(PREFIX.pack(0, 8), ())
    assert isinstance(foreign, Rejected)
    assert foreign.code == UNKNOWN_SUBJECT


def test_hops_get_the_records_own_context() -> None:
    record = Record("t", 3, 4, b"k", b"v", (("h", b"1"),), 5)
    assert context_of(record) == Context(b"k", (("h", b"1"),), 5, "t", 3, 4)
