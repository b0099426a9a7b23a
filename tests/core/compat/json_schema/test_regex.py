"""Patterns as languages, held against Python's own matcher where both agree on the syntax."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instar.core.compat.json_schema.regex.automaton import empty, matches, vacuous
from instar.core.compat.json_schema.regex.syntax import parse

_LETTERS = "abc1"
_atoms = st.sampled_from(["a", "b", "c", ".", "[ab]", "[^a]", "\\d", "\\w", "[a-c]"])
_patterns = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{1,}"])).map(lambda p: f"({p[0]}){p[1]}"),
    ),
    max_leaves=6,
)
_anchored = st.builds(
    lambda start, body, end: start + body + end, st.sampled_from(["", "^"]), _patterns, st.sampled_from(["", "$"])
)
_words = st.text(_LETTERS, max_size=6)


@settings(max_examples=400, deadline=None)
@given(_anchored, _words)
def test_a_word_matches_as_python_says(pattern: str, word: str) -> None:
    assert matches(pattern, word) is bool(re.search(pattern.replace("$", "\\Z"), word, re.ASCII))


@settings(max_examples=200, deadline=None)
@given(_anchored, _anchored, st.lists(_words, max_size=30))
def test_a_contained_language_has_no_counterexample(narrow: str, wide: str, words: list[str]) -> None:
    if empty((narrow,), (wide,), frozenset(), 0, None):
        assert not any(matches(narrow, word) and not matches(wide, word) for word in words)


@pytest.mark.parametrize(
    ("narrow", "wide", "contained"),
    [
        ("^a$", "a", True),
        ("a", "^a$", False),
        ("^[a-f0-9]{8}$", "^[a-z0-9]+$", True),
        ("^(ab)+$", "^(a|b)*$", True),
        ("^\\d{4}-\\d{2}$", "^[-0-9]{7}$", True),
        ("^a|b$", "^a", False),
        ("^.$", "^[^\\n]$", True),
        ("^[^\\n]$", "^.$", False),  # "." leaves out carriage return and the two separators as well
    ],
)
def test_containment_of_patterns(narrow: str, wide: str, contained: bool) -> None:
    assert (empty((narrow,), (wide,), frozenset(), 0, None) is True) is contained


def test_lengths_and_excluded_words_take_part() -> None:
    assert empty(("^a*$",), (), frozenset(), 0, None) is False
    assert empty(("^a{2}$",), (), frozenset(), 3, None) is True
    assert empty(("^(a|b)$",), (), frozenset({"a", "b"}), 0, None) is True
    assert empty(("^(a|b)$",), (), frozenset({"a"}), 0, None) is False


@pytest.mark.parametrize(
    "pattern", ["(?=a)", "(?<!a)b", "(a)\\1", "\\bword", "\\p{L}", "a**", "[a", "(a", "a^b", "\\k"]
)
def test_what_is_not_regular_or_not_portable_is_not_read(pattern: str) -> None:
    assert parse(pattern) is None
    assert matches(pattern, "a") is None


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[a-z]*", True),
        ("(ab)?", True),
        (".*", False),
        ("", False),
        ("^[a-z]*$", False),
        ("[\\s\\S]*", False),
        ("a", False),
    ],
)
def test_only_an_unanchored_slip_is_vacuous(pattern: str, expected: bool) -> None:
    assert vacuous(pattern) is expected
