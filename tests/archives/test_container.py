import contextlib
import io
import json
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instar.archives.codecs import codec_of
from instar.archives.container import BLOCK_BYTES, ContainerReader, ContainerWriter
from instar.archives.errors import Unusable

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "R",
    "fields": [
        {"name": "n", "type": "long"},
        {"name": "text", "type": "string"},
        {"name": "kind", "type": {"type": "enum", "name": "K", "symbols": ["A", "B"]}},
        {"name": "when", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "many", "type": {"type": "array", "items": ["null", "string"]}},
    ],
}
RECORDS = st.lists(
    st.fixed_dictionaries(
        {
            "n": st.integers(-(2**63), 2**63 - 1),
            "text": st.text(max_size=20),
            "kind": st.sampled_from(["A", "B"]),
            "when": st.integers(0, 10**15),
            "many": st.lists(st.none() | st.text(max_size=3), max_size=3),
        }
    ),
    max_size=30,
)
CODECS = ["null", "deflate", "bzip2", "xz", "snappy", "zstandard"]
RAW = {
    **SCHEMA,
    "fields": [each if each["name"] != "when" else {"name": "when", "type": "long"} for each in SCHEMA["fields"]],
}


def encoded(record: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, RAW, record)
    return out.getvalue()


def file_of(records: list[dict[str, Any]], codec: str = "null", **more: Any) -> bytes:
    """As fastavro writes it, small blocks."""
    out = io.BytesIO()
    fastavro.writer(out, RAW, records, codec=codec, sync_interval=50, **more)
    return out.getvalue()


def read(data: bytes) -> list[bytes]:
    items = list(ContainerReader(io.BytesIO(data), "the file").items())
    assert all(item.rejected is None for item in items)
    return [item.data for item in items]


@pytest.mark.parametrize("codec", [codec for codec in CODECS if codec != "zstandard"])
@given(records=RECORDS)
def test_what_fastavro_writes_is_read_record_by_record(codec: str, records: list[dict[str, Any]]) -> None:
    assert read(file_of(records, codec)) == [encoded(record) for record in records]


@pytest.mark.parametrize("codec", CODECS)
@given(records=RECORDS)
def test_what_is_written_is_read_again_whole(codec: str, records: list[dict[str, Any]]) -> None:
    assert read(written([encoded(record) for record in records], codec)) == [encoded(record) for record in records]


@pytest.mark.parametrize("codec", [codec for codec in CODECS if codec != "zstandard"])
def test_fastavro_reads_what_is_written(codec: str) -> None:
    records = [{"n": n, "text": "x" * n, "kind": "A", "when": n, "many": []} for n in range(500)]
    data = written([encoded(record) for record in records], codec)
    assert list(fastavro.reader(io.BytesIO(data))) == records


def written(records: list[bytes], codec: str = "null") -> bytes:
    out = io.BytesIO()
    writer = ContainerWriter(out, json.dumps(RAW), codec_of(codec), bytes(16), {"owner": b"me"})
    for record in records:
        writer.add(record)
    writer.close()
    return out.getvalue()


def test_blocks_stay_near_their_size_and_metadata_is_kept() -> None:
    records = [encoded({"n": 1, "text": "x" * 1000, "kind": "A", "when": 1, "many": []})] * 200
    blocks = list(fastavro.block_reader(io.BytesIO(written(records))))
    assert len(blocks) == pytest.approx(200 * 1000 / BLOCK_BYTES, abs=1)
    assert ContainerReader(io.BytesIO(written(records)), "f").header.metadata == {"owner": b"me"}


@given(data=st.data())
def test_a_cut_file_is_never_taken_for_a_whole_one(data: st.DataObject) -> None:
    whole = file_of([{"n": n, "text": "abc", "kind": "B", "when": 1, "many": []} for n in range(20)])
    ends = {len(whole)} | {end + 16 for end in _marker_ends(whole)}
    cut = data.draw(st.integers(0, len(whole) - 1))
    if cut in ends:
        return  # between two blocks: nothing in the format says that more should follow
    with pytest.raises(Unusable, match="damaged"):
        read(whole[:cut])


def _marker_ends(whole: bytes) -> list[int]:
    marker = whole[-16:]
    found = []
    at = whole.find(marker)
    while at >= 0:
        found.append(at)
        at = whole.find(marker, at + 1)
    return found


@given(data=st.data())
def test_random_damage_is_a_damaged_file_or_a_rejected_record_and_nothing_else(data: st.DataObject) -> None:
    whole = bytearray(file_of([{"n": n, "text": "abc", "kind": "B", "when": 1, "many": [None]} for n in range(20)]))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(Unusable):
        list(ContainerReader(io.BytesIO(bytes(whole)), "f").items())


def test_a_record_without_an_end_takes_the_rest_of_its_block_and_no_more() -> None:
    good = encoded({"n": 1, "text": "abc", "kind": "A", "when": 1, "many": []})
    bad = b"\x02\x08abc"  # the text claims four bytes, and they are those of what follows
    out = io.BytesIO()
    writer = ContainerWriter(out, json.dumps(RAW), codec_of("null"), bytes(16), {})
    for record in (good, b"\x02\x7f" + bad):
        writer.add(record)
    writer._flush()
    writer.add(good)
    writer.close()
    items = list(ContainerReader(io.BytesIO(out.getvalue()), "f").items())
    assert [item.place for item in items] == ["block 1, record 1", "block 1, records 2 to 2", "block 2, record 1"]
    assert [item.rejected is None for item in items] == [True, False, True]
    assert items[1].records == 1


def test_an_unknown_codec_is_named() -> None:
    data = file_of([]).replace(b"\x08null", b"\x08lzma")
    with pytest.raises(Unusable, match="lzma"):
        ContainerReader(io.BytesIO(data), "f")


def test_another_kind_of_file_is_no_container() -> None:
    with pytest.raises(Unusable, match="does not begin like"):
        ContainerReader(io.BytesIO(b'{"a": 1}'), "f")
