"""145 cases that somebody else labelled, and the ones where we say something else."""

import json
from pathlib import Path
from typing import Any

import pytest

from instar.core.compat.json_schema import check

DATA = Path(__file__).resolve().parents[5] / "shared/data/json-schema-compatibility/compatibility-test-data.json"

#: Position in the file: (the label, what we say). Each is explained in docs/json-schema-compatibility.md.
DISAGREEMENTS = {
    96: ("none", "both"),
    108: ("backward", "both"),
    117: ("backward", "forward"),
    119: ("backward", "none"),
    124: ("none", "both"),
}


def _cases() -> list[Any]:
    if not DATA.exists():
        return []
    cases: list[Any] = json.loads(DATA.read_text())["tests"]
    return cases


def _verdict(case: Any) -> str:
    backward = not check(case["original"], case["updated"], mode="backward")
    forward = not check(case["original"], case["updated"], mode="forward")
    return {(True, True): "both", (True, False): "backward", (False, True): "forward"}.get((backward, forward), "none")


@pytest.mark.skipif(not DATA.exists(), reason="the labelled cases are not beside the repository")
def test_the_verdict_is_the_label_but_for_five_explained_cases() -> None:
    cases = _cases()
    assert len(cases) == 145
    differ = {
        position: (case["compatibility"], verdict)
        for position, case in enumerate(cases)
        if (verdict := _verdict(case)) != case["compatibility"]
    }
    assert differ == DISAGREEMENTS


@pytest.mark.skipif(not DATA.exists(), reason="the labelled cases are not beside the repository")
@pytest.mark.parametrize(
    ("position", "direction", "value"),
    [
        (117, "backward", "1234567"),
        (119, "backward", "abc"),
    ],
)
def test_where_a_label_promises_too_much_a_value_shows_it(position: int, direction: str, value: Any) -> None:
    import jsonschema_rs

    case = _cases()[position]
    assert jsonschema_rs.Draft7Validator(case["original"]).is_valid(value)
    assert not jsonschema_rs.Draft7Validator(case["updated"]).is_valid(value)
    assert check(case["original"], case["updated"], mode="backward")
