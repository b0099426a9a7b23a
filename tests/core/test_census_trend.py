"""The version mix over time: no record is lost or moved, and there are no more steps than a chart can show."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from instar.core.census_fold import Census, MixKey
from instar.core.census_trend import STEPS, trends

T0 = 1_750_000_020_000 // 60_000 * 60_000
WINDOWS_MS = st.sampled_from([10_000, 60_000, 90_000, 3_600_000, 86_400_000])
MIXES = st.builds(
    lambda window_ms, cells: {
        MixKey((T0 + minute * 60_000) // window_ms * window_ms, window_ms, topic, "orders", producer): versions
        for minute, topic, producer, versions in cells
    },
    WINDOWS_MS,
    st.lists(
        st.tuples(
            st.integers(0, 40_000),
            st.sampled_from(["orders", "orders.v3"]),
            st.sampled_from(["", "till"]),
            st.dictionaries(st.sampled_from(["v1", "v2", "v10"]), st.integers(1, 9), min_size=1),
        ),
        max_size=30,
    ),
)


@given(MIXES)
def test_every_record_is_in_the_step_in_which_its_window_begins(mixes: dict[MixKey, dict[str, int]]) -> None:
    found = trends(Census(mixes, ()))
    expected: dict[tuple[str, int], Counter[str]] = {}
    lengths = {trend.step_ms for trend in found}
    assert len(lengths) <= 1
    for key, versions in mixes.items():
        (step_ms,) = lengths
        start_ms = key.window_start_ms // step_ms * step_ms
        expected.setdefault((key.topic, start_ms), Counter()).update(versions)
    said = {(t.topic, step.start_ms): Counter(step.records) for t in found for step in t.steps if step.records}
    assert said == expected


@given(MIXES)
def test_steps_follow_one_another_and_are_few(mixes: dict[MixKey, dict[str, int]]) -> None:
    for trend in trends(Census(mixes, ())):
        assert 1 <= len(trend.steps) <= STEPS
        assert all(window <= trend.step_ms for window in {key.window_ms for key in mixes})
        starts = [step.start_ms for step in trend.steps]
        assert starts == list(range(starts[0], starts[-1] + 1, trend.step_ms))
        assert trend.steps[0].records
        assert trend.steps[-1].records


def test_versions_are_in_the_order_of_their_numbers() -> None:
    key = MixKey(T0, 60_000, "orders", "orders", "")
    (trend,) = trends(Census({key: {"v10": 1, "v2": 1}}, ()))
    assert trend.versions == ("v2", "v10")
