"""Nearly three hundred small schemas by other people: each parses, has a stable canonical form, a shape and samples."""

import json
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest

from instar.core.formats.json_sample import NoSample
from instar.core.formats.json_schema import parse_json
from instar.core.formats.schema import Invalid

FILE = Path(__file__).resolve().parents[3] / "../shared/data/json-schema-compatibility/compatibility-test-data.json"

pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="the compatibility cases are not beside the repository")


def documents() -> list[Any]:
    cases = json.loads(FILE.read_bytes())
    found = [
        case[side]
        for case in (cases if isinstance(cases, list) else cases["tests"])
        for side in ("original", "updated")
    ]
    return [json.loads(each) if isinstance(each, str) else each for each in found]


def admits_nothing(document: Any) -> bool:
    """The corpus has six schemas without a valid value: a string that must be a list, an empty enumeration."""
    return document.get("enum") == [] or (document.get("type") == "string" and isinstance(document.get("const"), list))


def test_every_schema_of_the_corpus_is_read_and_sampled() -> None:
    read, refused, without_sample = 0, 0, 0
    for document in documents():
        if isinstance(document, dict) and "draft-04" in document.get("$schema", ""):
            with pytest.raises(Invalid, match="draft-04"):
                parse_json(document)
            refused += 1
            continue
        parsed = parse_json(document)
        read += 1
        assert parse_json(json.loads(parsed.canonical)).canonical == parsed.canonical
        assert parsed.shape is not None
        judge = jsonschema.Draft7Validator if parsed.dialect == "draft-07" else jsonschema.Draft202012Validator
        for seed in range(10):
            try:
                value = parsed.sample(Random(seed))
            except NoSample:
                assert admits_nothing(document), document
                without_sample += 1
                break
            assert judge(document).is_valid(value), (document, value)
    assert (read, refused, without_sample) == (286, 4, 6)
