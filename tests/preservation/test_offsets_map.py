"""The map from an archive's offsets to those of the topic that it was imported into."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instar.archives.errors import Unusable
from instar.preservation.offsets_map import OffsetsMap, OffsetsMapWriter

STEPS = st.lists(st.tuples(st.sampled_from([1, 1, 1, 2, 7]), st.sampled_from([1, 1, 1, 2])), max_size=40)


@given(STEPS, STEPS)
def test_every_position_goes_on_at_the_first_record_that_is_not_read(
    tmp_path_factory: pytest.TempPathFactory, first: list[tuple[int, int]], second: list[tuple[int, int]]
) -> None:
    path = tmp_path_factory.mktemp("map") / "offsets.ndjson"
    writer = OffsetsMapWriter(path, {"archive": "x"})
    pairs: dict[int, list[tuple[int, int]]] = {}
    ends = {}
    for partition, steps in ((0, first), (3, second)):
        old = new = 0
        pairs[partition] = []
        for old_step, new_step in steps:
            old, new = old + old_step, new + new_step
            writer.pair(partition, old, new)
            pairs[partition].append((old, new))
        ends[partition] = old + 5, new + 2
        writer.end(partition, *ends[partition])
    writer.keep()
    read = OffsetsMap.read(path)
    assert read.header["archive"] == "x"
    for partition, known in pairs.items():
        for position in range(ends[partition][0] + 1):
            expected = next((new for old, new in known if old >= position), ends[partition][1])
            assert read.translate(partition, position) == expected
    runs = sum(
        1
        for known in pairs.values()
        for number, (old, new) in enumerate(known)
        if number == 0 or (known[number - 1][0] + 1, known[number - 1][1] + 1) != (old, new)
    )
    assert writer.ranges == runs


@pytest.mark.parametrize("text", ['{"format": 2}\n', "x\n", '{"format": 1}\n{"partition": 0}\n', '{"format": 1}\n[]\n'])
def test_a_file_that_is_no_map_is_an_error_that_names_the_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "offsets.ndjson"
    path.write_text(text)
    with pytest.raises(Unusable, match=f"line {text.count(chr(10))}"):
        OffsetsMap.read(path)
