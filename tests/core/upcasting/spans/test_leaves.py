"""Each type is read by the fast executor to the byte as by the reference: all short encodings, and every border."""

from random import Random
from struct import pack
from typing import Any

import pytest

from instar.changes import rename
from instar.core.formats.avro import parse_avro
from instar.core.formats.avro_write import encoded_long
from instar.core.record import Context
from instar.core.rejected import Rejected
from instar.core.subject import SubjectParts, build_subject
from instar.core.upcasting.hop import Hop
from instar.core.upcasting.program import Program
from instar.core.upcasting.spans.executor import Spans, compile_spans

LOGICAL = {
    "long": ("timestamp-millis", "timestamp-micros", "local-timestamp-millis", "local-timestamp-micros", "time-micros"),
    "int": ("date", "time-millis"),
}
TYPES: dict[str, Any] = {
    **{name: name for name in ("null", "boolean", "int", "long", "float", "double", "bytes", "string")},
    **{each: {"type": kind, "logicalType": each} for kind, several in LOGICAL.items() for each in several},
    "nanos": {"type": "long", "logicalType": "timestamp-nanos"},
    "decimal": {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2},
    "wide decimal": {"type": "bytes", "logicalType": "decimal", "precision": 60},
    "fixed decimal": {"type": "fixed", "name": "D", "size": 3, "logicalType": "decimal", "precision": 6, "scale": 2},
    "uuid": {"type": "string", "logicalType": "uuid"},
    "fixed": {"type": "fixed", "name": "F", "size": 3},
    "fixed of nothing": {"type": "fixed", "name": "F", "size": 0},
    "enum": {"type": "enum", "name": "E", "symbols": ["A", "B", "C"]},
    "enum of 64": {"type": "enum", "name": "E", "symbols": [f"S{at}" for at in range(64)]},
    "enum of 65": {"type": "enum", "name": "E", "symbols": [f"S{at}" for at in range(65)]},
    "null or string": ["null", "string"],
    "int or null": ["int", "null"],
    "null or enum": ["null", {"type": "enum", "name": "E", "symbols": ["A", "B"]}],
    "null or date": ["null", {"type": "int", "logicalType": "date"}],
    "null or decimal": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}],
    "union": ["null", "int", "string"],
    "array": {"type": "array", "items": "int"},
    "array of nullables": {"type": "array", "items": ["null", "string"]},
    "array of arrays": {"type": "array", "items": {"type": "array", "items": "boolean"}},
    "array of nulls": {"type": "array", "items": "null"},
    "map": {"type": "map", "values": "int"},
}
BORDERS = (
    0, 1, 63, 64, 65, 127, 128, 8191, 8192, 86_399_999, 86_400_000, 86_399_999_999, 86_400_000_000, 2**31 - 1, 2**31,
    -(2**31), -(2**31) - 1, 2**63 - 1, -(2**63), -719_162, -719_163, 2_932_896, 2_932_897, -62_135_596_800_000,
    -62_135_596_800_001, 253_402_300_799_999, 253_402_300_800_000, -62_135_596_800_000_000, -62_135_596_800_000_001,
    253_402_300_799_999_999, 253_402_300_800_000_000,
)  # fmt: skip
CONTEXT = Context()


def encodings(random: Random) -> list[bytes]:
    short = [b"", *(bytes([byte]) for byte in range(256))]
    short += [
        bytes([first, second]) for first in (0, 2, 3, 4, 128, 255) for second in (*range(8), *range(124, 132), 255)
    ]
    whole = [encoded_long(value) for value in BORDERS]
    whole += [each[:-1] + bytes([each[-1] | 128, 0]) for each in whole]  # longer than they need to be
    whole += [b"\xff" * count + b"\x01" for count in range(8, 12)]
    texts = ["a" * size for size in (1, 2, 63, 64, 65, 200)] + ["é", "日本", "\u0000"]
    spans = [encoded_long(len(data)) + data for text in texts if (data := text.encode())]
    spans += [encoded_long(len(data)) + data for data in (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\x80")]
    numbers = [9_999, 10_000, -9_999, -10_000, 128, -128, 127, -129, 0, 10**60 - 1, 10**60, -(10**60)]
    for number in numbers:
        size = (number if number >= 0 else ~number).bit_length() // 8 + 1
        spans += [encoded_long(more) + number.to_bytes(more, "big", signed=True) for more in (size, size + 1)]
    uuids = [
        "7ab2a0b2-1d2c-4b6a-8e63-0f4f6d3b9c11",
        "7AB2A0B2-1D2C-4B6A-8E63-0F4F6D3B9C11",
        "7ab2a0b21d2c4b6a8e630f4f6",
    ]
    spans += [encoded_long(len(each)) + each.encode() for each in uuids]
    floats = [0.0, -0.0, 1.5, float("inf"), float("-inf"), float("nan")]
    floating = [pack(kind, each) for kind in ("<f", "<d") for each in floats] + [bytes.fromhex("010000000000f07f")]
    floating.append(bytes.fromhex("0100a07f"))
    blocks = [
        bytes.fromhex(each) for each in ("0402040204060800", "040204010202080402040600", "03040204020a00", "0302")
    ]
    blocks += [bytes.fromhex(each) for each in ("0100", "010000", "0404060202020000", "04020004026100", "80000404")]
    blocks += [bytes.fromhex("04026102026204" + "00"), bytes.fromhex("0402610202610400"), b"\x80\x04" + b"\0" * 256]
    some = [*whole, *spans, *floating, *blocks]
    some += [branch + each for branch in (b"\0", b"\2", b"\4") for each in some]
    return [*short, *some, *(random.randbytes(random.randint(1, 12)) for _ in range(100))]


@pytest.mark.parametrize("last", [True, False], ids=["last", "with a field behind"])
@pytest.mark.parametrize("name", TYPES)
def test_every_short_encoding_and_every_border(name: str, last: bool) -> None:
    kind = TYPES[name]
    behind = [] if last else [{"name": "z", "type": "string"}]
    schemas = [
        (at, parse_avro({"type": "record", "name": "R", "fields": [{"name": field, "type": kind}, *behind]}))
        for at, field in ((1, "a"), (2, "b"))
    ]
    hop = Hop("leaves", 1, 2, "1.py", changes=(rename("a", "b"),))
    subject, findings = build_subject(SubjectParts("leaves", schemas, [hop]))
    assert subject is not None
    assert not findings
    for start, end in ((1, 2), (1, 1)):
        program = subject.program(start, end)
        assert isinstance(program, Program)
        spans = compile_spans(program)
        assert isinstance(spans, Spans)
        accepted = 0
        for data in encodings(Random(name)):
            whole = data if last else data + b"\x02z"
            expected = program.run(whole, CONTEXT)
            assert spans.run(whole, CONTEXT) == expected, whole
            accepted += not isinstance(expected, Rejected)
        assert accepted
        for seed in range(40):
            value = schemas[0][1].sample(Random(seed))
            good = schemas[0][1].encode(value)
            assert isinstance(good, bytes)
            assert spans.run(good, CONTEXT) == program.run(good, CONTEXT) == [good]
            if value["a"] == value["a"]:  # all but NaN
                assert spans.fast(good) == good
