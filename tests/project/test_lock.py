import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instar.core.finding import Finding
from instar.project.lock import NAME, Lock, LockBroken, LockIds, read_lock, update, write_atomically

SUM = "ab" * 32
LOCK = (
    Lock()
    .with_id("files", 17, "orders", 2)
    .with_id("production", 4, "orders", 1)
    .with_id("production", 1_000_017, "orders", 2)
    .with_applied({("orders", 2): SUM}, {("orders", "v1_to_v2"): SUM, ("orders", "v10_to_v11"): SUM})
)


def reread(root: Path, text: str) -> Lock | list[Finding]:
    (root / NAME).write_text(text)
    return read_lock(root)


def test_a_project_without_a_lock_has_an_empty_one(tmp_path: Path) -> None:
    assert read_lock(tmp_path) == Lock()


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    assert reread(tmp_path, LOCK.text()) == LOCK


names = st.text("abz.-_", min_size=1, max_size=5).filter(lambda name: name[0] not in "._-")
versions = st.tuples(names, st.integers(1, 30))
checksums = st.text("0123456789abcdef", min_size=64, max_size=64)
locks = st.builds(
    Lock,
    ids=st.dictionaries(
        names, st.dictionaries(st.integers(0, 2**31 - 1), versions, min_size=1, max_size=3), max_size=3
    ),
    schemas=st.dictionaries(versions, checksums, max_size=3),
    hops=st.dictionaries(
        st.tuples(names, st.integers(1, 30).map(lambda v: f"v{v}_to_v{v + 1}")), checksums, max_size=3
    ),
)


@given(locks)
def test_every_lock_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, lock: Lock) -> None:
    assert reread(tmp_path_factory.mktemp("lock"), lock.text()) == lock


def test_each_entry_has_a_line_of_its_own_in_a_stable_order() -> None:
    lines = LOCK.text().splitlines()
    assert lines.index('4 = "orders/v1"') + 1 == lines.index('1000017 = "orders/v2"')
    assert [line[:20] for line in lines[-2:]] == ['"orders/v1_to_v2" = ', '"orders/v10_to_v11" ']
    turned = Lock(dict(reversed(LOCK.ids.items())), LOCK.schemas, dict(reversed(LOCK.hops.items())))
    assert turned.text() == LOCK.text()


def test_two_branches_that_add_entries_merge_by_keeping_both_sides(tmp_path: Path) -> None:
    ours = LOCK.with_id("files", 20, "orders", 3).text().splitlines(keepends=True)
    theirs = LOCK.with_id("files", 30, "orders", 3).text().splitlines(keepends=True)
    added = next(line for line in theirs if line not in ours)
    at = next(index for index, line in enumerate(ours) if line.startswith("20 = ")) + 1
    merged = reread(tmp_path, "".join([*ours[:at], added, *ours[at:]]))
    assert isinstance(merged, Lock)
    assert merged.ids_of("files").keys() == {17, 20, 30}


def test_a_merge_that_contradicts_itself_is_found(tmp_path: Path) -> None:
    text = LOCK.text().replace('17 = "orders/v2"', '17 = "orders/v2"\n17 = "orders/v1"')
    findings = reread(tmp_path, text)
    assert isinstance(findings, list)
    assert findings[0].code == "lock-unreadable"
    assert "merge" in findings[0].remedy


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("format = 2\n", 1),
        ("format = 1\nidss = 1\n", 2),
        ('format = 1\n[ids.files]\nx = "orders/v1"\n', 3),
        ('format = 1\n[ids.files]\n5 = "orders/1"\n', 3),
        ('format = 1\n[ids.files]\n4294967296 = "orders/v1"\n', 3),
        ('format = 1\n[hops]\n"orders/v1_to_v2" = "md5:x"\n', 3),
        ("format = 1\n[ids]\nfiles = 3\n", 3),
    ],
)
def test_a_damaged_lock_is_found_at_its_line(tmp_path: Path, text: str, line: int) -> None:
    findings = reread(tmp_path, text)
    assert isinstance(findings, list)
    assert [finding.line for finding in findings] == [line]


def test_an_id_never_changes_its_version() -> None:
    assert LOCK.with_id("files", 17, "orders", 2) == LOCK
    with pytest.raises(ValueError, match=r"17 of files is orders/v2 in instar\.lock, not orders/v1"):
        LOCK.with_id("files", 17, "orders", 1)
    assert LOCK.with_id("production", 17, "orders", 1).ids_of("production")[17] == ("orders", 1)


def test_applying_again_does_not_forget_what_was_applied_first() -> None:
    again = LOCK.with_applied({("orders", 2): "cd" * 32, ("orders", 3): SUM}, {})
    assert again.schemas == {("orders", 2): SUM, ("orders", 3): SUM}


def test_an_update_that_changes_nothing_writes_nothing(tmp_path: Path) -> None:
    update(tmp_path, lambda lock: lock)
    assert not (tmp_path / NAME).exists()


def test_a_lock_that_cannot_be_read_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("<<<<<<< HEAD\n")
    with pytest.raises(LockBroken):
        update(tmp_path, lambda lock: lock.with_id("files", 1, "orders", 1))
    assert (tmp_path / NAME).read_text() == "<<<<<<< HEAD\n"


def test_two_writers_lose_nothing_of_each_other(tmp_path: Path) -> None:
    def write(start: int) -> None:
        ids = LockIds(tmp_path, "files", Lock())
        for number in range(start, start + 10):
            ids.add(number, "orders", 1)

    threads = [threading.Thread(target=write, args=(start,)) for start in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lock = read_lock(tmp_path)
    assert isinstance(lock, Lock)
    assert len(lock.ids_of("files")) == 30


def test_a_failed_write_leaves_the_old_text_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / NAME
    write_atomically(path, "old\n")

    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, "new\n")
    assert path.read_text() == "old\n"
    assert [each.name for each in tmp_path.iterdir()] == [NAME]


def test_the_file_s_permissions_are_kept(tmp_path: Path) -> None:
    path = tmp_path / NAME
    write_atomically(path, "a")
    assert path.stat().st_mode & 0o777 == 0o644
    path.chmod(0o600)
    write_atomically(path, "b")
    assert path.stat().st_mode & 0o777 == 0o600
