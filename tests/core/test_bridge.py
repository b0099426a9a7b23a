"""A bridge keeps everything but the value, tells its twin's echo from a forwarded header, and rejects as a value."""

from hypothesis import given
from hypothesis import strategies as st
from tests.support.bridging import (
    FRAMING,
    MIGRATION,
    bridge_of,
    event_subject,
    lossy_down_subject,
    stamp,
    two_way_subject,
)

from instar.core import provenance, rejected
from instar.core.bridge import Bridge, Route
from instar.core.record import Context, Record
from instar.core.rejected import Rejected
from instar.core.upcasting import carry, exact_json
from instar.core.upcasting.carry import Carrier, Lowered
from instar.core.upcasting.program import Program

SUBJECT = event_subject()
VERSION = ("instar-version", b"v1")


def source(number: int = 1, *headers: tuple[str, bytes | None], offset: int = 9, key: bytes | None = b"k") -> Record:
    value = exact_json.dumps({"number": number, "text": "t"})
    return Record("source", 0, offset, key, value, (*headers, VERSION), 1_234)


def test_key_timestamp_and_headers_are_kept_in_order() -> None:
    headers = (("traceparent", b"00-ab-cd-01"), ("a", None), ("a", b"2"))
    (output,) = bridge_of(SUBJECT, 2).carry(source(1, *headers), stamp()).outputs
    assert (output.key, output.timestamp_ms) == (b"k", 1_234)
    assert output.headers[:3] == headers
    assert [name for name, _ in output.headers[3:]] == ["instar-version", provenance.HEADER]


def test_a_null_key_stays_null() -> None:
    (output,) = bridge_of(SUBJECT, 2).carry(source(key=None), stamp()).outputs
    assert output.key is None


def test_a_record_without_a_key_is_rejected_before_a_compacted_target_refuses_it() -> None:
    carried = bridge_of(SUBJECT, 2, needs_key=True).carry(source(key=None), stamp())
    assert carried.rejected is not None
    assert carried.rejected.code == rejected.NO_KEY
    assert bridge_of(SUBJECT, 2, needs_key=True).carry(source(), stamp()).result == "published"


def test_a_tombstone_passes_through_with_provenance() -> None:
    (output,) = bridge_of(SUBJECT, 2).carry(source()._replace(value=None), stamp()).outputs
    assert output.value is None
    origin = provenance.of(output.headers, output.key, None)
    assert origin is not None
    assert origin.offset == 9


def test_a_record_at_the_target_version_already_is_published_with_its_bytes_as_they_are() -> None:
    record = source()._replace(headers=(("instar-version", b"v2"),), value=b'{ "number": 1, "text": "t" }')
    carried = bridge_of(SUBJECT, 2).carry(record, stamp())
    assert carried.result == "published"
    assert carried.outputs[0].value == record.value


def test_outputs_of_a_fan_out_are_numbered() -> None:
    outputs = bridge_of(SUBJECT, 2).carry(source(7), stamp()).outputs
    origins = [provenance.of(output.headers, output.key, output.value) for output in outputs]
    assert [(origin.index, origin.count) for origin in origins if origin] == [(0, 3), (1, 3), (2, 3)]


def test_an_event_that_ends_is_dropped() -> None:
    assert bridge_of(SUBJECT, 2).carry(source(13), stamp()).result == "dropped"


def test_what_a_hop_raises_becomes_a_rejection_that_names_the_hop() -> None:
    carried = bridge_of(SUBJECT, 2).carry(source(5), stamp())
    assert carried.result == "dead-lettered"
    assert carried.rejected is not None
    assert (carried.rejected.code, carried.rejected.hop) == (rejected.HOP_RAISED, "v1_to_v2")


def test_the_twins_output_is_an_echo_and_goes_no_further() -> None:
    subject = two_way_subject()
    down = bridge_of(subject, 1, "down")
    native = Record("target", 0, 4, b"k", exact_json.dumps({"number": 8}), (("instar-version", b"v2"),), 5)
    (lowered,) = down.carry(native, stamp("down")).outputs
    back = Record("source", 0, 9, *lowered)
    assert bridge_of(subject, 2).carry(back, stamp()).result == "echoed"


def test_an_application_that_forwards_our_header_writes_a_native_record() -> None:
    forwarded = stamp("down").header(4, 0, 1, b"other", b"other")
    carried = bridge_of(SUBJECT, 2).carry(source(1, forwarded), stamp())
    assert carried.result == "published"
    names = [name for name, _ in carried.outputs[0].headers]
    assert names.count(provenance.HEADER) == 1


def test_another_migrations_output_is_not_our_echo() -> None:
    record = source(1)
    header = provenance.Stamp("another", "down", bytes(16), 0).header(4, 0, 1, record.key, record.value)
    carried = bridge_of(SUBJECT, 2).carry(record._replace(headers=(header, VERSION)), stamp())
    assert carried.result == "published"


def test_denied_headers_are_not_copied() -> None:
    bridge = bridge_of(SUBJECT, 2, denied=frozenset({"secret", "internal-*"}))
    record = source(1, ("secret", b"1"), ("internal-a", b"1"), ("kept", b"1"))
    (output,) = bridge.carry(record, stamp()).outputs
    assert [name for name, _ in output.headers] == ["kept", "instar-version", provenance.HEADER]


