import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.command import instar
from tests.support.folders import SETTINGS, write_files

from instar.project.lock import NAME, Lock, parse_lock, read_lock
from instar.project.lock_merge import Sides, conflicted_sides, merge

A, B, C = ("a" * 64, "b" * 64, "c" * 64)

SCHEMAS = st.dictionaries(st.tuples(st.sampled_from(["x", "y"]), st.integers(1, 3)), st.sampled_from([A, B, C]))
HOPS = st.dictionaries(st.tuples(st.sampled_from(["x", "y"]), st.just("v1_to_v2")), st.sampled_from([A, B]))
NUMBERS = st.dictionaries(st.integers(0, 5), st.tuples(st.sampled_from(["x", "y"]), st.integers(1, 3)), min_size=1)
LOCKS = st.builds(Lock, ids=st.dictionaries(st.sampled_from(["files", "a b"]), NUMBERS), schemas=SCHEMAS, hops=HOPS)


def entries(lock: Lock) -> dict[object, object]:
    made: dict[object, object] = {
        ("id", name, key): each for name, ids in lock.ids.items() for key, each in ids.items()
    }
    return made | {("schema", key): each for key, each in lock.schemas.items()} | dict(lock.hops.items())


@given(LOCKS, LOCKS, LOCKS)
def test_a_merge_takes_each_entry_of_the_side_that_changed_it(base: Lock, ours: Lock, theirs: Lock) -> None:
    made = merge(Sides(base, ours, theirs))
    was, mine, other, result = map(entries, (base, ours, theirs, made.lock))
    clashes = 0
    for key in {*was, *mine, *other}:
        if mine.get(key) == other.get(key) or other.get(key) == was.get(key):
            assert result.get(key) == mine.get(key)
        elif mine.get(key) == was.get(key):
            assert result.get(key) == other.get(key)
        else:
            clashes += 1
    assert len(made.contradictions) == clashes


@given(LOCKS, LOCKS)
def test_who_merges_whom_does_not_matter_where_nothing_contradicts(ours: Lock, theirs: Lock) -> None:
    one, other = merge(Sides(None, ours, theirs)), merge(Sides(None, theirs, ours))
    assert len(one.contradictions) == len(other.contradictions)
    if not one.contradictions:
        assert one.lock.text() == other.lock.text()
        assert entries(one.lock) == entries(ours) | entries(theirs)


@given(LOCKS, LOCKS)
def test_a_preference_decides_every_contradiction(ours: Lock, theirs: Lock) -> None:
    made = merge(Sides(None, ours, theirs), "theirs")
    assert made.contradictions == ()
    assert entries(made.lock) == entries(ours) | entries(theirs)
    assert entries(merge(Sides(None, ours, theirs), "ours").lock) == entries(theirs) | entries(ours)


@given(LOCKS)
def test_what_is_written_is_read_back(lock: Lock) -> None:
    read = parse_lock(lock.text())
    assert isinstance(read, Lock)
    assert entries(read) == entries(lock)


def test_a_reason_is_kept_as_long_as_its_entry() -> None:
    why = {"x/v1": 'said "so" \\ 1', "x/v1_to_v2": "gone", "y/v9": "of nothing"}
    lock = Lock(schemas={("x", 1): A}, replanned=why)
    assert parse_lock(lock.text()) == lock
    assert merge(Sides(None, lock, Lock())).lock.replanned == {"x/v1": why["x/v1"]}


def git(at: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "merge.conflictStyle=merge"]
    return subprocess.run(["git", "-C", str(at), *who, *arguments], check=check, capture_output=True)


def branches(root: Path, base: Lock, ours: Lock, theirs: Lock) -> Path:
    """A repository in the middle of a merge of two branches' locks."""
    write_files(root, {"instar.toml": SETTINGS, NAME: base.text()})
    git(root, "init", "-q", "-b", "main")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "base")
    git(root, "checkout", "-q", "-b", "theirs")
    write_files(root, {NAME: theirs.text()})
    git(root, "commit", "-q", "-am", "theirs")
    git(root, "checkout", "-q", "main")
    write_files(root, {NAME: ours.text()})
    git(root, "commit", "-q", "-am", "ours")
    return root


BASE = Lock(schemas={("x", 1): A, ("x", 2): A})
OURS = Lock(ids={"files": {7: ("x", 3)}}, schemas={("x", 1): A, ("x", 3): B})  # v2 taken out, v3 in
THEIRS = Lock(ids={"files": {8: ("x", 4)}}, schemas={("x", 1): A, ("x", 2): A, ("x", 4): C})


def test_a_conflict_that_git_left_is_resolved_and_what_one_side_removed_stays_away(tmp_path: Path) -> None:
    root = branches(tmp_path, BASE, OURS, THEIRS)
    assert git(root, "merge", "theirs", check=False).returncode != 0
    assert isinstance(read_lock(root), list)
    ran = instar("lock", "merge", at=root)
    assert ran.code == 0, ran.err
    assert read_lock(root) == Lock(
        ids={"files": {7: ("x", 3), 8: ("x", 4)}}, schemas={("x", 1): A, ("x", 3): B, ("x", 4): C}
    )
    git(root, "commit", "-q", "-am", "merged")
    assert conflicted_sides(root) is None
    assert instar("lock", "merge", at=root).code == 0


def test_a_contradiction_takes_a_person(tmp_path: Path) -> None:
    root = branches(tmp_path, Lock(), Lock(ids={"files": {7: ("x", 3)}}), Lock(ids={"files": {7: ("x", 4)}}))
    git(root, "merge", "theirs", check=False)
    before = (root / NAME).read_text()
    ran = instar("lock", "merge", at=root)
    assert ran.code == 3
    assert "[ids.files] 7: ours says x/v3, theirs says x/v4" in ran.err
    assert (root / NAME).read_text() == before
    assert instar("lock", "merge", "--prefer", "theirs", at=root).code == 0
    assert read_lock(root) == Lock(ids={"files": {7: ("x", 4)}})


def test_as_gits_merge_driver_there_is_no_conflict_at_all(tmp_path: Path) -> None:
    root = branches(tmp_path, BASE, OURS, THEIRS)
    write_files(root, {".gitattributes": f"{NAME} merge=instar\n"})
    driver = f"{sys.executable} -m instar lock merge --base %O --ours %A --theirs %B"
    git(root, "config", "merge.instar.driver", driver)
    ran = git(root, "merge", "-q", "-m", "merged", "theirs", check=False)
    assert ran.returncode == 0, ran.stderr
    merged = read_lock(root)
    assert isinstance(merged, Lock)
    assert set(merged.schemas) == {("x", 1), ("x", 3), ("x", 4)}


def test_a_side_that_is_no_lock_is_told(tmp_path: Path) -> None:
    write_files(tmp_path, {"instar.toml": SETTINGS, NAME: "<<<<<<< a\nformat = 1\n=======\nformat = \n>>>>>>> b\n"})
    ran = instar("lock", "merge", at=tmp_path)
    assert ran.code == 1
    assert "not valid TOML" in ran.err


@pytest.mark.parametrize("arguments", [("--ours",), ("--theirs",)])
def test_a_driver_needs_both_sides(tmp_path: Path, arguments: tuple[str]) -> None:
    write_files(tmp_path, {"instar.toml": SETTINGS, NAME: "format = 1\n"})
    assert instar("lock", "merge", *arguments, tmp_path / NAME, at=tmp_path).code == 2
