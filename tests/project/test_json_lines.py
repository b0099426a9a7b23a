import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from instar.project.json_lines import line_of_pointer

TEXT = """{
  "type": "record",
  "fields": [
    {"name": "a, [b]", "type": "string"},
    {
      "a/b~c": {"\\u0078": 1}
    }
  ]
}"""


def test_a_pointer_is_found_on_its_line() -> None:
    assert line_of_pointer(TEXT, "/type") == 2
    assert line_of_pointer(TEXT, "/fields") == 3
    assert line_of_pointer(TEXT, "/fields/0/type") == 4
    assert line_of_pointer(TEXT, "/fields/1") == 5
    assert line_of_pointer(TEXT, "/fields/1/a~1b~0c/x") == 6


def test_a_pointer_that_leads_nowhere_has_no_line() -> None:
    for pointer in ("", "type", "/absent", "/fields/2", "/fields/x", "/type/deeper"):
        assert line_of_pointer(TEXT, pointer) is None


documents = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text('ab"\\{}[],:', max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text('ab/~"', max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


def pointers(document: Any, at: str = "") -> list[str]:
    pairs = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    found = []
    for key, part in pairs:
        place = f"{at}/{str(key).replace('~', '~0').replace('/', '~1')}"
        found += [place, *pointers(part, place)]
    return found


@given(documents)
def test_of_indented_json_every_place_has_the_line_on_which_it_begins(document: Any) -> None:
    text = json.dumps(document, indent=1)
    lines = [line_of_pointer(text, pointer) for pointer in pointers(document)]
    assert None not in lines
    assert lines == sorted({line for line in lines if line})  # in a document's order each begins a new line
