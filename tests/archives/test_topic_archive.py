"""Archives of topics on disk: what is written comes back, and nothing that was not written passes."""

import hashlib
import json
import os
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.topic_archives import stored, write_archive

from instar.archives.errors import Unusable
from instar.archives.topic_check import check_archive, read_partition
from instar.archives.topic_manifest import MANIFEST, read_manifest
from instar.archives.topic_records import SIZE, decode, encode
from instar.archives.topic_segment import MAGIC, Compression, SegmentReader, SegmentWriter, file_name
from instar.core.record import Record
from instar.core.stored import Stored, TimestampKind

OFFSETS = st.integers(0, 2**63 - 1)
MAYBE = st.none() | st.binary(max_size=40)
RECORDS = st.builds(
    Stored,
    st.builds(
        Record,
        st.just("orders"),
        st.just(3),
        OFFSETS,
        MAYBE,
        MAYBE,
        st.lists(st.tuples(st.text(max_size=8), MAYBE), max_size=5).map(tuple),
        st.integers(-(2**63), 2**63 - 1),
    ),
    st.sampled_from(TimestampKind),
)


@given(RECORDS)
def test_a_record_comes_back_with_null_and_empty_apart_and_its_headers_in_order(record: Stored) -> None:
    encoded = encode(record)
    assert decode(encoded[SIZE.size :], "orders", 3) == record


@given(RECORDS, st.data())
def test_bytes_that_are_no_record_are_an_error_and_nothing_else(record: Stored, data: st.DataObject) -> None:
    body = bytearray(encode(record)[SIZE.size :])
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(body[: data.draw(st.integers(0, len(body)))])
    try:
        found = decode(cut, "orders", 3)
    except ValueError:
        return
    assert encode(found)[SIZE.size :] == cut  # another record, in the one way that it can be written


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_an_archive_is_sound_and_reads_back_from_any_offset(tmp_path: Path, compression: Compression) -> None:
    gaps = [stored(offset) for offset in (0, 1, 5, 6, 7, 20, 21, 40, 41)]
    manifest = write_archive(tmp_path / "a", {0: gaps, 2: [stored(3, 2, value=None)]}, compression=compression)
    checked = check_archive(tmp_path / "a")
    assert checked.manifest == manifest
    assert checked.strangers == ()
    for start in range(43):
        found = list(read_partition(tmp_path / "a", manifest, 0, start))
        assert found == [each for each in gaps if each.record.offset >= start]


def test_the_digest_is_of_the_content_and_not_of_files_or_compression(tmp_path: Path) -> None:
    records = [stored(offset) for offset in range(10)]
    made = [
        write_archive(tmp_path / "a", {0: records}),
        write_archive(tmp_path / "b", {0: records}, compression="zstd", records_a_segment=3),
    ]
    assert made[0].digest == made[1].digest
    records[4] = stored(4, headers=())
    assert write_archive(tmp_path / "c", {0: records}).digest != made[0].digest


def test_a_flip_of_any_byte_of_an_archive_is_found_and_its_file_named(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    write_archive(folder, {0: [stored(offset) for offset in range(3)]})
    for path in (folder / MANIFEST, folder / file_name(0, 0)):
        sound = path.read_bytes()
        for place in range(len(sound)):
            path.write_bytes(sound[:place] + bytes([sound[place] ^ 0x41]) + sound[place + 1 :])
            with pytest.raises(Unusable, match=path.name):
                check_archive(folder)
        path.write_bytes(sound)
    check_archive(folder)


def test_a_segment_that_is_cut_anywhere_or_longer_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    write_archive(folder, {0: [stored(offset) for offset in range(3)]})
    path = folder / file_name(0, 0)
    sound = path.read_bytes()
    for changed in [sound[:length] for length in range(len(sound))] + [sound + b"\0", sound + sound]:
        path.write_bytes(changed)
        with pytest.raises(Unusable, match="damaged"):
            check_archive(folder)


def test_segments_that_are_missing_or_exchanged_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    write_archive(folder, {0: [stored(offset) for offset in range(8)]})
    first, second = folder / file_name(0, 0), folder / file_name(0, 4)
    kept = first.read_bytes(), second.read_bytes()
    first.write_bytes(kept[1])
    with pytest.raises(Unusable, match="it says that it is"):
        check_archive(folder)
    first.write_bytes(kept[0])
    second.unlink()
    with pytest.raises(Unusable, match=second.name):
        check_archive(folder)


def resealed(folder: Path, **changed: Any) -> None:
    """A manifest by somebody who knows the format."""
    said = json.loads((folder / MANIFEST).read_text())
    said |= changed
    said.pop("sha256")
    seal = hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    (folder / MANIFEST).write_text(json.dumps({**said, "sha256": seal}))


@pytest.mark.parametrize(
    "name", ["../../../etc/passwd", "/etc/passwd", "00000/../../x", "00001/" + "0" * 20 + ".segment"]
)
def test_a_manifest_cannot_lead_out_of_its_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "a"
    write_archive(folder, {0: [stored(0)]})
    segments = json.loads((folder / MANIFEST).read_text())["segments"]
    resealed(folder, segments=[{**segments[0], "file": name}])
    with pytest.raises(Unusable, match="it names the file"):
        read_manifest(folder)


@pytest.mark.parametrize(
    "changed",
    [
        {"segments": []},
        {"segments": 7},
        {"segments": [[]]},
        {"segments": [{"file": "00000/" + "0" * 20 + ".segment"}]},
        {"partitions": {}},
        {"partitions": {"0": 5}},
        {"partitions": {"x": {}}},
        {"source": None},
        {"source": {}},
        {"digest": "0"},
        {"records": -1},
        {"ended_ms": "soon"},
        {"format": 2},
    ],
)
def test_a_manifest_of_any_other_shape_is_an_error(tmp_path: Path, changed: dict[str, Any]) -> None:
    folder = tmp_path / "a"
    write_archive(folder, {0: [stored(0)]})
    resealed(folder, **changed)
    with pytest.raises(Unusable, match=MANIFEST):
        read_manifest(folder)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=8,
    )
)
def test_no_source_of_a_manifest_gets_past_as_another_exception(
    tmp_path_factory: pytest.TempPathFactory, source: Any
) -> None:
    folder = tmp_path_factory.mktemp("hostile") / "a"
    write_archive(folder, {0: [stored(0)]})
    resealed(folder, source=source)
    with pytest.raises(Unusable, match=MANIFEST):
        read_manifest(folder)


