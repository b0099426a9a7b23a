"""References are resolved as RFC 3986 says, which the standard library's own joining is the judge of."""

from urllib.parse import quote, unquote, urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instar.core.formats.json_uri import decoded, join, split, without_fragment

SEGMENTS = st.sampled_from([".", "..", "a", "b.json", "", "x%20y", "..."])
PATHS = st.lists(SEGMENTS, min_size=1, max_size=5).map("/".join)


# RFC 3986, section 5.4: every normal example, and the abnormal ones on which old resolvers differ.
@pytest.mark.parametrize(
    ("reference", "resolved"),
    [
        ("g:h", "g:h"),
        ("g", "http://a/b/c/g"),
        ("./g", "http://a/b/c/g"),
        ("g/", "http://a/b/c/g/"),
        ("/g", "http://a/g"),
        ("//g", "http://g"),
        ("?y", "http://a/b/c/d;p?y"),
        ("g?y", "http://a/b/c/g?y"),
        ("#s", "http://a/b/c/d;p?q#s"),
        ("g#s", "http://a/b/c/g#s"),
        ("g?y#s", "http://a/b/c/g?y#s"),
        (";x", "http://a/b/c/;x"),
        ("", "http://a/b/c/d;p?q"),
        (".", "http://a/b/c/"),
        ("..", "http://a/b/"),
        ("../g", "http://a/b/g"),
        ("../..", "http://a/"),
        ("../../g", "http://a/g"),
        ("../../../g", "http://a/g"),
        ("/./g", "http://a/g"),
        ("/../g", "http://a/g"),
        ("g.", "http://a/b/c/g."),
        ("..g", "http://a/b/c/..g"),
        ("./g/.", "http://a/b/c/g/"),
        ("g/../h", "http://a/b/c/h"),
        ("g;x=1/../y", "http://a/b/c/y"),
        ("g?y/../x", "http://a/b/c/g?y/../x"),
        ("http:g", "http:g"),
    ],
)
def test_the_examples_of_the_rfc(reference: str, resolved: str) -> None:
    assert join("http://a/b/c/d;p?q", reference) == resolved


@given(PATHS.filter(lambda path: "//" not in path and not path.startswith("/")))
def test_paths_resolve_as_the_standard_library_resolves_them(path: str) -> None:
    assert join("http://host/one/two/three", path) == urljoin("http://host/one/two/three", path)


@given(st.text(max_size=20))
def test_any_text_has_parts_and_is_made_of_them(text: str) -> None:
    assert str(split(text)) == text
    rest, fragment = without_fragment(text)
    assert text == rest or text == f"{rest}#{fragment}"


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_two_texts_can_be_joined(base: str, reference: str) -> None:
    assert isinstance(join(base, reference), str)


@given(st.text(max_size=20))
def test_what_is_escaped_is_decoded(text: str) -> None:
    assert decoded(quote(text)) == text == unquote(quote(text))
