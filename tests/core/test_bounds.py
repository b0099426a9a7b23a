"""Places in a topic as people write them."""

import pytest

from instar.core.bounds import Earliest, Now, Offsets, Point, Time, parse_partitions, parse_point


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("earliest", Earliest()),
        ("now", Now()),
        ("1200", Offsets({}, 1200)),
        ("0:1200,3:900", Offsets({0: 1200, 3: 900})),
        ("2026-03-01T12:00Z", Time(1_772_366_400_000)),
        ("2026-03-01T13:00+01:00", Time(1_772_366_400_000)),
        ("2026-03-01T12:00:00.250", Time(1_772_366_400_250)),
        ("2026-03-01", Time(1_772_323_200_000)),
    ],
)
def test_places_are_names_offsets_and_times(text: str, point: Point) -> None:
    assert parse_point(text) == point


@pytest.mark.parametrize("text", ["", "latest", "-5", "0:", "0:1,2", "yesterday", "٣"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no place in a topic"):
        parse_point(text)


def test_a_partition_that_is_named_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        parse_point("0:1,0:2")


def test_partitions_are_numbers_and_ranges() -> None:
    assert parse_partitions("0,2,5-7,6", 8) == [0, 2, 5, 6, 7]


@pytest.mark.parametrize(
    ("text", "said"), [("8", "0 to 7"), ("7-5", "not there"), ("a", "not a partition"), ("", "not")]
)
def test_partitions_that_are_not_there_are_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_partitions(text, 8)
