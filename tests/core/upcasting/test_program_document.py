"""A program as data: everything that the changes say, and never the code of a function."""

from typing import Any

from tests.support.shop import V2, V3

from instar.changes import add, rename, when
from instar.core.formats.avro import parse_avro
from instar.core.subject import SubjectParts, build_subject
from instar.core.upcasting.chain import Chain
from instar.core.upcasting.hop import Hop
from instar.core.upcasting.program_document import _operation, program_document


def chain_of(start: int, end: int, *changes: Any) -> Chain:
    schemas = [(number, parse_avro(dict(each))) for number, each in enumerate((V2, V3), 1)]
    hop = Hop("sales", 1, 2, "upcasters/sales/v1_to_v2.py", changes=changes)
    subject, findings = build_subject(SubjectParts("sales", schemas, [hop]))
    assert subject is not None, findings
    found = subject.chain(start, end)
    assert isinstance(found, Chain), found
    return found


def test_changes_without_functions_are_portable() -> None:
    said = program_document(chain_of(1, 2, add("channel")))
    [hop] = said["hops"]
    assert said["portable"] is True
    assert hop["changes"] == [{"op": "add", "path": "channel"}]
    assert hop["direction"] == "up"


def test_the_way_down_says_what_it_loses() -> None:
    [hop] = program_document(chain_of(2, 1, add("channel")))["hops"]
    assert (hop["direction"], hop["lost"]) == ("down", ["channel"])


def test_changes_inside_of_changes_are_told() -> None:
    said = _operation(when("kind", "REFUND", [rename("a", "b")]))
    assert said["op"] == "when"
    assert said["changes"] == [{"op": "rename", "old": "a", "new": "b"}]
