"""docs/requirements.md names tests and commands that there are, and has a row for each point of its checklist."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from tests.support.cli_commands import commands
from tests.support.collecting import ROOT, collected

PAGE = ROOT / "docs/requirements.md"
# Points of the checklist in each section. It is not in the repository: count them there when it changes.
POINTS = {1: 13, 2: 11, 3: 12, 4: 16, 5: 12, 6: 13, 7: 12, 8: 13}
TEST = re.compile(r"`(tests/[\w/]+\.py(?:::\w+)+)`")
NO = re.compile(r"\*\*no\*\*: \S.{9,}")


@dataclass(frozen=True)
class Row:
    number: str
    practice: str
    feature: str
    command: str
    shown: str

    @property
    def tests(self) -> list[str]:
        return TEST.findall(self.shown)


def rows_of(text: str) -> list[Row]:
    """Every row of a table whose first cell is a number. ValueError where one has not five cells."""
    rows = []
    for line in text.splitlines():
        if re.match(r"\| \d", line):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if len(cells) != 5:
                raise ValueError(f"{line!r} has {len(cells)} cells")
            rows.append(Row(*cells))
    return rows


def problems(text: str, points: Mapping[int, int], known: Set[str], found: Mapping[str, list[str]]) -> list[str]:
    """What is wrong with a page. ``found`` has what keeps each collected test from running."""
    rows = rows_of(text)
    numbers = Counter(row.number for row in rows)
    said = [f"{number} stands {count} times" for number, count in numbers.items() if count > 1]
    counted = Counter(int(row.number.partition(".")[0]) for row in rows)
    said += [
        f"section {section} has {counted[section]} rows, not {points.get(section, 0)}"
        for section in sorted({*points, *counted})
        if counted[section] != points.get(section, 0)
    ]
    for row in rows:
        said += [f"{row.number}: {each}" for each in _problems_of(row, numbers, known, found)]
    return said


def _problems_of(
    row: Row, numbers: Mapping[str, int], known: Set[str], found: Mapping[str, list[str]]
) -> Iterator[str]:
    if not row.practice:
        yield "no words"
    if row.command != "—":
        named = re.fullmatch(r"`instar ([a-z -]+)`", row.command)
        if named is None or named[1] not in known:
            yield f"no command {row.command}"
    for reference in re.findall(r"\bsee ([\d.]+\d)", row.feature):
        if reference not in numbers:
            yield f"no row {reference}"
    if TEST.sub("", row.shown).replace("<br>", "") and not NO.fullmatch(row.shown):
        yield f"neither tests nor a reason: {row.shown}"
    if not row.shown:
        yield "nothing shows it"
    for test in row.tests:
        if test not in found:
            yield f"{test} is not collected"
        else:
            yield from (f"{test}: {reason}" for reason in found[test])


def files(text: str) -> set[str]:
    return {test.partition("::")[0] for row in rows_of(text) for test in row.tests}


def test_every_point_has_a_row_whose_tests_run_and_whose_command_is_there(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert problems(text, POINTS, commands(), collected(ROOT, files(text), tmp_path / "collected")) == []


TESTS = """
import pytest

def test_sound():
    assert True

@pytest.mark.kafka
@pytest.mark.parametrize("n", [1, 2])
def test_on_a_server(n):
    assert n

@pytest.mark.skip(reason="later")
def test_skipped():
    assert True

@pytest.mark.parametrize("n", [1, pytest.param(2, marks=pytest.mark.skipif(True, reason="never"))])
def test_skipped_in_part(n):
    assert n

@pytest.mark.xfail(reason="not yet")
def test_expected_to_fail():
    assert False

@pytest.mark.slow
def test_slow():
    assert True

def test_that_gives_up():
    if not __import__("os").environ.get("NEVER"):
        pytest.skip("not here")

class Contract:
    def test_base(self):
        assert True

class TestOne(Contract):
    pass

@pytest.mark.skip(reason="a class")
class TestTwo(Contract):
    pass
"""
BROKEN = """
| no. | practice | in instar | command | shown by |
|---|---|---|---|---|
| 1.1.1 | sound | see 1.1.2 | `instar plan` | `tests/test_x.py::test_sound`<br>`tests/test_x.py::TestOne::test_base` |
| 1.1.2 | on a server | x | `instar dlq list` | `tests/test_x.py::test_on_a_server` |
| 1.1.3 | why not | x | — | **no**: there is nothing of the kind |
| 1.2.1 | gone | see 9.9.9 | `instar fly` | `tests/test_x.py::test_gone` |
| 1.2.2 | no file | x | `instar dlq` | `tests/test_y.py::test_sound` |
| 1.2.3 | skipped | x | — | `tests/test_x.py::test_skipped`<br>`tests/test_x.py::test_skipped_in_part` |
| 1.2.4 | not in the suite | x | — | `tests/test_x.py::test_slow`<br>`tests/test_x.py::test_expected_to_fail` |
| 1.2.5 | gives up | x | — | `tests/test_x.py::test_that_gives_up`<br>`tests/test_x.py::TestTwo::test_base` |
| 2.1.1 |  | x | — | of course |
| 2.1.1 | nothing | x | — | |
| 2.1.2 | no reason | x | — | **no**: |
"""


def test_a_page_that_is_wrong_is_found_in_each_way(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_x.py").write_text(TESTS, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = kafka\n  slow\n", encoding="utf-8")
    found = collected(tmp_path, files(BROKEN), tmp_path / "collected")
    assert problems(BROKEN, {1: 8, 2: 4, 3: 1}, commands(), found) == [
        "2.1.1 stands 2 times",
        "section 2 has 3 rows, not 4",
        "section 3 has 0 rows, not 1",
        "1.2.1: no command `instar fly`",
        "1.2.1: no row 9.9.9",
        "1.2.1: tests/test_x.py::test_gone is not collected",
        "1.2.2: no command `instar dlq`",
        "1.2.2: tests/test_y.py::test_sound is not collected",
        "1.2.3: tests/test_x.py::test_skipped: marked skip",
        "1.2.3: tests/test_x.py::test_skipped_in_part: marked skipif",
        "1.2.4: tests/test_x.py::test_slow: marked slow",
        "1.2.4: tests/test_x.py::test_expected_to_fail: marked xfail",
        "1.2.5: tests/test_x.py::test_that_gives_up: calls pytest.skip",
        "1.2.5: tests/test_x.py::TestTwo::test_base: marked skip",
        "2.1.1: no words",
        "2.1.1: neither tests nor a reason: of course",
        "2.1.1: nothing shows it",
        "2.1.2: neither tests nor a reason: **no**:",
    ]
