"""How often the drafted renames and moves are right, counted over every shipped pair and generated ones."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.evolving import evolved
from tests.support.subjects import record

from instar.core.formats.avro import parse_avro
from instar.core.formats.shape import Field, Scalar
from instar.core.scaffolding.draft import Draft, draft
from instar.core.scaffolding.likely import likely
from instar.core.scaffolding.names import likeness
from instar.core.upcasting.operation import Operation
from instar.core.upcasting.operations.head import Head
from instar.core.upcasting.operations.inside import Inside
from instar.core.upcasting.operations.move import Move
from instar.core.upcasting.operations.rename import Rename
from instar.core.upcasting.operations.when import When
from instar.core.upcasting.operations.wrap import Wrap
from instar.core.upcasting.paths import join
from instar.project.catalogue import read_catalogue

ROOT = Path(__file__).resolve().parents[3]
GENERATED_PAIRS = 240

# What the generated pairs must reach. One rename in six has a name that has nothing to do with the old one.
LEAST_PRECISION = 0.9
LEAST_RECALL = 0.75

TEXT = Scalar("string")


@dataclass
class Score:
    right: int = 0
    wrong: int = 0
    missed: int = 0

    def count(self, guessed: set[tuple[str, str]], truth: set[tuple[str, str]]) -> None:
        self.right += len(guessed & truth)
        self.wrong += len(guessed - truth)
        self.missed += len(truth - guessed)

    @property
    def precision(self) -> float:
        return self.right / max(1, self.right + self.wrong)

    @property
    def recall(self) -> float:
        return self.right / max(1, self.right + self.missed)

    def __str__(self) -> str:
        return (
            f"{self.right} right, {self.wrong} wrong, {self.missed} missed: "
            f"precision {self.precision:.3f}, recall {self.recall:.3f}"
        )


def guesses(made: Draft) -> set[tuple[str, str]]:
    return {(each.old, each.new) for each in made.likely}


def written(changes: Iterable[Operation], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The renames and moves of a hop that somebody wrote, by whole paths."""
    for change in changes:
        match change:
            case Rename(old=old, new=new):
                yield join(prefix, old), join(join(prefix, old.rpartition(".")[0]), new.rpartition(".")[2])
            case Move(source=old, target=new) | Wrap(one=old, many=new) | Head(many=old, one=new):
                yield join(prefix, old), join(prefix, new)
            case Inside(path=path, changes=inner):
                yield from written(inner, join(prefix, path))
            case When(path=path, changes=inner):
                yield from written(inner, join(prefix, path))


def unmarked(made: Draft, wrong: set[tuple[str, str]]) -> list[str]:
    """Lines that say a wrong rename and are not marked as a guess."""
    return [
        line.code
        for line in made.lines
        if not line.guess
        and any(old == getattr(line.operation, "old", getattr(line.operation, "source", None)) for old, _ in wrong)
        and isinstance(line.operation, Rename | Move)
    ]


def test_generated_pairs_are_read_with_good_precision_and_recall(capsys: pytest.CaptureFixture[str]) -> None:
    renames, moves = Score(), Score()
    for seed in range(GENERATED_PAIRS):
        pair = evolved(seed)
        made = draft(*pair.schemas())
        guessed = {(each.old, each.new) for each in made.likely if each.how != "move"}
        carried = {(each.old, each.new) for each in made.likely if each.how == "move"}
        renames.count(guessed, pair.renamed)
        moves.count(carried, pair.moved)
        assert not unmarked(made, guesses(made) - pair.renamed - pair.moved), f"seed {seed}"
    with capsys.disabled():
        print(f"\nrenames over {GENERATED_PAIRS} generated pairs: {renames}")
        print(f"moves over {GENERATED_PAIRS} generated pairs: {moves}")
    assert renames.precision >= LEAST_PRECISION
    assert renames.recall >= LEAST_RECALL
    assert moves.precision >= LEAST_PRECISION
    assert moves.recall >= LEAST_RECALL


def test_shipped_pairs_are_read_as_their_authors_wrote_them(capsys: pytest.CaptureFixture[str]) -> None:
    score = Score()
    pairs = 0
    for subject in read_catalogue(ROOT).catalogue.subjects.values():
        for version, hop in subject.hops.items():
            pairs += 1
            made = draft(subject.versions[version], subject.versions[version + 1])
            truth = set(written(hop.hop.changes or ()))
            score.count(guesses(made), truth)
            assert not unmarked(made, guesses(made) - truth)
    with capsys.disabled():
        print(f"\nrenames, moves, wraps and heads over {pairs} shipped pairs: {score}")
    assert pairs >= 15
    assert score.recall == 1.0
    assert score.precision >= 0.85  # phone_number is guessed to be phone, which its author merged


def test_an_alias_is_no_guess() -> None:
    old = record(x=TEXT, y=TEXT)
    new = record(completely_else=Field(TEXT, aliases=("x",)), y=TEXT)
    (found,) = likely(old, new)
    assert (found.old, found.new, found.why) == ("x", "completely_else", "")


def test_a_field_in_both_versions_is_never_renamed() -> None:
    assert likely(record(email=TEXT), record(email=TEXT, e_mail=TEXT)) == []


def test_a_field_does_not_leave_its_element() -> None:
    item = {"type": "record", "name": "Item", "fields": [{"name": "sku", "type": "string"}]}
    emptied = {**item, "fields": []}
    items = [{"name": "items", "type": {"type": "array", "items": item}}]
    old = parse_avro({"type": "record", "name": "O", "fields": items})
    top = [{"name": "items", "type": {"type": "array", "items": emptied}}, {"name": "sku", "type": "string"}]
    new = parse_avro({"type": "record", "name": "O", "fields": top})
    assert likely(old.shape, new.shape) == []


@pytest.mark.parametrize(
    ("old", "new", "least", "most"),
    [
        ("customerID", "customer_id", 1.0, 1.0),
        ("qty", "quantity", 0.9, 1.0),
        ("ship_addr", "ship_address", 0.9, 1.0),
        ("street", "checksum", 0.0, 0.5),
        ("phone", "phone_number", 0.55, 0.8),
        ("number_of_tries", "tries_of_number", 0.95, 0.95),
    ],
)
def test_names_are_compared_by_their_words(old: str, new: str, least: float, most: float) -> None:
    assert least <= likeness(old, new) <= most
    assert likeness(old, new) == pytest.approx(likeness(new, old), abs=0.05)
