"""In place against a model of a compacted topic: each key keeps its last value, in its new version."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from instar.core.in_place import LastOffsets

KEYS = [b"a", b"b", b"c"]


@dataclass(frozen=True)
class Fact:
    """A record: of which value (its number), and whether it is at the target version already."""

    key: bytes
    number: int
    current: bool


facts = st.lists(st.tuples(st.sampled_from(KEYS), st.booleans()), max_size=30).map(
    lambda pairs: [Fact(key, number, current) for number, (key, current) in enumerate(pairs)]
)


def last_values(log: list[Fact]) -> dict[bytes, int]:
    return {one.key: one.number for one in log}


@given(facts, st.data())
def test_each_key_keeps_its_last_value_and_has_it_in_the_new_version(source: list[Fact], data: st.DataObject) -> None:
    split = len(source)
    log = list(source)
    at = 0
    while at < split:
        # A worker begins at its checkpoint, and learns the last offsets from there up to the split.
        last = LastOffsets()
        for offset in range(at, split):
            last.note(log[offset].key, offset)
        for _ in range(data.draw(st.integers(1, 8), label="records until it dies")):
            if at >= split:
                break
            one = log[at]
            if not one.current and not last.overtaken(one.key, at):
                log.append(Fact(one.key, one.number, current=True))
            # At every moment, not only at the end, no key shows an older value than before.
            assert last_values(log) == last_values(source)
            at += 1
    assert {one.key: one.current for one in log} == dict.fromkeys(last_values(source), True)


def test_a_null_key_is_never_overtaken() -> None:
    last = LastOffsets()
    last.note(None, 5)
    assert not last.overtaken(None, 1)


def test_memory_is_counted_once_a_key() -> None:
    last = LastOffsets()
    last.note(b"a", 1)
    before = last.size_bytes
    last.note(b"a", 2)
    assert last.size_bytes == before > 0