def test_an_output_that_the_target_would_refuse_is_rejected_before_it_is_produced() -> None:
    bridge = bridge_of(SUBJECT, 2, largest_record_bytes=250)
    assert bridge.carry(source(), stamp()).result == "published"
    large = source()._replace(value=exact_json.dumps({"number": 1, "text": "t" * 300}))
    carried = bridge.carry(large, stamp())
    assert carried.rejected is not None
    assert carried.rejected.code == rejected.TOO_LARGE
    assert "max.message.bytes" in carried.rejected.message


def test_a_headers_name_counts_with_the_bytes_that_it_has_in_kafka() -> None:
    bridge = bridge_of(SUBJECT, 2, largest_record_bytes=500)
    assert bridge.carry(source(1, ("e" * 100, b"")), stamp()).result == "published"
    carried = bridge.carry(source(1, ("\u20ac" * 100, b"")), stamp())
    assert carried.rejected is not None
    assert carried.rejected.code == rejected.TOO_LARGE


def test_an_unknown_version_is_asked_for_again_once_it_is_forgotten() -> None:
    bridge: Bridge = bridge_of(SUBJECT, 2)
    unknown = source()._replace(headers=(("instar-version", b"v9"),))
    carried = bridge.carry(unknown, stamp())
    assert carried.rejected is not None
    assert carried.rejected.code == rejected.UNKNOWN_VERSION
    bridge.forget_rejected_routes()
    assert bridge.carry(unknown, stamp()).result == "dead-lettered"


@given(value=st.none() | st.binary(), headers=st.lists(st.tuples(st.text(), st.none() | st.binary())))
def test_no_bytes_make_a_bridge_raise(value: bytes | None, headers: list[tuple[str, bytes | None]]) -> None:
    record = Record("source", 0, 0, None, value, (*headers, VERSION), -1)
    carried = bridge_of(SUBJECT, 2).carry(record, stamp())
    assert (carried.rejected is not None) == (carried.result == "dead-lettered")


def test_what_a_downcast_loses_is_carried_and_comes_back() -> None:
    subject = lossy_down_subject()
    value = exact_json.dumps({"number": 8, "note": "kept"})
    native = Record("target", 0, 4, b"k", value, (("instar-version", b"v2"),), 5)
    (lowered,) = bridge_of(subject, 1, "down", carry_lost=True).carry(native, stamp("down")).outputs
    assert exact_json.loads(lowered.value or b"") == {"number": 8}
    # An old program reads it, and writes it again under the headers that it came with.
    forwarded = tuple(header for header in lowered.headers if header[0] != provenance.HEADER)
    again = Record("source", 0, 9, b"k", lowered.value, forwarded, 5)
    (lifted,) = bridge_of(subject, 2, "up", carry_lost=True).carry(again, stamp()).outputs
    assert exact_json.loads(lifted.value or b"") == {"number": 8, "note": "kept"}
    assert carry.HEADER not in [name for name, _ in lifted.headers]


class Elsewhere:
    """An executor that answers as none would, so that it is seen."""

    def run(self, data: bytes, context: Context) -> list[bytes] | Rejected:
        return [b"{}"]


def test_an_executor_runs_in_the_programs_place_but_not_where_hops_are_told_of() -> None:
    program = SUBJECT.program(1, 2)
    assert isinstance(program, Program)
    write = FRAMING.writer(subject=SUBJECT.name, version=2, schema_id=None)
    bridge = Bridge(MIGRATION, "up", FRAMING, lambda _: Route(program, write, executor=Elsewhere()), 1_000_000)
    told: list[str] = []
    (fast,) = bridge.carry(source(), stamp()).outputs
    (slow,) = bridge.telling(lambda link: told.append(link.hop.name)).carry(source(), stamp()).outputs
    assert fast.value == b"{}"
    assert (slow.value, told) == (b'{"number":2,"text":"t"}', ["v1_to_v2"])


def test_an_executor_makes_the_plain_upcast_only_where_nothing_is_put_back() -> None:
    subject = lossy_down_subject()
    down, up = subject.program(2, 1), subject.program(1, 2)
    assert isinstance(down, Program)
    assert isinstance(up, Program)
    carrier = Carrier.of(down, up)
    lowered = carrier.lower(exact_json.dumps({"number": 8, "note": "kept"}), Context())
    assert isinstance(lowered, Lowered)
    write = FRAMING.writer(subject=subject.name, version=2, schema_id=None)
    bridge = Bridge(MIGRATION, "up", FRAMING, lambda _: Route(up, write, carrier, executor=Elsewhere()), 1_000_000)
    plain = Record("source", 0, 9, b"k", lowered.outputs[0], (VERSION,), 5)
    carried = plain._replace(headers=((carry.HEADER, lowered.header), VERSION))
    assert [output.value for output in bridge.carry(plain, stamp()).outputs] == [b"{}"]
    (restored,) = bridge.carry(carried, stamp()).outputs
    assert exact_json.loads(restored.value or b"") == {"number": 8, "note": "kept"}


def test_what_was_carried_for_another_value_is_not_put_back() -> None:
    subject = lossy_down_subject()
    value = exact_json.dumps({"number": 8, "note": "kept"})
    native = Record("target", 0, 4, b"k", value, (("instar-version", b"v2"),), 5)
    (lowered,) = bridge_of(subject, 1, "down", carry_lost=True).carry(native, stamp("down")).outputs
    changed = Record("source", 0, 9, b"k", exact_json.dumps({"number": 9}), lowered.headers, 5)
    (lifted,) = bridge_of(subject, 2, "up", carry_lost=True).carry(changed, stamp()).outputs
    assert exact_json.loads(lifted.value or b"") == {"number": 9, "note": ""}
