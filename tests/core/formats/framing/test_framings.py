"""Framings read what they write, and say what is wrong with anything else."""

import uuid

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instar.core import rejected
from instar.core.formats.framing import Framed, Framing, Named, SchemaGuid, SchemaId
from instar.core.formats.framing.payload_field import PayloadField
from instar.core.formats.framing.registry_header import RegistryHeader
from instar.core.formats.framing.registry_prefix import RegistryPrefix
from instar.core.formats.framing.unframed import Unframed
from instar.core.formats.framing.version_header import VersionHeader
from instar.core.rejected import Rejected

BY_ID: list[Framing] = [RegistryPrefix(), RegistryHeader(), RegistryHeader("apicurio.value.globalId")]
ANY_HEADERS = st.lists(st.tuples(st.text(max_size=8), st.none() | st.binary(max_size=20)), max_size=4).map(tuple)


@pytest.mark.parametrize("framing", BY_ID, ids=lambda framing: f"{framing.kind}-{getattr(framing, 'header', '')}")
@given(body=st.binary(), schema_id=st.integers(0, 2**31 - 1))
def test_a_schema_id_that_is_written_is_read(framing: Framing, body: bytes, schema_id: int) -> None:
    written = framing.writer(subject="orders", version=2, schema_id=schema_id)(body)
    assert not isinstance(written, Rejected)
    value, headers = written
    assert framing.identify(value, headers) == Framed(SchemaId(schema_id), body)


@given(body=st.binary(), version=st.integers(1, 999_999))
def test_a_version_header_that_is_written_is_read(body: bytes, version: int) -> None:
    framing = VersionHeader("v", subject_header="s")
    written = framing.writer(subject="orders", version=version, schema_id=None)(body)
    assert not isinstance(written, Rejected)
    assert framing.identify(*written) == Framed(Named(version, "orders"), body)


@pytest.mark.parametrize("notation", ["number", "label"])
def test_a_payload_field_that_is_written_is_read(notation: str) -> None:
    framing = PayloadField("v", subject_field="s", notation=notation)  # type: ignore[arg-type]
    written = framing.writer(subject="orders", version=3, schema_id=None)(b'{"a":1,"v":2}')
    assert not isinstance(written, Rejected)
    value, headers = written
    assert orjson.loads(value) == {"a": 1, "v": 3 if notation == "number" else "v3", "s": "orders"}
    assert framing.identify(value, headers) == Framed(Named(3, "orders"), value)


def test_a_body_that_has_its_version_already_is_not_touched() -> None:
    body = b'{ "v" : 3 }'
    assert PayloadField("v").writer(subject="orders", version=3, schema_id=None)(body) == (body, ())


def test_a_payload_field_cannot_be_written_into_what_is_no_object() -> None:
    written = PayloadField("v").writer(subject="orders", version=3, schema_id=None)(b"[1]")
    assert isinstance(written, Rejected)
    assert written.code == rejected.CANNOT_FRAME


def test_writing_a_payload_field_changes_nothing_else_of_the_record() -> None:
    body = b'{"number":18446744073709551616,"small":1e-400,"v":2}'
    written = PayloadField("v").writer(subject="orders", version=3, schema_id=None)(body)
    assert written == (b'{"number":18446744073709551616,"small":1E-400,"v":3}', ())


def test_a_number_past_a_floats_range_does_not_hide_a_payloads_version() -> None:
    value = b'{"v":2,"number":1e400}'
    assert PayloadField("v").identify(value, ()) == Framed(Named(2), value)


@pytest.mark.parametrize("depth", [300, 1_000, 3_000])
def test_a_deeply_nested_payload_is_framed_or_rejected(depth: int) -> None:
    body = b'{"a":' + b"[" * depth + b"]" * depth + b"}"
    written = PayloadField("v").writer(subject="orders", version=3, schema_id=None)(body)
    if isinstance(written, Rejected):
        assert written.code == rejected.CANNOT_FRAME
    else:
        assert written == (body[:-1] + b',"v":3}', ())


