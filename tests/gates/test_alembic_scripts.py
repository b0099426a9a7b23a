"""Alembic's scripts, read and never run."""

from pathlib import Path

import pytest

from instar.gates.alembic_scripts import Revision, Scripts, read_scripts
from instar.gates.answer import Unanswered


def script(folder: Path, text: str, name: str = "x.py") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_a_script_is_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "was-run"
    folder = tmp_path / "versions"
    folder.mkdir()
    script(folder, f"revision: str = 'a1'\ndown_revision = None\nopen({str(marker)!r}, 'w')\n")
    assert "a1" in read_scripts([tmp_path])
    assert not marker.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("revision = make()\n", "computes its revision"),
        ("revision = 'a1'\ndown_revision = 3\n", "down_revision that is no revision"),
        ("down_revision = None\n", "does not say which revision"),
        ("def :\n", "not Python"),
        ("revision = 'a1'\ndown_revision = 'gone'\n", "names gone, which no script is"),
    ],
)
def test_what_a_script_does_not_say_plainly_is_not_guessed(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(Unanswered, match=said):
        read_scripts([script(tmp_path, text)])


def test_what_is_no_script_is_left_alone(tmp_path: Path) -> None:
    script(tmp_path, "revision = 'a1'\ndown_revision = None\nx = '\\d'\n")
    for name in ("__init__.py", ".#x.py", "notes.txt"):
        script(tmp_path, "!", name)
    assert "a1" in read_scripts([tmp_path])


def test_two_scripts_of_one_revision_are_no_graph(tmp_path: Path) -> None:
    script(tmp_path, "revision = 'a1'\n")
    with pytest.raises(Unanswered, match="two scripts"):
        read_scripts([script(tmp_path, "revision = 'a1'\n", "y.py")])


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unanswered, match="nowhere"):
        read_scripts([tmp_path / "nowhere"])


def test_a_shortened_revision_is_the_only_one_that_begins_so() -> None:
    scripts = Scripts([Revision("ab12"), Revision("ab34", ("ab12",)), Revision("cd", ("ab34",))])
    assert scripts.full("ab3") == "ab34"
    with pytest.raises(Unanswered, match="2 scripts could be ab"):
        scripts.full("ab")
    with pytest.raises(Unanswered, match="no script is x"):
        scripts.full("x")


def test_a_dependency_may_be_named_by_its_branch() -> None:
    scripts = Scripts([Revision("a1", labels=("net",)), Revision("b1", depends_on=("net",))])
    assert scripts.behind("b1") == {"a1"}
    assert scripts.one_behind_another(["a1", "b1"]) is None


def test_a_circle_ends() -> None:
    assert Scripts([Revision("a", ("b",)), Revision("b", ("a",))]).behind("a") == {"a", "b"}
