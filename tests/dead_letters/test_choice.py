"""Dead letters are grouped by what went wrong, and chosen by it."""

from dataclasses import replace

from instar.core.dead_letter import Position, Verdict
from instar.core.record import Record
from instar.core.redrive import LetterPosition, Settled
from instar.core.rejected import Rejected
from instar.dead_letters.choice import Choice, by_cause, field_of
from instar.kafka.letters import Letter


def letter(offset: int, code: str = "hop-raised", path: str | None = None, written_ms: int = 0) -> Letter:
    rejected = Rejected(code, "five", hop="v1_to_v2", path=path)
    source = Position("old", "00", 0, offset * 2, 7)
    record = Record("old", 0, offset * 2, b"k", b"v", (), 7)
    return Letter(LetterPosition(bytes(16), 0, offset), record, Verdict("m", "up", rejected, source), written_ms)


def test_the_same_fault_in_any_element_is_one_cause() -> None:
    causes = by_cause([letter(1, path="items[0].price"), letter(2, path="items[17].price"), letter(3, path="id")])
    assert [(cause.field, cause.outstanding) for cause in causes] == [("items[].price", 2), ("id", 1)]


def test_first_and_last_are_of_the_outstanding_ones_by_time() -> None:
    settled = replace(letter(1, written_ms=1), settled=Settled("redriven", 0, "ada"))
    discarded = replace(letter(9, written_ms=99), settled=Settled("discarded", 0, "ada", "no"))
    (cause,) = by_cause([letter(5, written_ms=50), settled, letter(4, written_ms=60), discarded])
    assert (cause.outstanding, cause.redriven, cause.discarded) == (2, 1, 1)
    assert cause.first is not None
    assert cause.last is not None
    assert (cause.first.position.offset, cause.last.position.offset) == (5, 4)


def test_every_part_of_a_choice_must_fit() -> None:
    one = letter(3, path="items[2].price")
    assert field_of(one) == "items[].price"
    assert Choice().takes(one)
    assert Choice(direction="up", code="hop-raised", hop="v1_to_v2", field="items[].price").takes(one)
    assert Choice(letters=frozenset({(0, 3)})).takes(one)
    for other in (
        Choice(direction="down"),
        Choice(code="unreadable"),
        Choice(hop="v2_to_v3"),
        Choice(field="items[2].price"),
        Choice(letters=frozenset({(1, 3)})),
        Choice(letters=frozenset()),
    ):
        assert not other.takes(one)