def test_without_framing_every_record_has_the_configured_version() -> None:
    assert Unframed(2, "orders").identify(b"x", ()) == Framed(Named(2, "orders"), b"x")


def test_confluents_header_may_hold_a_guid() -> None:
    guid = uuid.UUID("89791762-2336-4186-9674-299b90a802e2")
    headers = (("__value_schema_id", b"\x01" + guid.bytes),)
    assert RegistryHeader().identify(b"x", headers) == Framed(SchemaGuid(str(guid)), b"x")


def test_of_several_headers_of_one_name_the_last_counts() -> None:
    headers = (("instar-version", b"v1"), ("instar-version", b"v2"))
    assert VersionHeader().identify(b"x", headers) == Framed(Named(2), b"x")


@pytest.mark.parametrize("content", [b"v2", b"2", b" 2 "])
def test_producers_write_versions_with_and_without_v(content: bytes) -> None:
    assert VersionHeader().identify(b"x", (("instar-version", content),)) == Framed(Named(2), b"x")


@pytest.mark.parametrize(
    ("framing", "value", "headers", "code", "said"),
    [
        (RegistryPrefix(), b"", (), rejected.TRUNCATED, "0 bytes"),
        (RegistryPrefix(), b"\x00\x00\x00\x01", (), rejected.TRUNCATED, "4 bytes"),
        (RegistryPrefix(), b'{"a":1}', (), rejected.WRONG_MAGIC, "0x7b"),
        (RegistryHeader(), b"x", (), rejected.NO_VERSION, "__value_schema_id"),
        (RegistryHeader(), b"x", (("__value_schema_id", b"abc"),), rejected.WRONG_MAGIC, "3 bytes"),
        (VersionHeader(), b"x", (), rejected.NO_VERSION, "instar-version"),
        (VersionHeader(), b"x", (("instar-version", b"two"),), rejected.UNKNOWN_VERSION, "such as v2"),
        (VersionHeader(), b"x", (("instar-version", None),), rejected.NO_VERSION, "instar-version"),
        (VersionHeader(subject_header="s"), b"x", (("instar-version", b"1"),), rejected.NO_VERSION, "subject"),
        (PayloadField("v"), b"{", (), rejected.UNREADABLE, "not JSON"),
        (PayloadField("v"), b"[]", (), rejected.UNREADABLE, "list"),
        (PayloadField("v"), b"{}", (), rejected.NO_VERSION, "default"),
        (PayloadField("v"), b'{"v":true}', (), rejected.UNKNOWN_VERSION, "'v'"),
        (PayloadField("v"), b'{"v":0}', (), rejected.UNKNOWN_VERSION, "'v'"),
        (PayloadField("v", subject_field="s"), b'{"v":1}', (), rejected.NO_VERSION, "'s'"),
    ],
)
def test_what_cannot_be_read_is_rejected_and_says_why(
    framing: Framing, value: bytes, headers: tuple[tuple[str, bytes | None], ...], code: str, said: str
) -> None:
    found = framing.identify(value, headers)
    assert isinstance(found, Rejected)
    assert found.code == code
    assert said in found.message


def test_records_older_than_the_field_or_header_have_the_default_version() -> None:
    assert PayloadField("v", default=1).identify(b"{}", ()) == Framed(Named(1), b"{}")
    assert VersionHeader(default=1).identify(b"x", ()) == Framed(Named(1), b"x")


@pytest.mark.parametrize(
    "framing",
    [*BY_ID, VersionHeader(subject_header="s", default=1), PayloadField("v", default=1), Unframed(1)],
    ids=lambda framing: framing.kind,
)
@given(value=st.binary(), headers=ANY_HEADERS)
def test_no_bytes_make_a_framing_raise(
    framing: Framing, value: bytes, headers: tuple[tuple[str, bytes | None], ...]
) -> None:
    assert isinstance(framing.identify(value, headers), Framed | Rejected)


def test_a_framings_own_headers_are_taken_off_for_another_framing() -> None:
    headers = (("a", b"1"), ("instar-version", b"v1"), ("b", None), ("instar-version", b"v2"))
    assert VersionHeader().unframed(headers) == (("a", b"1"), ("b", None))
