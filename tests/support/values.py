"""Plain values of every kind that a codec can yield."""

from datetime import UTC
from typing import Any

from hypothesis import strategies as st


def leaf_values() -> st.SearchStrategy[Any]:
    return st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=8),
        st.binary(max_size=8),
        st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9),
        st.datetimes(timezones=st.just(UTC)),
        st.datetimes(),
        st.dates(),
        st.times(),
        st.uuids(),
    )


def plain_values() -> st.SearchStrategy[Any]:
    """Leaves, arrays, records or maps (also with odd keys) and branches of unions."""
    keys = st.one_of(st.sampled_from(["a", "b", "$f", "$o", "$", "x y", ""]), st.text(max_size=3))
    return st.recursive(
        leaf_values(),
        lambda parts: st.one_of(
            st.lists(parts, max_size=3),
            st.dictionaries(keys, parts, max_size=3),
            st.tuples(st.sampled_from(["Card", "Cash"]), st.dictionaries(keys, parts, max_size=2)),
        ),
        max_leaves=8,
    )
