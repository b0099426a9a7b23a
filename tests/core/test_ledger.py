"""Whatever is done to a ledger afterwards is found, at the first place that cannot be as it was written."""

import dataclasses
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instar.core.ledger import BEGINNING, Broken, Entry, Head, Sound, check, details_text, follow, hash_of

WORDS = st.text(max_size=12)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
CONTENTS = st.builds(
    Entry,
    environment=st.just("test"),
    number=st.just(0),
    migration=st.sampled_from(["", "orders-v3", "bills-v2"]),
    at_ms=st.integers(0, 2**53),
    actor=WORDS,
    action=WORDS,
    reason=WORDS,
    fingerprint=WORDS,
    details=st.dictionaries(WORDS, PLAIN, max_size=3).map(details_text),
    state_revision=st.integers(0, 9),
    state_digest=WORDS,
)


def chain(contents: Iterable[Entry]) -> tuple[list[Entry], Head]:
    head, entries = Head(), []
    for content in contents:
        entry = follow(head, content)
        entries.append(entry)
        head = Head(entry.number, entry.hash)
    return entries, head


LEDGERS = st.lists(CONTENTS, min_size=1, max_size=8).map(chain)


@given(st.lists(CONTENTS, max_size=8).map(chain))
def test_a_ledger_as_it_was_written_is_sound_and_so_is_every_beginning_of_it(ledger: tuple[list[Entry], Head]) -> None:
    entries, head = ledger
    assert check(entries, head) == Sound(head)
    ends = [Head(), *(Head(entry.number, entry.hash) for entry in entries)]
    for end in ends:
        assert check(entries[: end.number], end) == Sound(end)
        assert check(entries, head, [end] if end.number else []) == Sound(head)


@given(LEDGERS, st.data())
def test_an_edited_field_is_found_at_its_entry(ledger: tuple[list[Entry], Head], data: st.DataObject) -> None:
    entries, head = ledger
    at = data.draw(st.integers(0, len(entries) - 1))
    name = data.draw(st.sampled_from([field.name for field in dataclasses.fields(Entry) if field.name != "number"]))
    old = getattr(entries[at], name)
    new = data.draw((st.integers(0, 2**53) if isinstance(old, int) else WORDS).filter(lambda value: value != old))
    edited = [*entries[:at], dataclasses.replace(entries[at], **{name: new}), *entries[at + 1 :]]
    found = check(edited, head)
    assert isinstance(found, Broken)
    assert found.number == at + 1
    assert "edited" in found.why


@given(LEDGERS, st.data())
def test_an_entry_edited_together_with_its_hash_is_found_at_the_next(
    ledger: tuple[list[Entry], Head], data: st.DataObject
) -> None:
    entries, head = ledger
    at = data.draw(st.integers(0, len(entries) - 1))
    forged = dataclasses.replace(entries[at], actor=f"{entries[at].actor} and somebody else")
    forged = dataclasses.replace(forged, hash=hash_of(forged))
    found = check([*entries[:at], forged, *entries[at + 1 :]], head)
    assert isinstance(found, Broken)
    last = at == len(entries) - 1
    assert found.number == (at + 1 if last else at + 2)
    assert ("ended" in found.why) if last else (f"entry {at + 1}, which was rewritten" in found.why)


@given(LEDGERS, st.data())
def test_a_removed_entry_leaves_a_gap_that_is_named(ledger: tuple[list[Entry], Head], data: st.DataObject) -> None:
    entries, head = ledger
    at = data.draw(st.integers(0, len(entries) - 1))
    found = check([*entries[:at], *entries[at + 1 :]], head)
    assert isinstance(found, Broken)
    assert found.number == at + 1
    assert f"entries {at + 1} to {at + 1} were removed" in found.why


@given(LEDGERS, st.data())
def test_an_entry_put_in_or_moved_is_found(ledger: tuple[list[Entry], Head], data: st.DataObject) -> None:
    entries, head = ledger
    at = data.draw(st.integers(0, len(entries) - 1))
    assert isinstance(check([*entries[:at], entries[at], *entries[at:]], head), Broken)
    order = data.draw(st.permutations(entries))
    assert isinstance(check(order, head), Sound) == (order == entries)


@given(LEDGERS, CONTENTS)
def test_a_ledger_written_anew_as_a_whole_is_found_by_who_kept_an_end_of_it(
    ledger: tuple[list[Entry], Head], other: Entry
) -> None:
    entries, head = ledger
    anew, end = chain([dataclasses.replace(other, reason=f"not {entries[0].reason}"), *entries[1:]])
    assert check(anew, end) == Sound(end)
    found = check(anew, end, [head])
    assert isinstance(found, Broken)
    assert found.number == head.number
    assert "written anew" in found.why
    shorter = check([], Head(), [head])
    assert isinstance(shorter, Broken)
    assert "removed" in shorter.why


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Entry) if field.name != "hash"])
def test_every_field_is_in_the_hash(name: str) -> None:
    (entry,), _ = chain([Entry("test", 0, "m", 1, "ada", "apply", "why", "f", "{}", 1, "d")])
    value = getattr(entry, name)
    assert hash_of(dataclasses.replace(entry, **{name: value + type(value)(1)})) != entry.hash


def test_words_cannot_be_moved_from_one_field_to_the_next() -> None:
    one = Entry("test", 1, "m", 1, "ada", "apply", "", "f", "{}")
    other = dataclasses.replace(one, actor="adaapply", action="")
    assert hash_of(one) != hash_of(other)


def test_the_hash_of_an_entry_is_the_same_in_every_version_of_instar() -> None:
    entry = Entry("test", 1, "orders-v3", 1_750_000_000_000, "ada", "apply", "für später", "f" * 64, '{"a":1}')
    assert entry.previous == BEGINNING
    assert hash_of(entry) == "a5da96b5c06bb78a5258e70a0a9de8e6bc2e8f295b35b3e33b0ce5ac6dbec655"


@pytest.mark.parametrize("bad", [{"x": float("nan")}, {"x": object()}, {"x": b""}])
def test_details_are_plain_json(bad: dict[str, object]) -> None:
    with pytest.raises((TypeError, ValueError)):
        details_text(bad)