@pytest.mark.parametrize("text", ["\x1b[2J", "\ud800", "a\nb", "x" * 20_000, 7])
@pytest.mark.parametrize("name", ["topic", "topic_id", "cluster_id"])
def test_a_manifest_says_nothing_that_a_terminal_would_obey(tmp_path: Path, name: str, text: object) -> None:
    folder = tmp_path / "a"
    write_archive(folder, {0: [stored(0)]})
    resealed(folder, source={**json.loads((folder / MANIFEST).read_text())["source"], name: text})
    with pytest.raises(Unusable, match="is no plain text") as problem:
        read_manifest(folder)
    assert str(problem.value).isprintable()


def test_a_manifest_of_endless_nesting_is_an_error(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text('{"a":' + "[" * 100_000 + "]" * 100_000 + "}")
    with pytest.raises(Unusable, match=MANIFEST):
        read_manifest(tmp_path)


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_only_plain_files_are_read(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "a"
    write_archive(folder, {0: [stored(0)]})
    path = folder / file_name(0, 0)
    path.rename(tmp_path / "elsewhere")
    match kind:
        case "link":
            path.symlink_to(tmp_path / "elsewhere")
        case "pipe":
            os.mkfifo(path)
        case _:
            path.mkdir()
    with pytest.raises(Unusable, match=path.name):
        check_archive(folder)


def block(raw_size: int, packed: bytes, records: int = 1, crc: int = 0) -> bytes:
    return b"B" + struct.pack(">IIII", records, raw_size, len(packed), crc) + packed


def claimed(folder: Path, content: bytes) -> None:
    head = MAGIC + struct.pack(">BIq", 1, 0, 0)
    path = folder / file_name(0, 0)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(head + struct.pack(">I", zlib.crc32(head)) + content)


def gzipped(data: bytes) -> bytes:
    made = zlib.compressobj(9, wbits=31)
    return made.compress(data) + made.flush()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (block(1000, gzipped(bytes(64 * 1024 * 1024))), "it is not the 1000 bytes"),  # a bomb: 64 kB make 64 MB
        (block(2**32 - 1, b"x"), "claims to hold"),
        (b"B" + struct.pack(">IIII", 1, 10, 100_000_000, 0) + b"x", "it ends at byte"),
        (block(4, gzipped(b"\xff\xff\xff\xff"), crc=zlib.crc32(b"\xff\xff\xff\xff")), "claims to have 4,294,967,295"),
        (block(4, gzipped(bytes(4)), records=2**32 - 1, crc=zlib.crc32(bytes(4))), "is no record"),
        (block(0, gzipped(b""), records=5), "record 1 is not there"),
    ],
)
def test_what_a_segment_claims_reserves_no_memory(tmp_path: Path, content: bytes, why: str) -> None:
    claimed(tmp_path, content)
    tracemalloc.start()
    try:
        with SegmentReader(tmp_path, 0, 0) as reader, pytest.raises(Unusable, match=why) as problem:
            list(reader.records())
        assert tracemalloc.get_traced_memory()[1] < 4 * 1024 * 1024
    finally:
        tracemalloc.stop()
    assert "block 1 at byte 32" in str(problem.value)


def test_offsets_of_a_segment_must_go_up(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, 0, 0, "gzip")
    writer.add(encode(stored(5)))
    writer.add(encode(stored(5)))
    writer.finish(6)
    with SegmentReader(tmp_path, 0, 0) as reader, pytest.raises(Unusable, match="does not follow 5"):
        list(reader.records())


def test_a_file_of_the_folder_that_is_not_the_archives_is_named_and_harmless(tmp_path: Path) -> None:
    write_archive(tmp_path / "a", {0: [stored(0)]})
    (tmp_path / "a" / ".DS_Store").write_bytes(b"x")
    assert check_archive(tmp_path / "a").strangers == (".DS_Store",)
