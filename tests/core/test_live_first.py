"""Live first against a model of a compacted topic: what remains per key is what order leaves."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from instar.core.live_first import LiveKeys

KEYS = [b"a", b"b", b"c", b"d"]
GONE = object()


@dataclass(frozen=True)
class Fact:
    """A source record. ``becomes``: a value, a tombstone, or nothing that is published (a dead letter, a drop)."""

    key: bytes
    becomes: str


facts = st.lists(
    st.builds(Fact, st.sampled_from(KEYS), st.sampled_from(["value", "tombstone", "nothing"])), max_size=40
)


def compacted(published: list[tuple[bytes, int, str]]) -> dict[bytes, object]:
    """What a compacted topic means: each key's last record, by its source offset; a tombstone is no key."""
    last: dict[bytes, object] = {}
    for key, offset, becomes in published:
        if becomes == "tombstone":
            last.pop(key, None)
        else:
            last[key] = offset
    return last


def in_order(source: list[Fact]) -> dict[bytes, object]:
    return compacted([(one.key, at, one.becomes) for at, one in enumerate(source) if one.becomes != "nothing"])


@given(facts, st.data())
def test_what_remains_of_each_key_is_what_order_leaves(source: list[Fact], data: st.DataObject) -> None:
    split = data.draw(st.integers(0, len(source)), label="split")
    published: list[tuple[bytes, int, str]] = []
    committed = 0  # of ``published``
    keys = LiveKeys()
    live, past = split, 0
    saved = (live, past)
    while live < len(source) or past < split:
        step = data.draw(st.sampled_from(["live", "past", "commit", "abort", "restart"]), label="step")
        if step == "live" and live < len(source):
            one = source[live]
            if one.becomes != "nothing":
                published.append((one.key, live, one.becomes))
                keys.publish(one.key)
            live += 1
        elif step == "past" and past < split:
            one = source[past]
            if one.becomes != "nothing" and one.key not in keys:
                published.append((one.key, past, one.becomes))
            past += 1
        elif step == "commit":
            keys.confirm()
            committed, saved = len(published), (live, past)
        elif step == "abort":
            keys.roll_back()
            del published[committed:]
            live, past = saved
        elif step == "restart":
            # Whoever comes next finds the keys in what is committed: live's outputs name offsets from the split on.
            del published[committed:]
            live, past = saved
            keys = LiveKeys()
            for key, offset, _ in published:
                if offset >= split:
                    keys.restore(key)
        if step in ("abort", "restart") and data.draw(st.booleans(), label="go on straight"):
            break
    while live < len(source):
        one = source[live]
        if one.becomes != "nothing":
            published.append((one.key, live, one.becomes))
            keys.publish(one.key)
        live += 1
    while past < split:
        one = source[past]
        if one.becomes != "nothing" and one.key not in keys:
            published.append((one.key, past, one.becomes))
        past += 1
    assert compacted(published) == in_order(source)


@given(st.lists(st.tuples(st.sampled_from(["publish", "restore", "confirm", "roll_back"]), st.sampled_from(KEYS))))
def test_keys_are_exactly_those_that_were_committed_or_are_open(steps: list[tuple[str, bytes]]) -> None:
    keys = LiveKeys()
    committed: set[bytes] = set()
    pending: set[bytes] = set()
    for step, key in steps:
        match step:
            case "publish":
                keys.publish(key)
                pending.add(key)
            case "restore":
                keys.restore(key)
                committed.add(key)
            case "confirm":
                keys.confirm()
                committed |= pending
                pending = set()
            case _:
                keys.roll_back()
                pending = set()
        assert {one for one in KEYS if one in keys} == committed | pending
        assert (keys.size_bytes == 0) == (len(keys) == 0)


def test_a_null_key_is_never_taken_for_one_that_live_has_published() -> None:
    keys = LiveKeys()
    keys.publish(b"")
    assert None not in keys
    assert b"" in keys


def test_memory_is_given_back_when_a_transaction_is_rolled_back() -> None:
    keys = LiveKeys()
    keys.restore(b"a")
    before = keys.size_bytes
    keys.publish(b"a")
    keys.publish(b"b" * 100)
    assert keys.size_bytes > before + 100
    keys.roll_back()
    assert keys.size_bytes == before
