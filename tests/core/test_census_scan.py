"""What a sample of a topic shows of its versions."""

from hypothesis import given
from hypothesis import strategies as st

from instar.core import census_scan
from instar.core.census_scan import Met, Place, Scan, lengths
from instar.core.record import Record
from instar.core.rejected import UNKNOWN_SCHEMA_ID, Rejected

READS = st.none() | st.tuples(st.just("orders"), st.integers(1, 3)) | st.just(Rejected(UNKNOWN_SCHEMA_ID, "id 7"))


def record(partition: int, offset: int, at_ms: int) -> Record:
    return Record("orders", partition, offset, b"k", b"v", (), at_ms)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1000), st.integers(-1, 50), READS), max_size=30))
def test_every_record_is_counted_once_and_lies_between_first_and_last(
    taken: list[tuple[int, int, int, tuple[str, int] | Rejected | None]],
) -> None:
    scan = Scan()
    for partition, offset, at_ms, read in taken:
        scan.take(record(partition, offset, at_ms), read)

    assert scan.records == len(taken)
    kinds = [scan.tombstones, *scan.versions.values(), *scan.rejected.values()]
    assert sum(met.records for met in kinds) == len(taken)
    valued = sum(read is not None for *_, read in taken)
    shares = sum(scan.share(met) for met in (*scan.versions.values(), *scan.rejected.values()))
    assert round(shares, 9) == (1 if valued else 0)
    for partition, offset, at_ms, read in taken:
        met = (
            scan.tombstones
            if read is None
            else scan.versions[read]
            if isinstance(read, tuple)
            else scan.rejected[read.code, read.message]
        )
        assert met.first is not None
        assert met.last is not None
        assert met.first.at_ms <= at_ms <= met.last.at_ms
        low, high = met.offsets[partition]
        assert low <= offset <= high


def test_a_topic_of_random_ids_does_not_fill_the_memory() -> None:
    scan = Scan()
    for number in range(census_scan.LIMIT_REASONS + 50):
        scan.take(record(0, number, number), Rejected(UNKNOWN_SCHEMA_ID, f"id {number}"))

    assert len(scan.rejected) == census_scan.LIMIT_REASONS + 1
    other = scan.rejected[census_scan.OTHER, "Too many reasons to list."]
    assert other.records == 50


def test_what_is_not_in_a_sample_may_be_there() -> None:
    scan = Scan()
    assert scan.unseen_share(whole=False) == 1.0
    for number in range(300):
        scan.take(record(0, number, number), ("orders", 1))

    assert scan.unseen_share(whole=False) == 0.01
    assert scan.unseen_share(whole=True) == 0.0


def test_the_last_place_is_the_latest_in_time_and_not_the_last_that_was_read() -> None:
    met = Met()
    for partition, offset, at_ms in ((1, 5, 20), (0, 9, 30), (0, 2, 10)):
        met.meet(record(partition, offset, at_ms))

    assert (met.first, met.last) == (Place(0, 2, 10), Place(0, 9, 30))
    assert met.offsets == {1: (5, 5), 0: (2, 9)}


def test_empty_partitions_have_no_length() -> None:
    assert lengths({0: 5, 1: 7}, {0: 15, 1: 7}) == 10
