"""Hops of functions over real JSON schemas: bytes to bytes, laws on drawn records, and what is carried."""

from random import Random
from typing import Any

import orjson
from tests.support.subjects import hop_of

from instar.core.formats.json_schema import parse_json
from instar.core.record import Context
from instar.core.rejected import INVALID_INPUT, Rejected
from instar.core.subject import Subject, SubjectParts, build_subject
from instar.core.upcasting.carry import HEADER, Carrier, Lifted, Lowered
from instar.core.upcasting.laws import check_laws
from instar.core.upcasting.program import Program

V1 = {
    "type": "object",
    "required": ["id", "state"],
    "properties": {
        "id": {"type": "integer"},
        "state": {"enum": ["open", "closed"]},
        "labels": {"type": "array", "items": {"type": "string"}},
        "note": {"type": ["string", "null"]},
    },
}
V2 = {
    "type": "object",
    "required": ["id", "open"],
    "properties": {
        "id": {"type": "integer"},
        "open": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "note": {"type": ["string", "null"]},
        "actor": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
HOP = """
    lost = {"down": ["actor"]}

    def upcast(record, context):
        rest = {key: part for key, part in record.items() if key not in ("state", "labels")}
        if "labels" in record:
            rest["tags"] = record["labels"]
        return {**rest, "open": record["state"] == "open"}

    def downcast(record, context):
        rest = {key: part for key, part in record.items() if key not in ("open", "tags", "actor")}
        if "tags" in record:
            rest["labels"] = record["tags"]
        return {**rest, "state": "open" if record["open"] else "closed"}
"""


def issues() -> Subject:
    parts = SubjectParts("issues", [(1, parse_json(V1)), (2, parse_json(V2))], [hop_of(HOP, subject="issues")])
    subject, found = build_subject(parts)
    assert not found
    assert subject is not None
    return subject


def way(low: int, high: int) -> Program:
    program = issues().program(low, high)
    assert isinstance(program, Program)
    return program


def test_bytes_go_up_and_down_and_unknown_fields_pass() -> None:
    data = b'{"id":1,"state":"open","labels":["a"],"extra":{"x":null}}'
    (up,) = _sure(way(1, 2).run(data, Context()))
    assert orjson.loads(up) == {"id": 1, "open": True, "tags": ["a"], "extra": {"x": None}}
    (down,) = _sure(way(2, 1).run(up, Context()))
    assert orjson.loads(down) == orjson.loads(data)


def test_a_record_that_is_invalid_under_its_own_version_is_rejected() -> None:
    rejected = way(1, 2).run(b'{"id":1,"state":"shut"}', Context())
    assert isinstance(rejected, Rejected)
    assert (rejected.code, rejected.path, rejected.from_version) == (INVALID_INPUT, "state", "v1")


def test_the_laws_hold_on_drawn_records() -> None:
    subject, random = issues(), Random(5)
    old, new = subject.versions[1], subject.versions[2]
    values = [[schema.sample(random) for _ in range(80)] for schema in (old, new)]
    found = check_laws(subject.hops[1], old, new, *values)
    assert found == []


def test_an_undeclared_loss_of_a_map_is_one_finding() -> None:
    subject, random = issues(), Random(5)
    hop = hop_of(HOP.replace('lost = {"down": ["actor"]}', ""), subject="issues")
    parts = SubjectParts("issues", list(subject.versions.items()), [hop])
    rebuilt, _ = build_subject(parts)
    assert rebuilt is not None
    values: list[list[Any]] = [[subject.versions[v].sample(random) for _ in range(80)] for v in (1, 2)]
    found = check_laws(rebuilt.hops[1], subject.versions[1], subject.versions[2], *values)
    assert [(finding.code, finding.path) for finding in found] == [("undeclared-loss", "actor")]


def test_what_the_way_down_loses_is_carried() -> None:
    through = Carrier.of(way(2, 1), way(1, 2))
    data = orjson.dumps({"id": 10**30 % 97, "open": False, "actor": {"login": "ada"}})
    lowered = through.lower(data, Context())
    assert isinstance(lowered, Lowered)
    lifted = through.lift(lowered.outputs[0], Context(headers=((HEADER, lowered.header),)))
    assert isinstance(lifted, Lifted)
    assert lifted.note == "restored"
    assert orjson.loads(lifted.outputs[0]) == orjson.loads(data)


def _sure(outputs: list[bytes] | Rejected) -> list[bytes]:
    assert isinstance(outputs, list), outputs
    return outputs
